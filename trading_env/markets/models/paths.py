"""The compiled generator: bars of a pool of paths, sub-step by sub-step.

The factor m and the residual e_i of asset i follow `series.py`; asset i moves by

    beta_i sigma_m g_m z_m + w_i sigma_e g_e z_e + drift,

and a share of the factor's ln sigma moves every residual's. Half the bar's variance is subtracted
from the log return, so that without drift and signal the price is a martingale.

The high and low of a sub-step are those of a Brownian bridge between its ends, drawn one by one
(exact for each, not for the pair), so the range does not depend on the number of sub-steps.

The signal s is a unit AR(1). Bar k+1 drifts by ic sigma s_k, sigma its volatility before g: "alpha
is volatility times IC times score" (Grinold 1994). s_k is known at the close of bar k and depends
on draws of bars <= k only.

Volume: see `presets.VolumeLaw`, in units of the asset, so that the mean traded value is constant.

Where a preset has a day (`presets.Day`), volume and sigma go by the bar's place in the session, and
before each session but the first the price moves by a night, of the volatility that the first bar
has without its place. The night is no part of a bar's shock: volume does not answer it, nor do the
scales.

Not modelled: jumps in price apart from t shocks and nights, a bid and an ask, the change of clocks.
"""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from trading_env.core.jit import MAX_THREADS, array_kernel, kernel, unlocked_driver
from trading_env.core.noise import Stream, normal, uniforms
from trading_env.core.records import Floats
from trading_env.core.sources import source_digest
from trading_env.markets.models.series import (
    DRAWS_A_BAR,
    BarAddress,
    Motion,
    Scales,
    advance_scales,
    draw_shocks,
    move,
    start_scales,
)

START_PRICE = 100.0
SIGNAL_HALF_LIFE = 10.0  # bars
SIGNAL_PERSISTENCE = math.pow(0.5, 1.0 / SIGNAL_HALF_LIFE)
MEAN_ABSOLUTE_SHOCK = 0.8


class Model(NamedTuple):
    """Numbers of a market; a path depends on them and on the noise alone."""

    market: Scales
    residual: Scales
    beta: Floats  # (assets,)
    residual_weight: Floats  # (assets,)
    volatility_share: float
    gap_share: float
    substeps: int
    information_coefficient: float
    drift: float  # expected log growth a bar
    volume_persistence: float
    volume_response: float
    volume_noise: float
    volume_variance: float  # stationary variance of log volume
    value_a_bar: float  # mean traded value, currency
    volume_curve: Floats  # (bars of a session,) or (1,), factor of a bar's volume
    volatility_curve: Floats  # likewise of its volatility
    night: float  # standard deviation of a night in that of a bar; 0 for none


class Pool(NamedTuple):
    """The arrays to fill, (paths, bars, assets); the signal has one more axis of length 1."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    path_variance: Floats
    signals: Floats


class LogBar(NamedTuple):
    """Logs of a bar's prices."""

    open: float
    high: float
    low: float
    close: float


class Spread(NamedTuple):
    """Volatility of one asset in one bar."""

    sigma: float  # standard deviation of the bar, before the tails
    variance: float  # of the bar, after the tails


class PathState(NamedTuple):
    """The state of one path between bars, and work arrays."""

    weights: Floats  # (1 + substeps,) square roots of the shares of variance; the gap first
    common: Floats  # (1 + substeps,) the factor's shocks of this bar
    own: Floats  # (1 + substeps,) one residual's
    steps: Floats  # (1 + substeps,) one asset's log returns
    scales: Floats  # (1 + assets, 3)
    price: Floats  # (assets,) log of the last close
    activity: Floats  # (assets,) log volume less its mean
    signal: Floats  # (assets,) at the last close


@kernel
def trace(
    at: BarAddress, asset: int, start: float, steps: Floats, weights: Floats, variance: float
) -> LogBar:
    """Follow the gap, steps[0], and the sub-steps; draw each sub-step's extremes."""
    price = start + steps[0]
    opening = price
    high = price
    low = price
    for j in range(1, len(steps)):
        reached = price + steps[j]
        first, second = uniforms(
            at.seed, at.path, at.bar * DRAWS_A_BAR + j, asset, Stream.MARKET_INTRABAR
        )
        scale = -2.0 * variance * weights[j] * weights[j]
        move_squared = steps[j] * steps[j]
        middle = price + reached
        above = 0.5 * (middle + math.sqrt(move_squared + scale * math.log(1.0 - first)))
        below = 0.5 * (middle - math.sqrt(move_squared + scale * math.log(1.0 - second)))
        price = reached
        high = max(high, above, price)
        low = min(low, below, price)
    return LogBar(opening, high, low, price)


@kernel
def store_bar(pool: Pool, at: BarAddress, asset: int, bar: LogBar) -> None:
    """Write a bar's prices; after rounding, open and close are still inside the range."""
    opening, closing = math.exp(bar.open), math.exp(bar.close)
    pool.open[at.path, at.bar, asset] = opening
    pool.high[at.path, at.bar, asset] = max(math.exp(bar.high), opening, closing)
    pool.low[at.path, at.bar, asset] = min(math.exp(bar.low), opening, closing)
    pool.close[at.path, at.bar, asset] = closing


@kernel
def next_volume(at: BarAddress, asset: int, model: Model, level: float, shock: float) -> float:
    """Log volume less its mean, after a bar that moved by `shock` standard deviations."""
    noise = normal(at.seed, at.path, at.bar, asset, Stream.MARKET_VOLUME)
    response = model.volume_response * (abs(shock) - MEAN_ABSOLUTE_SHOCK)
    return float(model.volume_persistence * level + response + model.volume_noise * noise)


@kernel
def next_signal(at: BarAddress, asset: int, signal: float) -> float:
    """Advance the unit AR(1) signal to the close of this bar; the first is a fresh draw."""
    noise = normal(at.seed, at.path, at.bar, asset, Stream.MARKET_SIGNAL)
    if at.bar == 0:
        return noise
    phi = SIGNAL_PERSISTENCE
    return phi * signal + math.sqrt(1.0 - phi * phi) * noise


@array_kernel
def start_path(model: Model, seed: np.uint64, path: int) -> PathState:
    """Allocate the state of one path and draw its first scales."""
    assets = len(model.beta)
    weights = np.full(model.substeps + 1, math.sqrt((1.0 - model.gap_share) / model.substeps))
    weights[0] = math.sqrt(model.gap_share)
    scales = np.empty((assets + 1, 3))
    at = BarAddress(seed, path, 0)
    start_scales(at, 0, model.market, scales[0])
    for series in range(1, assets + 1):
        start_scales(at, series, model.residual, scales[series])
    return PathState(
        weights=weights,
        common=np.empty_like(weights),
        own=np.empty_like(weights),
        steps=np.empty_like(weights),
        scales=scales,
        price=np.full(assets, math.log(START_PRICE)),
        activity=np.zeros(assets),
        signal=np.zeros(assets),
    )


@kernel
def move_market(at: BarAddress, model: Model, state: PathState) -> Motion:
    """Draw the factor's bar into state.common and advance its scales."""
    market = move(at, 0, model.market, state.scales[0], 0.0)
    shock = draw_shocks(at, 0, state.weights, state.common)
    advance_scales(at, 0, shock, model.market, state.scales[0])
    return market


@kernel
def overnight(at: BarAddress, series: int, model: Model, common: float, own: float) -> float:
    """Draw an asset's log return of the night before a bar: factor and residual, no drift."""
    from_market = common * normal(at.seed, at.path, at.bar, 0, Stream.MARKET_NIGHT)
    from_own = own * normal(at.seed, at.path, at.bar, series, Stream.MARKET_NIGHT)
    variance = model.night * model.night * (common * common + own * own)
    return model.night * (from_market + from_own) - 0.5 * variance


@kernel
def move_asset(
    at: BarAddress, asset: int, model: Model, state: PathState, market: Motion
) -> Spread:
    """Draw one asset's bar into state.steps: factor, residual, drift and signal; and its night."""
    series, share = asset + 1, model.volatility_share
    shared = share * market.deviation - share * share * model.market.log_variance
    residual = move(at, series, model.residual, state.scales[series], shared)
    shock = draw_shocks(at, series, state.weights, state.own)
    advance_scales(at, series, shock, model.residual, state.scales[series])
    beta, weight = model.beta[asset], model.residual_weight[asset]
    place = at.bar % len(model.volatility_curve)
    if model.night > 0.0 and place == 0 and at.bar > 0:
        common, own = beta * market.sigma, weight * residual.sigma
        state.price[asset] += overnight(at, series, model, common, own)
    level = model.volatility_curve[place]
    from_market, from_own = level * beta * market.spread, level * weight * residual.spread
    variance = from_market * from_market + from_own * from_own
    sigma = math.hypot(level * beta * market.sigma, level * weight * residual.sigma)
    drift = model.drift + model.information_coefficient * sigma * state.signal[asset]
    for j in range(len(state.steps)):
        part = state.weights[j]
        shocked = from_market * state.common[j] + from_own * state.own[j]
        state.steps[j] = part * shocked + part * part * (drift - 0.5 * variance)
    return Spread(sigma, variance)


@kernel
def complete_bar(
    pool: Pool, at: BarAddress, asset: int, model: Model, state: PathState, spread: Spread
) -> None:
    """Make and store an asset's bar from state.steps; update its price, volume and signal."""
    path, bar = at.path, at.bar
    prices = trace(at, asset, state.price[asset], state.steps, state.weights, spread.variance)
    moved = (prices.close - state.price[asset]) / spread.sigma
    state.price[asset] = prices.close
    state.activity[asset] = next_volume(at, asset, model, state.activity[asset], moved)
    state.signal[asset] = next_signal(at, asset, state.signal[asset])
    store_bar(pool, at, asset, prices)
    excess = state.activity[asset] - 0.5 * model.volume_variance
    value = model.value_a_bar * model.volume_curve[bar % len(model.volume_curve)]
    units = value / pool.open[path, bar, asset]
    pool.volume[path, bar, asset] = units * math.exp(excess)
    pool.path_variance[path, bar, asset] = (1.0 - model.gap_share) * spread.variance
    pool.signals[path, bar, asset, 0] = state.signal[asset]


@array_kernel
def fill_path(pool: Pool, model: Model, seed: np.uint64, path: int) -> None:
    """Fill one path, bar by bar; draws are addressed by bar, so a prefix is a shorter pool."""
    state = start_path(model, seed, path)
    for bar in range(pool.close.shape[1]):
        at = BarAddress(seed, path, bar)
        market = move_market(at, model, state)
        for asset in range(len(model.beta)):
            spread = move_asset(at, asset, model, state, market)
            complete_bar(pool, at, asset, model, state, spread)


def _build() -> Callable[[Pool, Model, np.uint64, int, int], None]:
    """Compile the loop over paths; the digest in its closure is part of numba's cache key."""
    key = source_digest(Path(__file__))

    @unlocked_driver
    def fill(pool: Pool, model: Model, seed: np.uint64, first: int, after: int) -> None:
        _ = key
        for path in range(first, after):
            fill_path(pool, model, seed, path)

    return fill


fill_paths = _build()


def fill_pool(pool: Pool, model: Model, seed: np.uint64) -> None:
    """Fill all paths, shared out to threads: each path has its own draws, whoever fills it.

    They are threads of Python, which end here; those of a parallel loop, once begun, would forbid
    the process to fork.
    """
    ends = np.linspace(0, pool.close.shape[0], MAX_THREADS + 1).astype(int)
    with ThreadPoolExecutor(MAX_THREADS) as threads:
        parts = [threads.submit(fill_paths, pool, model, seed, *part) for part in pairwise(ends)]
    for part in parts:
        part.result()
