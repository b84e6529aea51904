"""Execution feedback in the oracle of `reference.py`: averages over fills, and the cost model.

Written from `docs/model.md` (sections 11 and 14) alone; it shares no code with the kernels.
"""

import math
from typing import Any

from tests.oracle.fills import fee_of
from tests.oracle.market import clip, ewma
from tests.oracle.prices import DEAREST, felt
from trading_env.core.codes import Exit

Record = dict[str, Any]

KEPT = 0.99  # of the level, in a bar
DRIFT = 0.02  # variance that a bar adds
NOISE = 0.09  # variance of a reading
LARGEST = 4.0  # reading, on either side
FIRST_VARIANCE = DRIFT / (1.0 - KEPT**2)


def expected_of(world: Record, asset: Record, traded: float, price: float) -> float:
    """What a trade of so many units at a price should cost, as a share of its notional."""
    execution = world["execution"]
    day = min(math.sqrt(asset["seen_variance_slow"] * world["bars_per_day"]), 1.0)
    day = day if execution["volatility_scaled"] else 1.0
    share = traded / max(asset["seen_volume_mean"], traded) if traded > 0.0 else 0.0
    temporary = execution["temporary_impact"] * share ** execution["impact_exponent"]
    half_spread, fee = execution["half_spread_bps"] * 1e-4, execution["fee_bps"] * 1e-4
    notional = traded * price
    if notional > 0.0:
        fee = fee_of(world, fee * notional, notional, traded, 0.0) / notional
    return float(min(half_spread + day * felt(world) * temporary + fee, DEAREST))


def realised_of(report: Record) -> float:
    """What fills cost, as a share of their notional, without what earlier trades had left."""
    own = report["impact"] - report["impact_permanent"] - report["impact_transient"]
    return float(min((report["spread"] + own + report["fees"]) / report["notional"], DEAREST))


def read(asset: Record, report: Record, realised: float, expected: float) -> None:
    """One reading of the cost model: a Kalman filter of one dimension."""
    if report["rested"] != 0.0:
        report["met"].add("a fill at rest is no reading")
        return
    if realised <= 0.0 or expected <= 0.0:
        report["met"].add("a rebate is no reading")
        return
    ratio = math.log(realised / expected)
    if abs(ratio) > LARGEST:
        report["met"].add("a reading cut to its bounds")
    reading = clip(ratio, -LARGEST, LARGEST)
    gain = asset["cost_variance"] / (asset["cost_variance"] + NOISE)
    asset["cost_level"] = ewma(asset["cost_level"], reading, gain)
    asset["cost_variance"] *= 1.0 - gain
    asset["last_cost"] = reading


def feed_back(world: Record, asset: Record, report: Record) -> None:
    """What execution was like, as exponentially weighted means, and what it tells of costs."""
    rate = world["risk"]["feedback_rate"]
    asset["cost_level"] *= KEPT
    asset["cost_variance"] = KEPT**2 * asset["cost_variance"] + DRIFT
    if report["notional"] > 0.0 and report["exit"] != Exit.DELISTED:
        realised = realised_of(report)
        price = report["notional"] / report["traded"]
        expected = expected_of(world, asset, report["traded"], price)
        asset["slippage"] = ewma(asset["slippage"], realised, rate)
        asset["expected_slippage"] = ewma(asset["expected_slippage"], expected, rate)
        read(asset, report, realised, expected)
    if report["arrivals"]:
        asset["latency"] = ewma(asset["latency"], report["latency_s"], rate)
    if report["live"] != 0.0:
        share = clip(report["order_filled"] / report["live"], 0.0, 1.0)
        asset["fill_ratio"] = ewma(asset["fill_ratio"], share, rate)
