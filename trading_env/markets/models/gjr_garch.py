"""The GJR-GARCH model with t shocks (Glosten, Jagannathan and Runkle 1993; Bollerslev 1987).

With e = g z the unit-variance t shock of a bar and h the variance of its return r = sqrt(h) e,

    h' = omega + (alpha + gamma [e < 0]) r^2 + beta h,
    omega = volatility^2 (1 - persistence),    persistence = alpha + gamma / 2 + beta < 1,

so that E h = volatility^2 (the chance of e < 0 is a half). The defaults are a fit by maximum
likelihood to S&P 500 closes of 1990-2020. r is the return without drift, signal and the half
variance. Each path starts `BURN_IN` bars before its first, at the mean variance: with a
persistence near 1 that is not long enough to forget where it started.

Not modelled: memory longer than the persistence gives, which is why `multiscale` is the default.
"""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from trading_env.core.errors import MarketSpecError, clip
from trading_env.core.jit import array_kernel, driver, kernel
from trading_env.core.sources import source_digest
from trading_env.markets.bars import Market
from trading_env.markets.models.paths import Model, start_walk
from trading_env.markets.models.series import Address, Column, draw_shocks, draw_tail
from trading_env.markets.models.synthetic import (
    ASSETS,
    BARS,
    INFORMATION_COEFFICIENT,
    MAX_BARS,
    PATHS,
    SUBSTEPS,
    check_between,
)
from trading_env.markets.models.volatility_paths import (
    Volatility,
    asset_shock,
    empty_volatility,
    market_of,
    pricing_of,
)

BURN_IN = 500  # bars
CORRELATION = 0.3


def gjr_garch(
    *,
    assets: int = ASSETS,
    paths: int = PATHS,
    bars: int = BARS,
    seed: int = 0,
    volatility: float = 0.0102,
    alpha: float = 0.0033,
    gamma: float = 0.1714,
    beta: float = 0.8968,
    tail_dof: float | None = 6.62,
    correlation: float = CORRELATION,
    information_coefficient: float = INFORMATION_COEFFICIENT,
    substeps: int = SUBSTEPS,
    band: str | None = None,
) -> Market:
    """Generate daily bars of assets of one GJR-GARCH law.

    Args:
        assets: Number of assets.
        paths: Number of paths.
        bars: Bars a path.
        seed: Names the pool, >= 0.
        volatility: Standard deviation of a bar's return, in (0, 1).
        alpha: Weight of the last squared return, in [0, 1).
        gamma: Weight added after a fall, in [0, 2).
        beta: Weight of the last variance, in [0, 1).
        tail_dof: Degrees of freedom of the t shock, > 2; None for normal shocks.
        correlation: Of the normal shocks of every pair, in [0, 1); tails are each asset's own.
        information_coefficient: As for `multiscale`.
        substeps: Steps inside a bar that its high and low are made from.
        band: "train", "validation", "test" or None: pools of different bands are independent.

    Raises:
        MarketSpecError: a parameter is out of its range, or the persistence is not below 1.
    """
    check_between("volatility", volatility, 0.0, 1.0)
    for name, value, high in (("alpha", alpha, 1.0), ("gamma", gamma, 2.0), ("beta", beta, 1.0)):
        if value != 0:
            check_between(name, value, 0.0, high)
    persistence = alpha + 0.5 * gamma + beta
    if not persistence < 1.0:
        given = f"alpha + gamma / 2 + beta = {clip(persistence)}"
        raise MarketSpecError(f"{given}: the variance would explode; must be below 1")
    if tail_dof is not None:
        check_between("tail_dof", tail_dof, 2.0, math.inf)
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
    omega = volatility**2 * (1.0 - persistence)
    law = np.array([omega, alpha, gamma, beta], dtype=np.float64)
    found = empty_volatility(pricing.shape)
    dof = math.inf if tail_dof is None else float(tail_dof)
    _volatility(found, law, dof, pricing.model, pricing.key)
    return market_of(pricing, found, f"gjr_garch seed={seed} band={band}")


@kernel
def next_variance(variance: float, shock: float, law: Column) -> float:
    """Variance of the bar after one of this variance and unit shock; law = (omega, a, g, b)."""
    weight = law[1] + law[2] if shock < 0.0 else law[1]
    return float(law[0] + (weight * shock * shock + law[3]) * variance)


@array_kernel
def fill_path(
    found: Volatility, law: Column, dof: float, model: Model, seed: np.uint64, path: int
) -> None:
    """Fill one path of sigma and tail, after the burn-in."""
    walk = start_walk(model, seed, path)
    mean = law[0] / (1.0 - law[1] - 0.5 * law[2] - law[3])
    variance = np.full(len(model.beta), mean)
    for bar in range(-BURN_IN, found.sigma.shape[1]):
        at = Address(seed, path, bar if bar >= 0 else MAX_BARS - bar)  # beyond the last bar
        market = draw_shocks(at, 0, walk.weights, walk.common)
        for asset in range(len(model.beta)):
            z = asset_shock(at, asset, model, walk, market)
            tail = draw_tail(at, asset + 1, dof)
            if bar >= 0:
                found.sigma[path, bar, asset] = math.sqrt(variance[asset])
                found.tail[path, bar, asset] = tail
            variance[asset] = next_variance(variance[asset], tail * z, law)


def _build() -> Callable[[Volatility, Column, float, Model, np.uint64], None]:
    """Compile the loop over paths; the digest in its closure is part of numba's cache key."""
    key = source_digest(Path(__file__))

    @driver(parallel=False)
    def fill(found: Volatility, law: Column, dof: float, model: Model, seed: np.uint64) -> None:
        _ = key
        for path in range(found.sigma.shape[0]):
            fill_path(found, law, dof, model, seed, path)

    return fill


_volatility = _build()
