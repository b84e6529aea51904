"""Fills inside one bar.

The rules, in order of time within the bar after the decision:

1. At the open: an exit that is pending (a stop not fully filled, a margin call), or a stop or a
   target that the bar opens beyond, which fills at the open.
2. Working orders trade from the open, a stop order if the open is at or beyond its trigger; a
   cancel that arrives at fraction u of the bar leaves what it cancels the share u of the bar.
3. Orders in flight whose time has come arrive in order of time and trade at the price of that
   moment, in the share 1 - u of the bar. What earlier fills still trade then (they are taken to
   be spread evenly) counts towards the cap and the rate of that share.
4. Between those moments, and after the last, the path of the bar is followed (`bar_path.py`): it is
   split at each arrival, and searched for what it meets first (`touches.py`).
   A stop, and the level of a margin call, fill at their level as market orders, and what the cap
   leaves unfilled works on at market until the position is flat. A target is a resting limit order
   (`limits.py`) and fills as one; what is left rests on. An exit cancels the asset's other orders.

A plain market order fills up to `participation` of the bar's volume, less what has traded in it.
What waits for a price does up to that share of the volume that was to be expected, and at most the
bar's own (`fills.known_capacity`). Nothing fills in a halt or
on zero volume. What is left works on or expires with the bar, by time in force.

The ledger of a step, with M0 and M1 the marks before and after, L what was live after the
decision, q fills, p prices, m arrival prices:

    delay        sum q (m - M0)
    spread       sum |q| half spread
    impact       sum |q| impact
    fees
    opportunity  (L - sum q)(M1 - M0)

The five sum to sum q (p - M0) + (L - sum q)(M1 - M0) + fees, the step's implementation shortfall
(Perold 1988). For an exit, the level that triggered it stands for M0.

Not modelled: queue position, an exit's own latency.
"""

from trading_env.core.codes import Exit, SlotState
from trading_env.core.jit import kernel, outer_kernel, rare_kernel
from trading_env.core.records import AssetState, Report, Table
from trading_env.core.values import Address, Bar, FillWindow, Moment, Part, Session
from trading_env.execution_engine.bar_path import (
    RESOLUTION,
    split,
    variance_of,
    whole_bar,
)
from trading_env.execution_engine.exits import (
    claim_exit,
    leave_at,
    passes_target,
    stop_of,
    work_exit,
)
from trading_env.execution_engine.fills import as_met_by, fill_resting, room_in, take, waiting
from trading_env.execution_engine.limits import may_trade
from trading_env.execution_engine.orders import (
    arrive,
    end_bar,
    is_live,
    next_arrival,
)
from trading_env.execution_engine.touches import first_touch, nearest, touch_of
from trading_env.risk_manager.desk import Desk


@kernel
def fill_working(desk: Desk, session: Session) -> None:
    """Let working orders trade from the open."""
    slots, report = desk.slots, desk.report
    share = 1.0
    for s in range(slots.shape[0]):
        slot = slots[s]
        if slot.state == SlotState.IN_FLIGHT and slot.replaces == 1:
            share = min(share, slot.due_s / session.seconds)
    for s in range(slots.shape[0]):
        slot = slots[s]
        met = as_met_by(slot, session)
        if slot.state == SlotState.WORKING and may_trade(slot, session.bar.open):
            left = share if slot.replaced == 1 else 1.0
            window = FillWindow(session.bar.open, left, report.traded, report.filled)
            take(desk, met, slot, window)


@kernel
def follow(
    desk: Desk, session: Session, part: Part, late: float, address: Address, splits: int
) -> tuple[bool, Moment, int]:
    """Follow a part of the path to its end, or to an exit.

    Return whether an exit ended the bar, the last moment at which an order was met and what earlier
    fills still trade then, and the count of splits.
    """
    room = True
    while True:
        near = nearest(desk, session, part, room)
        touch, after = touch_of(near, part), part
        if touch.sides == 0:
            return False, Moment(part.begin, late), splits
        if touch.sides > 1 or touch.exit == Exit.NONE:
            variance = variance_of(session)
            touch, after, splits = first_touch(near, part, variance, address, splits)
        if touch.exit != Exit.NONE:
            reference = touch.price
            if touch.exit == Exit.TAKE_PROFIT:
                reference = desk.asset.take_profit
            claim_exit(desk, touch.exit, reference)
            work_exit(desk, session, touch.price, 1.0 - part.begin, late, False)
            return True, Moment(part.begin, late), splits
        late *= (1.0 - after.begin) / (1.0 - part.begin)
        part = after
        slot, traded = desk.slots[touch.slot], desk.report.traded
        if slot.trigger > 0.0:
            slot.trigger = 0.0
            window = FillWindow(part.open, 1.0 - part.begin, late, desk.report.filled)
            take(desk, session, slot, window)
        else:
            units = room_in(desk, session, 1.0 - part.begin, late)
            room = units > 0.0
            if not room:
                continue
            fill_resting(desk, session, slot, units)
            room = desk.report.traded > traded  # or the cash pays for nothing
        late += desk.report.traded - traded
        if leave_at(desk, session, part.begin, part.open, late):
            return True, Moment(part.begin, late), splits


@outer_kernel
def trade_bar(desk: Desk, session: Session, address: Address) -> None:
    """Work exits and orders of one asset through one bar in which it can trade."""
    slots, report, met = desk.slots, desk.report, waiting(session)
    if leave_at(desk, met, 0.0, session.bar.open, 0.0):
        return
    fill_working(desk, session)
    part, late, splits = whole_bar(session.bar), report.traded, 0
    if late > 0.0 and leave_at(desk, met, part.begin, part.open, late):
        return
    while True:
        s = next_arrival(slots, session.seconds)
        u = slots[s].due_s / session.seconds if s >= 0 else 1.0
        if u > part.begin + RESOLUTION:
            before = part
            if s >= 0:
                before, part = split(part, u, variance_of(session), address, splits)
                splits += 1
            ended, last, splits = follow(desk, met, before, late, address, splits)
            if ended:
                return
            late = last.late * (1.0 - u) / (1.0 - last.u)
        if s < 0:
            return
        traded = report.traded
        arrive(slots[s], desk)
        bar = as_met_by(slots[s], session)
        if slots[s].state == SlotState.WORKING and may_trade(slots[s], part.open):
            window = FillWindow(part.open, 1.0 - part.begin, late, report.filled)
            take(desk, bar, slots[s], window)
        late += report.traded - traded
        if leave_at(desk, met, part.begin, part.open, late):
            return


@rare_kernel
def wait_out_bar(desk: Desk, seconds: float) -> None:
    """Pass a bar in which nothing can trade: orders arrive and wait, so does a pending exit."""
    asset, slots = desk.asset, desk.slots
    if asset.exit_pending != Exit.NONE:
        claim_exit(desk, asset.exit_pending, asset.mark)
    s = next_arrival(slots, seconds)
    while s >= 0:
        arrive(slots[s], desk)
        s = next_arrival(slots, seconds)


@kernel
def has_business(asset: AssetState, slots: Table, bar: Bar) -> bool:
    """Tell whether anything can happen to an asset in a bar."""
    for s in range(slots.shape[0]):
        if is_live(slots[s]):
            return True
    if asset.position == 0.0:
        return False
    if asset.exit_pending != Exit.NONE:
        return True
    adverse, favourable = (bar.low, bar.high) if asset.position > 0.0 else (bar.high, bar.low)
    side = 1.0 if asset.position > 0.0 else -1.0
    stop = stop_of(asset)[0]
    return passes_target(asset, favourable) or (stop > 0.0 and side * (adverse - stop) <= 0.0)


@kernel
def finish_bar(slots: Table, report: Report, seconds: float) -> None:
    """Let time in force act and note what is still outstanding."""
    report.working = end_bar(slots, seconds)
    if report.traded > 0.0:
        report.price = report.notional / report.traded
    if report.arrivals > 1:
        report.latency_s /= report.arrivals
