"""Limit orders: never worse than the limit, and no cheaper way round the spread and the cap."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import (
    FLAT_BAR,
    FREE,
    SECONDS,
    a_desk,
    a_report,
    an_address,
    an_asset,
    an_order,
    bars,
    costly,
    execution_params,
    held,
    some_slots,
    step,
    trade,
)
from trading_env.core.codes import Exit, Status
from trading_env.core.values import Bar, Session, Terms
from trading_env.execution_engine.bar_path import whole_bar
from trading_env.execution_engine.inside_bar import follow
from trading_env.execution_engine.limits import limit_price, resting_mid, resting_quote
from trading_env.execution_engine.orders import begin_step
from trading_env.execution_engine.touches import SEARCH
from trading_env.risk_manager.instructions import configured

SPREAD = Terms(0.0, 0.001, 0.0, 1.0, 0.0, 0.0)
PRICEY = Terms(0.0, 0.001, 0.01, 0.6, 1e-6, 0.0)
LIMITS = {"limit_orders": 1}
MUCH = 1e6  # a volume under whose cap everything fits


def limited(**fields: Any) -> Any:
    return execution_params(**LIMITS, **fields)


@given(
    bar=bars(),
    quantity=st.floats(-300.0, 300.0).filter(lambda x: abs(x) > 1e-3),
    away=st.floats(-0.1, 0.1),
    due=st.none() | st.floats(0.0, 99.0),
    tick=st.sampled_from([0.0, 0.25]),
    transient=st.floats(-0.05, 0.05),
)
def test_a_limit_order_never_trades_at_a_worse_price(
    bar: Bar, quantity: float, away: float, due: float | None, tick: float, transient: float
) -> None:
    execution = limited(tick=tick, limit_offset=away)
    limit = limit_price(100.0, quantity, configured(execution), tick)
    slots = some_slots(an_order(quantity, due, limit=limit))
    terms = PRICEY._replace(transient=transient)
    report = trade(an_asset(), slots, bar, terms=terms, execution=execution)
    assert report.traded <= 0.1 * bar.volume * (1.0 + 1e-12)
    if report.traded > 0.0:
        worse = math.copysign(1.0, quantity) * (report.price - slots[0].limit)
        assert worse <= 1e-12 * slots[0].limit
        assert slots[0].arrival_price >= bar.low * (1.0 - 1e-12)
        assert slots[0].arrival_price <= bar.high * (1.0 + 1e-12)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_limit_far_beyond_the_market_is_a_market_order(side: float) -> None:
    sent = [
        trade(
            an_asset(),
            some_slots(an_order(side * 50.0, 30.0, limit=100.0 * (1.0 + side * 0.5) * typed)),
            terms=PRICEY,
            execution=limited(fee=1e-4),
        )
        for typed in (0.0, 1.0)
    ]
    assert sent[0].tolist() == sent[1].tolist()
    assert sent[0].filled == side * 50.0


def test_a_limit_inside_the_costs_takes_only_what_it_allows() -> None:
    slots = some_slots(an_order(100.0, limit=100.5))
    terms = Terms(0.0, 0.001, 0.1, 1.0, 0.0, 0.0)
    report = trade(an_asset(), slots, terms=terms, execution=limited())
    # 100 (1 + 0.001 + 0.1 q / 1000) = 100.5 at q = 40, found to 100 / 2^20
    assert report.filled == pytest.approx(40.0, abs=1e-4)
    assert report.filled <= 40.0
    assert slots[0].left == 100.0 - report.filled


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_resting_order_fills_where_a_taker_would_get_its_limit(side: float) -> None:
    """The half spread is paid: touching the limit with the middle of the market is not enough."""
    limit = 100.0 - side
    for extreme, filled in ((limit, 0.0), (limit / 1.001**side - side * 1e-9, side * 50)):
        low, high = (extreme, 100.0) if side > 0.0 else (100.0, extreme)
        bar = Bar(100.0, high, low, 100.0, MUCH)
        slots = some_slots(an_order(side * 50.0, limit=limit))
        report = trade(an_asset(), slots, bar, terms=SPREAD, execution=limited())
        assert report.filled == filled
        if filled:
            assert report.price == limit
            paid = limit * (1.0 - 1.001**-side) * side  # what the path went beyond the limit
            assert report.spread + report.impact == pytest.approx(50.0 * paid)
            assert report.impact == pytest.approx(0.0, abs=50.0 * 100.0 * 0.001**2)


@given(st.floats(0.0, 1.0), st.floats(-1e6, 1e6), st.sampled_from([1.0, -1.0]))
def test_a_resting_order_costs_no_more_than_the_price(
    half_spread: float, transient: float, side: float
) -> None:
    terms = Terms(0.0, half_spread, 0.1, 0.6, 0.0, transient)
    session = Session(FLAT_BAR, terms, 100.0, 100.0, SECONDS)
    price = resting_quote(session, a_report(), 100.0, side).price
    assert 50.0 <= price <= 200.0
    assert resting_mid(session, a_report(), price, side) == pytest.approx(100.0)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_an_order_whose_limit_is_the_open_fills_at_it_once_the_path_is_beyond(side: float) -> None:
    """At the open nothing can be taken at the limit, so it rests."""
    down = Bar(100.0, 100.0, 98.0, 99.0, MUCH)
    bar = down if side > 0.0 else Bar(100.0, 102.0, 100.0, 101.0, MUCH)
    slots = some_slots(an_order(side * 50.0, limit=100.0))
    impact_alone = Terms(0.0, 0.0, 0.01, 0.6, 0.0, 0.0)  # nothing is taken at the limit
    report = trade(an_asset(), slots, bar, terms=impact_alone, execution=limited())
    assert (report.filled, report.rested, report.price) == (side * 50.0, 50.0, 100.0)


def test_resting_fills_cost_and_leave_what_those_of_market_orders_do() -> None:
    """Else a parent order that is worked by limits would get round its own impact."""
    left = []
    for offset in (0.02, None):
        limits = {} if offset is None else {"limit_orders": 1, "limit_offset": offset}
        asset, bar = an_asset(), Bar(100.0, 100.0, 95.0, 100.0, MUCH)
        report = step(asset, some_slots(), bar, 50.0, execution=costly(**limits))
        assert report.filled == 50.0
        assert report.rested == (0.0 if offset is None else 50.0)
        paid = (report.spread + report.impact) / report.notional
        left.append((paid, asset.permanent, *asset.transient))
    assert left[0] == pytest.approx(left[1], rel=1e-6)
    assert min(left[0]) > 0.0


def test_orders_that_rest_together_pay_for_what_the_bar_has_traded() -> None:
    """A wish cut into several limits is met no nearer than in one, and the second is dearer."""
    terms = Terms(0.0, 0.0, 0.1, 1.0, 0.0, 0.0)
    slots = some_slots(an_order(50.0, limit=99.0), an_order(50.0, limit=99.0))
    mids = []
    for low in (98.6, 97.4):  # mids at 99 / (1 + 0.1 x 50 / 1000) = 98.51 and, at 150, 97.54
        bar = Bar(100.0, 100.0, low, 100.0, 1000.0)
        slots = some_slots(an_order(50.0, limit=99.0), an_order(50.0, limit=99.0))
        report = trade(an_asset(), slots, bar, terms=terms, execution=limited(participation=1.0))
        mids.append([slot.arrival_price for slot in slots if slot.filled])
        assert report.price in (0.0, pytest.approx(99.0), 100.0)
    assert mids[0] == []
    assert mids[1] == pytest.approx([99.0 / 1.005, 99.0 / 1.015])  # 1.01 both on average


def test_makers_and_takers_fees_add_up_in_one_order() -> None:
    terms = Terms(0.0, 2e-4, 0.1, 1.0, 0.0, 0.0)
    slots = some_slots(an_order(100.0, limit=100.52))
    asset, execution = an_asset(), limited(fee=1e-3, maker_fee=-1e-4)
    first = trade(asset, slots, terms=terms, execution=execution)
    taken = first.notional
    begin_step(asset, slots)
    second = trade(
        asset, slots, Bar(101.0, 101.0, 99.0, 101.0, MUCH), terms=terms, execution=execution
    )
    assert second.filled == pytest.approx(50.0, abs=1e-3)
    assert second.price == 100.52
    assert slots[0].fees == pytest.approx(1e-3 * taken - 1e-4 * second.notional, rel=1e-12)


def test_what_own_trades_left_hurts_a_resting_order_and_never_helps_it() -> None:
    for high, fills in ((100.9, (0.0, 0.0, 0.0)), (101.3, (-50.0, -50.0, 0.0))):
        for transient, filled in zip((0.005, 0.0, -0.005), fills, strict=True):
            slots = some_slots(an_order(-50.0, limit=101.0))
            bar = Bar(100.0, high, 100.0, 100.0, MUCH)
            terms = SPREAD._replace(transient=transient)
            report = trade(an_asset(), slots, bar, terms=terms, execution=limited())
            assert report.filled == filled


def test_an_order_rests_from_its_arrival_on() -> None:
    """What the path does before does not count: the later, the more often the low is past."""
    bar = Bar(100.0, 101.0, 95.0, 100.5, MUCH)
    shares = []
    for due in (0.0, 30.0, 60.0, 95.0):
        filled = 0
        for seed in range(100):
            slots = some_slots(an_order(50.0, due, limit=96.0))
            report = trade(an_asset(), slots, bar, execution=limited(), seed=seed)
            filled += report.rested > 0.0
        shares.append(filled / 100.0)
    assert shares[0] == 1.0
    assert shares[-1] < 0.1
    assert shares == sorted(shares, reverse=True)


def test_a_fill_at_the_low_is_open_to_the_stop_and_then_to_the_target() -> None:
    for low, exit_code in ((97.5, Exit.TAKE_PROFIT), (90.0, Exit.STOP_LOSS)):
        asset = an_asset()
        order = an_order(50.0, limit=98.0, stop_distance=0.01, target_distance=0.02)
        bar = Bar(100.0, 103.0, low, 100.5, MUCH)
        report = trade(asset, some_slots(order), bar, execution=limited())
        assert report.exit == exit_code
        assert asset.position == 0.0


@pytest.mark.proof
def test_an_order_without_room_is_not_looked_for_again() -> None:
    """One search finds the order, and one the first of stop and target."""
    bar = Bar(100.0, 112.0, 88.0, 100.0, 1000.0)
    for seed in range(20):
        desk = a_desk(
            held(10.0, stop_loss=90.0, take_profit=110.0),
            some_slots(an_order(5.0, limit=99.0)),
            report=a_report(traded=100.0),
            execution=limited(),
        )
        session = Session(bar, FREE, 100.0, 100.0, SECONDS)
        *_, splits = follow(desk, session, whole_bar(bar), 100.0, an_address(seed), 0)
        assert splits <= 2 * SEARCH


def test_a_stop_cancels_a_resting_order() -> None:
    asset = held(10.0, stop_loss=99.0, take_profit=120.0)
    slots = some_slots(an_order(50.0, limit=98.0))
    report = trade(asset, slots, Bar(100.0, 100.0, 97.0, 97.5, MUCH), execution=limited())
    assert report.exit == Exit.STOP_LOSS
    assert slots[0].filled == 0.0
    assert slots[0].outcome == Status.CANCELLED


@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize(("ahead", "filled"), [(1e-9, 5.0), (-1e-9, 0.0), (0.0, 0.0)])
def test_of_levels_on_one_side_the_nearest_is_met_first(
    side: float, ahead: float, filled: float
) -> None:
    """However close they are, and whatever the path; at one price the stop comes first."""
    stop = 100.0 - side
    for seed in range(20):
        asset = held(10.0 * side, stop_loss=stop, take_profit=100.0 + 5.0 * side)
        slots = some_slots(an_order(5.0 * side, limit=stop + side * ahead))
        bar = Bar(100.0, 103.0, 97.0, 100.0, MUCH)
        report = trade(asset, slots, bar, execution=limited(), seed=seed)
        assert report.exit == Exit.STOP_LOSS
        assert slots[0].filled == filled * side


def test_the_cap_and_dry_bars_hold_for_resting_orders() -> None:
    slots = some_slots(an_order(500.0, limit=99.0))
    bar = Bar(100.0, 100.0, 90.0, 100.0, 1000.0)
    report = trade(an_asset(), slots, bar, execution=limited())
    # 10% of the volume of what is left of the bar when the path reaches the limit
    assert 0.0 < report.filled <= 100.0
    assert trade(an_asset(), slots, FLAT_BAR, execution=limited()).filled == 0.0
