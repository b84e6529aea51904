"""Execution feedback: means over fills, and the model of what they cost beside what they should."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers import (
    a_desk,
    a_report,
    an_asset,
    costly,
    execution_params,
    risk_params,
    some_rules,
)
from trading_env.execution_engine.feedback import PRIOR, expected_cost, learn_from_fills

FILL = {"traded": 10.0, "notional": 1000.0}
KEPT, DRIFT, NOISE = 0.99, 0.02, 0.09  # of the level a bar; variance of a bar, and of a reading
multiples = st.floats(0.02, 50.0)


def learn(asset: Any, report: Any, rate: float, execution: Any) -> None:
    risk = risk_params(feedback_rate=rate)
    learn_from_fills(a_desk(asset, report=report, execution=execution, risk=risk))


def should_cost(units: float, price: float = 100.0, execution: Any = None) -> float:
    """What is expected of units at a price: of a notional of 1000 of ten at 100."""
    rules = some_rules(execution=costly() if execution is None else execution)
    return float(expected_cost(units, price, 1e-4, 1000.0, rules))


def fill_at(asset: Any, multiple: float, execution: Any = None, **fields: Any) -> None:
    """Live through a bar with a fill that costs a multiple of what it should."""
    execution = costly() if execution is None else execution
    expected = should_cost(10.0, execution=execution)
    report = a_report(**FILL, spread=1000.0 * multiple * expected, **fields)
    learn(asset, report, 0.1, execution)


def wait(asset: Any, bars: int) -> None:
    for _ in range(bars):
        learn(asset, a_report(), 0.1, costly())


def test_nothing_traded_teaches_nothing() -> None:
    """The cost model forgets by a bar; all else stays to the bit."""
    asset = an_asset(cost_level=0.5, cost_variance=0.1, last_cost=0.7)
    before = asset.copy()
    learn(asset, a_report(), 0.5, costly())
    assert asset.cost_level == pytest.approx(0.99 * 0.5, rel=1e-15)
    assert asset.cost_variance == pytest.approx(0.9801 * 0.1 + 0.02, rel=1e-15)
    asset.cost_level, asset.cost_variance = before.cost_level, before.cost_variance
    assert asset == before


def test_realised_cost_is_spread_temporary_impact_and_fees_over_notional() -> None:
    """Delay is luck, and what earlier trades left is known: neither counts."""
    asset = an_asset(slippage=0.001)
    parts = {"spread": 2.0, "impact": 3.0, "impact_permanent": 0.5, "impact_transient": 1.5}
    report = a_report(**FILL, **parts, delay=-1.0, fees=4.0, opportunity=50.0)
    learn(asset, report, 0.25, costly())
    assert asset.slippage == pytest.approx(0.75 * 0.001 + 0.25 * 0.007)
    expected = should_cost(10.0)
    assert asset.last_cost == pytest.approx(math.log(0.007 / expected))


def test_expected_cost_is_half_spread_impact_and_fee() -> None:
    """Day volatility 1%, a tenth of a mean bar: 2 bp + 1% x 0.142 x 0.1^0.6 + 0.5 bp."""
    cost = should_cost(100.0)
    assert cost == pytest.approx(2e-4 + 0.01 * 0.142 * 0.1**0.6 + 5e-5)


def test_the_expectation_is_kept_beside_the_outcome() -> None:
    asset, report = an_asset(expected_slippage=0.0), a_report(**FILL)
    learn(asset, report, 1.0, costly())
    expected = should_cost(10.0)
    assert asset.expected_slippage == pytest.approx(expected)


def test_latency_is_learnt_from_arrivals() -> None:
    asset = an_asset(latency=1.0)
    learn(asset, a_report(arrivals=1, latency_s=3.0), 0.5, costly())
    assert asset.latency == pytest.approx(2.0)


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.floats(0.01, 1.0))
def test_the_fill_ratio_stays_a_share(live: float, filled: float, rate: float) -> None:
    asset = an_asset()
    report = a_report(live=live, order_filled=filled)
    learn(asset, report, rate, execution_params())
    assert 0.0 <= asset.fill_ratio <= 1.0


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_half_filled_order_has_ratio_one_half(side: float) -> None:
    asset = an_asset()
    report = a_report(live=8.0 * side, order_filled=4.0 * side)
    learn(asset, report, 1.0, execution_params())
    assert asset.fill_ratio == 0.5


@given(st.floats(0.0, 1e6), st.floats(0.0, 1e6))
def test_more_is_expected_to_cost_more(quantity: float, more: float) -> None:
    one, other = (should_cost(units) for units in (quantity, quantity + more))
    assert other >= one


@pytest.mark.parametrize(
    ("fees", "due"),
    [
        ({}, 5e-5),
        ({"fee_per_unit": 0.02}, 5e-5 + 0.02 / 100.0),
        ({"fee_minimum": 1.5}, 1.5 / 1000.0),
        ({"fee_minimum": 0.01}, 5e-5),  # it pays more anyway
        ({"fee_maximum": 2e-5}, 2e-5),
        ({"fee_minimum": 1.5, "fee_maximum": 1e-3}, 1e-3),  # the minimum yields
        ({"fee_minimum": 0.3, "fee_per_unit": 0.02, "fee_maximum": 1e-3}, 0.3 / 1000.0),
        ({"fee": -1e-4}, -1e-4),
        ({"fee": -1e-4, "fee_minimum": 0.0}, 0.0),
        ({"maker_fee": -1e-4}, 5e-5),  # the taker's rate counts
    ],
)
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_the_fee_expected_is_that_of_an_order_of_its_own(
    side: float, fees: dict[str, float], due: float
) -> None:
    """Ten units at 100: half a basis point of 1000 is 0.05, beside what else costs something."""
    free = should_cost(10.0, execution=costly(fee=0.0))
    assert should_cost(side * 10.0, execution=costly(**fees)) == pytest.approx(free + due)


@given(st.floats(0.01, 1e6), st.floats(1.0, 1e3), st.floats(0.0, 100.0), st.floats(1e-3, 1e3))
def test_a_least_fee_makes_small_orders_dear_and_never_dearer_as_they_grow(
    quantity: float, times: float, minimum: float, price: float
) -> None:
    execution = costly(temporary=0.0, fee_minimum=minimum)
    small, large = (should_cost(q, price, execution) for q in (quantity, times * quantity))
    assert large <= small * (1.0 + 1e-12)
    assert small == pytest.approx(min(2e-4 + max(5e-5, minimum / (quantity * price)), 1.0))


@given(st.floats(0.01, 1e3), st.floats(0.01, 1e4))
def test_a_least_fee_that_was_expected_is_no_news(units: float, price: float) -> None:
    """Paid once, on a fill of its own at the price it got, it reads as what it should cost."""
    asset, execution = an_asset(), costly(temporary=0.0, fee_minimum=5.0, fee_per_unit=0.01)
    notional = units * price
    fee = max(5e-5 * notional + 0.01 * units, 5.0)
    fill = {"traded": units, "notional": notional, "spread": 2e-4 * notional, "fees": fee}
    learn(asset, a_report(**fill), 0.1, execution)
    assert asset.last_cost == pytest.approx(0.0, abs=1e-12)
    assert asset.cost_level == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(("units", "price"), [(0.0, 100.0), (0.0, 0.0), (10.0, 0.0)])
def test_what_has_no_notional_is_expected_to_pay_its_rate(units: float, price: float) -> None:
    """No share of nothing is a least fee: before the first volume, say."""
    at_rate = should_cost(units, 100.0, costly())
    assert should_cost(units, price, costly(fee_minimum=5.0)) == at_rate


# --------------------------------------------------------------------------- the cost model


def test_a_worked_reading() -> None:
    """The prior tends to itself: K = P / (P + 0.09) with P = 0.02 / (1 - 0.99^2) = 1.005."""
    asset = an_asset()
    fill_at(asset, 3.0)
    prior = 0.02 / (1.0 - 0.99**2)
    assert pytest.approx(prior) == PRIOR
    gain = prior / (prior + 0.09)
    assert asset.cost_level == pytest.approx(gain * math.log(3.0))
    assert asset.cost_variance == pytest.approx(0.09 * gain)
    assert asset.last_cost == pytest.approx(math.log(3.0))


def settled() -> tuple[float, float]:
    """Gain of a filter that has read every bar for long, and the variance it has then.

    Before a reading v solves v = 0.99^2 v n / (v + n) + d, a quadratic equation.
    """
    b = NOISE * (1.0 - KEPT**2) - DRIFT
    before = (-b + math.sqrt(b * b + 4.0 * DRIFT * NOISE)) / 2.0
    gain = before / (before + NOISE)
    return gain, before * (1.0 - gain)


@pytest.mark.proof
@settings(max_examples=50)
@given(multiples)
def test_the_level_tends_to_the_log_of_what_every_fill_costs(multiple: float) -> None:
    """But for what it forgets between two fills: L = 0.99 L + K (x - 0.99 L), 98.3% of x.

    Bars take 0.99 (1 - K) < 0.63 of the distance each; after 50, 1e-10 of it is left. Costs are
    0.05% of 1000, sums of a few parts: 1e-12 covers their rounding.
    """
    asset = an_asset()
    for _ in range(50):
        fill_at(asset, multiple)
    gain, variance = settled()
    share = gain / (1.0 - KEPT * (1.0 - gain))
    assert 0.983 < share < 0.984
    assert asset.cost_level == pytest.approx(share * math.log(multiple), rel=1e-9, abs=1e-12)
    assert asset.cost_variance == pytest.approx(variance, rel=1e-12)


@given(st.lists(st.booleans(), min_size=1, max_size=60), multiples)
def test_the_deviation_shrinks_with_readings_and_grows_back_without(
    read: list[bool], multiple: float
) -> None:
    """Between what a filter has that reads every bar and what one has that never does."""
    asset, least = an_asset(), settled()[1]
    for reads in read:
        before = asset.cost_variance
        if reads:
            fill_at(asset, multiple)
            assert asset.cost_variance < max(before, least * (1.0 + 1e-9))
        else:
            wait(asset, 1)
            assert asset.cost_variance >= before * (1.0 - 1e-15)
        assert least * (1.0 - 1e-12) <= asset.cost_variance <= PRIOR * (1.0 + 1e-12)


@pytest.mark.parametrize("bars", [1, 10, 200])
def test_without_readings_the_deviation_comes_back_and_the_level_goes(bars: int) -> None:
    asset = an_asset(cost_level=1.0, cost_variance=0.03, last_cost=0.9)
    wait(asset, bars)
    missing = 0.99 ** (2 * bars) * (PRIOR - 0.03)
    assert asset.cost_variance == pytest.approx(PRIOR - missing)
    assert asset.cost_level == pytest.approx(0.99**bars)
    assert asset.last_cost == 0.9


@pytest.mark.parametrize(
    ("execution", "report"),
    [
        (costly(), {"spread": 2.0, "rested": 1.0}),  # a fill at rest, if only in part
        (costly(), {"spread": 2.0, "fees": -2.0}),  # a rebate of all that was paid
        (costly(), {"spread": 2.0, "fees": -3.0}),
        (costly(), {"spread": 2.0, "impact": 1.0, "impact_transient": 3.0}),
        (execution_params(), {"spread": 2.0}),  # nothing was expected
        (execution_params(half_spread=1e-4, fee=-2e-4), {"spread": 2.0}),
    ],
)
def test_what_says_nothing_of_costs_is_no_reading(execution: Any, report: Any) -> None:
    asset = an_asset(cost_level=0.5, cost_variance=0.1, last_cost=0.7)
    learn(asset, a_report(**FILL, **report), 0.1, execution)
    assert (asset.cost_level, asset.last_cost) == (0.99 * 0.5, 0.7)
    assert asset.cost_variance == 0.99**2 * 0.1 + 0.02


@pytest.mark.parametrize(("multiple", "reading"), [(1e3, 4.0), (1e-3, -4.0), (50.0, None)])
def test_a_reading_is_cut_at_four(multiple: float, reading: float | None) -> None:
    asset = an_asset()
    fill_at(asset, multiple)
    assert asset.last_cost == pytest.approx(math.log(multiple) if reading is None else reading)


@given(st.lists(st.floats(-1e3, 1e3) | st.none(), min_size=1, max_size=30))
def test_whatever_fills_cost_the_model_stays_within_its_bounds(costs: list[float | None]) -> None:
    asset = an_asset()
    for cost in costs:
        report = a_report() if cost is None else a_report(**FILL, spread=cost)
        learn(asset, report, 0.1, costly())
        assert abs(asset.last_cost) <= 4.0
        assert abs(asset.cost_level) <= 4.0
        assert 0.0 < asset.cost_variance <= PRIOR * (1.0 + 1e-12)
