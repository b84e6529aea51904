"""What the policy sees: finite, bounded, scale-free, float32.

Every feature is a pure number built from what the feed has shown, the account's statement at the
shown prices, and the account's own fills; multiplying all prices by ten changes nothing. A
feature beyond its bounds saturates there. `contrast` maps two positive sizes to [-1, 1].
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_env.core.codes import Task
from trading_env.core.jit import kernel
from trading_env.core.params import EpisodeParams
from trading_env.core.records import AccountState, AssetState, Floats, Report, Table
from trading_env.stress.feed import TREND_RATE_0, TREND_RATE_1, TREND_RATE_2


class Feature(NamedTuple):
    """One number of the observation."""

    name: str
    low: float
    high: float
    meaning: str


LIMIT = 5.0

ASSET_FEATURES = (
    Feature("return", -LIMIT, LIMIT, "last shown return, in slow standard deviations"),
    Feature("trend_5", -LIMIT, LIMIT, "mean return, half-life 5 bars, in its own sd"),
    Feature("trend_20", -LIMIT, LIMIT, "the same, 20 bars"),
    Feature("trend_60", -LIMIT, LIMIT, "the same, 60 bars"),
    Feature("volatility", 0.0, 1.0, "slow standard deviation of a bar's return"),
    Feature("volatility_change", -1.0, 1.0, "contrast of fast and slow standard deviation"),
    Feature("volume", -1.0, 1.0, "contrast of shown volume and its mean"),
    Feature("range", 0.0, LIMIT, "high less low over close, in slow standard deviations"),
    Feature("weight", -LIMIT, LIMIT, "position over equity"),
    Feature("working", -LIMIT, LIMIT, "outstanding orders over equity"),
    Feature("open_profit", -LIMIT, LIMIT, "shown price over entry, in slow sd, signed by side"),
    Feature("stop_room", 0.0, 1.0, "distance of the stop from the shown price, 0 for none"),
    Feature("target_room", 0.0, 1.0, "distance of the target, 0 for none"),
    Feature("exit_pending", 0.0, 1.0, "1 while a stop or margin call is being worked"),
    Feature("slippage", -1.0, 1.0, "feedback: mean realised cost of fills, percent"),
    Feature("surprise", -1.0, 1.0, "feedback: contrast of realised and expected cost"),
    Feature("latency", 0.0, 1.0, "feedback: mean latency over latency plus a second"),
    Feature("fill_ratio", 0.0, 1.0, "feedback: mean filled share of what was live"),
    Feature("age", 0.0, 1.0, "bars since the last delivered bar, over that plus 1"),
    Feature("valid", 0.0, 1.0, "1 when the last bar was delivered"),
)
PARENT_FEATURES = (  # in Execution, in place of the six from `weight` to `exit_pending`
    Feature("left", 0.0, 1.0, "share of the parent order still to trade"),
    Feature("side", -1.0, 1.0, "+1 buys, -1 sells"),
    Feature("working", -1.0, 1.0, "outstanding orders over the parent order"),
    Feature("required_rate", 0.0, LIMIT, "what is left over the mean volume of the steps left"),
    Feature("drift", -LIMIT, LIMIT, "shown over arrival price, in slow sd, against the order"),
    Feature("own_impact", -1.0, 1.0, "decaying impact of own fills, percent, against the order"),
)
HOLDING = slice(8, 14)  # of an asset's features: what the task replaces
SIGNAL_LIMIT = LIMIT  # user columns `signal_*`, clipped
ACCOUNT_FEATURES = (
    Feature("cash", -LIMIT, LIMIT, "cash over equity"),
    Feature("gross", 0.0, LIMIT, "gross exposure over equity"),
    Feature("net", -LIMIT, LIMIT, "net exposure over equity"),
    Feature("drawdown", 0.0, 1.0, "from the highest equity shown"),
    Feature("growth", -LIMIT, LIMIT, "log of equity over initial equity"),
    Feature("time_left", 0.0, 1.0, "share of the episode still to come"),
)

# One over the standard deviation of an exponentially weighted mean of unit white noise.
PER_TREND_SD_0 = math.sqrt((2.0 - TREND_RATE_0) / TREND_RATE_0)
PER_TREND_SD_1 = math.sqrt((2.0 - TREND_RATE_1) / TREND_RATE_1)
PER_TREND_SD_2 = math.sqrt((2.0 - TREND_RATE_2) / TREND_RATE_2)
NUM_ASSET_FEATURES = len(ASSET_FEATURES)
MIN_EQUITY = 1e-9  # of initial equity: a shown equity of 0 or less divides nothing


@kernel
def clip(x: float, low: float, high: float) -> float:
    """Saturate at the edges."""
    return min(max(x, low), high)


@kernel
def contrast(a: float, b: float) -> float:
    """Compare two sizes >= 0: -1 when a is 0, 0 when equal, 1 when b is 0."""
    total = a + b
    return (a - b) / total if total > 0.0 else 0.0


@kernel
def observe_market(out: NDArray[np.float32], asset: AssetState, slow: float, unit: float) -> None:
    """Write the eight features of the shown market; `slow` is its slow sd, `unit` one over it."""
    fast = math.sqrt(asset.seen_variance_fast)
    out[0] = clip(asset.seen_return * unit, -LIMIT, LIMIT)
    out[1] = clip(asset.trend_0 * unit * PER_TREND_SD_0, -LIMIT, LIMIT)
    out[2] = clip(asset.trend_1 * unit * PER_TREND_SD_1, -LIMIT, LIMIT)
    out[3] = clip(asset.trend_2 * unit * PER_TREND_SD_2, -LIMIT, LIMIT)
    out[4] = min(slow, 1.0)
    out[5] = contrast(fast, slow)
    out[6] = contrast(asset.seen_volume, asset.seen_volume_mean)
    high_low = (asset.seen_high - asset.seen_low) / asset.seen_close
    out[7] = clip(high_low * unit, 0.0, LIMIT)


@kernel
def observe_holding(
    out: NDArray[np.float32], asset: AssetState, report: Report, per_equity: float, unit: float
) -> None:
    """Write the six features of the holding."""
    price = asset.seen_close
    share = price * per_equity
    out[8] = clip(asset.position * share, -LIMIT, LIMIT)
    out[9] = clip(report.working * share, -LIMIT, LIMIT)
    out[10] = 0.0
    if asset.position != 0.0:
        side = 1.0 if asset.position > 0.0 else -1.0
        gain = side * (price / asset.entry_price - 1.0)
        out[10] = clip(gain * unit, -LIMIT, LIMIT)
    stop, target = asset.stop_loss, asset.take_profit
    out[11] = abs(contrast(price, stop)) if stop > 0.0 else 0.0
    out[12] = abs(contrast(price, target)) if target > 0.0 else 0.0
    out[13] = 1.0 if asset.exit_pending != 0 else 0.0


@kernel
def observe_parent(
    out: NDArray[np.float32], asset: AssetState, report: Report, steps_left: int, unit: float
) -> None:
    """Write the six features of the parent order."""
    out[8:14] = 0.0
    size = abs(asset.parent)
    if size == 0.0:
        return
    side = math.copysign(1.0, asset.parent)
    left = abs(asset.goal - asset.position)
    expected = asset.seen_volume_mean * max(steps_left, 1)
    out[8] = clip(left / size, 0.0, 1.0)
    out[9] = side
    out[10] = clip(report.working / asset.parent, -1.0, 1.0)
    out[11] = clip(left / expected, 0.0, LIMIT) if expected > 0.0 else LIMIT
    drift = side * (asset.seen_close / asset.reference_price - 1.0)
    out[12] = clip(drift * unit, -LIMIT, LIMIT)
    own = asset.transient_0 + asset.transient_1 + asset.transient_2
    out[13] = clip(100.0 * side * own, -1.0, 1.0)


@kernel
def observe_feedback(out: NDArray[np.float32], asset: AssetState) -> None:
    """Write the six features of execution feedback and feed health."""
    out[14] = clip(100.0 * asset.slippage, -1.0, 1.0)
    out[15] = clip(contrast(max(asset.slippage, 0.0), asset.expected_slippage), -1.0, 1.0)
    out[16] = asset.latency / (asset.latency + 1.0)
    out[17] = clip(asset.fill_ratio, 0.0, 1.0)
    out[18] = asset.age / (asset.age + 1.0) if asset.age > 0 else 0.0
    out[19] = float(asset.valid)


@kernel
def observe(
    out: NDArray[np.float32],
    assets: Table,
    reports: Table,
    signals: Floats,
    account: AccountState,
    episode: EpisodeParams,
) -> None:
    """Write one observation: asset by asset (features, then signals), then the account."""
    equity = max(account.seen_equity, MIN_EQUITY * account.initial_equity)
    per_equity = 1.0 / equity
    count = NUM_ASSET_FEATURES + signals.shape[1]
    gross = 0.0
    net = 0.0
    for a in range(assets.shape[0]):
        asset = assets[a]
        block = out[a * count : (a + 1) * count]
        slow = math.sqrt(asset.seen_variance_slow)
        unit = 1.0 / slow
        observe_market(block, asset, slow, unit)
        if episode.task == Task.EXECUTION:
            observe_parent(block, asset, reports[a], episode.length - account.step, unit)
        else:
            observe_holding(block, asset, reports[a], per_equity, unit)
        observe_feedback(block, asset)
        for s in range(signals.shape[1]):
            block[NUM_ASSET_FEATURES + s] = clip(signals[a, s], -SIGNAL_LIMIT, SIGNAL_LIMIT)
        exposure = asset.position * asset.seen_close
        gross += abs(exposure)
        net += exposure
    tail = out[assets.shape[0] * count :]
    tail[0] = clip(account.cash / equity, -LIMIT, LIMIT)
    tail[1] = clip(gross / equity, 0.0, LIMIT)
    tail[2] = clip(net / equity, -LIMIT, LIMIT)
    tail[3] = clip(1.0 - equity / account.seen_peak, 0.0, 1.0)
    tail[4] = clip(math.log(equity / account.initial_equity), -LIMIT, LIMIT)
    tail[5] = clip(1.0 - account.step / episode.length, 0.0, 1.0)
