"""A Markov chain of regimes, each with a volatility and a drift (Hamilton 1989).

All assets are in the same regime. A path's first regime is drawn from the chain's stationary law;
row k of `transition` holds the chances of the next bar's regime after regime k. Shocks are normal,
so tails and clustering come from the regimes alone:

    E r^2 = sum pi_k s_k^2,    kurtosis = 3 sum pi_k s_k^4 / (sum pi_k s_k^2)^2   (without drift).

The defaults are calm, usual and stressed days, fitted by expectation-maximisation to S&P 500 closes
of 1990-2020: 50%, 43% and 7% of the days. That fit gives the chances to stay; that calm and stress
only follow each other through the usual regime is assumed.

Not modelled: leverage, tails inside a regime, and memory longer than the longest regime's.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trading_env.core.errors import MarketSpecError, clip
from trading_env.core.jit import driver, kernel
from trading_env.core.noise import Stream, uniform
from trading_env.core.sources import source_digest
from trading_env.markets.bars import Market
from trading_env.markets.models.gjr_garch import CORRELATION
from trading_env.markets.models.synthetic import (
    ASSETS,
    BARS,
    INFORMATION_COEFFICIENT,
    PATHS,
    SUBSTEPS,
    check_between,
)
from trading_env.markets.models.volatility_paths import empty_volatility, market_of, pricing_of

Array = NDArray[np.float64]
Regimes = NDArray[np.int64]

VOLATILITIES = (0.0055, 0.0115, 0.0288)
TRANSITION = ((0.98, 0.02, 0.0), (0.0233, 0.97, 0.0067), (0.0, 0.039, 0.961))
MAX_REGIMES = 20


def regime_switching(
    *,
    assets: int = ASSETS,
    paths: int = PATHS,
    bars: int = BARS,
    seed: int = 0,
    volatilities: Sequence[float] = VOLATILITIES,
    drifts: Sequence[float] | None = None,
    transition: Sequence[Sequence[float]] = TRANSITION,
    correlation: float = CORRELATION,
    information_coefficient: float = INFORMATION_COEFFICIENT,
    substeps: int = SUBSTEPS,
    band: str | None = None,
) -> Market:
    """Generate daily bars of assets that share a regime.

    Args:
        assets: Number of assets.
        paths: Number of paths.
        bars: Bars a path.
        seed: Names the pool, >= 0.
        volatilities: Standard deviation of a bar's log return in each regime, in (0, 1).
        drifts: Log of the expected growth of the price in a bar in each regime, in (-1, 1); None
            for 0.
        transition: Chances of the next regime, a row for each regime, rows that sum to 1. Every
            regime must be reached from every other.
        correlation: Of every pair within a regime, in [0, 1).
        information_coefficient: As for `multiscale`.
        substeps: Steps inside a bar that its high and low are made from.
        band: "train", "validation", "test" or None: pools of different bands are independent.

    Raises:
        MarketSpecError: a parameter is out of its range, or the regimes do not fit together.
    """
    deviation = _numbers("volatilities", volatilities, 0.0)
    count = len(deviation)
    drift = np.zeros(count) if drifts is None else _numbers("drifts", drifts, -1.0)
    if len(drift) != count:
        raise MarketSpecError(
            f"drifts: needs {count} numbers as volatilities has, got {len(drift)}"
        )
    chances = _chances(transition, count)
    pricing = pricing_of(
        assets=assets,
        paths=paths,
        bars=bars,
        seed=seed,
        correlation=correlation,
        information_coefficient=information_coefficient,
        substeps=substeps,
        band=band,
    )
    regimes = np.empty((paths, bars), dtype=np.int64)
    start = np.cumsum(stationary(chances))
    _draw(regimes, start, np.cumsum(chances, axis=1), pricing.key)
    found = empty_volatility(pricing.shape)
    found.sigma[:] = deviation[regimes][:, :, None]
    found.drift[:] = drift[regimes][:, :, None]
    return market_of(pricing, found, f"regime_switching seed={seed} band={band}")


def stationary(chances: Array) -> Array:
    """Long-run share of each regime, for a chain that has one law of them."""
    count = len(chances)
    system = np.vstack([chances.T - np.eye(count), np.ones(count)])
    shares = np.linalg.lstsq(system, np.r_[np.zeros(count), 1.0], rcond=None)[0]
    found: Array = np.maximum(shares, 0.0) / np.maximum(shares, 0.0).sum()
    return found


def _numbers(name: str, values: Sequence[float], low: float) -> Array:
    """Read one number for each regime, strictly between `low` and 1."""
    if isinstance(values, str) or not isinstance(values, Sequence | np.ndarray):
        raise MarketSpecError(f"{name} '{clip(values)}': must be a list of numbers")
    if not 1 <= len(values) <= MAX_REGIMES:
        raise MarketSpecError(f"{name}: needs 1 to {MAX_REGIMES} numbers, got {len(values)}")
    for value in values:
        check_between(name, value, low, 1.0)
    return np.array(values, dtype=np.float64)


def _chances(transition: Sequence[Sequence[float]], count: int) -> Array:
    """Read the transition matrix; each regime must be reached from each."""
    try:
        chances = np.array(transition, dtype=np.float64)
    except (TypeError, ValueError):
        raise MarketSpecError(f"transition '{clip(transition)}': must be rows of numbers") from None
    if chances.shape != (count, count):
        raise MarketSpecError(f"transition: needs {count} rows of {count}, got {chances.shape}")
    if not ((chances >= 0.0).all() and np.allclose(chances.sum(axis=1), 1.0, atol=1e-9)):
        raise MarketSpecError("transition: chances must be >= 0 and each row must sum to 1")
    reached = np.linalg.matrix_power((chances > 0.0) + np.eye(count), count) > 0.0
    if not reached.all():
        raise MarketSpecError("transition: a regime is never reached from another")
    return chances


@kernel
def chosen(cumulative: Array, draw: float) -> int:
    """Number of the first chance that a uniform draw falls below."""
    for k in range(len(cumulative) - 1):
        if draw < cumulative[k]:
            return k
    return len(cumulative) - 1


def _build() -> Callable[[Regimes, Array, Array, np.uint64], None]:
    """Compile the chain; the digest in its closure is part of numba's cache key."""
    key = source_digest(Path(__file__))

    @driver(parallel=False)
    def draw(regimes: Regimes, start: Array, cumulative: Array, seed: np.uint64) -> None:
        _ = key
        for path in range(regimes.shape[0]):
            state = chosen(start, uniform(seed, path, 0, 0, Stream.MARKET_FACTOR))
            for bar in range(regimes.shape[1]):
                regimes[path, bar] = state
                drawn = uniform(seed, path, bar + 1, 0, Stream.MARKET_FACTOR)
                state = chosen(cumulative[state], drawn)

    return draw


_draw = _build()
