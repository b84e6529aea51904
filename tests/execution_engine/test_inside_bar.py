"""Fills inside one bar: order of events, the cap, exits, and a ledger that adds up.

Over 300 lines because the events of a bar are tested in their order of time.
"""

import math
from typing import Any

import pytest

from tests.helpers import (
    FLAT_BAR,
    FREE,
    SECONDS,
    a_stress,
    an_account,
    an_asset,
    an_order,
    execution_params,
    held,
    some_slots,
    step,
    trade,
)
from trading_env.core.codes import BoundBy, Exit, Status
from trading_env.core.values import Bar, Terms

RISING = Bar(100.0, 110.0, 95.0, 105.0, 1000.0)
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
    # Of what a seller gets, or of the price before costs for a buyer: costs here are below 0.2%.
    assert report.spread == pytest.approx(10.0 * 0.001 * stop, rel=2e-3)


@sides
def test_a_target_is_a_limit_order(side: float) -> None:
    asset = guarded(side, stop=90.0, target=108.0)
    report = trade(asset, some_slots(), facing(RISING, side), terms=PRICEY)
    assert report.exit == Exit.TAKE_PROFIT
    assert report.price == pytest.approx(100.0 + side * 8.0)


@sides
def test_a_target_that_gaps_fills_at_the_better_open(side: float) -> None:
    gap = Bar(130.0, 131.0, 128.0, 129.0, 1000.0)
    report = trade(guarded(side), some_slots(), facing(gap, side))
    assert report.price == pytest.approx(100.0 + side * 30.0)
    assert report.shortfall == pytest.approx(-100.0)


@pytest.mark.proof
@sides
def test_the_path_decides_which_of_stop_and_target_comes_first(side: float) -> None:
    """From the middle of a symmetric bar either is first in about half of the paths."""
    bar = facing(Bar(100.0, 100.0 * 1.1, 100.0 / 1.1, 100.0, 1000.0), side)
    exits = []
    for seed in range(400):
        asset = held(side * 10.0, stop_loss=100.0 / 1.05**side, take_profit=100.0 * 1.05**side)
        exits.append(int(trade(asset, some_slots(), bar, seed=seed).exit))
    assert set(exits) == {Exit.STOP_LOSS, Exit.TAKE_PROFIT}
    # 4 standard errors of 400 coin flips: 0.1
    assert exits.count(Exit.STOP_LOSS) / 400 == pytest.approx(0.5, abs=0.1)


@sides
def test_the_nearer_level_mostly_comes_first(side: float) -> None:
    """A target at half a unit and a stop at nine, both within the bar: about 9 in 9.5."""
    bar = facing(Bar(100.0, 110.0, 90.0, 100.0, 1000.0), side)
    taken = 0
    for seed in range(200):
        asset = guarded(side, stop=91.0, target=100.5)
        taken += trade(asset, some_slots(), bar, seed=seed).exit == Exit.TAKE_PROFIT
    assert taken / 200 == pytest.approx(9.0 / 9.5, abs=0.1)


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
    slots = some_slots(an_order(5.0, due=40.0), an_order(5.0, due=50.0), an_order(5.0, due=500.0))
    report = trade(guarded(1.0), slots, Bar(94.0, 110.0, 93.0, 105.0, 1000.0))
    assert report.order_filled == 0.0
    assert report.working == 0.0
    assert [slot.outcome for slot in slots[:3]] == [Status.CANCELLED] * 3


# --------------------------------------------------------------------- orders in a bar


@pytest.mark.parametrize("due", [0.0, 20.0, 50.0, 80.0])
def test_an_order_trades_at_the_price_of_the_moment_it_arrives(due: float) -> None:
    """At the open, and later where the path of the bar is: a seed's draw, inside the bar."""
    paid = []
    for seed in range(20):
        report = trade(an_asset(), some_slots(an_order(1.0, due=due)), RISING, seed=seed)
        assert RISING.low <= report.price <= RISING.high
        assert report.delay == pytest.approx(report.price - 100.0)
        paid.append(report.price)
    assert len(set(paid)) == (1 if due == 0.0 else 20)
    assert due > 0.0 or paid[0] == RISING.open


def test_an_order_due_before_a_target_is_touched_trades_first() -> None:
    """Else a resting target would be a free look into the bar."""
    asset = guarded(1.0)
    report = trade(asset, some_slots(an_order(-asset.position)), RISING)
    assert report.exit == Exit.NONE
    assert report.price == RISING.open


def test_orders_arrive_in_order_of_time() -> None:
    slots = some_slots(an_order(90.0, due=20.0), an_order(90.0, due=0.0))
    trade(an_asset(), slots)
    # 90 spread over the bar leave 72 to trade in its last 80%, where 80 are allowed.
    assert (slots[1].filled, slots[0].filled) == (90.0, pytest.approx(8.0))


def test_a_late_arrival_has_only_the_rest_of_the_bars_volume() -> None:
    slots = some_slots(an_order(500.0, due=75.0))
    assert trade(an_asset(), slots).traded == pytest.approx(25.0)


def test_temporary_impact_is_in_the_rate_over_the_order_s_own_interval() -> None:
    """10 of a bar of 1000, all of it: 1%; in the last quarter: 4%."""
    terms = FREE._replace(temporary=0.1)
    early = trade(an_asset(), some_slots(an_order(10.0, due=0.0)), terms=terms)
    late = trade(an_asset(), some_slots(an_order(10.0, due=75.0)), terms=terms)
    assert early.price == pytest.approx(100.1)
    assert late.price == pytest.approx(100.4)


@pytest.mark.parametrize(("due", "rate"), [(0.0, 0.03), (50.0, 0.04), (80.0, 0.07)])
def test_a_later_order_pays_for_what_it_adds_to_all_that_trades_with_it(
    due: float, rate: float
) -> None:
    """Of 10 since the open, 10 (1 - u) still trade with its own 10, in 1000 (1 - u).

    That is a rate of 0.01 alone and 0.02, 0.03 or 0.06 with it, of which squares are paid.
    """
    slots = some_slots(an_order(10.0), an_order(10.0, due=due))
    trade(an_asset(), slots, terms=FREE._replace(temporary=0.1))
    assert slots[0].impact == pytest.approx(10.0 * 100.0 * 0.1 * 0.01)
    assert slots[1].impact == pytest.approx(10.0 * 100.0 * 0.1 * rate)


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


def test_an_exit_that_cannot_trade_is_charged_with_the_move_it_missed() -> None:
    asset, slots = guarded(1.0, stop=50.0), some_slots()
    asset.exit_pending = Exit.MARGIN_CALL
    dry_bar = Bar(90.0, 90.0, 90.0, 90.0, 0.0)
    dry = step(asset, slots, dry_bar, 0.0, bound_by=BoundBy.EXIT_PENDING)
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
    """Opened late in a bar that fell to 80 and closed at 105: after the low, but for rare paths."""
    distances = {"stop_distance": 0.2, "target_distance": 0.5}
    stopped = 0
    for seed in range(200):
        slots = some_slots(an_order(5.0, due=90.0, **distances))
        report = trade(an_asset(), slots, RISING._replace(low=80.0), seed=seed)
        stopped += report.exit == Exit.STOP_LOSS
    assert stopped < 10


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


@sides
def test_a_target_rests_and_pays_the_spread_and_its_own_impact(side: float) -> None:
    report = trade(
        guarded(side, stop=90.0, target=108.0), some_slots(), facing(RISING, side), terms=PRICEY
    )
    assert report.exit == Exit.TAKE_PROFIT
    assert report.rested == abs(report.filled) != 0.0
    assert side * report.pressure < 0.0
    assert report.spread > 0.0
    paid = PRICEY.temporary * 0.01**PRICEY.exponent * report.notional  # 10 of 1,000
    assert report.impact - report.impact_permanent == pytest.approx(paid, rel=0.01)
    assert report.impact_permanent > 0.0
    # What is paid comes out of a move that goes beyond the level, not out of its price.
    assert report.delay == pytest.approx(-report.spread - report.impact, rel=1e-9)


@sides
def test_a_bar_that_opens_beyond_the_target_fills_better_than_it_and_worse_than_the_open(
    side: float,
) -> None:
    asset = guarded(side, stop=90.0, target=108.0)
    opened = facing(Bar(112.0, 113.0, 111.0, 112.0, 1000.0), side)
    report = trade(asset, some_slots(), opened, terms=PRICEY)
    assert report.exit == Exit.TAKE_PROFIT
    assert side * (opened.open - report.price) == pytest.approx(
        opened.open * (PRICEY.half_spread + 5.0 * PRICEY.permanent + PRICEY.temporary * 0.01**0.6),
        rel=2e-3,
    )  # to first order
    assert side * (report.price - 100.0) > 8.0


@sides
def test_touching_the_target_with_the_middle_of_the_market_is_not_enough(side: float) -> None:
    asset = guarded(side, stop=90.0, target=108.0)
    touched = facing(Bar(100.0, 108.05, 100.0, 101.0, 1000.0), side)
    assert trade(asset, some_slots(), touched, terms=PRICEY).exit == Exit.NONE


@pytest.mark.parametrize("trigger", [0.0, 99.0])
@pytest.mark.parametrize("due", [None, 0.3 * SECONDS])
def test_a_stop_met_as_it_works_or_arrives_fills_what_was_to_be_expected_of_the_bar(
    due: float | None, trigger: float
) -> None:
    """The bar's own volume would tell it how far the bar goes on."""
    order = an_order(500.0, due, trigger=trigger)
    execution = execution_params(participation=0.1)
    report = trade(an_asset(), some_slots(order), known=30.0, execution=execution)
    share = 0.7 if due else 1.0  # of the bar
    assert report.filled == pytest.approx(share * (30.0 if trigger else 100.0))
