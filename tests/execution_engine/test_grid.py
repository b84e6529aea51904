"""Ticks, lots and the fee's limits: nothing trades off the grid, and rounding never pays."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import (
    FLAT_BAR,
    FREE,
    SECONDS,
    a_report,
    an_account,
    an_asset,
    an_order,
    bars,
    costly,
    execution_params,
    held,
    ledger,
    off_grid,
    some_slots,
    step,
    trade,
)
from trading_env.core.codes import BoundBy, Exit, SlotState, Status
from trading_env.core.grid import tick_above, tick_below, whole_lots
from trading_env.core.values import Bar, Session, Terms
from trading_env.execution_engine.limits import resting_mid
from trading_env.risk_manager.levels import enter

PRICEY = Terms(0.0, 0.001, 0.01, 0.6, 1e-6, 0.0)
ticks = st.sampled_from([0.01, 0.05, 0.3, 1.0, 2.5])
lots = st.sampled_from([0.1, 0.3, 1.0, 7.0, 25.0])
sides = pytest.mark.parametrize("side", [1.0, -1.0])


@given(st.floats(0.01, 1e4), ticks)
def test_the_next_ticks_enclose_a_price(price: float, tick: float) -> None:
    below, above = tick_below(price, tick), tick_above(price, tick)
    assert off_grid(below, tick) < 1e-9 or below == price < tick
    assert off_grid(above, tick) < 1e-9 or above == price < tick
    assert price - tick * (1 + 1e-8) < below <= price + 1e-8 * tick
    assert price - 1e-8 * tick <= above < price + tick * (1 + 1e-8)
    assert tick_below(above, tick) == above == tick_above(above, tick)


def test_below_one_tick_a_price_stays_as_it_is() -> None:
    """Else a short sale at the tick would gain the rest of it at once, or a purchase pay it."""
    bar = Bar(0.4, 0.4, 0.4, 0.4, 1e9)
    for side in (1.0, -1.0):
        order = some_slots(an_order(side * 10.0))
        assert trade(an_asset(0.4), order, bar, execution=execution_params(tick=1.0)).price == 0.4


@pytest.mark.parametrize("unit", [1e-15, 1e-18, 1e-300])
def test_a_grid_too_fine_to_count_in_whole_numbers_changes_next_to_nothing(unit: float) -> None:
    for rounded in (tick_above(50.0, unit), tick_below(50.0, unit), whole_lots(50.0, unit)):
        assert rounded == pytest.approx(50.0, rel=1e-12)


@given(st.floats(-1e4, 1e4), lots)
def test_whole_lots_are_cut_towards_zero(quantity: float, lot: float) -> None:
    cut = whole_lots(quantity, lot)
    assert off_grid(cut, lot) < 1e-9
    assert abs(cut) <= abs(quantity) + 1e-8 * lot
    assert abs(quantity) - abs(cut) < lot
    assert cut * quantity >= 0.0
    assert whole_lots(cut, lot) == cut


# ----------------------------------------------------------------------------- ticks


@given(st.floats(0.1, 200.0), st.sampled_from([1.0, -1.0]), bars(), ticks, st.floats(0.0, 99.0))
def test_a_fill_is_rounded_to_the_next_tick_against_the_order(
    size: float, side: float, bar: Bar, tick: float, due: float
) -> None:
    def filled(**grid: float) -> Any:
        order = some_slots(an_order(side * size, due=due))
        return trade(an_asset(), order, bar, terms=PRICEY, execution=execution_params(**grid))

    free, rounded = filled(), filled(tick=tick)
    worse = side * (rounded.price - free.price)
    assert off_grid(rounded.price, tick) < 1e-6
    assert -1e-6 * tick <= worse < tick * (1 + 1e-6)
    assert rounded.impact == free.impact
    assert rounded.spread - free.spread == pytest.approx(rounded.traded * worse, abs=1e-6)
    assert ledger(rounded) == pytest.approx(rounded.shortfall, rel=1e-9, abs=1e-6)


@sides
def test_a_worked_rounding(side: float) -> None:
    """0.1% of 100.03 is 0.10003; a buyer pays 100.15, a seller gets 99.90, on a tick of 0.05."""
    bar = Bar(100.03, 100.03, 100.03, 100.03, 1e9)
    execution = execution_params(tick=0.05)
    order = some_slots(an_order(side * 10.0))
    report = trade(
        an_asset(), order, bar, terms=PRICEY._replace(temporary=0.0), execution=execution
    )
    assert report.price == pytest.approx(100.15 if side > 0 else 99.90)


@given(st.floats(0.001, 0.5), st.floats(5.0, 500.0), ticks, st.sampled_from([1.0, -1.0]))
def test_levels_lie_on_ticks_and_away_from_the_price(
    distance: float, price: float, tick: float, side: float
) -> None:
    def levels(**grid: float) -> tuple[float, float]:
        asset = held(side * 5.0)
        slot = some_slots(an_order(side, stop_distance=distance, target_distance=distance))[0]
        enter(asset, slot, price, 1.0, grid.get("tick", 0.0))
        return asset.stop_loss, asset.take_profit

    (stop, target), (free_stop, free_target) = levels(tick=tick), levels()
    assert off_grid(stop, tick) < 1e-9
    assert off_grid(target, tick) < 1e-9
    slack = 1e-8 * tick
    assert -slack <= side * (free_stop - stop) < tick * (1 + 1e-8) or stop == tick
    assert -slack <= side * (target - free_target) < tick * (1 + 1e-8) or target == tick


@given(bars(), ticks, st.floats(0.0, 0.15), st.sampled_from([1.0, -1.0]))
def test_a_target_fills_on_a_tick_and_never_past_its_limit(
    bar: Bar, tick: float, away: float, side: float
) -> None:
    """Also in a gap, where it fills at an open that need not lie on a tick."""
    target = (tick_above if side > 0 else tick_below)(100.0 * math.exp(side * away), tick)
    asset = held(side * 5.0, stop_loss=100.0 - side * 99.0, take_profit=target)
    report = trade(asset, some_slots(), bar, terms=PRICEY, execution=execution_params(tick=tick))
    capacity = 0.1 * bar.volume
    session = Session(bar, PRICEY, capacity, capacity, SECONDS)
    mid = resting_mid(session, a_report(), target, -side * min(5.0, capacity))
    reached = side * ((bar.high if side > 0 else bar.low) - mid) >= 0.0
    assert (report.exit == Exit.TAKE_PROFIT) == reached
    if reached:
        assert side * (report.price - target) >= -1e-8 * tick
        assert off_grid(report.price, tick) < 1e-6
        assert side * report.pressure < 0.0
        assert ledger(report) == pytest.approx(report.shortfall, rel=1e-9, abs=1e-6)


# ------------------------------------------------------------------------------ lots


@given(
    st.lists(st.tuples(st.integers(-40, 40), st.none() | st.floats(0.0, 150.0)), max_size=4),
    lots,
    bars(),
    bars(),
)
def test_fills_and_rests_are_whole_lots_within_the_cap(
    book: list[tuple[int, float | None]], lot: float, first: Bar, second: Bar
) -> None:
    asset = an_asset()
    slots = some_slots(*[an_order(lot * n, due) for n, due in book if n])
    for bar in (first, second):
        before = slots["filled"].copy()
        report = trade(asset, slots, bar, execution=execution_params(lot=lot))
        assert off_grid(slots["filled"] - before, lot).max() < 1e-6
        assert off_grid(slots["left"], lot).max() < 1e-6
        assert (np.abs(slots["filled"]) <= np.abs(slots["quantity"]) + 1e-9).all()
        assert report.traded <= 0.1 * bar.volume + 1e-8 * lot


hundredths = st.integers(-30_000, 30_000).map(lambda n: n / 100.0)


@pytest.mark.proof
@given(st.lists(hundredths, min_size=1, max_size=6), lots, st.floats(0.0, 250.0))
def test_orders_and_positions_are_whole_lots_and_what_is_cut_is_named(
    targets: list[float], lot: float, latency: float
) -> None:
    asset, slots = an_asset(), some_slots()
    execution = execution_params(lot=lot, latency_median_s=latency)
    known: dict[int, float] = {}
    for number, target in enumerate(targets):
        report = step(asset, slots, FLAT_BAR, target, execution=execution, number=number)
        known[number + 1] = float(report.sent)
        outstanding = report.position - report.filled + report.live
        for slot in slots:
            if slot.state != SlotState.EMPTY:  # what was taken off on arrival was asked for
                outstanding += known[int(slot.identity)] - slot.quantity
                known[int(slot.identity)] = float(slot.quantity)
        assert off_grid(report.sent, lot) < 1e-6
        assert off_grid(asset.position, lot) < 1e-6
        if report.bound_by != BoundBy.ORDER_SLOTS:
            assert abs(target - outstanding) < lot * (1 + 1e-6)
            cut = abs(target - outstanding) > 1e-6 * lot
            assert (report.bound_by == BoundBy.LOT_SIZE) == cut


def test_less_than_a_lot_is_not_sent() -> None:
    report = step(an_asset(), some_slots(), FLAT_BAR, 9.9, execution=execution_params(lot=10.0))
    assert (report.sent, report.bound_by, report.status) == (0.0, BoundBy.LOT_SIZE, Status.NONE)


@given(st.integers(2, 300), st.data(), st.sampled_from([0.1, 0.01, 0.7]))
def test_an_order_ends_with_its_last_lot(number: int, data: st.DataObject, lot: float) -> None:
    """A rest that is only rounding would fill in the bar after, off the grid."""
    part = data.draw(st.integers(1, number - 1))
    slots, execution = some_slots(an_order(lot * number)), execution_params(lot=lot)
    for count in (part, number - part):
        bar = FLAT_BAR._replace(volume=10.0 * lot * (count + 0.5))
        trade(an_asset(), slots, bar, execution=execution)
    assert (slots[0].state, slots[0].outcome, slots[0].left) == (SlotState.DONE, Status.FILLED, 0.0)


@given(st.integers(1, 300), st.sampled_from([0.1, 0.01, 0.7]))
def test_a_position_built_of_lots_closes_whole_and_nothing_is_named(count: int, lot: float) -> None:
    asset = an_asset(volume_usual=1e6)
    for _ in range(count):
        asset.position += lot  # not the rounding of lot x count
    bar = FLAT_BAR._replace(volume=1e6)
    report = step(asset, some_slots(), bar, 0.0, execution=execution_params(lot=lot))
    assert (asset.position, report.bound_by, report.status) == (0.0, BoundBy.NONE, Status.FILLED)


@sides
@pytest.mark.parametrize("pending", [Exit.STOP_LOSS, Exit.MARGIN_CALL])
def test_a_position_is_left_in_whole_lots(side: float, pending: Exit) -> None:
    """Room for 100 in lots of 30: 90, 90 and the rest."""
    asset = held(side * 240.0, stop_loss=100.0 - side * 50.0, take_profit=100.0 + side * 50.0)
    asset.exit_pending = pending
    execution = execution_params(lot=30.0)
    traded = [trade(asset, some_slots(), execution=execution).traded for _ in range(3)]
    assert traded == [90.0, 90.0, 60.0]
    assert (asset.position, asset.exit_pending) == (0.0, Exit.NONE)


# ------------------------------------------------------------------------------ fees


@sides
def test_a_resting_target_pays_the_makers_fee_and_a_stop_the_takers(side: float) -> None:
    execution = execution_params(fee=1e-3, maker_fee=-2e-4)
    target, stop = 100.0 + side * 5.0, 100.0 - side * 5.0
    terms = FREE._replace(half_spread=3e-4)  # more than the rebate
    for extreme, rate in ((target, -2e-4), (stop, 1e-3)):
        far = extreme + math.copysign(0.1, extreme - 100.0)
        bar = Bar(100.0, max(100.0, far), min(100.0, far), 100.0, 1000.0)
        asset = held(side * 10.0, stop_loss=stop, take_profit=target)
        report = trade(asset, some_slots(), bar, terms=terms, execution=execution)
        assert report.fees == pytest.approx(rate * report.notional)


@pytest.mark.parametrize(
    ("size", "fee"),
    [
        (100.0, 10.0),  # 0.1% of 10,000, within both limits
        (10.0, 5.0),  # 0.1% of 1,000 is less than the minimum
        (1.0, 2.0),  # the minimum is more than 2% of 100: the maximum holds
    ],
)
def test_a_fee_lies_between_its_minimum_and_its_maximum(size: float, fee: float) -> None:
    execution = execution_params(fee=1e-3, fee_minimum=5.0, fee_maximum=0.02)
    account = an_account()
    report = trade(an_asset(), some_slots(an_order(size)), execution=execution, account=account)
    assert report.fees == account.fees_paid == pytest.approx(fee)
    assert account.cash == pytest.approx(1e6 + report.cash_flow - fee)


def test_a_fee_an_order_s_unit_is_limited_too() -> None:
    execution = execution_params(fee_per_unit=5.0, fee_maximum=0.02)
    assert trade(an_asset(), some_slots(an_order(10.0)), execution=execution).fees == 20.0


@given(st.lists(st.floats(1.0, 300.0), min_size=1, max_size=5), st.floats(0.5, 2000.0))
def test_the_limits_are_an_order_s_not_a_fill_s(volumes: list[float], size: float) -> None:
    limits = {"fee": 1e-3, "fee_minimum": 5.0, "fee_maximum": 0.02}
    slots, account, execution = some_slots(an_order(size)), an_account(), execution_params(**limits)
    for volume in volumes:
        bar = FLAT_BAR._replace(volume=volume)
        trade(an_asset(), slots, bar, execution=execution, account=account)
    notional = slots[0].notional
    due = min(max(1e-3 * notional, 5.0), 0.02 * notional)
    assert account.fees_paid == pytest.approx(due)


def test_the_exit_of_a_position_pays_its_minimum_once() -> None:
    asset, account = held(250.0), an_account()
    asset.exit_pending = Exit.MARGIN_CALL
    execution = execution_params(fee=1e-5, fee_minimum=5.0)
    fees = [trade(asset, some_slots(), execution=execution, account=account).fees for _ in range(3)]
    assert fees == pytest.approx([5.0, 0.0, 0.0])


# ----------------------------------------------------------------------- whole steps


@given(
    st.lists(st.tuples(st.floats(-200.0, 200.0), bars()), min_size=1, max_size=6),
    ticks,
    lots,
    st.floats(0.0, 250.0),
)
def test_on_the_grid_every_step_s_ledger_adds_up(
    path: list[tuple[float, Bar]], tick: float, lot: float, latency: float
) -> None:
    asset, slots, account = an_asset(), some_slots(), an_account()
    execution = costly(tick=tick, lot=lot, latency_median_s=latency)
    stops = {"stop_distance": 0.05, "target_distance": 0.05}
    for number, (target, bar) in enumerate(path):
        same = {"account": account, "execution": execution, "number": number}
        report = step(asset, slots, bar, target, **same, **stops)
        assert ledger(report) == pytest.approx(report.shortfall, rel=1e-9, abs=1e-6)
        assert report.spread >= -1e-6
        assert off_grid(asset.position, lot) < 1e-6
        for level in (asset.stop_loss, asset.take_profit):
            assert off_grid(level, tick) < 1e-6
