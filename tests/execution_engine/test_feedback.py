"""Execution feedback: exponentially weighted means over fills."""

from typing import Any

import pytest
from hypothesis import given
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
from trading_env.execution_engine.feedback import expected_cost, learn_from_fills

FILL = {"traded": 10.0, "notional": 1000.0}


def learn(asset: Any, report: Any, rate: float, execution: Any) -> None:
    risk = risk_params(feedback_rate=rate)
    learn_from_fills(a_desk(asset, report=report, execution=execution, risk=risk))


def test_nothing_traded_teaches_nothing() -> None:
    asset = an_asset()
    before = asset.copy()
    learn(asset, a_report(), 0.5, costly())
    assert asset == before


def test_realised_cost_is_delay_spread_impact_and_fees_over_notional() -> None:
    asset = an_asset(slippage=0.001)
    report = a_report(**FILL, delay=-1.0, spread=2.0, impact=3.0, fees=4.0, opportunity=50.0)
    learn(asset, report, 0.25, costly())
    assert asset.slippage == pytest.approx(0.75 * 0.001 + 0.25 * 0.008)


def test_expected_cost_is_half_spread_impact_and_fee() -> None:
    """Day volatility 1%, a tenth of a mean bar: 2 bp + 1% x 0.142 x 0.1^0.6 + 0.5 bp."""
    cost = expected_cost(100.0, 1e-4, 1000.0, some_rules(execution=costly()))
    assert cost == pytest.approx(2e-4 + 0.01 * 0.142 * 0.1**0.6 + 5e-5)


def test_the_expectation_is_kept_beside_the_outcome() -> None:
    asset, report = an_asset(expected_slippage=0.0), a_report(**FILL)
    learn(asset, report, 1.0, costly())
    expected = expected_cost(10.0, 1e-4, 1000.0, some_rules(execution=costly()))
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
    one, other = (
        expected_cost(units, 1e-4, 1000.0, some_rules(execution=costly()))
        for units in (quantity, quantity + more)
    )
    assert other >= one
