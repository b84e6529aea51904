"""Compiled: bars of assets whose volatility path is known, and the path of a GJR-GARCH model.

With sigma the volatility of a bar, g its tail factor (1 for normal shocks), z_m and z_i the bar's
normal shocks of the market and of asset i, made of a gap and sub-steps as in `paths.py`, and c the
correlation,

    z        = sqrt(c) z_m + sqrt(1 - c) z_i
    return   = sigma g z + drift - (sigma g)^2 / 2,

so that the expected growth of the price is the drift plus the signal's part. Gap, signal, bar
extremes and volume are those of the daily presets. Draws have addresses, so a model whose sigma
depends on past returns draws the same shocks as the bars that are made from it.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from trading_env.core.jit import array_kernel, driver, kernel
from trading_env.core.records import Floats
from trading_env.core.sources import source_digest
from trading_env.markets.models.paths import (
    Model,
    PathState,
    Pool,
    Spread,
    complete_bar,
    start_path,
)
from trading_env.markets.models.series import BarAddress, draw_shocks, draw_tail

BURN_IN = 500  # bars
BURN_IN_ADDRESS = 1_000_000  # beyond the last bar of any path
_KEY = source_digest(Path(__file__))


class VolatilityPath(NamedTuple):
    """The decisions of a model, each of shape (paths, bars, assets)."""

    sigma: Floats  # standard deviation of the bar's log return, before the tail
    tail: Floats  # g, of mean square 1
    drift: Floats  # log of the expected growth of the price in the bar


@kernel
def asset_shock(at: BarAddress, asset: int, model: Model, state: PathState, market: float) -> float:
    """Draw an asset's own shocks into state.own; return z, given the market's z."""
    own = draw_shocks(at, asset + 1, state.weights, state.own)
    return float(model.beta[asset] * market + model.residual_weight[asset] * own)


@kernel
def set_steps(asset: int, model: Model, state: PathState, spread: Spread, drift: float) -> None:
    """Turn the shocks of the bar into log returns, state.steps."""
    deviation = np.sqrt(spread.variance)
    expected = drift + model.information_coefficient * spread.sigma * state.signal[asset]
    beta, weight = model.beta[asset], model.residual_weight[asset]
    for j in range(len(state.steps)):
        part = state.weights[j]
        shock = beta * state.common[j] + weight * state.own[j]
        state.steps[j] = part * deviation * shock + part * part * (expected - 0.5 * spread.variance)


@array_kernel
def price_path(
    pool: Pool, model: Model, volatility: VolatilityPath, seed: np.uint64, path: int
) -> None:
    """Fill the bars of one path, bar by bar."""
    state = start_path(model, seed, path)
    for bar in range(pool.close.shape[1]):
        at = BarAddress(seed, path, bar)
        market = draw_shocks(at, 0, state.weights, state.common)
        for asset in range(len(model.beta)):
            asset_shock(at, asset, model, state, market)
            sigma = volatility.sigma[path, bar, asset]
            deviation = sigma * volatility.tail[path, bar, asset]
            spread = Spread(sigma, deviation * deviation)
            set_steps(asset, model, state, spread, volatility.drift[path, bar, asset])
            complete_bar(pool, at, asset, model, state, spread)


@kernel
def next_variance(variance: float, shock: float, law: Floats) -> float:
    """Variance of the bar after one of this variance and unit shock; law = (omega, a, g, b)."""
    weight = law[1] + law[2] if shock < 0.0 else law[1]
    return float(law[0] + (weight * shock * shock + law[3]) * variance)


@array_kernel
def gjr_path(
    found: VolatilityPath, law: Floats, dof: float, model: Model, seed: np.uint64, path: int
) -> None:
    """Fill one path of sigma and tail, after the burn-in."""
    state = start_path(model, seed, path)
    mean = law[0] / (1.0 - law[1] - 0.5 * law[2] - law[3])
    variance = np.full(len(model.beta), mean)
    for bar in range(-BURN_IN, found.sigma.shape[1]):
        at = BarAddress(seed, path, bar if bar >= 0 else BURN_IN_ADDRESS - bar)
        market = draw_shocks(at, 0, state.weights, state.common)
        for asset in range(len(model.beta)):
            z = asset_shock(at, asset, model, state, market)
            tail = draw_tail(at, asset + 1, dof)
            if bar >= 0:
                found.sigma[path, bar, asset] = math.sqrt(variance[asset])
                found.tail[path, bar, asset] = tail
            variance[asset] = next_variance(variance[asset], tail * z, law)


def _prices(key: str) -> Callable[[Pool, Model, VolatilityPath, np.uint64], None]:
    """Compile the bars of all paths; the key in the closure is part of numba's cache key."""

    @driver
    def fill(pool: Pool, model: Model, volatility: VolatilityPath, seed: np.uint64) -> None:
        _ = key
        for path in range(pool.close.shape[0]):
            price_path(pool, model, volatility, seed, path)

    return fill


def _gjr(key: str) -> Callable[[VolatilityPath, Floats, float, Model, np.uint64], None]:
    """Compile the volatility of all paths of a GJR-GARCH model."""

    @driver
    def fill(found: VolatilityPath, law: Floats, dof: float, model: Model, seed: np.uint64) -> None:
        _ = key
        for path in range(found.sigma.shape[0]):
            gjr_path(found, law, dof, model, seed, path)

    return fill


fill_prices = _prices(_KEY)
fill_gjr = _gjr(_KEY)
