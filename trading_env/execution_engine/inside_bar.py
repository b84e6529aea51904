"""Fills inside one bar.

The rules, in order of time within the bar after the decision:

1. At the open: an exit that is pending (a stop not fully filled, a margin call), or a stop or a
   target that the bar opens beyond, which fills at the open.
2. Working orders trade from the open; a cancel that arrives at fraction u of the bar leaves what
   it cancels the share u of the bar.
3. Orders in flight whose time has come arrive in order of time and trade at the price of that
   moment, in the share 1 - u of the bar; resting limit orders fill when the path reaches them
   (`limits.py`). What earlier fills still trade then (they are taken to
   be spread evenly) counts towards the cap and the rate of that share.
4. Between those moments, and after the last, the bar's path is checked against the position's
   stop, then its target; if both are touched, the stop is taken. A stop fills at its level as a
   market order, and what the cap leaves unfilled works on at market until the position is flat. A
   target is a resting limit order (`limits.py`) and fills as one; what is left rests on. An exit
   cancels the asset's other orders.

All fills of a bar together are at most `participation` of its volume. Nothing fills in a halt or
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

Not modelled: queue position, fills of resting limits by chance, an exit's own latency.
"""

import math

from trading_env.core.codes import Exit, SlotState
from trading_env.core.jit import kernel, rare_kernel
from trading_env.core.params import ExecutionParams
from trading_env.core.records import AssetState, Report, Table
from trading_env.core.values import Bar, FillWindow, Part, Session
from trading_env.execution_engine.account import charge
from trading_env.execution_engine.fills import book_fill, fill_touched, room_in, take
from trading_env.execution_engine.limits import next_touch, resting_at, resting_mid, resting_quote
from trading_env.execution_engine.orders import (
    arrive,
    cancel_all,
    end_bar,
    is_live,
    next_arrival,
)
from trading_env.execution_engine.pricing import (
    extremes_between,
    fee_due,
    on_tick,
    price_at,
    quote,
)
from trading_env.risk_manager.desk import Desk
from trading_env.risk_manager.levels import clear_exit


@kernel
def exit_trigger(asset: AssetState, bar: Bar, target: float) -> tuple[int, float, float]:
    """Return which exit the bar triggers (0: none), its arrival price and its reference price.

    `target` is the price at which the position's target fills: `target_mid`.
    """
    if asset.exit_pending != Exit.NONE:
        return asset.exit_pending, bar.open, asset.mark
    stop = asset.stop_loss
    if stop <= 0.0 or asset.position == 0.0:
        return Exit.NONE.value, 0.0, 0.0
    # A short is a long seen in a mirror: compare with the sign turned.
    side = 1.0 if asset.position > 0.0 else -1.0
    adverse = bar.low if side > 0.0 else bar.high
    favourable = bar.high if side > 0.0 else bar.low
    if side * (bar.open - target) >= 0.0:
        return Exit.TAKE_PROFIT.value, bar.open, asset.take_profit
    if side * (adverse - stop) <= 0.0:
        gapped = side * (bar.open - stop) <= 0.0
        return Exit.STOP_LOSS.value, bar.open if gapped else stop, stop
    if side * (favourable - target) >= 0.0:
        return Exit.TAKE_PROFIT.value, target, asset.take_profit
    return Exit.NONE.value, 0.0, 0.0


@kernel
def target_mid(desk: Desk, session: Session) -> float:
    """Price that the path must reach for the position's target to fill, as a resting order's."""
    asset = desk.asset
    units = -math.copysign(min(abs(asset.position), session.capacity), asset.position)
    return resting_mid(session.terms, asset.take_profit, units, desk.report.filled)


@rare_kernel
def claim_exit(desk: Desk, code: int, reference: float) -> None:
    """An exit is due: it claims the whole position and cancels the asset's other orders."""
    cancel_all(desk.slots)
    desk.report.exit = code
    desk.report.exit_claim = -desk.asset.position
    desk.report.exit_reference = reference


@rare_kernel
def work_exit(desk: Desk, session: Session, mid: float, share: float, late: float) -> None:
    """Trade what fits of an exit that is due, in the last share of the bar."""
    asset, report, execution = desk.asset, desk.report, desk.rules.execution
    rests = report.exit == Exit.TAKE_PROFIT
    if not rests:
        if asset.exit_pending == Exit.NONE:
            clear_exit(asset)  # what a target has filled before was another order
        asset.exit_pending = report.exit
    room = room_in(desk, session, share, late)
    if room <= 0.0:
        return
    quantity = -math.copysign(min(abs(asset.position), room), asset.position)
    if rests:
        mid, limit = resting_at(session.terms, asset.take_profit, mid, quantity, report.filled)
        quoted = resting_quote(session.terms, limit, mid, quantity, report.filled)
        report.rested += abs(quantity)
    else:
        rate = (late + abs(quantity)) / (share * session.bar.volume)
        quoted = quote(session.terms, mid, quantity, rate, report.filled)
    quoted = on_tick(quoted, execution.tick)
    asset.exit_notional += abs(quantity * quoted.price)
    asset.exit_units += abs(quantity)
    charged = execution.maker_fee if rests else execution.fee
    fee = fee_due(
        charged * asset.exit_notional,
        asset.exit_notional,
        asset.exit_units,
        asset.exit_fees,
        execution,
    )
    asset.exit_fees += fee
    book_fill(desk, quoted, mid - report.exit_reference)
    charge(desk.account, report, session.terms.fees * fee)


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
        if slot.state == SlotState.WORKING:
            left = share if slot.replaced == 1 else 1.0
            take(desk, session, slot, FillWindow(0.0, left, report.traded, report.filled))


@kernel
def fill_arrivals(desk: Desk, session: Session) -> None:
    """Take the rest of the bar in order of time: arrivals and resting orders that are reached.

    Stops and targets are checked on the path between those moments.
    """
    slots, report = desk.slots, desk.report
    late = report.traded
    now, price = 0.0, session.bar.open
    while True:
        s = next_arrival(slots, session.seconds)
        u = slots[s].due_s / session.seconds if s >= 0 else 1.0
        touched = u
        if desk.rules.execution.limit_orders == 1:
            touched = next_touch(slots, session, report, now, u)
        if leave_if_hit(desk, session, Part(now, touched, price), late):
            return
        if touched < u:
            late *= (1.0 - touched) / (1.0 - now)
            traded = report.traded
            price = fill_touched(desk, session, now, touched, late)
            now = touched
        elif s >= 0:
            late *= (1.0 - u) / (1.0 - now)
            now, price = u, price_at(session.bar, u)
            traded = report.traded
            arrive(slots[s], slots, report)
            if slots[s].state == SlotState.WORKING:
                take(desk, session, slots[s], FillWindow(u, 1.0 - u, late, report.filled))
        else:
            return
        late += report.traded - traded


@kernel
def leave_if_hit(desk: Desk, session: Session, part: Part, late: float) -> bool:
    """Exit if the path in a part of the bar reaches the position's stop or target."""
    asset = desk.asset
    if asset.position == 0.0 or exit_trigger(asset, session.bar, asset.take_profit)[0] == Exit.NONE:
        return False  # if the whole bar does not touch the level, no part of it can
    bar = part_of_bar(session.bar, part)
    code, mid, reference = exit_trigger(asset, bar, target_mid(desk, session))
    if code == Exit.NONE:
        return False
    claim_exit(desk, code, reference)
    work_exit(desk, session, mid, 1.0 - part.begin, late)
    return True


@kernel
def part_of_bar(bar: Bar, part: Part) -> Bar:
    """Return a part of a bar as a bar of its own."""
    low, high = extremes_between(bar, part.begin, part.end)
    return Bar(part.opened, high, low, price_at(bar, part.end), bar.volume)


@kernel
def trade_bar(desk: Desk, session: Session) -> None:
    """Work exits and orders of one asset through one bar in which it can trade."""
    at_open = Part(0.0, 0.0, session.bar.open)
    if not leave_if_hit(desk, session, at_open, 0.0):
        fill_working(desk, session)
        fill_arrivals(desk, session)


@rare_kernel
def wait_out_bar(desk: Desk, seconds: float) -> None:
    """Pass a bar in which nothing can trade: orders arrive and wait, so does a pending exit."""
    asset, slots, report = desk.asset, desk.slots, desk.report
    if asset.exit_pending != Exit.NONE:
        claim_exit(desk, asset.exit_pending, asset.mark)
    s = next_arrival(slots, seconds)
    while s >= 0:
        arrive(slots[s], slots, report)
        s = next_arrival(slots, seconds)


@kernel
def has_business(asset: AssetState, slots: Table, bar: Bar) -> bool:
    """Tell whether anything can happen to an asset in a bar."""
    for s in range(slots.shape[0]):
        if is_live(slots[s]):
            return True
    return asset.position != 0.0 and exit_trigger(asset, bar, asset.take_profit)[0] != Exit.NONE


@kernel
def finish_bar(slots: Table, report: Report, execution: ExecutionParams, seconds: float) -> None:
    """Let time in force act and note what is still outstanding."""
    report.working = end_bar(slots, execution, seconds)
    if report.traded > 0.0:
        report.price = report.notional / report.traded
    if report.arrivals > 1:
        report.latency_s /= report.arrivals
