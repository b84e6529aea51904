"""Arithmetic prices with predictable changes: the market of the linear closed forms.

With factors f, shown as signals at each close, and prices P in currency,

    f' = (1 - phi) f + e,    e normal with covariance `factor_covariance`
    P' = P + drift + B f + u,    u normal with covariance `covariance`

for mean reversion phi and loadings B (Garleanu and Pedersen 2013, equations 1 and 2, one step a
bar). Without factors prices are arithmetic Brownian motions (Almgren and Chriss 2000; Bachelier
1900). A bar opens at the last close and reaches no further than its open and close; volume is
constant. Every path passes through `price` at bar `start_bar`, where an episode of the longest
length begins.

Not modelled: anything else. Prices are currency amounts that could pass through 0; a pool in which
one would is refused.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trading_env.core.errors import MarketSpecError, clip
from trading_env.core.jit import driver
from trading_env.core.noise import Stream, normal
from trading_env.core.sources import source_digest
from trading_env.markets.bars import Market
from trading_env.markets.models.synthetic import FIRST_SECOND, check_size, daily_times, pool_key
from trading_env.markets.reading.times import DAY

Array = NDArray[np.float64]
DAYS_PER_YEAR = 260.0
DOUBLINGS = 40  # of the sum that gives the factors' stationary law


def _build() -> Callable[[Array, np.uint64, int], None]:
    """Compile the draws; the digest in the closure is part of numba's cache key."""
    digest = source_digest(Path(__file__))

    @driver(parallel=False)
    def fill(out: Array, key: np.uint64, stream: int) -> None:
        _ = digest
        for path in range(out.shape[0]):
            for bar in range(out.shape[1]):
                for i in range(out.shape[2]):
                    out[path, bar, i] = normal(key, path, bar, i, stream)

    return fill


fill_normals = _build()


def factor(
    *,
    price: float = 100.0,
    covariance: ArrayLike = 1.0,
    drift: ArrayLike = 0.0,
    loadings: ArrayLike | None = None,
    mean_reversion: ArrayLike = 1.0,
    factor_covariance: ArrayLike = 1.0,
    volume: ArrayLike = 1e6,
    assets: int = 1,
    paths: int = 64,
    bars: int = 1024,
    bars_per_day: int = 1,
    start_bar: int = 64,
    seed: int = 0,
    band: str | None = None,
) -> Market:
    """Generate arithmetic prices, with or without predictable changes.

    Args:
        price: Of every asset at `start_bar`, currency.
        covariance: Of a bar's price changes, currency squared: a matrix (assets, assets), or a
            variance that every asset has on its own.
        drift: Mean change a bar, currency: one number, or one for each asset.
        loadings: (assets, factors), or None for no factors.
        mean_reversion: (factors, factors), or one number for all.
        factor_covariance: (factors, factors) of the innovations, or a variance for all.
        volume: Units a bar: one number, or one for each asset.
        assets: Number of assets.
        paths: Number of paths.
        bars: Bars a path.
        bars_per_day: 1 for business days, more for an unbroken clock.
        start_bar: Bar at which every path has the same prices.
        seed: Names the pool, >= 0.
        band: "train", "validation", "test" or None: pools of different bands are independent.

    Raises:
        MarketSpecError: a shape, a covariance or a size that cannot be; a price at or below 0.
    """
    check_size(assets=assets, paths=paths, bars=bars, substeps=1)
    if not isinstance(start_bar, int) or not 0 <= start_bar < bars:
        raise MarketSpecError(f"start_bar '{clip(start_bar)}': must be whole, 0 to {bars - 1}")
    units = _shaped("volume", volume, (assets,))
    if units.min() < 0.0:
        raise MarketSpecError(f"volume '{clip(volume)}': must be >= 0")
    key = pool_key(seed, band)
    root = _root("covariance", covariance, assets)
    noise = np.empty((paths, bars, assets))
    fill_normals(noise, key, Stream.MARKET_SHOCK.value)
    changes = noise @ root.T + _shaped("drift", drift, (assets,))
    signals = np.empty((paths, bars, 0))
    if loadings is not None:
        count = np.atleast_2d(np.asarray(loadings)).shape[1]
        matrix = _shaped("loadings", loadings, (assets, count))
        signals = _factors(count, mean_reversion, factor_covariance, (paths, bars), key)
        changes[:, 1:] += signals[:, :-1] @ matrix.T
    close = np.cumsum(changes, axis=1)
    close += price - close[:, start_bar : start_bar + 1]
    opened = np.concatenate((close[:, :1] - changes[:, :1], close[:, :-1]), axis=1)
    lowest = min(close.min(), opened.min())
    if not lowest > 0.0:
        raise MarketSpecError(f"price '{price}': a path falls to {lowest:.4g}; raise the price")
    return Market(
        symbols=tuple(f"S{i + 1}" for i in range(assets)),
        time=_times(bars, bars_per_day),
        open=opened,
        high=np.maximum(opened, close),
        low=np.minimum(opened, close),
        close=close,
        volume=np.array(np.broadcast_to(units, close.shape)),
        signals=np.repeat(signals[:, :, None, :], assets, axis=2),
        signal_names=tuple(f"signal_{i + 1}" for i in range(signals.shape[2])),
        bar_seconds=DAY / bars_per_day,
        bars_per_year=DAYS_PER_YEAR * bars_per_day,
        bars_per_day=float(bars_per_day),
        source=f"factor seed={seed} band={band}",
        trusted=True,
    )


def _times(bars: int, bars_per_day: int) -> NDArray[np.int64]:
    """Business days, or a clock that ticks in whole seconds."""
    if bars_per_day == 1:
        return daily_times(bars)
    if not isinstance(bars_per_day, int) or bars_per_day < 1 or DAY % bars_per_day != 0:
        raise MarketSpecError(f"bars_per_day '{clip(bars_per_day)}': must divide {DAY} seconds")
    return FIRST_SECOND + DAY // bars_per_day * np.arange(bars, dtype=np.int64)


def _factors(
    count: int, reversion: ArrayLike, innovations: ArrayLike, shape: Any, key: np.uint64
) -> Array:
    """Simulate the factors from their stationary law, shape (paths, bars, factors)."""
    step = np.eye(count) - _matrix("mean_reversion", reversion, count)
    if np.abs(np.linalg.eigvals(step)).max() >= 1.0:
        raise MarketSpecError("mean_reversion: the factors would not revert; use (0, 2)")
    root = _root("factor_covariance", innovations, count)
    stationary, power = root @ root.T, step
    for _ in range(DOUBLINGS):
        stationary = stationary + power @ stationary @ power.T
        power = power @ power
    noise = np.empty((*shape, count))
    fill_normals(noise, key, Stream.MARKET_FACTOR.value)
    factors = np.empty_like(noise)
    factors[:, 0] = noise[:, 0] @ _root("factor_covariance", stationary, count).T
    for bar in range(1, shape[1]):
        factors[:, bar] = factors[:, bar - 1] @ step.T + noise[:, bar] @ root.T
    return factors


def _shaped(name: str, value: ArrayLike, shape: tuple[int, ...]) -> Array:
    """Read an array of finite numbers of a shape; one number serves every place."""
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise MarketSpecError(f"{name} '{clip(value)}': must be numbers") from None
    if array.shape not in ((), shape):
        raise MarketSpecError(f"{name} '{clip(value)}': must have the shape {shape}")
    if not np.isfinite(array).all():
        raise MarketSpecError(f"{name} '{clip(value)}': must be finite")
    return np.broadcast_to(array, shape)


def _matrix(name: str, value: ArrayLike, size: int) -> Array:
    """Read a square matrix; a number stands for a multiple of the identity."""
    if np.ndim(np.asarray(value)) == 0:
        return _shaped(name, value, ()) * np.eye(size)
    return _shaped(name, value, (size, size))


def _root(name: str, value: ArrayLike, size: int) -> Array:
    """Return L with L L' the covariance; a covariance of 0 is allowed."""
    matrix = _matrix(name, value, size)
    values, vectors = np.linalg.eigh(matrix)
    if not np.allclose(matrix, matrix.T) or values.min() < -1e-9 * max(values.max(), 1e-300):
        raise MarketSpecError(f"{name}: must be symmetric and not negative definite")
    root: Array = vectors * np.sqrt(np.maximum(values, 0.0))
    return root
