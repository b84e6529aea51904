"""Fills inside one bar.

The rules, in order of time within the bar after the decision:

1. Resting exits come first. A stop is triggered when the bar touches it and fills at the stop, or
   at the open if the bar gaps beyond it, as a market order; what the cap leaves unfilled works on
   at market until the position is flat. A target is a limit order: it fills at its level, or at
   the open beyond it. If the bar touches both, the stop is taken. A margin call fills like a stop
   already triggered. An exit cancels the asset's other orders.
2. Working orders trade from the open; a cancel that arrives at fraction u of the bar leaves them
   the share u of the bar's capacity.
3. Orders in flight whose time has come arrive in order of time and trade at the price of that
   moment, with the share 1 - u of the bar's capacity.
4. A position opened or enlarged in the bar has its stop checked on the rest of the bar, then its
   target.

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

from trading_env.kernels.jit import kernel
from trading_env.kernels.orders import (
    arrive,
    cancel_all,
    end_bar,
    finish,
    is_live,
    next_arrival,
)
from trading_env.kernels.portfolio import charge, set_levels, settle
from trading_env.kernels.pricing import (
    extremes_after,
    fee_due,
    passive_quote,
    price_at,
    quote,
)
from trading_env.types import (
    AccountState,
    AssetState,
    Bar,
    ExecutionParams,
    Exit,
    OrderSlot,
    Quote,
    Report,
    Session,
    SlotState,
    Status,
    Table,
)


@kernel
def exit_trigger(asset: AssetState, bar: Bar) -> tuple[int, float, float]:
    """Return which exit the bar triggers (0: none), its arrival price and its reference price."""
    if asset.exit_pending != Exit.NONE:
        return asset.exit_pending, bar.open, asset.mark
    stop, target = asset.stop_loss, asset.take_profit
    if asset.position > 0.0 and stop > 0.0:
        if bar.low <= stop:
            return Exit.STOP_LOSS.value, min(bar.open, stop), stop
        if bar.high >= target:
            return Exit.TAKE_PROFIT.value, max(bar.open, target), target
    elif asset.position < 0.0 and stop > 0.0:
        if bar.high >= stop:
            return Exit.STOP_LOSS.value, max(bar.open, stop), stop
        if bar.low <= target:
            return Exit.TAKE_PROFIT.value, min(bar.open, target), target
    return Exit.NONE.value, 0.0, 0.0


@kernel
def book_fill(
    asset: AssetState,
    account: AccountState,
    report: Report,
    quantity: float,
    quoted: Quote,
    delay: float,
) -> None:
    """Settle a fill and enter its parts into the step's ledger."""
    settle(asset, account, report, quantity, quoted.price)
    report.delay += quantity * delay
    report.spread += abs(quantity) * quoted.half_spread
    report.impact += abs(quantity) * quoted.impact


@kernel
def work_exit(
    asset: AssetState,
    account: AccountState,
    report: Report,
    session: Session,
    execution: ExecutionParams,
    trigger: tuple[int, float, float],
) -> None:
    """Close a position because its stop, its target or the margin says so."""
    code, mid, reference = trigger
    report.exit = code
    report.exit_claim = -asset.position
    report.exit_reference = reference
    if code != Exit.TAKE_PROFIT:
        asset.exit_pending = code
    room = session.capacity - report.traded
    if room <= 0.0:
        return
    quantity = -math.copysign(min(abs(asset.position), room), asset.position)
    if code == Exit.TAKE_PROFIT:
        quoted = passive_quote(mid)
    else:
        rate = (report.traded + abs(quantity)) / session.bar.volume
        quoted = quote(session.terms, mid, quantity, rate)
    book_fill(asset, account, report, quantity, quoted, mid - reference)
    notional = abs(quantity) * quoted.price
    charge(account, report, fee_due(notional, quantity, 0.0, execution))


@kernel
def fill_slot(
    asset: AssetState,
    account: AccountState,
    report: Report,
    slot: OrderSlot,
    session: Session,
    execution: ExecutionParams,
    u: float,
    room: float,
) -> bool:
    """Fill what fits of an order at fraction u of the bar; tell whether the position grew."""
    room = min(room, session.capacity - report.traded)
    if room <= 0.0:
        return False
    bar = session.bar
    quantity = slot.left
    if abs(quantity) > room:
        quantity = math.copysign(room, quantity)
    mid = price_at(bar.open, bar.high, bar.low, bar.close, u)
    rate = report.traded / bar.volume + abs(quantity) / (bar.volume * (1.0 - u))
    quoted = quote(session.terms, mid, quantity, rate)
    before = asset.position
    delay = mid - asset.mark
    book_fill(asset, account, report, quantity, quoted, delay)
    report.order_filled += quantity
    slot.step_filled += quantity
    slot.filled += quantity
    slot.left = slot.quantity - slot.filled if quantity != slot.left else 0.0
    slot.notional += abs(quantity) * quoted.price
    slot.delay += quantity * delay
    slot.spread += abs(quantity) * quoted.half_spread
    slot.impact += abs(quantity) * quoted.impact
    fee = fee_due(slot.notional, slot.filled, slot.fees, execution)
    slot.fees += fee
    charge(account, report, fee)
    if slot.left == 0.0:
        finish(slot, Status.FILLED.value)
    grew = asset.position * before <= 0.0 or abs(asset.position) > abs(before)
    if grew and asset.position != 0.0:
        set_levels(asset, slot)
        return True
    return False


@kernel
def fill_working(
    asset: AssetState,
    slots: Table,
    account: AccountState,
    report: Report,
    session: Session,
    execution: ExecutionParams,
) -> float:
    """Let working orders trade from the open; return when the position last grew, or -1."""
    share = 1.0
    for s in range(slots.shape[0]):
        slot = slots[s]
        if slot.state == SlotState.IN_FLIGHT and slot.replaces == 1:
            share = min(share, slot.due_s / session.seconds)
    grew_at = -1.0
    for s in range(slots.shape[0]):
        if slots[s].state == SlotState.WORKING:
            room = share * session.capacity - report.traded
            if fill_slot(asset, account, report, slots[s], session, execution, 0.0, room):
                grew_at = 0.0
    return grew_at


@kernel
def fill_arrivals(
    asset: AssetState,
    slots: Table,
    account: AccountState,
    report: Report,
    session: Session,
    execution: ExecutionParams,
) -> float:
    """Let orders arrive and trade in order of time; return when the position last grew, or -1."""
    grew_at = -1.0
    s = next_arrival(slots, session.seconds)
    while s >= 0:
        slot = slots[s]
        u = slot.due_s / session.seconds
        arrive(slot, slots, report)
        if slot.state == SlotState.WORKING:
            room = (1.0 - u) * session.capacity
            if fill_slot(asset, account, report, slot, session, execution, u, room):
                grew_at = u
        s = next_arrival(slots, session.seconds)
    return grew_at


@kernel
def rest_of_bar(bar: Bar, u: float) -> Bar:
    """Return what is left of a bar after fraction u, as a bar of its own."""
    now = price_at(bar.open, bar.high, bar.low, bar.close, u)
    low, high = extremes_after(bar.open, bar.high, bar.low, bar.close, u)
    return Bar(now, high, low, bar.close, bar.volume)


@kernel
def trade_bar(
    asset: AssetState,
    slots: Table,
    account: AccountState,
    report: Report,
    session: Session,
    execution: ExecutionParams,
) -> None:
    """Work exits and orders of one asset through one bar in which it can trade."""
    trigger = exit_trigger(asset, session.bar)
    if trigger[0] != Exit.NONE:
        cancel_all(slots)
        work_exit(asset, account, report, session, execution, trigger)
        return
    grew_at = fill_working(asset, slots, account, report, session, execution)
    grew_at = max(grew_at, fill_arrivals(asset, slots, account, report, session, execution))
    if grew_at >= 0.0 and asset.position != 0.0:
        trigger = exit_trigger(asset, rest_of_bar(session.bar, grew_at))
        if trigger[0] != Exit.NONE:
            cancel_all(slots)
            work_exit(asset, account, report, session, execution, trigger)


@kernel
def wait_out_bar(slots: Table, report: Report, seconds: float) -> None:
    """Pass a bar in which nothing can trade: orders arrive and wait."""
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
    return asset.position != 0.0 and exit_trigger(asset, bar)[0] != Exit.NONE


@kernel
def close_bar(slots: Table, report: Report, execution: ExecutionParams, seconds: float) -> None:
    """Let time in force act and note what is still outstanding."""
    report.working = end_bar(slots, execution, seconds)
    if report.traded > 0.0:
        report.price = report.notional / report.traded
