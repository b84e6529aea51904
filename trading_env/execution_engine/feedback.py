"""Execution feedback: what fills cost against what they were expected to cost.

Exponentially weighted means over fills, per asset: realised cost (delay, spread, impact and fees
over notional); the cost a fill of that size was to be expected to have, from the calm half spread,
the shown slow volatility and mean volume, temporary impact and the proportional fee; latency of
arrivals; and the filled share of what was live. The policy sees them and the confidence calibrator
reads them; `feedback_rate` is the weight of the newest value.
"""

from trading_env.core.averages import blend
from trading_env.core.jit import kernel
from trading_env.execution_engine.pricing import day_volatility, powered
from trading_env.risk_manager.desk import Desk, Rules


@kernel
def expected_cost(quantity: float, variance: float, volume: float, rules: Rules) -> float:
    """Return the cost of a fill as a fraction of its notional, from shown volatility and volume."""
    execution = rules.execution
    scale = 1.0
    if execution.volatility_scaled == 1:
        scale = day_volatility(variance, rules.episode)
    rate = abs(quantity) / max(volume, abs(quantity)) if quantity != 0.0 else 0.0
    moving = scale * execution.felt * execution.temporary * powered(rate, execution.exponent)
    return execution.half_spread + moving + execution.fee


@kernel
def learn_from_fills(desk: Desk) -> None:
    """Update the feedback means with the step's fills and arrivals."""
    asset, report, rules = desk.asset, desk.report, desk.rules
    rate = rules.risk.feedback_rate
    if report.notional > 0.0:
        variance, volume = asset.seen_variance_slow, asset.seen_volume_mean
        expected = expected_cost(report.traded, variance, volume, rules)
        realised = report.delay + report.spread + report.impact + report.fees
        asset.slippage = blend(asset.slippage, realised / report.notional, rate)
        asset.expected_slippage = blend(asset.expected_slippage, expected, rate)
    if report.arrivals > 0:
        asset.latency = blend(asset.latency, report.latency_s, rate)
    if report.live != 0.0:
        ratio = min(max(report.order_filled / report.live, 0.0), 1.0)
        asset.fill_ratio = blend(asset.fill_ratio, ratio, rate)
