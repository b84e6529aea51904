"""Parent orders: what a pace asks for, and what the deadline costs."""

import math
from typing import Any

import numpy as np
import pytest

from tests.helpers import (
    FLAT_BAR,
    a_desk,
    a_lane,
    a_report,
    a_stress,
    an_account,
    an_asset,
    an_order,
    execution_params,
    ledger,
    risk_params,
    some_rulebook,
    some_slots,
    trade,
)
from tests.kept import complete
from trading_env.core.codes import BoundBy, Status
from trading_env.core.records import SLOTS
from trading_env.execution_engine.pricing import terms_of
from trading_env.step.pace import decide_pace

sides = pytest.mark.parametrize("side", [1.0, -1.0])


def a_parent(units: float, **fields: Any) -> Any:
    """An asset at its arrival: a seller holds what is to be sold."""
    own = {"parent": units, "goal": max(units, 0.0), "position": max(-units, 0.0)}
    return an_asset(**{**own, "slots_used": SLOTS, **fields})


def paced(asset: Any, pace: float, steps_left: int, slots: Any = None, **risk: Any) -> Any:
    rules = some_rulebook(risk=risk_params(**risk))
    lane = a_lane([asset], an_account(step=int(rules.episode.length) - steps_left))
    lane.slots[:, 0] = some_slots() if slots is None else slots
    decide_pace(np.array([pace]), lane, rules)
    return lane.reports[0]


@pytest.mark.proof
@sides
@pytest.mark.parametrize(
    ("pace", "share"), [(-1.0, 0.0), (-0.5, 0.125), (0.0, 0.25), (0.5, 0.625), (1.0, 1.0)]
)
def test_a_pace_asks_for_a_share_of_what_is_left(side: float, pace: float, share: float) -> None:
    asset = a_parent(side * 80.0)
    assert paced(asset, pace, 4).target - asset.position == pytest.approx(side * 80.0 * share)


@sides
@pytest.mark.parametrize("pace", [-1.0, -0.3, 1.0])
def test_the_last_step_asks_for_all_of_it(side: float, pace: float) -> None:
    asset = a_parent(side * 80.0)
    assert paced(asset, pace, 1).target == asset.goal


@sides
def test_a_pace_reaches_no_further_than_the_cap_of_some_bars(side: float) -> None:
    """Two bars of 10% of 1000."""
    report = paced(a_parent(side * 900.0), 1.0, 5, participation_bars=2.0)
    assert report.bound_by == BoundBy.PARTICIPATION
    assert report.target_fraction * 900.0 == pytest.approx(200.0)


@sides
def test_what_is_in_flight_cannot_be_called_back(side: float) -> None:
    asset, slots = a_parent(side * 80.0), some_slots(an_order(side * 60.0, due=250.0))
    assert paced(asset, -1.0, 4, slots).target - asset.position == side * 60.0


@pytest.mark.proof
@sides
def test_the_deadline_completes_at_cost(side: float) -> None:
    """200 left at 50, at a rate of 200 of half a mean bar's 1000.

    Half spread 1%, temporary 10% x 0.4, permanent the mean of e^z on the way to z = 0.1, fee 0.1%
    of what is paid.
    """
    asset = a_parent(side * 200.0, mark=50.0, permanent_unit=0.0005)
    account, report = an_account(), a_report()
    execution = execution_params(half_spread=0.01, temporary=0.1, fee=0.001)
    slots = some_slots(an_order(side * 100.0))
    complete(a_desk(asset, slots, account=account, report=report, execution=execution))
    moved = 50.0 * math.expm1(side * 0.1) / (side * 0.1)
    price = moved * 1.05**side
    assert asset.position == asset.goal
    assert report.price == pytest.approx(price)
    assert report.fees == pytest.approx(0.001 * 200.0 * price)
    assert account.cash == pytest.approx(1e6 - side * 200.0 * price - report.fees)
    assert report.shortfall == pytest.approx(200.0 * side * (price - 50.0) + report.fees)
    assert ledger(report) == pytest.approx(report.shortfall)
    assert (report.status, slots[0].outcome) == (Status.FILLED, Status.CANCELLED)


def test_a_parent_that_is_done_completes_nothing() -> None:
    asset, account, report = a_parent(100.0, position=100.0), an_account(), a_report()
    execution = execution_params(fee_minimum=5.0)
    complete(a_desk(asset, account=account, report=report, execution=execution))
    assert (report.traded, report.fees, account.cash) == (0.0, 0.0, 1e6)


def test_what_the_last_bar_has_filled_presses_on_the_completion() -> None:
    """Half of it beside the other half: together they cost what all of it does."""
    costs = {"half_spread": 0.01, "temporary": 0.1}
    paid = []
    for traded, left in ((0.0, 100.0), (100.0, 100.0), (0.0, 200.0)):
        report = a_report(traded=traded)
        asset = a_parent(200.0, position=200.0 - left)
        complete(a_desk(asset, execution=execution_params(**costs), report=report))
        paid.append(report.notional)
    assert paid[0] + paid[1] == pytest.approx(paid[2], rel=1e-12)
    assert paid[1] > 1.01 * paid[0]


def test_in_the_bar_a_parent_pays_for_its_rate_as_any_order_does() -> None:
    """The completion's price is that of an order of its size in half a bar of mean volume."""
    costs = {"half_spread": 0.01, "temporary": 0.1, "permanent": 0.5, "participation": 1.0}
    execution, report = execution_params(**costs), a_report()
    complete(a_desk(a_parent(200.0), execution=execution, report=report))
    filled = trade(
        an_asset(),
        some_slots(an_order(200.0)),
        FLAT_BAR._replace(volume=500.0),
        terms=terms_of(an_asset(), a_stress(), a_desk(execution=execution).rules),
        execution=execution,
    )
    assert report.price == pytest.approx(filled.price)
