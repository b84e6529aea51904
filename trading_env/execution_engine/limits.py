"""Limit orders: how much takes liquidity within a limit, and when the rest is filled as a maker.

An order with a limit takes, when it arrives and at each later open, the largest quantity whose
price, costs included, is no worse than its limit. What it cannot take rests. A resting order
fills at its limit, as a maker, once the path of the bar goes through the price at which a taker
would get that limit, temporary impact apart: half spread and own permanent impact are paid, and
what the account's earlier trades left counts where it hurts and not where it helps. So resting
saves temporary impact and earns the maker's fee, and pays by waiting; no queue is jumped by being
within the spread. An order that has traded, or could have, at a moment tries again at the next
open, not in the same bar.

A position's target rests by the same rule, which leaves no way to push the price and sell to a
limit for nothing.

Not modelled: queue position, a book that others fill.
"""

import math

from trading_env.core.codes import SlotState
from trading_env.core.grid import tick_above, tick_below
from trading_env.core.jit import kernel, rare_kernel
from trading_env.core.params import ExecutionParams
from trading_env.core.records import OrderSlot, Report, Table
from trading_env.core.values import Bar, FillWindow, Quote, Session, Terms
from trading_env.execution_engine.pricing import (
    MAX_PART,
    crossing,
    extreme_of,
    price_at,
    taking_quote,
)

HALVINGS = 20  # of a quantity, to find what a limit allows
SMALLEST = 0.5**HALVINGS
UNREACHED = 2.0  # fraction of a bar


@kernel
def limit_price(shown: float, quantity: float, execution: ExecutionParams) -> float:
    """Limit of an order of `quantity` at the shown price, on a tick; 0 for a market order."""
    if execution.limit_orders == 0 or quantity == 0.0:
        return 0.0
    if quantity > 0.0:
        return tick_below(shown * (1.0 - execution.limit_offset), execution.tick)
    return tick_above(shown * (1.0 + execution.limit_offset), execution.tick)


@kernel
def allows(
    session: Session, window: FillWindow, limit: float, quantity: float, tick: float
) -> bool:
    """Tell whether taking a quantity costs no more than a limit."""
    quoted = taking_quote(session, window, quantity, tick)
    return (quoted.price - limit) * quantity <= 0.0


@rare_kernel
def within_limit(
    session: Session, window: FillWindow, limit: float, quantity: float, tick: float
) -> float:
    """Return the largest part of a quantity that takes liquidity at its limit or better.

    The part is a multiple of 2^-HALVINGS, found by halving, since a price gets worse with quantity.
    """
    if allows(session, window, limit, quantity, tick):
        return quantity
    allowed, refused = 0.0, 1.0
    if not allows(session, window, limit, quantity * SMALLEST, tick):
        return 0.0
    for _ in range(HALVINGS):
        tried = 0.5 * (allowed + refused)
        if allows(session, window, limit, quantity * tried, tick):
            allowed = tried
        else:
            refused = tried
    return quantity * allowed


@kernel
def resting_parts(terms: Terms, quantity: float, before: float) -> tuple[float, float]:
    """Permanent part, and all that a resting fill pays per unit, as fractions of the reference."""
    side = 1.0 if quantity > 0.0 else -1.0
    lasting = terms.permanent * (0.5 * abs(quantity) + max(side * before, 0.0))
    return lasting, terms.half_spread + lasting + max(side * terms.transient, 0.0)


@kernel
def resting_mid(terms: Terms, limit: float, quantity: float, before: float) -> float:
    """Price that the path must go through for a resting order to fill at its limit."""
    side = 1.0 if quantity > 0.0 else -1.0
    paid = resting_parts(terms, quantity, before)[1]
    if terms.reference != 0.0:
        return limit - side * paid * terms.reference
    return limit / (1.0 + side * min(paid, MAX_PART))


@kernel
def resting_at(
    terms: Terms, limit: float, mid: float, quantity: float, before: float
) -> tuple[float, float]:
    """Return where a resting order fills on a path that is at `mid`, and the price it gets.

    That is its limit, or better where the bar opens beyond the price that was waited for.
    """
    side = 1.0 if quantity > 0.0 else -1.0
    reached = resting_mid(terms, limit, quantity, before)
    if side * (mid - reached) >= 0.0:
        return reached, limit
    paid = resting_parts(terms, quantity, before)[1]
    if terms.reference != 0.0:
        return mid, mid + side * paid * terms.reference
    return mid, mid * (1.0 + side * min(paid, MAX_PART))


@kernel
def resting_quote(terms: Terms, limit: float, mid: float, quantity: float, before: float) -> Quote:
    """Price of a resting order's fill: its limit, with what lies between it and `mid` by parts."""
    side = 1.0 if quantity > 0.0 else -1.0
    reference = terms.reference if terms.reference != 0.0 else mid
    whole = side * (limit - mid)
    half_spread = min(terms.half_spread * reference, whole)
    lasting = min(resting_parts(terms, quantity, before)[0] * reference, whole - half_spread)
    transient = whole - half_spread - lasting
    impact = whole - half_spread
    return Quote(quantity, mid, limit, half_spread, impact, lasting, transient, 0.0)


@kernel
def is_resting(slot: OrderSlot) -> bool:
    """Tell whether an order is at the market with a limit and has not traded in this bar."""
    return slot.state == SlotState.WORKING and slot.limit != 0.0 and slot.step_filled == 0.0


@kernel
def reached_at(slot: OrderSlot, bar: Bar, mid: float, now: float) -> float:
    """Fraction of the bar after `now` at which its path first goes through `mid`, or UNREACHED."""
    side = 1.0 if slot.left > 0.0 else -1.0
    if side * (price_at(bar, now) - mid) < 0.0:
        return UNREACHED  # it could have traded at `now`
    extreme, at = extreme_of(bar, side < 0.0)
    reached = UNREACHED
    if side * (bar.close - mid) < 0.0:
        crossed = crossing(bar, mid)
        reached = crossed if crossed > now else UNREACHED
    if at > now and side * (extreme - mid) < 0.0:
        reached = min(reached, at)
    return reached


@rare_kernel
def next_touch(slots: Table, session: Session, report: Report, now: float, until: float) -> float:
    """First moment before `until` at which a resting order fills; `until` if none does."""
    first = until
    before = report.filled
    for s in range(slots.shape[0]):
        slot = slots[s]
        if is_resting(slot):
            quantity = resting_size(slot, session)
            mid = resting_mid(session.terms, slot.limit, quantity, before)
            first = min(first, reached_at(slot, session.bar, mid, now))
    return first


@kernel
def resting_size(slot: OrderSlot, session: Session) -> float:
    """Units that one bar can fill of a resting order, signed."""
    return math.copysign(min(abs(slot.left), session.capacity), slot.left)
