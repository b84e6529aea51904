"""What the policy sees: finite, bounded, scale-free, float32.

Every feature is a pure number built from what the feed has shown, the account's statement at the
shown prices, and the account's own fills; multiplying all prices by ten changes nothing. A
feature beyond its bounds saturates there. `contrast` maps two positive sizes to [-1, 1].

A feature is declared once, below: its place is its position in the table of its kind, and kernels,
layout and pages take bounds and meaning from there.
"""

import math
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from trading_env.core.codes import Task
from trading_env.core.jit import kernel
from trading_env.core.records import AssetState, Report
from trading_env.core.world import Lane, World
from trading_env.stress.feed import TREND_RATES

LIMIT = 5.0
Block = NDArray[np.float32]


class Feature(IntEnum):
    """One number of the observation: where it stands in its block, its bounds, its meaning."""

    low: float
    high: float
    meaning: str

    def __new__(cls, low: float, high: float, meaning: str) -> "Feature":
        """Give the next place in the block."""
        place = cls.first() + len(cls.__members__)
        feature = int.__new__(cls, place)
        feature._value_ = place
        feature.low, feature.high, feature.meaning = low, high, meaning
        return feature

    @classmethod
    def first(cls) -> int:
        """Return the place of the first feature."""
        return 0


class AssetFeature(Feature):
    """Features of one asset in Portfolio-v0."""

    RETURN = -LIMIT, LIMIT, "last shown return, in slow standard deviations (sd)"
    TREND_5 = -LIMIT, LIMIT, "mean shown return, half-life 5 bars, in its own sd"
    TREND_20 = -LIMIT, LIMIT, "the same, 20 bars"
    TREND_60 = -LIMIT, LIMIT, "the same, 60 bars"
    VOLATILITY = 0.0, 1.0, "slow sd of a bar's return"
    VOLATILITY_CHANGE = -1.0, 1.0, "contrast of fast and slow sd"
    VOLUME = -1.0, 1.0, "contrast of shown volume and its mean"
    RANGE = 0.0, LIMIT, "high less low over close, in slow sd"
    WEIGHT = -LIMIT, LIMIT, "position over equity"
    WORKING = -LIMIT, LIMIT, "outstanding orders over equity"
    OPEN_PROFIT = -LIMIT, LIMIT, "shown price over entry, in slow sd, signed by side"
    STOP_ROOM = 0.0, 1.0, "contrast of the shown price and the stop, 0 for none"
    TARGET_ROOM = 0.0, 1.0, "contrast of the shown price and the target, 0 for none"
    EXIT_PENDING = 0.0, 1.0, "1 while a stop, time stop or margin call is being worked"
    SLIPPAGE = -1.0, 1.0, "feedback: mean cost of fills without luck, percent"
    SURPRISE = -1.0, 1.0, "feedback: contrast of realised and expected cost"
    LATENCY = 0.0, 1.0, "feedback: mean latency t, as t / (t + 1 s)"
    FILL_RATIO = 0.0, 1.0, "feedback: mean filled share of what was live"
    HALF_SPREAD = -1.0, 1.0, "quotes: contrast of the half spread shown and the calm one"
    DEPTH = -1.0, 1.0, "quotes: contrast of the depth shown and the usual one"
    CRISIS = 0.0, 1.0, "bars n since the quotes left their calm band, as n / (n + 10)"
    COST_LEVEL = -4.0, 4.0, "feedback: estimated log of realised over expected cost"
    COST_DEVIATION = 0.0, 2.0, "feedback: standard deviation of that estimate"
    LAST_COST = -4.0, 4.0, "feedback: log of realised over expected cost of the last fills"
    AGE = 0.0, 1.0, "bars n since the last delivered bar, as n / (n + 1)"
    VALID = 0.0, 1.0, "1 when the last bar was delivered"


class ParentFeature(Feature):
    """Features of a parent order, in place of the holding's in Execution-v0."""

    LEFT = 0.0, 1.0, "share of the parent order still to trade"
    SIDE = -1.0, 1.0, "+1 buys, -1 sells"
    WORKING = -1.0, 1.0, "outstanding orders over the parent order"
    REQUIRED_RATE = 0.0, LIMIT, "what is left over the mean volume of the steps left"
    DRIFT = -LIMIT, LIMIT, "shown over arrival price, in slow sd, against the order"
    OWN_IMPACT = -1.0, 1.0, "decaying impact of own fills, percent, against the order"

    @classmethod
    def first(cls) -> int:
        """Stand where the holding stands."""
        return AssetFeature.WEIGHT.value


class AccountFeature(Feature):
    """Features of the account, after those of the assets."""

    CASH = -LIMIT, LIMIT, "cash over equity"
    GROSS = 0.0, LIMIT, "gross exposure over equity"
    NET = -LIMIT, LIMIT, "net exposure over equity"
    DRAWDOWN = 0.0, 1.0, "from the highest equity shown"
    GROWTH = -LIMIT, LIMIT, "log of equity over initial equity"
    TIME_LEFT = 0.0, 1.0, "share of the episode still to come"


HOLDING = slice(ParentFeature.first(), ParentFeature.first() + len(ParentFeature))
SIGNAL_LIMIT = LIMIT  # user columns `signal_*`, clipped
NUM_ASSET_FEATURES = len(AssetFeature)
MIN_EQUITY = 1e-9  # of initial equity: a shown equity of 0 or less divides nothing

# One over the standard deviation of an exponentially weighted mean of unit white noise.
PER_TREND_SD = tuple(math.sqrt((2.0 - rate) / rate) for rate in TREND_RATES)


@kernel
def saturated(x: float, low: float, high: float) -> float:
    """Saturate at the edges."""
    return min(max(x, low), high)


@kernel
def contrast(a: float, b: float) -> float:
    """Compare two sizes >= 0: -1 when a is 0, 0 when equal, 1 when b is 0."""
    total = a + b
    return (a - b) / total if total > 0.0 else 0.0


@kernel
def observe_market(out: Block, asset: AssetState, slow: float, unit: float) -> None:
    """Write the features of the shown market; `slow` is its slow sd, `unit` one over it."""
    fast = math.sqrt(asset.seen_variance_fast)
    out[AssetFeature.RETURN] = saturated(asset.seen_return * unit, -LIMIT, LIMIT)
    for k in range(len(PER_TREND_SD)):
        trend = saturated(asset.trend[k] * unit * PER_TREND_SD[k], -LIMIT, LIMIT)
        out[AssetFeature.TREND_5.value + k] = trend
    out[AssetFeature.VOLATILITY] = min(slow, 1.0)
    out[AssetFeature.VOLATILITY_CHANGE] = contrast(fast, slow)
    out[AssetFeature.VOLUME] = contrast(asset.seen_volume, asset.seen_volume_mean)
    high_low = (asset.seen_high - asset.seen_low) / asset.seen_close
    out[AssetFeature.RANGE] = saturated(high_low * unit, 0.0, LIMIT)


@kernel
def observe_holding(
    out: Block, asset: AssetState, report: Report, per_equity: float, unit: float
) -> None:
    """Write the features of the holding."""
    price = asset.seen_close
    share = price * per_equity
    out[AssetFeature.WEIGHT] = saturated(asset.position * share, -LIMIT, LIMIT)
    out[AssetFeature.WORKING] = saturated(report.working * share, -LIMIT, LIMIT)
    out[AssetFeature.OPEN_PROFIT] = 0.0
    if asset.position != 0.0:
        side = 1.0 if asset.position > 0.0 else -1.0
        gain = side * (price / asset.entry_price - 1.0)
        out[AssetFeature.OPEN_PROFIT] = saturated(gain * unit, -LIMIT, LIMIT)
    stop, target = asset.stop_loss, asset.take_profit
    out[AssetFeature.STOP_ROOM] = abs(contrast(price, stop)) if stop > 0.0 else 0.0
    out[AssetFeature.TARGET_ROOM] = abs(contrast(price, target)) if target > 0.0 else 0.0
    out[AssetFeature.EXIT_PENDING] = 1.0 if asset.exit_pending != 0 else 0.0


@kernel
def observe_parent(
    out: Block, asset: AssetState, report: Report, steps_left: int, unit: float
) -> None:
    """Write the features of the parent order; all 0 without one."""
    out[HOLDING] = 0.0
    size = abs(asset.parent)
    if size == 0.0:
        return
    side = math.copysign(1.0, asset.parent)
    left = abs(asset.goal - asset.position)
    expected = asset.seen_volume_mean * max(steps_left, 1)
    rate = left / expected if expected > 0.0 else LIMIT
    drift = side * (asset.seen_close / asset.reference_price - 1.0)
    own = asset.transient[0] + asset.transient[1] + asset.transient[2]
    out[ParentFeature.LEFT] = saturated(left / size, 0.0, 1.0)
    out[ParentFeature.SIDE] = side
    out[ParentFeature.WORKING] = saturated(report.working / asset.parent, -1.0, 1.0)
    out[ParentFeature.REQUIRED_RATE] = saturated(rate, 0.0, LIMIT)
    out[ParentFeature.DRIFT] = saturated(drift * unit, -LIMIT, LIMIT)
    out[ParentFeature.OWN_IMPACT] = saturated(100.0 * side * own, -1.0, 1.0)


@kernel
def observe_feedback(out: Block, asset: AssetState, calm: float) -> None:
    """Write the features of execution feedback, quotes and feed health.

    `calm` is the half spread of calm markets, a fraction of the price.
    """
    surprise = contrast(max(asset.slippage, 0.0), asset.expected_slippage)
    out[AssetFeature.SLIPPAGE] = saturated(100.0 * asset.slippage, -1.0, 1.0)
    out[AssetFeature.SURPRISE] = saturated(surprise, -1.0, 1.0)
    out[AssetFeature.LATENCY] = asset.latency / (asset.latency + 1.0)
    out[AssetFeature.FILL_RATIO] = saturated(asset.fill_ratio, 0.0, 1.0)
    out[AssetFeature.HALF_SPREAD] = contrast(asset.seen_half_spread, calm)
    out[AssetFeature.DEPTH] = contrast(asset.seen_depth, 1.0)
    out[AssetFeature.CRISIS] = asset.crisis_bars / (asset.crisis_bars + 10.0)
    out[AssetFeature.COST_LEVEL] = saturated(asset.cost_level, -4.0, 4.0)
    out[AssetFeature.COST_DEVIATION] = saturated(math.sqrt(asset.cost_variance), 0.0, 2.0)
    out[AssetFeature.LAST_COST] = asset.last_cost
    out[AssetFeature.AGE] = asset.age / (asset.age + 1.0) if asset.age > 0 else 0.0
    out[AssetFeature.VALID] = float(asset.valid)


@kernel
def observe(lane: Lane, world: World) -> None:
    """Write one observation: asset by asset (features, then signals), then the account."""
    account, episode, assets = lane.accounts[0], world.episode[0], lane.assets
    signals = world.signals[account.row]
    equity = max(account.seen_equity, MIN_EQUITY * account.initial_equity)
    per_equity = 1.0 / equity
    count = NUM_ASSET_FEATURES + signals.shape[1]
    gross = 0.0
    net = 0.0
    for a in range(assets.shape[0]):
        asset = assets[a]
        block = lane.observation[a * count : (a + 1) * count]
        slow = math.sqrt(asset.seen_variance_slow)
        unit = 1.0 / slow
        observe_market(block, asset, slow, unit)
        if episode.task == Task.EXECUTION:
            observe_parent(block, asset, lane.reports[a], episode.length - account.step, unit)
        else:
            observe_holding(block, asset, lane.reports[a], per_equity, unit)
        observe_feedback(block, asset, world.execution[a].half_spread)
        for s in range(signals.shape[1]):
            block[NUM_ASSET_FEATURES + s] = saturated(signals[a, s], -SIGNAL_LIMIT, SIGNAL_LIMIT)
        exposure = asset.position * asset.seen_close
        gross += abs(exposure)
        net += exposure
    tail = lane.observation[assets.shape[0] * count :]
    growth = math.log(equity / account.initial_equity)
    tail[AccountFeature.CASH] = saturated(account.cash / equity, -LIMIT, LIMIT)
    tail[AccountFeature.GROSS] = saturated(gross / equity, 0.0, LIMIT)
    tail[AccountFeature.NET] = saturated(net / equity, -LIMIT, LIMIT)
    tail[AccountFeature.DRAWDOWN] = saturated(1.0 - equity / account.seen_peak, 0.0, 1.0)
    tail[AccountFeature.GROWTH] = saturated(growth, -LIMIT, LIMIT)
    tail[AccountFeature.TIME_LEFT] = saturated(1.0 - account.step / episode.length, 0.0, 1.0)
