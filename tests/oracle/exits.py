"""Exits in the oracle of `reference.py`: levels, when one is due, and how it trades.

Written from `docs/model.md` (sections 9 to 11) alone; it shares no code with the kernels.
"""

import math
from typing import Any, NamedTuple

from tests.oracle.fills import (
    NO_EXIT,
    charge,
    fee_of,
    fits,
    proportional,
    settle,
    stressed,
    taking,
    to_tick,
)
from tests.oracle.limits import target_deal, target_level
from tests.oracle.orders import is_live
from tests.oracle.path import Part
from tests.oracle.prices import Session
from trading_env.core.codes import Exit, SlotState, Status

Record = dict[str, Any]


# --------------------------------------------------------------------------- 9. levels


class Level(NamedTuple):
    """A price at which an exit is due."""

    kind: Exit
    price: float
    reference: float


def stop_level(s: Session) -> Level | None:
    """The position's stop, or its margin level where that is tighter."""
    asset = s.asset
    if asset["position"] == 0.0:
        return None
    long = asset["position"] > 0.0
    stop, margin = asset["stop_loss"], asset["margin_level"] * (1.0 if long else -1.0)
    tighter = margin > stop if long else margin < stop
    if margin > 0.0 and (stop == 0.0 or tighter):
        return Level(Exit.MARGIN_CALL, margin, margin)
    return Level(Exit.STOP_LOSS, stop, stop) if stop > 0.0 else None


def target_of(s: Session) -> Level | None:
    if s.asset["position"] == 0.0 or s.asset["take_profit"] == 0.0:
        return None
    return Level(Exit.TAKE_PROFIT, target_level(s), s.asset["take_profit"])


def due_at(s: Session, price: float) -> Level | None:
    """The exit that is due at a price; its `price` is the arrival price then."""
    asset = s.asset
    if asset["position"] == 0.0:
        return None
    if asset["exit_pending"]:
        return Level(Exit(asset["exit_pending"]), price, s.mark)
    long = asset["position"] > 0.0
    target, stop = target_of(s), stop_level(s)
    if target is not None and (price >= target.price if long else price <= target.price):
        return target._replace(price=price)
    if stop is not None and (price <= stop.price if long else price >= stop.price):
        return stop._replace(price=price)
    return None


# --------------------------------------------------------------------------- 10. exits


def claim_exit(s: Session, kind: Exit, reference: float) -> None:
    """An exit is due: it claims the position and cancels every live order."""
    s.report.update(exit=kind, exit_claim=-s.asset["position"], exit_reference=reference)
    for slot in s.slots:
        if is_live(slot):
            slot.update(state=SlotState.DONE, outcome=Status.CANCELLED)


def leave(s: Session, level: Level, window: float, *, on_the_way: bool) -> None:
    """Work an exit and end the bar."""
    asset, arrival = s.asset, level.price
    where = "inside" if on_the_way else "pending" if asset["exit_pending"] else "at once"
    s.met(f"{level.kind.name} {where}")
    claim_exit(s, level.kind, level.reference)
    s.over = True
    rested = level.kind == Exit.TAKE_PROFIT
    if not rested:
        if asset["exit_pending"] == Exit.NONE:
            asset.update(NO_EXIT)
        asset["exit_pending"] = level.kind
    size = fits(s, abs(asset["position"]), window)
    if size == 0.0:
        return
    if rested and size < abs(asset["position"]):
        s.met("a part of a target")
    q = -math.copysign(size, asset["position"])
    so_far = {name: asset[name] for name in NO_EXIT}
    if rested:
        arrival, deal = target_deal(s, q, None if on_the_way else arrival)
        to_tick(deal, q, s.world["execution"]["tick"])
        s.report["rested"] += size
    else:
        deal = taking(s, q, arrival, window)
    settle(s, q, deal)
    s.report["delay"] += q * (arrival - level.reference)
    notional = so_far["exit_notional"] + abs(q * deal["price"])
    units = so_far["exit_units"] + size
    by_notional = so_far["exit_proportional"] + proportional(s.world, size, deal, maker=rested)
    fee = fee_of(s.world, by_notional, notional, units, so_far["exit_fees"])
    charge(s, stressed(fee, s.terms["fees"]))
    if level.kind == Exit.MARGIN_CALL:
        charge(s, s.world["account"]["liquidation_fee"] * abs(q * deal["price"]))
    if asset["position"] != 0.0:
        paid = so_far["exit_fees"] + fee
        asset.update(exit_notional=notional, exit_units=units, exit_fees=paid)
        asset["exit_proportional"] = by_notional


def leave_if_due(s: Session, part: Part) -> None:
    """End the bar if an exit is due where a part begins."""
    level = due_at(s, part.open)
    if level is not None:
        leave(s, level, 1.0 - part.b, on_the_way=False)
