"""Bars of assets whose volatility path is known: what the classical volatility models share.

With sigma the volatility of a bar, g its tail factor (1 for normal shocks), z_m and z_i the bar's
normal shocks of the market and of asset i, made of a gap and sub-steps as in `paths.py`, and c the
correlation,

    z        = sqrt(c) z_m + sqrt(1 - c) z_i
    return   = sigma g z + drift - (sigma g)^2 / 2,

so that the expected growth of the price is the drift plus what the signal adds. Gap, signal, bar
extremes and volume are those of the daily presets. Draws have addresses, so a model whose sigma
follows its own returns draws the same shocks as the bars made of them.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_env.core.jit import array_kernel, driver, kernel
from trading_env.core.sources import source_digest
from trading_env.markets.bars import Market
from trading_env.markets.models.paths import (
    Model,
    Pool,
    Spread,
    Walk,
    close_bar,
    start_walk,
)
from trading_env.markets.models.presets import NO_LEVERAGE, PRESETS, Series
from trading_env.markets.models.series import Address, draw_shocks
from trading_env.markets.models.synthetic import (
    check_between,
    check_size,
    empty_pool,
    model_of,
    pool_key,
    wrapped,
)

Array = NDArray[np.float64]
UNUSED = Series(0.01, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), NO_LEVERAGE, np.inf)
DAILY = replace(PRESETS["us_stock_daily"], market=UNUSED, residual=UNUSED, betas=None)


class Volatility(NamedTuple):
    """What a model decides, each of shape (paths, bars, assets)."""

    sigma: Array  # standard deviation of the bar's log return, before the tail
    tail: Array  # g, of mean square 1
    drift: Array  # log of the expected growth of the price in the bar


class Pricing(NamedTuple):
    """How volatility becomes bars."""

    model: Model
    key: np.uint64
    shape: tuple[int, int, int]


def pricing_of(
    *,
    assets: int,
    paths: int,
    bars: int,
    seed: int,
    correlation: float,
    information_coefficient: float,
    substeps: int,
    band: str | None,
) -> Pricing:
    """Check what the models have in common.

    Raises:
        MarketSpecError: a size, the correlation, the coefficient, the seed or the band is none.
    """
    check_size(assets=assets, paths=paths, bars=bars, substeps=substeps)
    check_between("information_coefficient", information_coefficient, -1.0, 1.0)
    if correlation != 0:
        check_between("correlation", correlation, 0.0, 1.0)
    law = replace(DAILY, correlation=float(correlation))
    model = model_of(law, assets, substeps, float(information_coefficient), 0.0)
    if assets == 1:  # the asset's own shocks are enough
        model = model._replace(beta=np.zeros(1), residual_weight=np.ones(1))
    return Pricing(model, pool_key(seed, band), (paths, bars, assets))


def empty_volatility(shape: tuple[int, int, int]) -> Volatility:
    """Allocate the arrays: no tails and no drift until a model says so."""
    return Volatility(np.empty(shape), np.ones(shape), np.zeros(shape))


def market_of(pricing: Pricing, volatility: Volatility, source: str) -> Market:
    """Make bars of a volatility path."""
    pool = empty_pool(pricing.shape)
    _fill(pool, pricing.model, volatility, pricing.key)
    return wrapped(pool, DAILY, source)


@kernel
def asset_shock(at: Address, asset: int, model: Model, walk: Walk, market: float) -> float:
    """Draw an asset's own shocks into walk.own; return z, given the market's z."""
    own = draw_shocks(at, asset + 1, walk.weights, walk.own)
    return float(model.beta[asset] * market + model.residual_weight[asset] * own)


@kernel
def set_steps(asset: int, model: Model, walk: Walk, spread: Spread, drift: float) -> None:
    """Turn the shocks of the bar into log returns, walk.steps."""
    deviation = np.sqrt(spread.variance)
    expected = drift + model.information_coefficient * spread.sigma * walk.signal[asset]
    beta, weight = model.beta[asset], model.residual_weight[asset]
    for j in range(len(walk.steps)):
        part = walk.weights[j]
        shock = beta * walk.common[j] + weight * walk.own[j]
        walk.steps[j] = part * deviation * shock + part * part * (expected - 0.5 * spread.variance)


@array_kernel
def fill_path(pool: Pool, model: Model, volatility: Volatility, seed: np.uint64, path: int) -> None:
    """Fill one path, bar by bar."""
    walk = start_walk(model, seed, path)
    for bar in range(pool.close.shape[1]):
        at = Address(seed, path, bar)
        market = draw_shocks(at, 0, walk.weights, walk.common)
        for asset in range(len(model.beta)):
            asset_shock(at, asset, model, walk, market)
            sigma = volatility.sigma[path, bar, asset]
            deviation = sigma * volatility.tail[path, bar, asset]
            spread = Spread(sigma, deviation * deviation)
            set_steps(asset, model, walk, spread, volatility.drift[path, bar, asset])
            close_bar(pool, at, asset, model, walk, spread)


def _build() -> Callable[[Pool, Model, Volatility, np.uint64], None]:
    """Compile the loop over paths; the digest in its closure is part of numba's cache key."""
    key = source_digest(Path(__file__))

    @driver(parallel=False)
    def fill(pool: Pool, model: Model, volatility: Volatility, seed: np.uint64) -> None:
        _ = key
        for path in range(pool.close.shape[0]):
            fill_path(pool, model, volatility, seed, path)

    return fill


_fill = _build()
