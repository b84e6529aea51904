"""What a part of a bar's path meets first: a level of the position, or an order that waits.

Of what lies on one side of the part's open the nearest comes first. While the part meets levels on
both sides it is halved, up to MOST_SEARCH times, to know which comes first; and SEARCH times to
know when an order is met. Of levels still met on both sides of one piece the stop counts as the
first, then the target, then a stop order.

Not modelled: the order of levels on both sides that are met within 1/1024 of a part; when an order
is met, closer than 1/32 of a part.
"""

import math

from trading_env.core.codes import ActionKind, Exit, SlotState
from trading_env.core.jit import kernel, rare_kernel
from trading_env.core.values import Address, Level, Nearest, Part, Session, Touch
from trading_env.execution_engine.bar_path import joined, rest_after, split
from trading_env.execution_engine.exits import passes_target, stop_of, target_mid
from trading_env.execution_engine.limits import is_resting, resting_mid, resting_size
from trading_env.risk_manager.desk import Desk

SEARCH = 5  # halvings of a part of the bar, to find when it meets an order
MOST_SEARCH = 10  # while it meets levels on both sides, to find which it meets first
STOP, TARGET, TRIGGER, RESTING, NOTHING = range(5)  # ranks of levels


@kernel
def may_wait(desk: Desk) -> bool:
    """Tell whether orders of this account can wait for a price."""
    rules = desk.rules
    return rules.execution.limit_orders == 1 or rules.episode.action != ActionKind.TARGET


@kernel
def reaches(part: Part, level: Level, side: float) -> bool:
    """Tell whether a part of the path meets a level below its open (side 1), or above it (-1).

    A resting order is met when the path goes *through* its price, anything else at its price.
    """
    price, rests = level.price, level.rank == RESTING
    if side > 0.0:
        return price <= part.open and (part.low < price if rests else part.low <= price)
    return part.open <= price and (price < part.high if rests else price <= part.high)


@kernel
def nearer(near: Nearest, part: Part, level: Level, side: float) -> Nearest:
    """Take in a level below the path (side 1) or above it (-1), if it is met before the others."""
    if reaches(part, level, side):
        if side > 0.0:
            if level.price > near.below.price:
                return Nearest(near.above, level)
        elif level.price < near.above.price:
            return Nearest(level, near.below)
    return near


@kernel
def nearest(desk: Desk, session: Session, part: Part, room: bool) -> Nearest:
    """Find what a part of the path meets first above its open and below it.

    At equal prices that is a stop before a target before an order. Without `room` no resting order
    is met. All orders buy, or all sell.
    """
    asset, slots, no_exit = desk.asset, desk.slots, Exit.NONE.value
    near = Nearest(Level(NOTHING, no_exit, -1, math.inf), Level(NOTHING, no_exit, -1, -math.inf))
    if asset.position != 0.0:
        side = 1.0 if asset.position > 0.0 else -1.0
        stop, code = stop_of(asset)
        if stop > 0.0:
            near = nearer(near, part, Level(STOP, code, -1, stop), side)
        if passes_target(asset, part.high if side > 0.0 else part.low):
            level = Level(TARGET, Exit.TAKE_PROFIT.value, -1, target_mid(desk, session))
            near = nearer(near, part, level, -side)
    if may_wait(desk):
        for s in range(slots.shape[0]):
            side = 1.0 if slots[s].left > 0.0 else -1.0
            if slots[s].state == SlotState.WORKING and slots[s].trigger > 0.0:
                near = nearer(near, part, Level(TRIGGER, no_exit, s, slots[s].trigger), -side)
            elif room and is_resting(slots[s]):
                units = resting_size(slots[s], session)
                mid = resting_mid(session, desk.report, slots[s].limit, units)
                near = nearer(near, part, Level(RESTING, no_exit, s, mid), side)
    return near


@kernel
def touch_of(near: Nearest, part: Part) -> Touch:
    """Tell on how many sides a part meets its levels, and the first: of both the lower rank."""
    above, below = reaches(part, near.above, -1.0), reaches(part, near.below, 1.0)
    first = near.below
    if above and (not below or near.above.rank < near.below.rank):
        first = near.above
    return Touch(int(above) + int(below), first.exit, first.slot, first.price)


@rare_kernel
def first_touch(
    near: Nearest, part: Part, variance: float, address: Address, splits: int
) -> tuple[Touch, Part, int]:
    """Find which of two levels a part of the path meets first, and the path after that.

    Count the splits made. When an exit is met does not matter, since the bar is over with it.
    """
    piece, tail = part, Part(part.end, part.end, 0.0, 0.0, 0.0, 0.0)
    touch = touch_of(near, piece)
    for n in range(MOST_SEARCH):
        if touch.sides == 1 and (touch.exit != Exit.NONE or n >= SEARCH):
            break
        half = 0.5 * (piece.begin + piece.end)
        first, second = split(piece, half, variance, address, splits)
        splits += 1
        early = touch_of(near, first)
        if early.sides > 0:
            piece, touch, tail = first, early, joined(second, tail)
        else:
            late = touch_of(near, second)
            if late.sides == 0:
                break  # the level lies where both halves end
            piece, touch = second, late
    return touch, rest_after(piece, touch.price, tail), splits
