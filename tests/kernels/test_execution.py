"""Fills inside one bar: order of events, the cap, exits, and a ledger that adds up."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.helpers import (
    FLAT_BAR,
    FREE,
    SECONDS,
    a_stress,
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
from trading_env.types import (
    Bar,
    Exit,
    ImpactReference,
    SlotState,
    Status,
    Terms,
    TimeInForce,
)

RISING = Bar(100.0, 110.0, 95.0, 105.0, 1000.0)  # 100, 95, 110, 105, a third of a bar each
FALLING = Bar(105.0, 110.0, 95.0, 100.0, 1000.0)  # 105, 110, 95, 100
PRICEY = Terms(0.0, 0.001, 0.01, 0.6, 1e-6, 0.0)
sides = pytest.mark.parametrize("side", [1.0, -1.0])


def mirrored(bar: Bar) -> Bar:
    """The same bar upside down, about 100."""
    return Bar(200.0 - bar.open, 200.0 - bar.low, 200.0 - bar.high, 200.0 - bar.close, bar.volume)


def facing(bar: Bar, side: float) -> Bar:
    return bar if side > 0 else mirrored(bar)


def guarded(side: float, units: float = 10.0, stop: float = 95.0, target: float = 120.0) -> Any:
    """A position with stop and target, given as if it were long."""
    levels = {"stop_loss": 100 + side * (stop - 100), "take_profit": 100 + side * (target - 100)}
    return held(side * units, **levels)


# ------------------------------------------------------------------------ resting exits


@sides
def test_a_stop_that_is_touched_fills_at_its_level(side: float) -> None:
    asset = guarded(side, stop=96.0)
    report = trade(asset, some_slots(), facing(RISING, side))
    assert report.exit == Exit.STOP_LOSS
    assert report.price == pytest.approx(100.0 - side * 4.0)
    assert report.filled == -10.0 * side
    assert asset.position == 0.0


@sides
def test_a_stop_in_a_gap_fills_at_the_open(side: float) -> None:
    gap = Bar(80.0, 84.0, 79.0, 82.0, 1000.0)
    report = trade(guarded(side), some_slots(), facing(gap, side))
    assert report.price == pytest.approx(100.0 - side * 20.0)
    assert report.delay == pytest.approx(10.0 * 15.0)  # paid, against the level
    assert report.shortfall == pytest.approx(150.0)


@sides
def test_a_stop_pays_spread_and_impact_like_any_other(side: float) -> None:
    report = trade(guarded(side), some_slots(), facing(RISING, side), terms=PRICEY)
    stop = 100.0 - side * 5.0
    assert side * (stop - report.price) > 0.0
    assert report.spread == pytest.approx(10.0 * 0.001 * stop)


@sides
def test_a_target_is_a_limit_order(side: float) -> None:
    asset = guarded(side, stop=90.0, target=108.0)
    report = trade(asset, some_slots(), facing(RISING, side), terms=PRICEY)
    assert report.exit == Exit.TAKE_PROFIT
    assert report.price == pytest.approx(100.0 + side * 8.0)
    assert report.spread == report.impact == 0.0


@sides
def test_a_target_that_gaps_fills_at_the_better_open(side: float) -> None:
    gap = Bar(130.0, 131.0, 128.0, 129.0, 1000.0)
    report = trade(guarded(side), some_slots(), facing(gap, side))
    assert report.price == pytest.approx(100.0 + side * 30.0)
    assert report.shortfall == pytest.approx(-100.0)


@sides
def test_the_stop_is_taken_when_both_are_touched(side: float) -> None:
    asset = guarded(side, stop=96.0, target=108.0)
    assert trade(asset, some_slots(), facing(RISING, side)).exit == Exit.STOP_LOSS


@sides
def test_levels_that_are_not_touched_do_nothing(side: float) -> None:
    asset = guarded(side, stop=94.0, target=111.0)
    assert trade(asset, some_slots(), facing(RISING, side)).traded == 0.0
    assert asset.position == 10.0 * side


@sides
def test_what_the_cap_leaves_of_a_stop_works_on_until_flat(side: float) -> None:
    asset = guarded(side, units=250.0)
    first = trade(asset, some_slots(), facing(RISING, side))
    assert (first.traded, asset.position) == (100.0, 150.0 * side)
    assert asset.exit_pending == Exit.STOP_LOSS
    calm = Bar(105.0, 106.0, 104.0, 105.0, 1000.0)  # well away from the stop
    asset.mark = 105.0 if side > 0 else 95.0
    second = trade(asset, some_slots(), facing(calm, side))
    third = trade(asset, some_slots(), facing(calm, side))
    assert (second.traded, third.traded, asset.position) == (100.0, 50.0, 0.0)
    assert second.price == pytest.approx(100.0 + side * 5.0)
    assert asset.exit_pending == Exit.NONE


def test_the_rest_of_a_target_keeps_resting_at_its_level() -> None:
    asset = guarded(1.0, units=150.0, stop=90.0, target=108.0)
    trade(asset, some_slots(), RISING)
    assert (asset.position, asset.exit_pending, asset.take_profit) == (50.0, Exit.NONE, 108.0)
    assert trade(asset, some_slots()).traded == 0.0
    assert trade(asset, some_slots(), RISING).price == 108.0


@sides
def test_a_margin_call_fills_at_the_open_like_a_stop_already_triggered(side: float) -> None:
    asset = guarded(side, stop=50.0)
    asset.exit_pending = Exit.MARGIN_CALL
    bar = Bar(101.0, 103.0, 99.0, 102.0, 1000.0)
    report = trade(asset, some_slots(), bar, terms=PRICEY)
    assert report.exit == Exit.MARGIN_CALL
    assert asset.position == 0.0
    assert report.price == pytest.approx(101.0, rel=0.01)
    assert report.delay == pytest.approx(-side * 10.0 * 1.0)
    assert report.spread > 0.0


def test_an_exit_cancels_every_other_order() -> None:
    slots = some_slots(an_order(5.0), an_order(5.0, due=50.0), an_order(5.0, due=500.0))
    report = trade(guarded(1.0), slots, RISING)
    assert report.order_filled == 0.0
    assert report.working == 0.0
    assert [slot.outcome for slot in slots[:3]] == [Status.CANCELLED] * 3


# --------------------------------------------------------------------- orders in a bar


@pytest.mark.parametrize(
    ("due", "mid"), [(0.0, 100.0), (100 / 6, 97.5), (50.0, 102.5), (250 / 3, 107.5)]
)
def test_an_order_trades_at_the_price_of_the_moment_it_arrives(due: float, mid: float) -> None:
    report = trade(an_asset(), some_slots(an_order(1.0, due=due)), RISING)
    assert report.price == pytest.approx(mid)
    assert report.delay == pytest.approx(mid - 100.0)


def test_orders_arrive_in_order_of_time() -> None:
    slots = some_slots(an_order(90.0, due=20.0), an_order(90.0, due=0.0))
    trade(an_asset(), slots)
    assert (slots[1].filled, slots[0].filled) == (90.0, 10.0)


def test_a_late_arrival_has_only_the_rest_of_the_bars_volume() -> None:
    slots = some_slots(an_order(500.0, due=75.0))
    assert trade(an_asset(), slots).traded == pytest.approx(25.0)


def test_a_cancel_leaves_working_orders_together_the_share_before_it() -> None:
    cancel = an_order(0.0, due=30.0, replaces=1)
    slots = some_slots(an_order(80.0), an_order(80.0), cancel)
    report = trade(an_asset(), slots)
    assert report.traded == pytest.approx(30.0)
    assert report.working == 0.0


def test_a_cancel_still_under_way_leaves_them_the_whole_bar() -> None:
    slots = some_slots(an_order(150.0), an_order(0.0, due=130.0, replaces=1))
    assert trade(an_asset(), slots).traded == 100.0


def test_temporary_impact_is_in_the_rate_over_the_order_s_own_interval() -> None:
    """10 of a bar of 1000, all of it: 1%; in the last quarter: 4%."""
    terms = FREE._replace(temporary=0.1)
    early = trade(an_asset(), some_slots(an_order(10.0, due=0.0)), terms=terms)
    late = trade(an_asset(), some_slots(an_order(10.0, due=75.0)), terms=terms)
    assert early.price == pytest.approx(100.1)
    assert late.price == pytest.approx(100.4)


def test_two_orders_in_a_bar_move_the_price_as_much_as_one_of_their_sum() -> None:
    """Else a round trip, bought in halves and sold as a whole, would pay."""
    terms = FREE._replace(permanent=1e-4)
    whole = trade(an_asset(), some_slots(an_order(20.0)), terms=terms)
    halves = trade(an_asset(), some_slots(an_order(10.0), an_order(10.0)), terms=terms)
    assert halves.impact == pytest.approx(whole.impact, rel=1e-6)


def test_a_position_enlarged_late_still_keeps_its_stop_from_its_opening() -> None:
    distances = {"stop_distance": 0.06, "target_distance": 0.5}
    slots = some_slots(an_order(5.0, **distances), an_order(5.0, due=95.0, **distances))
    assert trade(an_asset(), slots, RISING._replace(low=80.0)).exit == Exit.STOP_LOSS


def test_arrivals_together_have_only_the_rest_of_the_bars_volume() -> None:
    slots = some_slots(an_order(500.0, due=90.0), an_order(500.0, due=90.0))
    assert trade(an_asset(), slots).traded == pytest.approx(10.0)


def test_an_exit_pays_its_minimum_fee_once_over_all_its_bars() -> None:
    asset, execution = guarded(1.0, units=250.0), execution_params(fee_minimum=5.0)
    fees = [trade(asset, some_slots(), RISING, execution=execution).fees for _ in range(3)]
    assert sum(fees) == 5.0


def test_an_exit_that_cannot_trade_is_charged_with_the_move_it_missed() -> None:
    asset, slots = guarded(1.0, stop=50.0), some_slots()
    asset.exit_pending = Exit.MARGIN_CALL
    dry = step(asset, slots, Bar(90.0, 90.0, 90.0, 90.0, 0.0), 0.0)
    assert dry.opportunity == pytest.approx(10.0 * 10.0)


def test_a_position_opened_in_the_bar_is_stopped_on_the_rest_of_it() -> None:
    distances = {"stop_distance": 0.06, "target_distance": 0.5}
    asset, slots = an_asset(), some_slots(an_order(5.0, due=0.0, **distances))
    plunge = RISING._replace(low=90.0)
    report = trade(asset, slots, plunge)
    assert report.exit == Exit.STOP_LOSS
    assert report.traded == 10.0
    assert asset.position == 0.0
    assert report.notional == pytest.approx(5 * 100 + 5 * 100 * math.exp(-0.06))


def test_a_position_opened_after_the_low_is_not_stopped_by_it() -> None:
    distances = {"stop_distance": 0.06, "target_distance": 0.5}
    slots = some_slots(an_order(5.0, due=90.0, **distances))
    assert trade(an_asset(), slots, RISING._replace(low=80.0)).exit == Exit.NONE


@sides
def test_stops_lie_on_the_losing_side_of_the_entry(side: float) -> None:
    distances = {"stop_distance": 0.2, "target_distance": 0.3}
    asset = an_asset()
    trade(asset, some_slots(an_order(side * 5.0, **distances)), FLAT_BAR, terms=PRICEY)
    assert side * (asset.entry_price - asset.stop_loss) > 0.0
    assert side * (asset.take_profit - asset.entry_price) > 0.0


def test_an_order_pays_its_minimum_fee_once_over_all_its_fills() -> None:
    execution = execution_params(fee=1e-4, fee_minimum=5.0)
    asset, slots, account = an_asset(), some_slots(an_order(350.0)), an_account()
    fees = [trade(asset, slots, execution=execution, account=account).fees for _ in range(4)]
    assert fees == pytest.approx([5.0, 0.0, 0.0, 0.0])
    assert slots[0].fees == account.fees_paid == pytest.approx(5.0)


@pytest.mark.parametrize("pending", [Exit.NONE, Exit.STOP_LOSS])
@pytest.mark.parametrize(
    ("volume", "stress"), [(0.0, {}), (1e9, {"halted": 1}), (1e9, {"halted": 1, "gap": -0.5})]
)
def test_nothing_fills_in_a_halt_or_without_volume(
    pending: Exit, volume: float, stress: dict[str, Any]
) -> None:
    asset = guarded(1.0)
    asset.exit_pending = pending
    slots = some_slots(an_order(50.0), an_order(50.0, due=10.0))
    wild = Bar(90.0, 130.0, 60.0, 80.0, volume)
    report = step(asset, slots, wild, 110.0, stress=a_stress(**stress))
    assert report.traded == report.fees == 0.0
    assert asset.position == 10.0


def test_an_order_that_arrives_in_a_halt_waits_for_the_gap() -> None:
    asset, slots = an_asset(), some_slots()
    halt = step(asset, slots, FLAT_BAR, 5.0, stress=a_stress(halted=1, gap=math.log(1.2)))
    assert halt.status == Status.HALTED
    after = step(asset, slots, FLAT_BAR, 5.0, number=1)
    assert after.price == pytest.approx(120.0)
    assert after.delay == pytest.approx(5 * 20.0)


# ------------------------------------------------------------------------- laws at random

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
def test_a_round_trip_at_zero_volatility_always_costs(
    targets: list[float], latency: float
) -> None:
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
