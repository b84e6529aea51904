"""Execution feedback: what fills cost against what they were expected to cost.

Exponentially weighted means over fills, per asset: realised cost (half spread, temporary impact
and fees over notional: what the price did before arrival is luck, and what earlier trades left is
known); the cost a fill of that size was to be expected to have, from the calm half spread, the
shown slow volatility and mean volume, temporary impact and fees; latency of arrivals; and the
filled share of what was live. `feedback_rate` is the weight of the newest value.

A cost model beside them: its weight is the log multiplier on the expected cost, followed by a
Kalman filter (1960) in one dimension. Between fills the level goes back towards 0, which is what is
expected, and its variance grows; a fill is a noisy reading of it:

    level = DAMPING level                      variance = DAMPING^2 variance + DRIFT
    x = ln(realised / expected)                gain = variance / (variance + NOISE)
    level = level + gain (x - level)           variance = (1 - gain) variance

Policies see level and deviation, and the risk manager slows down by the level (`execution_floor`).
Fills that rested are no reading: they pay another fee.
"""

import math

from trading_env.core.averages import blend
from trading_env.core.codes import Exit
from trading_env.core.elementary import powered
from trading_env.core.jit import kernel
from trading_env.core.records import AssetState
from trading_env.execution_engine.pricing import MAX_COST, day_volatility, fee_due
from trading_env.risk_manager.desk import Desk, Rules

DAMPING = 0.99  # share of the level that is left after a bar without news
DRIFT = 0.02  # variance that a bar adds
NOISE = 0.09  # variance of a reading
PRIOR = DRIFT / (1.0 - DAMPING**2)  # variance before any fill: what it tends to without readings
LARGEST_READING = 4.0  # its magnitude: 55 times the expected cost counts as that


@kernel
def expected_cost(
    quantity: float, price: float, variance: float, volume: float, rules: Rules
) -> float:
    """Return the cost of a fill as a fraction of its notional, from shown volatility and volume.

    The fee is that of an order of its own.
    """
    execution = rules.execution
    scale = 1.0
    if execution.volatility_scaled == 1:
        scale = day_volatility(variance, rules.episode)
    rate = abs(quantity) / max(volume, abs(quantity)) if quantity != 0.0 else 0.0
    moving = scale * execution.felt * execution.temporary * powered(rate, execution.exponent)
    fee, notional = execution.fee, abs(quantity) * price
    if notional > 0.0:
        fee = fee_due(execution.fee * notional, notional, quantity, 0.0, execution) / notional
    return min(execution.half_spread + moving + fee, MAX_COST)


@kernel
def read_cost(asset: AssetState, realised: float, expected: float) -> None:
    """Correct the cost model by what fills cost; a rebate or free trading says nothing."""
    if realised <= 0.0 or expected <= 0.0:
        return
    reading = min(max(math.log(realised / expected), -LARGEST_READING), LARGEST_READING)
    gain = asset.cost_variance / (asset.cost_variance + NOISE)
    asset.cost_level += gain * (reading - asset.cost_level)
    asset.cost_variance *= 1.0 - gain
    asset.last_cost = reading


@kernel
def learn_from_fills(desk: Desk) -> None:
    """Update the feedback means and the cost model with the step's fills and arrivals."""
    asset, report, rules = desk.asset, desk.report, desk.rules
    rate = rules.risk.feedback_rate
    asset.cost_level *= DAMPING
    asset.cost_variance = DAMPING**2 * asset.cost_variance + DRIFT
    if report.notional > 0.0 and report.exit != Exit.DELISTED:
        variance, volume = asset.seen_variance_slow, asset.seen_volume_mean
        price = report.notional / report.traded
        expected = expected_cost(report.traded, price, variance, volume, rules)
        temporary = report.impact - report.impact_permanent - report.impact_transient
        realised = min((report.spread + temporary + report.fees) / report.notional, MAX_COST)
        asset.slippage = blend(asset.slippage, realised, rate)
        asset.expected_slippage = blend(asset.expected_slippage, expected, rate)
        if report.rested == 0.0:
            read_cost(asset, realised, expected)
    if report.arrivals > 0:
        asset.latency = blend(asset.latency, report.latency_s, rate)
    if report.live != 0.0:
        ratio = min(max(report.order_filled / report.live, 0.0), 1.0)
        asset.fill_ratio = blend(asset.fill_ratio, ratio, rate)
