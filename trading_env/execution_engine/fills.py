"""One fill of one order: how much, at what price, and what it writes.

A fill is as large as the cap leaves room for and, where the account cannot borrow, as its cash pays
for, fee included. A market order, and a limit order that is let in,
takes liquidity at the quoted price; a resting one is filled at its limit (`limits.py`). Either is
settled, entered into the step's ledger and the order's own, and charged its fee.
"""

import math

from trading_env.core.codes import Factor, Status
from trading_env.core.grid import whole_lots
from trading_env.core.jit import kernel, rare_kernel
from trading_env.core.params import ExecutionParams
from trading_env.core.records import AssetState, OrderSlot, Stress
from trading_env.core.values import FillWindow, Quote, Session, Terms
from trading_env.execution_engine.account import DUST, charge, settle
from trading_env.execution_engine.limits import quote_at, within_limit
from trading_env.execution_engine.orders import finish
from trading_env.execution_engine.pricing import (
    charged,
    fee_due,
    on_tick,
    proportional_fee,
    quote,
    rates_of,
    taking_quote,
    terms_of,
)
from trading_env.risk_manager.desk import Desk
from trading_env.risk_manager.levels import enter


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
    report.pressure += quantity * quoted.pressure


@kernel
def expected_volume(asset: AssetState, stress: Stress) -> float:
    """Units that are to be expected of a bar, by the table's trailing mean and the scenario."""
    return float(stress.factor[Factor.VOLUME] * asset.volume_usual)


@kernel
def known_capacity(
    asset: AssetState, stress: Stress, volume: float, execution: ExecutionParams
) -> float:
    """Units that a bar can fill of what waits for a price: known before it, at most its volume.

    A share of the bar's own volume would know how far the bar goes on after a fill, since volume
    answers to moves: stop orders would buy more of the bars that go on. A plain market order waits
    for no price: its volume tells it how large the bar's move is, not which way it goes.
    """
    expected = expected_volume(asset, stress)
    return float(min(execution.participation * expected, volume))


@kernel
def waiting(session: Session) -> Session:
    """Return a bar as it is for what waits for a price: an exit, a limit or a stop order."""
    bar, terms, known = session.bar, session.terms, session.known
    return Session(bar, terms, known, known, session.seconds, session.path_scale)


@kernel
def as_met_by(slot: OrderSlot, session: Session) -> Session:
    """Return a bar as an order meets it that works or arrives; a stop met then has waited."""
    return waiting(session) if slot.limit > 0.0 or slot.trigger > 0.0 else session


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
        quantity = quantity if allowed == quantity else whole_lots(allowed, execution.lot)
        if quantity == 0.0:
            return
    quoted = taking_quote(session, window, quantity, execution.tick)
    if desk.rules.funds.borrowing == 0:
        affordable = within_cash(desk, quoted, execution.fee, session.terms.fees)
        if affordable == 0.0:
            return
        if affordable != quantity:
            quoted = taking_quote(session, window, affordable, execution.tick)
    fill_order(desk, slot, quoted, execution.fee, session.terms)


@rare_kernel
def within_cash(desk: Desk, quoted: Quote, rate: float, factor: float) -> float:
    """Return the part of a purchase that the cash pays for, its fee included; a sale is free.

    `rate` is the fee's, `factor` the scenario's on it. A smaller part has no worse a price, so
    what is paid for here is paid for.
    """
    quantity, execution = quoted.quantity, desk.rules.execution
    if quantity <= 0.0:
        return quantity
    unit = quoted.price + factor * (max(rate, 0.0) * quoted.price + execution.fee_per_unit)
    cash = desk.account.cash * (1.0 - DUST) - factor * max(execution.fee_minimum, 0.0)
    if quantity * unit <= cash:
        return quantity
    return whole_lots(max(cash, 0.0) / unit, execution.lot)


@rare_kernel
def fill_resting(desk: Desk, session: Session, slot: OrderSlot, room: float) -> None:
    """Fill a resting order that the path has reached, as far as there is room."""
    report, terms, execution = desk.report, session.terms, desk.rules.execution
    quantity = math.copysign(min(abs(slot.left), room), slot.left)
    quoted = quote_at(session, report, slot.limit, quantity)
    if desk.rules.funds.borrowing == 0:
        affordable = within_cash(desk, quoted, execution.maker_fee, terms.fees)
        if affordable == 0.0:
            return
        if affordable != quantity:
            quantity = affordable
            quoted = quote_at(session, report, slot.limit, quantity)
    report.rested += abs(quantity)
    fill_order(desk, slot, quoted, execution.maker_fee, terms)


@kernel
def fill_order(desk: Desk, slot: OrderSlot, quoted: Quote, fee_rate: float, terms: Terms) -> None:
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
    slot.proportional += proportional_fee(fee_rate, quoted)
    slot.delay += quantity * delay
    slot.spread += abs(quantity) * quoted.half_spread
    slot.impact += abs(quantity) * quoted.impact
    fee = fee_due(slot.proportional, slot.notional, slot.filled, paid, execution)
    fee = charged(fee, terms.fees)
    slot.fees += fee
    charge(desk.account, report, fee)
    if slot.left == 0.0:
        finish(slot, Status.FILLED.value)
    opened = asset.position * before <= 0.0
    if asset.position != 0.0 and (opened or abs(asset.position) > abs(before)):
        added = 1.0 if opened else quantity / asset.position
        enter(asset, slot, quoted.mid, added, execution.tick)


@rare_kernel
def closing(desk: Desk, quantity: float, late: float, share: float) -> tuple[Quote, float]:
    """Price a trade at the mark after a bar, in a share of a mean bar's volume, and its fee.

    Where the scenario thins volume, of what it leaves: waiting for it is no cheaper than trading.
    `late` is what is still being traded beside it, in units.
    """
    asset, execution = desk.asset, desk.rules.execution
    terms = terms_of(asset, desk.stress, desk.rules)
    expected = expected_volume(asset, desk.stress)
    volume = max(min(asset.volume_mean, expected), abs(quantity) * DUST)
    rates = rates_of(quantity, late, share, volume, volume, execution.exponent)
    quoted = on_tick(quote(terms, asset.mark, quantity, rates, 0.0), execution.tick)
    notional = abs(quantity * quoted.price)
    proportional = proportional_fee(execution.fee, quoted)
    fee = fee_due(proportional, notional, quantity, 0.0, execution)
    return quoted, charged(fee, terms.fees)
