"""Laws of `ExecutionEngine.simulate_execution`, for random settings, orders and bars."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import bars
from trading_env.core.values import Bar
from trading_env.execution_engine.engine import ExecutionEngine, ExecutionReport, MarketState, Order

FREE = {"preset": "zero", "participation_cap": 1.0}
quantities = st.floats(-3e4, 3e4).filter(lambda q: abs(q) > 1e-3)


@st.composite
def configs(draw: st.DrawFn, **fixed: Any) -> dict[str, Any]:
    """Costs of every kind, at random; ticks and lots now and then.

    Impact in fractions of the first price has no limit, and could take a price below 0: it is
    drawn where it scales with volatility, and cannot.
    """
    scaled = draw(st.booleans())
    half_spread = draw(st.floats(0.0, 100.0))
    return {
        "latency_ms": draw(st.sampled_from([0.0, 80.0, 4e7, 2e8])),
        "latency_log_sd": draw(st.sampled_from([0.0, 0.5])),
        "half_spread_bps": half_spread,
        "temporary_impact": draw(st.floats(0.0, 2.0)),
        "impact_exponent": draw(st.sampled_from([0.5, 0.6, 1.0])),
        "volatility_scaled": scaled,
        "permanent_impact": draw(st.floats(0.0, 1.0)),
        "participation_cap": draw(st.floats(0.01, 1.0)),
        "fee_bps": draw(st.floats(-min(2.0, half_spread), 20.0)),
        "fee_per_unit": draw(st.sampled_from([0.0, 0.005])),
        "fee_minimum": draw(st.sampled_from([None, 1.0])),
        "tick": draw(st.sampled_from([0.0, 0.01, 0.5])),
        "lot": draw(st.sampled_from([0.0, 1.0])),
        "time_in_force": draw(st.sampled_from(["bar", "episode"])),
        "impact_reference": draw(st.sampled_from(["current", "first" if scaled else "current"])),
        **fixed,
    }


def state_of(bar: Bar, price: float = 100.0) -> MarketState:
    return MarketState(price, *bar[:4], volume=bar.volume)


def executed(config: Any, quantity: float, bar: Bar, limit: float | None = None) -> ExecutionReport:
    order = Order(quantity, limit_price=limit)
    return ExecutionEngine(config, seed=3).simulate_execution(order, state_of(bar))


@given(configs(), quantities, bars(), st.floats(80.0, 120.0))
def test_the_ledger_is_perolds_shortfall(
    config: Any, quantity: float, bar: Bar, decided: float
) -> None:
    """What was paid above the decision price, and what the rest of what was sent missed."""
    engine = ExecutionEngine(config, seed=1)
    report = engine.simulate_execution(Order(quantity, decided), state_of(bar))
    paid = report.filled * (report.price - decided) + report.fees
    missed = (report.quantity - report.filled) * (bar.close - decided)
    assert -1e-9 <= abs(quantity) - abs(report.quantity) <= config["lot"]
    scale = abs(quantity) * (bar.high + decided) + abs(report.fees)
    assert math.isclose(report.shortfall, paid + missed, rel_tol=1e-9, abs_tol=1e-9 * scale)


@given(configs(), quantities, bars())
def test_fills_stay_under_the_cap_and_within_the_order(
    config: Any, quantity: float, bar: Bar
) -> None:
    report = executed(config, quantity, bar)
    assert abs(report.filled) <= config["participation_cap"] * bar.volume * (1.0 + 1e-12)
    assert abs(report.filled) <= abs(quantity)
    assert report.filled * quantity >= 0.0
    live = config["time_in_force"] == "episode" or report.status == "in_flight"
    if live and config["lot"] == 0.0:
        assert math.isclose(report.filled + report.left, quantity, rel_tol=1e-12)


@given(quantities, bars(), st.sampled_from([0.0, 80.0, 4e7]))
def test_before_costs_a_fill_is_inside_the_bar(quantity: float, bar: Bar, latency: float) -> None:
    report = executed(FREE | {"latency_ms": latency}, quantity, bar)
    slack = 1e-12 * bar.high
    assert bar.low - slack <= report.price <= bar.high + slack
    assert math.isclose(report.price, report.arrival_price, rel_tol=1e-12)


@given(configs(fee_bps=0.0), quantities, bars())
def test_a_fill_costs_its_spread_and_impact_over_where_it_met_the_market(
    config: Any, quantity: float, bar: Bar
) -> None:
    """The price is never better than that, and that lies inside the bar."""
    report = executed(config, quantity, bar)
    if report.filled == 0.0:
        return
    side = math.copysign(1.0, quantity)
    cost = side * (report.price - report.arrival_price) * abs(report.filled)
    scale = abs(report.filled) * bar.high
    assert math.isclose(cost, report.spread + report.impact, rel_tol=1e-9, abs_tol=1e-9 * scale)
    assert min(report.spread, report.impact) >= -1e-12 * scale
    assert bar.low * (1.0 - 1e-12) <= report.arrival_price <= bar.high * (1.0 + 1e-12)


@given(configs(), quantities, bars(), st.floats(60.0, 160.0))
def test_a_limit_is_never_exceeded(config: Any, quantity: float, bar: Bar, limit: float) -> None:
    config["tick"] = 0.0  # a limit between two ticks is the caller's own
    report = executed(config, quantity, bar, limit)
    if report.filled != 0.0:
        assert math.copysign(1.0, quantity) * (report.price - limit) <= 1e-12 * limit


@given(configs(lot=0.0, tick=0.0), quantities, bars(), st.floats(1.0, 10.0))
def test_more_is_never_filled_at_a_better_price(
    config: Any, quantity: float, bar: Bar, factor: float
) -> None:
    small, large = (executed(config, q, bar) for q in (quantity, factor * quantity))
    worse = math.copysign(1.0, quantity) * (large.price - small.price)
    assert worse >= -1e-9 * bar.high


@given(configs(tick=0.0), quantities, st.floats(80.0, 120.0))
def test_a_buy_and_a_sale_mirror_each_other_where_the_market_stands_still(
    config: Any, quantity: float, price: float
) -> None:
    """Prices mirror each other in their logs, or as differences of the first price's fractions."""
    still = MarketState(price=price, volume=1e4)
    config |= {"fee_bps": 0.0, "fee_minimum": None}
    bought, sold = (
        ExecutionEngine(config, seed=2).simulate_execution(Order(q), still)
        for q in (abs(quantity), -abs(quantity))
    )
    assert bought.filled == -sold.filled
    alike = ["fees", "left"]
    if config["impact_reference"] == "first":
        assert math.isclose(bought.price - price, price - sold.price, abs_tol=1e-9 * price)
        alike += ["spread", "impact"]
    else:
        lasting = bought.impact_permanent / (abs(bought.filled) * price) if bought.filled else 0.0
        curved = (2.0 * lasting) ** 2 / 12.0  # the means of e^z up and of e^-z down
        assert math.isclose(bought.price * sold.price, price**2, rel_tol=1e-9 + 1.1 * curved)
    for name in alike:
        given_ = abs(getattr(bought, name)), abs(getattr(sold, name))
        assert math.isclose(*given_, rel_tol=1e-9, abs_tol=1e-9)


@pytest.mark.proof
@given(configs(), quantities, bars())
def test_a_halted_market_fills_nothing_and_costs_nothing_but_the_miss(
    config: Any, quantity: float, bar: Bar
) -> None:
    order, halted = Order(quantity), state_of(bar)._replace(halted=True)
    report = ExecutionEngine(config).simulate_execution(order, halted)
    assert report.filled == 0.0
    assert (report.delay, report.spread, report.impact, report.fees) == (0.0,) * 4
    assert math.isclose(report.opportunity, report.quantity * (bar.close - 100.0), rel_tol=1e-9)


@given(configs(latency_log_sd=0.5), quantities, bars(), st.integers(0, 2**32))
def test_a_seed_fixes_every_report(config: Any, quantity: float, bar: Bar, seed: int) -> None:
    one, other = (
        [ExecutionEngine(config, seed).simulate_execution(Order(quantity), state_of(bar))]
        for _ in range(2)
    )
    assert one == other
