"""The trading half of the oracle in `reference.py`: one bar in order of time.

Written from `docs/model.md` (sections 9 and 10) alone; it shares no code with the kernels.
"""

import math
from typing import Any, NamedTuple

from tests.oracle.exits import (
    Level,
    claim_exit,
    leave,
    leave_if_due,
    stop_level,
    target_of,
)
from tests.oracle.fills import NO_EXIT, affordable, fill_order, fits, take
from tests.oracle.limits import fillable, met_deal, resting_mid, rests
from tests.oracle.orders import DUST, ticks, whole_lots
from tests.oracle.path import Part
from tests.oracle.prices import Session
from trading_env.core.codes import Exit, SlotState, Status

Record = dict[str, Any]

SHORTEST = 1 / 256  # of a bar: what lies closer together is one moment
SEARCHES, MOST_SEARCHES = 5, 10


# --------------------------------------------------------------------------- 9. what a part meets


def exits_met(s: Session, part: Part) -> list[Level]:
    """The position's levels between a part's open and its low or high."""
    found = []
    long = s.asset["position"] > 0.0
    for level, down in ((stop_level(s), long), (target_of(s), not long)):
        if level is None:
            continue
        if part.low <= level.price <= part.open if down else part.open <= level.price <= part.high:
            found.append(level)
    return found


def mid_of(s: Session, slot: Record) -> float:
    """Where an order is met: at its trigger, or at the mid of its limit."""
    if slot["trigger"] != 0.0:
        return float(slot["trigger"])
    return resting_mid(s, slot["limit"], fillable(s, slot["left"]))


def orders_met(s: Session, part: Part) -> list[Record]:
    """Orders that the part meets."""
    found = []
    for slot in s.slots:
        buys = slot["left"] > 0.0
        if slot["state"] == SlotState.WORKING and slot["trigger"] != 0.0:
            low, high = (part.open, part.high) if buys else (part.low, part.open)
            if low <= slot["trigger"] <= high:
                found.append(slot)
        elif s.room and rests(slot):
            mid = mid_of(s, slot)
            if part.low < mid <= part.open if buys else part.open <= mid < part.high:
                found.append(slot)
    return found


def goes(slot: Record, price: float) -> bool:
    """Tell whether an order trades on a path at a price; a stop order that does is one no more."""
    if slot["trigger"] != 0.0:
        beyond = price >= slot["trigger"] if slot["left"] > 0.0 else price <= slot["trigger"]
        if not beyond:
            return False
        slot["trigger"] = 0.0
    return True


# --------------------------------------------------------------------------- 10. following


class Meeting(NamedTuple):
    """A level or an order that a part meets."""

    price: float
    rank: int  # stop, target, stop order, resting order
    above: bool  # the part's open
    found: Level | Record


def meetings(s: Session, part: Part) -> list[Meeting]:
    """What a part meets first on each side of its open where it meets something."""
    long = s.asset["position"] > 0.0
    met = []
    for level in exits_met(s, part):
        rank = 1 if level.kind == Exit.TAKE_PROFIT else 0
        met.append(Meeting(level.price, rank, long == (rank == 1), level))
    for slot in orders_met(s, part):
        rank = 2 if slot["trigger"] != 0.0 else 3
        met.append(Meeting(mid_of(s, slot), rank, (slot["left"] > 0.0) == (rank == 2), slot))
    nearest = []
    for above in (True, False):
        side = [meeting for meeting in met if meeting.above == above]
        if len(side) > 1:
            s.met("two on one side")
        nearest += sorted(side, key=lambda x: (abs(x.price - part.open), x.rank))[:1]
    return nearest


def met_by(piece: Part, nearest: list[Meeting]) -> list[Meeting]:
    """Which of them a piece of the part meets."""
    found = []
    for meeting in nearest:
        near, far = piece.open, piece.high if meeting.above else piece.low
        way = 1.0 if meeting.above else -1.0
        left, beyond = way * (meeting.price - near), way * (far - meeting.price)
        if left >= 0.0 and (beyond > 0.0 or (beyond == 0.0 and meeting.rank < 3)):
            found.append(meeting)
    return found


def first_of(met: list[Meeting]) -> Meeting:
    return min(met, key=lambda meeting: meeting.rank)


def searched(s: Session, part: Part, nearest: list[Meeting]) -> tuple[Part, Part | None]:
    """Halve a part until all it meets is on one side of its open; what comes after the piece."""
    piece, later = part, None
    for n in range(MOST_SEARCHES):
        met = met_by(piece, nearest)
        if len(met) == 1 and (n >= SEARCHES or met[0].rank < 2):
            break
        if len(met) > 1:
            s.met("two sides")
        first, second = s.split(piece, 0.5 * (piece.b + piece.e))
        if met_by(first, nearest):
            piece, later = first, joined(second, later)
        elif met_by(second, nearest):
            piece = second
        else:
            break
    return piece, later


def joined(first: Part, later: Part | None) -> Part:
    if later is None:
        return first
    high, low = max(first.high, later.high), min(first.low, later.low)
    return Part(first.b, later.e, first.open, high, low, later.close)


def from_mid(piece: Part, mid: float, buys: bool, later: Part | None) -> Part:
    """The path from a resting order's mid on."""
    extreme = piece.low if buys else piece.high
    prices = (mid, extreme, piece.close)
    rest = Part(piece.b, piece.e, mid, max(prices), min(prices), piece.close)
    return joined(rest, later)


def follow(s: Session, part: Part) -> float:
    """Follow a part; return the last moment at which something was filled, or its beginning."""
    last, s.room = part.b, True
    while True:
        nearest = meetings(s, part)
        if not nearest:
            return last
        piece, later = searched(s, part, nearest)
        found = first_of(met_by(piece, nearest)).found
        if isinstance(found, Level):
            leave(s, found, 1.0 - part.b, on_the_way=True)
            return last
        slot = found
        mid, buys = mid_of(s, slot), slot["left"] > 0.0
        s.late *= (1.0 - piece.b) / (1.0 - part.b)
        if later is not None:
            s.met("a path joined")
        if slot["trigger"] != 0.0:
            s.met("a trigger on the way")
            slot["trigger"] = 0.0
            s.late += take(s, slot, mid, 1.0 - piece.b)
            last = piece.b
            # It goes on through what is beyond the trigger, as from the mid of an order to sell.
            part = from_mid(piece, mid, not buys, later)
            leave_if_due(s, part)
            if s.over:
                return last
            continue
        size = fits(s, abs(slot["left"]), 1.0 - piece.b)
        s.room = size > 0.0
        s.met("an order on the way" if s.room else "an order without room")
        if size > 0.0:
            q = math.copysign(size, slot["left"])
            own, deal = met_deal(s, slot["limit"], q)
            paid_for = affordable(s, q, deal, maker=True)
            if paid_for != size:
                q = paid_for
                own, deal = met_deal(s, slot["limit"], q)
            if paid_for > 0.0:
                s.report["rested"] += abs(q)
                s.late += fill_order(s, slot, q, own, deal, maker=True)
            s.room = paid_for > 0.0
        last = piece.b
        part = from_mid(piece, mid, buys, later)
        leave_if_due(s, part)
        if s.over:
            return last


# --------------------------------------------------------------------------- 10. the bar


def arrive(s: Session, slot: Record) -> None:
    """An order comes to the market; it cancels what it replaces and what is against it."""
    slot["state"] = SlotState.WORKING
    s.report["arrivals"] += 1
    s.report["latency_s"] += slot["latency_s"]
    for other in s.slots:
        if other["state"] == SlotState.WORKING:
            replaced, against = slot["replaces"] and other["replaced"], other["left"] * slot["left"]
            if replaced or against < 0.0:
                if not replaced:
                    s.met("an order against another")
                other.update(state=SlotState.DONE, outcome=Status.CANCELLED)
    if slot["left"] == 0.0:
        slot.update(state=SlotState.DONE, outcome=Status.NONE)
        return
    hold_to_goal(s, slot)


def hold_to_goal(s: Session, slot: Record) -> None:
    """Take off an order what would carry the position beyond what it was sent for."""
    side = math.copysign(1.0, slot["left"])
    working = [x for x in s.slots if x["state"] == SlotState.WORKING]
    carried = s.asset["position"] + sum(x["left"] for x in working)  # the order itself is one
    beyond = side * (carried - slot["goal"])
    rounding = DUST * max(abs(slot["goal"]), abs(slot["left"]))
    if beyond <= rounding:
        return
    others = s.asset["position"] + sum(x["left"] for x in working if x is not slot)
    kept = max(side * (slot["goal"] - others), 0.0)
    if slot["goal"] != s.asset["goal"]:
        kept = whole_lots(kept, s.world["execution"]["lot"])
    cut = slot["left"] - side * kept if kept > rounding else slot["left"]
    s.met("all of an order taken off" if cut == slot["left"] else "a part of an order taken off")
    for name in ("quantity", "left", "claim"):
        slot[name] -= cut
    s.report["live"] -= cut
    if slot["left"] == 0.0:
        slot.update(state=SlotState.DONE, outcome=Status.CANCELLED)


def due_orders(s: Session) -> list[Record]:
    flying = [slot for slot in s.slots if slot["state"] == SlotState.IN_FLIGHT]
    due = [slot for slot in flying if slot["due_s"] < s.seconds]
    return sorted(due, key=lambda slot: (slot["due_s"], slot["identity"]))


def wait(s: Session) -> None:
    """A bar in which nothing can trade."""
    if s.asset["exit_pending"] and s.asset["position"] != 0.0:
        claim_exit(s, Exit(s.asset["exit_pending"]), s.mark)
    for slot in due_orders(s):
        arrive(s, slot)


def waits_for_nothing(slot: Record) -> bool:
    """Tell whether an order, before its bar, is a market order; a stop that is met then is none."""
    return bool(slot["limit"] == 0.0 and slot["trigger"] == 0.0)


def take_now(s: Session, slot: Record, mid: float, window: float, plain: bool) -> float:
    """Fill an order that works from the open, or that arrives."""
    s.plain = plain
    taken = take(s, slot, mid, window)
    s.plain = False
    return taken


def trade(s: Session) -> None:
    """A bar in which things can trade, in order of time."""
    part = s.whole
    leave_if_due(s, part)
    if s.over:
        return
    replacing = [x for x in s.slots if x["state"] == SlotState.IN_FLIGHT and x["replaces"]]
    short = min([1.0] + [slot["due_s"] / s.seconds for slot in replacing])
    for slot in s.slots:
        plain = waits_for_nothing(slot)
        if slot["state"] == SlotState.WORKING and goes(slot, part.open):
            s.late = s.traded
            take_now(s, slot, part.open, short if slot["replaced"] else 1.0, plain)
    s.late = s.traded
    for slot in due_orders(s):
        leave_if_due(s, part)
        if s.over:
            return
        u = slot["due_s"] / s.seconds
        if u > part.b + SHORTEST:
            first, part = s.split(part, u)
            last = follow(s, first)
            if s.over:
                return
            s.late *= (1.0 - u) / (1.0 - last)
        arrive(s, slot)
        plain = waits_for_nothing(slot)
        if slot["state"] == SlotState.WORKING and goes(slot, part.open):
            s.late += take_now(s, slot, part.open, 1.0 - part.b, plain)
    leave_if_due(s, part)
    if not s.over and part.b + SHORTEST < 1.0:
        follow(s, part)


# --------------------------------------------------------------------------- 10. after the bar


def watch(world: Record, asset: Record, shown: float) -> None:
    """Age the position and let its stop follow; `shown` is the close shown a bar earlier."""
    if asset["position"] == 0.0:
        return
    longest = world["risk"]["max_holding_bars"]
    asset["holding_bars"] += 1
    if 0 < longest <= asset["holding_bars"] and not asset["exit_pending"]:
        asset.update(NO_EXIT, exit_pending=Exit.TIME_STOP)
    if not world["risk"]["trailing"] or asset["stop_loss"] == 0.0 or not asset["is_new"]:
        return
    long = asset["position"] > 0.0
    inner, outer = (min, max) if long else (max, min)
    away = -math.copysign(asset["stop_distance"], asset["position"])
    level = inner(shown, asset["seen_close"]) * math.exp(away)
    if (tick := world["execution"]["tick"]) > 0.0:
        level = tick * ticks(level / tick, up=not long)
    asset["stop_loss"] = outer(asset["stop_loss"], level)
