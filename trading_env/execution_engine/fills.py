"""One fill of one order: how much, at what price, and what it writes.

A fill is as large as the cap leaves room for. A market order, and a limit order that is let in,
takes liquidity at the quoted price; a resting one is filled at its limit (`limits.py`). Either is
settled, entered into the step's ledger and the order's own, and charged its fee.
"""

import math

from trading_env.core.codes import Status
from trading_env.core.grid import whole_lots
from trading_env.core.jit import kernel, rare_kernel
from trading_env.core.records import OrderSlot
from trading_env.core.values import FillWindow, Quote, Session
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
from trading_env.execution_engine.pricing import fee_due, price_at, taking_quote
from trading_env.risk_manager.desk import Desk
from trading_env.risk_manager.levels import set_levels


@kernel
def book_fill(desk: Desk, quoted: Quote, delay: float) -> None:
    """Settle a fill and enter its parts into the step's ledger."""
    report, quantity = desk.report, quoted.quantity
    settle(desk, quantity, quoted.price)
    report.delay += quantity * delay
    report.spread += abs(quantity) * quoted.half_spread
    report.impact += abs(quantity) * quoted.impact
    report.impact_permanent += abs(quantity) * quoted.permanent
    report.impact_transient += abs(quantity) * quoted.transient
    report.pressure += quantity * quoted.temporary


@kernel
def room_in(desk: Desk, session: Session, share: float, late: float) -> float:
    """Units that may still trade in a share of the bar, in whole lots."""
    room = min(share * session.capacity - late, session.capacity - desk.report.traded)
    if room <= DUST * session.capacity:
        return 0.0
    return whole_lots(room, desk.rules.execution.lot)


@kernel
def take(desk: Desk, session: Session, slot: OrderSlot, window: FillWindow) -> None:
    """Let an order take what fits in a window of the bar, and what its limit allows."""
    execution = desk.rules.execution
    room = room_in(desk, session, window.share, window.late)
    if room <= 0.0:
        return
    quantity = math.copysign(min(abs(slot.left), room), slot.left)
    if slot.limit != 0.0:
        allowed = within_limit(session, window, slot.limit, quantity, execution.tick)
        quantity = whole_lots(allowed, execution.lot)
        if quantity == 0.0:
            return
    quoted = taking_quote(session, window, quantity, execution.tick)
    fill_order(desk, slot, quoted, execution.fee, session.terms.fees)


@rare_kernel
def fill_touched(desk: Desk, session: Session, since: float, u: float, late: float) -> float:
    """Fill the resting orders that the path reaches at fraction u, coming from `since`.

    Return the price at which the path goes on: where the last of them was reached.
    """
    price = price_at(session.bar, u)
    report, terms = desk.report, session.terms
    for s in range(desk.slots.shape[0]):
        slot = desk.slots[s]
        if not is_resting(slot):
            continue
        before = report.filled
        mid = resting_mid(terms, slot.limit, resting_size(slot, session), before)
        if reached_at(slot, session.bar, mid, since) > u:
            continue
        price = mid
        room = room_in(desk, session, 1.0 - u, late)
        if room <= 0.0:
            return price
        quantity = math.copysign(min(abs(slot.left), room), slot.left)
        mid = resting_mid(terms, slot.limit, quantity, before)
        quoted = resting_quote(terms, slot.limit, mid, quantity, before)
        report.rested += abs(quantity)
        fill_order(desk, slot, quoted, desk.rules.execution.maker_fee, terms.fees)
        late += abs(quantity)
    return price


@kernel
def fill_order(
    desk: Desk, slot: OrderSlot, quoted: Quote, fee_rate: float, fee_factor: float
) -> None:
    """Settle one fill of an order and enter it everywhere."""
    asset, report, execution = desk.asset, desk.report, desk.rules.execution
    quantity = quoted.quantity
    before = asset.position
    delay = quoted.mid - asset.mark
    book_fill(desk, quoted, delay)
    report.order_filled += quantity
    report.order_value += abs(quantity) * slot.decision_price
    paid = 0.0
    if slot.filled == 0.0:
        slot.arrival_price = quoted.mid
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
    fee *= fee_factor
    slot.fees += fee
    charge(desk.account, report, fee)
    if slot.left == 0.0:
        finish(slot, Status.FILLED.value)
    grew = asset.position * before <= 0.0 or abs(asset.position) > abs(before)
    if grew and asset.position != 0.0:
        set_levels(asset, slot, quoted.mid, execution.tick)
