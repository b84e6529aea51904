"""Orders: what is sent, when it arrives, how it ends."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import (
    FLAT_BAR,
    SECONDS,
    a_desk,
    a_report,
    an_address,
    an_asset,
    an_order,
    execution_params,
    held,
    risk_params,
    some_slots,
    step,
    trade,
)
from tests.kept import send_order
from trading_env.core.codes import BoundBy, SlotState, Status, TimeInForce
from trading_env.core.records import SLOTS
from trading_env.execution_engine.orders import draw_latency
from trading_env.risk_manager.instructions import configured

WIDE = FLAT_BAR._replace(volume=1e6)
DRY = FLAT_BAR._replace(volume=0.0)


def sent(asset: Any, slots: Any, target: float, risk: Any = None, **execution: Any) -> Any:
    """Send what a target asks for; return the report."""
    asset.slots_used = SLOTS
    report = a_report(target=target)
    params = execution_params(**execution)
    desk = a_desk(asset, slots, report=report, risk=risk, execution=params)
    send_order(desk, configured(params), an_address(step=4))
    return report


def live_units(slots: Any) -> float:
    live = (SlotState.IN_FLIGHT, SlotState.WORKING)
    return float(sum(slot.left for slot in slots if slot.state in live))


@pytest.mark.proof
def test_a_new_order_is_what_the_target_lacks_after_everything_live() -> None:
    slots = some_slots(an_order(3.0), an_order(2.0, due=250.0))
    report = sent(held(4.0), slots, target=20.0)
    assert report.intended == 16.0
    assert report.sent == 11.0
    assert report.live == live_units(slots) == 16.0


def test_a_target_already_on_its_way_needs_no_order() -> None:
    slots = some_slots(an_order(3.0), an_order(2.0, due=250.0))
    assert sent(held(4.0), slots, target=9.0).sent == 0.0


def test_an_order_remembers_when_and_why_it_was_sent() -> None:
    slots = some_slots()
    sent(an_asset(), slots, target=5.0, latency_median_s=0.08)
    slot = slots[0]
    assert slot.state == SlotState.IN_FLIGHT
    assert (slot.quantity, slot.left, slot.claim) == (5.0, 5.0, 5.0)
    assert (slot.decision_price, slot.latency_s, slot.due_s) == (100.0, 0.08, 0.08)
    assert slot.identity == 5


def test_an_opposite_wish_replaces_what_is_working() -> None:
    slots = some_slots(an_order(10.0))
    report = sent(an_asset(), slots, target=4.0)
    assert report.sent == 4.0
    assert report.live == 4.0  # the ten no longer stand for a wish
    assert slots[1].replaces == 1
    assert slots[0].state == SlotState.WORKING  # until the new order arrives


def test_a_replaced_order_fills_nothing_after_the_replacement() -> None:
    asset, slots = an_asset(), some_slots(an_order(10.0))
    report = step(asset, slots, WIDE, target=4.0)  # arrives at the open: no share is left
    assert asset.position == 4.0
    assert report.working == 0.0
    assert slots[0].outcome == Status.CANCELLED


def test_a_pure_cancel_fills_nothing_and_is_called_cancelled() -> None:
    asset, slots = an_asset(), some_slots(an_order(10.0))
    report = step(asset, slots, WIDE, target=0.0)
    assert asset.position == 0.0
    assert report.traded == 0.0
    assert report.status == Status.CANCELLED
    assert live_units(slots) == 0.0


def test_a_target_kept_while_a_replacement_flies_sends_nothing_more() -> None:
    """The doomed order stands for nothing, however many bars its replacement takes."""
    slots = some_slots(an_order(10.0))
    sent(an_asset(), slots, target=4.0, latency_median_s=5 * SECONDS)
    again = sent(an_asset(), slots, target=4.0, latency_median_s=5 * SECONDS)
    assert again.sent == 0.0
    assert again.live == 4.0
    assert sum(slot.state != SlotState.EMPTY for slot in slots) == 2


def test_a_doomed_order_does_not_stand_in_for_a_new_wish() -> None:
    slots = some_slots(an_order(10.0))
    sent(an_asset(), slots, target=4.0, latency_median_s=5 * SECONDS)
    assert sent(an_asset(), slots, target=14.0, latency_median_s=5 * SECONDS).sent == 10.0


def test_an_arriving_order_cancels_what_works_against_it() -> None:
    """An account does not trade with itself; what the target then lacks is sent again."""
    slots = some_slots(an_order(10.0), an_order(500.0, due=20.0))
    assert sent(an_asset(), slots, target=496.0, latency_median_s=60.0).sent == -4.0
    asset = an_asset()
    trade(asset, slots)
    assert slots[0].state == SlotState.DONE
    assert slots[1].outcome == Status.CANCELLED
    assert 0.0 < asset.position <= 100.0


def test_an_order_that_replaces_for_a_rounding_is_a_pure_cancel() -> None:
    slots = some_slots(an_order(-0.3, due=900.0), an_order(5.0))
    report = sent(held(0.1 + 0.2), slots, target=0.0)
    assert (slots[1].replaced, slots[2].replaces) == (1, 1)
    assert report.sent == slots[2].quantity == 0.0


def test_a_fifth_order_is_refused_by_name_and_nothing_is_lost() -> None:
    slots = some_slots(*[an_order(1.0, due=900.0)] * SLOTS)
    report = sent(an_asset(), slots, target=50.0)
    assert report.bound_by == BoundBy.ORDER_SLOTS
    assert report.sent == 0.0
    assert live_units(slots) == SLOTS


def test_while_an_exit_is_pending_no_order_is_sent() -> None:
    asset, slots = held(5.0), some_slots()
    asset.slots_used = SLOTS
    report = a_report(target=0.0, bound_by=BoundBy.EXIT_PENDING)
    desk = a_desk(asset, slots, report=report)
    send_order(desk, configured(desk.rules.execution), an_address())
    assert report.sent == 0.0


@pytest.mark.parametrize(
    ("position", "target", "goes"), [(0.0, 90.0, False), (0.0, 110.0, True), (90.0, 0.0, True)]
)
def test_small_changes_stay_at_home_but_a_close_is_always_sent(
    position: float, target: float, goes: bool
) -> None:
    """The band is 1% of a million at a price of 100: 100 units."""
    report = sent(held(position), some_slots(), target, risk_params(no_trade_band=0.01))
    assert bool(report.sent != 0.0) is goes
    assert bool(report.bound_by == BoundBy.NO_TRADE_BAND) is not goes


@given(st.integers(1, 5_000))
def test_a_late_order_is_never_lost_and_never_early(latency: int) -> None:
    asset, slots = an_asset(), some_slots()
    execution = execution_params(latency_median_s=latency)
    bars_to_wait = latency // int(SECONDS)
    reports = []
    for number in range(bars_to_wait + 1):
        reports.append(step(asset, slots, WIDE, 5.0, execution=execution, number=number))
    assert all(report.status == Status.IN_FLIGHT for report in reports[:-1])
    assert all(report.traded == 0.0 for report in reports[:-1])
    assert reports[-1].status == Status.FILLED
    assert reports[-1].latency_s == latency
    assert sum(report.sent for report in reports) == asset.position == 5.0


def test_an_order_due_as_the_bar_ends_arrives_with_the_next_open() -> None:
    slots = some_slots(an_order(5.0, due=SECONDS))
    assert trade(an_asset(), slots, WIDE).traded == 0.0
    assert (slots[0].state, slots[0].due_s) == (SlotState.IN_FLIGHT, 0.0)


@pytest.mark.parametrize("tif", list(TimeInForce))
def test_the_unfilled_rest_expires_or_works_on(tif: TimeInForce) -> None:
    lapses = int(tif == TimeInForce.BAR)
    asset, slots = an_asset(), some_slots(an_order(150.0, lapses=lapses))
    report = trade(asset, slots)
    works = tif == TimeInForce.EPISODE
    assert asset.position == 100.0
    assert report.working == (50.0 if works else 0.0)
    assert slots[0].state == (SlotState.WORKING if works else SlotState.DONE)
    assert slots[0].left == 50.0
    assert works or slots[0].outcome == Status.EXPIRED


def test_a_bar_order_in_flight_does_not_expire_before_it_arrives() -> None:
    slots = some_slots(an_order(5.0, due=2.5 * SECONDS, lapses=1))
    for _ in range(2):
        trade(an_asset(), slots, WIDE)
    assert slots[0].state == SlotState.IN_FLIGHT
    assert trade(an_asset(), slots, WIDE).traded == 5.0


def test_without_volume_an_order_arrives_and_waits() -> None:
    asset, slots = an_asset(), some_slots()
    waiting = step(asset, slots, DRY, 5.0)
    assert (waiting.status, waiting.traded, waiting.working) == (Status.WORKING, 0.0, 5.0)
    assert step(asset, slots, WIDE, 5.0, number=1).filled == 5.0


def test_a_cancel_leaves_working_orders_together_the_share_before_it() -> None:
    asset, slots = an_asset(), some_slots(an_order(80.0), an_order(80.0))
    report = step(asset, slots, FLAT_BAR, 0.0, execution=execution_params(latency_median_s=30.0))
    assert report.traded == pytest.approx(30.0)
    assert report.working == 0.0


def test_a_cancel_still_under_way_leaves_them_the_whole_bar() -> None:
    asset, slots = an_asset(), some_slots(an_order(150.0))
    report = step(asset, slots, FLAT_BAR, 0.0, execution=execution_params(latency_median_s=130.0))
    assert report.traded == 100.0


@given(st.lists(st.floats(-300.0, 300.0), min_size=1, max_size=8), st.floats(0.0, 350.0))
def test_every_unit_sent_is_filled_live_or_ended_by_name(
    targets: list[float], latency: float
) -> None:
    asset, slots = an_asset(), some_slots()
    execution = execution_params(latency_median_s=latency)
    sent, ended = {}, 0.0
    for number, target in enumerate(targets):
        report = step(asset, slots, FLAT_BAR, target, execution=execution, number=number)
        sent[number + 1] = report.sent
        ended += sum(slot.left for slot in slots if slot.state == SlotState.DONE)
        for slot in slots:  # what was taken off on arrival, to keep to the order's goal
            if slot.state != SlotState.EMPTY:
                sent[int(slot.identity)] = slot.quantity
    total = sum(sent.values())
    assert total == pytest.approx(asset.position + live_units(slots) + ended, abs=1e-9)


def test_latency_is_lognormal_and_stretched_by_the_scenario() -> None:
    execution = execution_params(latency_median_s=0.1, latency_log_sd=0.5)
    drawn = sorted(draw_latency(execution, 3.0, an_address(step=k)) for k in range(2001))
    assert drawn[1000] == pytest.approx(0.3, rel=0.06)
    assert drawn[1683] / drawn[1000] == pytest.approx(2.718281828**0.5, rel=0.1)
    assert draw_latency(execution_params(latency_median_s=0.1), 3.0, an_address()) == 0.1 * 3.0


def test_orders_arrive_in_the_order_in_which_they_were_sent() -> None:
    slots = some_slots(an_order(5.0, due=300.0))
    sent(an_asset(), slots, target=9.0, latency_median_s=20.0)
    assert (slots[1].due_s, slots[1].latency_s) == (300.0, 300.0)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_what_a_replaced_order_fills_meanwhile_is_taken_off_its_replacement(side: float) -> None:
    """100 wanted, 80 filled, 20 working; cut back to 5 more while the 20 fill."""
    asset, slots = held(side * 80.0), some_slots(an_order(side * 20.0, goal=side * 100.0))
    first = step(
        asset, slots, WIDE, side * 85.0, execution=execution_params(latency_median_s=150.0)
    )
    assert (first.sent, asset.position) == (side * 5.0, side * 100.0)
    second = trade(asset, slots, WIDE)
    assert (second.traded, asset.position) == (0.0, side * 100.0)
    assert slots[1].outcome == Status.CANCELLED


@given(
    st.lists(st.sampled_from([-1.0, -0.4, 0.0, 0.3, 1.0]), min_size=1, max_size=12),
    st.lists(st.floats(0.0, 300.0), min_size=12, max_size=12),
)
def test_no_race_of_orders_carries_a_position_beyond_the_targets(
    targets: list[float], latencies: list[float]
) -> None:
    """Whatever is late, replaced or partly filled: within the largest target on either side."""
    asset, slots = an_asset(), some_slots()
    for number, target in enumerate(targets):
        execution = execution_params(latency_median_s=latencies[number])
        step(asset, slots, FLAT_BAR, 150.0 * target, execution=execution, number=number)
        reached = [150.0 * wanted for wanted in targets[: number + 1]]
        assert min(*reached, 0.0) - 1e-9 <= asset.position <= max(*reached, 0.0) + 1e-9
