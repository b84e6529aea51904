"""Laws of the bar, for random positions, books, bars and whole steps."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import (
    FLAT_BAR,
    SECONDS,
    an_account,
    an_asset,
    an_order,
    bars,
    costly,
    execution_params,
    held,
    ledger,
    risk_params,
    some_slots,
    step,
    trade,
)
from trading_env.core.codes import Exit, ImpactReference, SlotState, Status, TimeInForce
from trading_env.core.values import Bar, Terms

PRICEY = Terms(0.0, 0.001, 0.01, 0.6, 1e-6, 0.0)
units = st.floats(-300.0, 300.0).filter(lambda x: abs(x) > 1e-3)
distances = st.sampled_from([0.0, 0.005, 0.05, 0.4])


@st.composite
def orders(draw: st.DrawFn) -> dict[str, Any]:
    due = draw(st.none() | st.floats(0.0, 2.5 * SECONDS))
    stop = draw(distances)
    return an_order(
        draw(units),
        due,
        stop_distance=stop,
        target_distance=1.5 * stop,
        replaces=0 if due is None else draw(st.integers(0, 1)),
    )


@st.composite
def positions(draw: st.DrawFn) -> Any:
    """Flat, or long or short with levels on the right sides, perhaps being closed."""
    size = draw(st.just(0.0) | units)
    if size == 0.0:
        return an_asset()
    away = math.copysign(draw(st.floats(0.001, 0.3)), size)
    levels = {"stop_loss": 100 * math.exp(-away), "take_profit": 100 * math.exp(away)}
    pending = draw(st.sampled_from([Exit.NONE, Exit.NONE, Exit.STOP_LOSS, Exit.MARGIN_CALL]))
    return held(size, **levels, exit_pending=pending)


books = st.lists(orders(), max_size=4).map(lambda found: some_slots(*found))


@given(positions(), books, bars(), st.sampled_from(list(TimeInForce)))
def test_the_ledger_adds_up_to_the_shortfall(
    asset: Any, slots: Any, bar: Bar, tif: TimeInForce
) -> None:
    """Whatever exits and orders do in the bar, with every cost; and no fee is taken twice."""
    account = an_account()
    execution = execution_params(fee=1e-3, fee_per_unit=0.01, fee_minimum=2.0, time_in_force=tif)
    report = trade(asset, slots, bar, terms=PRICEY, execution=execution, account=account)
    assert ledger(report) == pytest.approx(report.shortfall, rel=1e-9, abs=1e-6)
    assert account.cash == pytest.approx(1e6 + report.cash_flow - report.fees)
    assert account.fees_paid == report.fees


@given(positions(), books, bars())
def test_the_cap_holds_over_all_fills_of_a_bar(asset: Any, slots: Any, bar: Bar) -> None:
    before = asset.position
    report = trade(asset, slots, bar)
    assert report.traded <= 0.1 * bar.volume * (1 + 1e-9)
    assert asset.position == pytest.approx(before + report.filled, abs=1e-9)


@given(positions(), books, bars())
def test_before_costs_fills_lie_inside_the_bar(asset: Any, slots: Any, bar: Bar) -> None:
    report = trade(asset, slots, bar)
    slack = 1e-9 * bar.high
    assert report.traded == 0.0 or bar.low - slack <= report.price <= bar.high + slack
    for slot in slots:
        if slot.step_filled != 0.0:
            price = slot.notional / abs(slot.step_filled)
            assert bar.low - slack <= price <= bar.high + slack


@given(positions(), books, bars())
def test_costs_are_never_negative_and_orders_never_overfilled(
    asset: Any, slots: Any, bar: Bar
) -> None:
    report = trade(asset, slots, bar, terms=PRICEY)
    assert report.spread >= 0.0
    assert report.impact >= 0.0
    for slot in slots:
        assert abs(slot.filled) <= abs(slot.quantity)
        assert slot.filled * slot.quantity >= 0.0
        if slot.state == SlotState.DONE and slot.outcome == Status.FILLED:
            assert slot.left == 0.0


@given(positions(), books, bars())
def test_an_exit_never_reverses_a_position(asset: Any, slots: Any, bar: Bar) -> None:
    before = asset.position
    report = trade(asset, slots, bar)
    if report.exit != Exit.NONE and report.order_filled == 0.0:
        assert asset.position * before >= 0.0
        assert abs(asset.position) <= abs(before)
    if asset.position == 0.0:
        assert (asset.stop_loss, asset.exit_pending) == (0.0, Exit.NONE)


@given(
    st.lists(st.tuples(st.floats(-200.0, 200.0), bars()), min_size=1, max_size=8),
    st.floats(0.0, 350.0),
    st.sampled_from(list(ImpactReference)),
    distances,
)
def test_every_step_s_ledger_adds_up_and_cash_explains_equity(
    path: list[tuple[float, Bar]], latency: float, reference: ImpactReference, stop: float
) -> None:
    """Whole steps: latency, replacement, stops, own impact, all costs."""
    asset, slots, account = an_asset(), some_slots(), an_account()
    execution = costly(latency_median_s=latency, impact_reference=reference, fee_minimum=1.0)
    given_levels = {"stop_distance": stop, "target_distance": stop}
    for number, (target, bar) in enumerate(path):
        mark, position, cash = asset.mark, asset.position, account.cash
        report = step(
            asset,
            slots,
            bar,
            target,
            account=account,
            execution=execution,
            risk=risk_params(),
            number=number,
            **given_levels,
        )
        assert ledger(report) == pytest.approx(report.shortfall, rel=1e-9, abs=1e-6)
        change = account.cash - cash + asset.position * asset.mark - position * mark
        moved = position * (asset.mark - mark) + report.filled * asset.mark
        assert change == pytest.approx(moved + report.cash_flow - report.fees, abs=1e-6)


@given(st.lists(st.floats(-90.0, 90.0), min_size=1, max_size=6), st.floats(0.0, 50.0))
def test_a_round_trip_at_zero_volatility_always_costs(targets: list[float], latency: float) -> None:
    """Any path of targets back to flat, on a price that only the account itself moves."""
    asset, slots, account = an_asset(), some_slots(), an_account()
    execution = costly(latency_median_s=latency, impact_reference=ImpactReference.FIRST)
    traded = 0.0
    for number, target in enumerate([*targets, 0.0, 0.0, 0.0, 0.0]):
        report = step(
            asset, slots, FLAT_BAR, target, account=account, execution=execution, number=number
        )
        traded += report.traded
    assert asset.position == pytest.approx(0.0, abs=1e-9)
    assert account.cash < 1e6 or traded < 1e-6


@given(st.floats(0.1, 2000.0), bars())
def test_the_average_price_grows_worse_with_size(quantity: float, bar: Bar) -> None:
    def paid(size: float) -> float:
        report = trade(an_asset(), some_slots(an_order(size)), bar, terms=PRICEY)
        return float(report.price)

    assert paid(2.0 * quantity) >= paid(quantity) * (1 - 1e-12)
    assert paid(-2.0 * quantity) <= paid(-quantity) * (1 + 1e-12)


@given(positions(), books, bars(), st.floats(0.01, 100.0))
def test_the_price_level_changes_no_quantity(
    asset: Any, slots: Any, bar: Bar, factor: float
) -> None:
    dear, their_slots = asset.copy(), slots.copy()
    for name in ("mark", "entry_price", "stop_loss", "take_profit"):
        setattr(dear, name, getattr(asset, name) * factor)
    prices = [price * factor for price in bar[:4]]
    one = trade(asset, slots, bar, terms=PRICEY)
    other = trade(dear, their_slots, Bar(*prices, bar.volume), terms=PRICEY)
    if one.exit == other.exit:  # a level may touch the bar's end to the last bit
        assert other.filled == pytest.approx(one.filled, abs=1e-9)
        assert other.shortfall == pytest.approx(one.shortfall * factor, rel=1e-6, abs=1e-6)
