"""One fill of one order: how much, at what price, and what it writes.

A fill is as large as the cap leaves room for. A market order, and a limit order that is let in,
takes liquidity at the quoted price; a resting one is filled at its limit (`limits.py`). Either is
settled, entered into the step's ledger and the order's own, and charged its fee.
"""

import math

from trading_env.core.codes import Status
from trading_env.core.grid import whole_lots
from trading_env.core.jit import kernel, rare_kernel
from trading_env.core.params import ExecutionParams
from trading_env.core.records import AccountState, AssetState, OrderSlot, Report, Table
from trading_env.core.values import Quote, Session
from trading_env.execution_engine.account import DUST, charge, settle
from trading_env.execution_engine.limits import (
    is_resting,
    reached_at,
    resting_mid,
    resting_quote,
    resting_size,
    within_limit,
)
from trading_env.execution_engine.orders import finish
from trading_env.execution_engine.pricing import fee_due, on_tick, price_at, quote
from trading_env.risk_manager.levels import set_levels


@kernel
def book_fill(
    asset: AssetState,
    account: AccountState,
    report: Report,
    quantity: float,
    quoted: Quote,
    delay: float,
    lot: float,
) -> None:
    """Settle a fill and enter its parts into the step's ledger."""
    settle(asset, account, report, quantity, quoted.price, lot)
    report.delay += quantity * delay
    report.spread += abs(quantity) * quoted.half_spread
    report.impact += abs(quantity) * quoted.impact
    report.impact_permanent += abs(quantity) * quoted.permanent
    report.impact_transient += abs(quantity) * quoted.transient
    report.pressure += quantity * quoted.temporary


@kernel
def room_in(session: Session, report: Report, window: float, late: float, lot: float) -> float:
    """Units that may still trade in a share `window` of the bar, in whole lots."""
    room = min(window * session.capacity - late, session.capacity - report.traded)
    return whole_lots(room, lot) if room > DUST * session.capacity else 0.0


@kernel
def take(
    asset: AssetState,
    account: AccountState,
    report: Report,
    slot: OrderSlot,
    session: Session,
    execution: ExecutionParams,
    u: float,
    window: float,
    late: float,
) -> None:
    """Let an order take what fits, and what its limit allows, at fraction u of the bar.

    The order trades in a share `window` of the bar, in which earlier fills still trade `late`.
    """
    room = room_in(session, report, window, late, execution.lot)
    if room <= 0.0:
        return
    quantity = math.copysign(min(abs(slot.left), room), slot.left)
    mid = price_at(session.bar, u)
    volume = window * session.bar.volume
    before = report.filled
    if slot.limit != 0.0:
        allowed = within_limit(
            session, mid, quantity, slot.limit, late, volume, before, execution.tick
        )
        quantity = whole_lots(allowed, execution.lot)
        if quantity == 0.0:
            return
    quoted = quote(session.terms, mid, quantity, (late + abs(quantity)) / volume, before)
    quoted = on_tick(quoted, quantity, execution.tick)
    fill_order(
        asset, account, report, slot, session, execution, quantity, mid, quoted, execution.fee
    )


@rare_kernel
def fill_touched(
    asset: AssetState,
    slots: Table,
    account: AccountState,
    report: Report,
    session: Session,
    execution: ExecutionParams,
    since: float,
    u: float,
    late: float,
) -> float:
    """Fill the resting orders that the path reaches at fraction u, coming from `since`.

    Return the price at which the path goes on: where the last of them was reached.
    """
    price = price_at(session.bar, u)
    for s in range(slots.shape[0]):
        slot = slots[s]
        if not is_resting(slot):
            continue
        before = report.filled
        wished = resting_size(slot, session)
        mid = resting_mid(session.terms, slot.limit, wished, before)
        if reached_at(slot, session.bar, mid, since) > u:
            continue
        price = mid
        room = room_in(session, report, 1.0 - u, late, execution.lot)
        if room <= 0.0:
            return price
        quantity = math.copysign(min(abs(slot.left), room), slot.left)
        mid = resting_mid(session.terms, slot.limit, quantity, before)
        quoted = resting_quote(session.terms, slot.limit, mid, quantity, before)
        report.rested += abs(quantity)
        fill_order(
            asset,
            account,
            report,
            slot,
            session,
            execution,
            quantity,
            mid,
            quoted,
            execution.maker_fee,
        )
        late += abs(quantity)
    return price


@kernel
def fill_order(
    asset: AssetState,
    account: AccountState,
    report: Report,
    slot: OrderSlot,
    session: Session,
    execution: ExecutionParams,
    quantity: float,
    mid: float,
    quoted: Quote,
    fee_rate: float,
) -> None:
    """Settle one fill of an order and enter it everywhere."""
    before = asset.position
    delay = mid - asset.mark
    book_fill(asset, account, report, quantity, quoted, delay, execution.lot)
    report.order_filled += quantity
    report.order_value += abs(quantity) * slot.decision_price
    paid = 0.0
    if slot.filled == 0.0:
        slot.arrival_price = mid
    else:
        paid = fee_due(slot.proportional, slot.notional, slot.filled, 0.0, execution)
    slot.step_filled += quantity
    slot.filled += quantity
    rest = slot.quantity - slot.filled if quantity != slot.left else 0.0
    slot.left = 0.0 if abs(rest) <= DUST * abs(slot.quantity) else rest
    notional = abs(quantity * quoted.price)
    slot.notional += notional
    slot.proportional += fee_rate * notional
    slot.delay += quantity * delay
    slot.spread += abs(quantity) * quoted.half_spread
    slot.impact += abs(quantity) * quoted.impact
    fee = fee_due(slot.proportional, slot.notional, slot.filled, paid, execution)
    fee *= session.terms.fees
    slot.fees += fee
    charge(account, report, fee)
    if slot.left == 0.0:
        finish(slot, Status.FILLED.value)
    grew = asset.position * before <= 0.0 or abs(asset.position) > abs(before)
    if grew and asset.position != 0.0:
        set_levels(asset, slot, mid, execution.tick)
