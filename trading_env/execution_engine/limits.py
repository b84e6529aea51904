"""Limits and triggers: how much of an order may take liquidity, and when the rest is filled.

An order with a limit takes, when it arrives and at each later open, the largest quantity whose
price, costs included, is no worse than its limit. What it cannot take rests. A resting order
fills at its limit, as a maker, once the path of the bar goes through the price at which a taker
would get that limit, temporary impact apart: half spread and own permanent impact are paid, and
what the account's earlier trades left counts where it hurts and not where it helps. So the market
has moved through a limit by the half spread when it fills: on average a maker loses what the spread
would have earned, as from those who know more (Glosten and Milgrom 1985), and saves temporary
impact alone. An order that has traded, or could have, at a moment tries again at the next open, not
in the same bar.

A stop order waits for the path to come to its trigger, from below for a purchase and from above for
a sale, or for an open or an arrival beyond it; from there on it is a market order.

A position's target rests by the same rule as a limit, which leaves no way to push the price and
sell to a limit for nothing.

Not modelled: queue position, a book that others fill.
"""

import math

from trading_env.core.codes import OrderType, SlotState
from trading_env.core.elementary import growth, moved_by
from trading_env.core.grid import tick_above, tick_below
from trading_env.core.jit import kernel, rare_kernel
from trading_env.core.records import OrderSlot
from trading_env.core.values import FillWindow, Instruction, Quote, Session, Terms
from trading_env.execution_engine.pricing import MAX_COST, taking_quote

HALVINGS = 20  # of a quantity, to find what a limit allows
SMALLEST = 0.5**HALVINGS


@kernel
def price_beside(shown: float, side: float, instruction: Instruction, tick: float) -> float:
    """Price that an instruction names below the shown one (side 1) or above it (-1), on a tick."""
    if side > 0.0:
        return tick_below(shown * (1.0 - instruction.below), tick)
    return tick_above(shown * (1.0 + instruction.above), tick)


@kernel
def limit_price(shown: float, quantity: float, instruction: Instruction, tick: float) -> float:
    """Limit of an order of `quantity` at the shown price; 0 for one without."""
    if instruction.kind != OrderType.LIMIT or quantity == 0.0:
        return 0.0
    return price_beside(shown, quantity, instruction, tick)


@kernel
def trigger_price(shown: float, quantity: float, instruction: Instruction, tick: float) -> float:
    """Trigger of a stop order of `quantity` at the shown price; 0 for any other."""
    if instruction.kind != OrderType.STOP or quantity == 0.0:
        return 0.0
    return price_beside(shown, -quantity, instruction, tick)


@kernel
def may_trade(slot: OrderSlot, price: float) -> bool:
    """Tell whether a working order trades where the path is at a price: a stop may wait on.

    One that need not wait any longer is a market order from here on.
    """
    if slot.trigger == 0.0:
        return True
    side = 1.0 if slot.left > 0.0 else -1.0
    if side * (price - slot.trigger) < 0.0:
        return False
    slot.trigger = 0.0
    return True


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
def resting_cost(terms: Terms, quantity: float) -> float:
    """Half spread and earlier pressure that a resting fill pays, fraction."""
    side = 1.0 if quantity > 0.0 else -1.0
    cost = terms.half_spread + max(side * terms.transient, 0.0)
    return cost if terms.reference != 0.0 else min(cost, MAX_COST)


@kernel
def resting_lasting(terms: Terms, mid: float, quantity: float, before: float) -> float:
    """Own permanent impact that a resting fill pays, currency per unit; earlier fills' if it hurts.

    `mid` is the price of the path; in the arithmetic closed forms it does not matter.
    """
    side = 1.0 if quantity > 0.0 else -1.0
    earlier = before if side * before > 0.0 else 0.0
    if terms.reference != 0.0:
        return terms.permanent * (0.5 * abs(quantity) + abs(earlier)) * terms.reference
    moved = moved_by(terms.permanent * earlier) * growth(terms.permanent * quantity)
    return side * (moved - 1.0) * mid


@kernel
def resting_price(terms: Terms, mid: float, quantity: float, before: float) -> float:
    """Price that a resting order of `quantity` gets on a path that is at `mid`."""
    side = 1.0 if quantity > 0.0 else -1.0
    cost = resting_cost(terms, quantity)
    moved = mid + side * resting_lasting(terms, mid, quantity, before)
    if terms.reference != 0.0:
        return moved + side * cost * terms.reference
    return moved * (1.0 + cost) if side > 0.0 else moved / (1.0 + cost)


@kernel
def resting_mid(terms: Terms, limit: float, quantity: float, before: float) -> float:
    """Price that the path must go through for a resting order to fill at its limit."""
    if terms.reference != 0.0:
        return limit - resting_price(terms, 0.0, quantity, before)
    return limit / resting_price(terms, 1.0, quantity, before)


@kernel
def resting_quote(terms: Terms, limit: float, mid: float, quantity: float, before: float) -> Quote:
    """Price of a resting order's fill: its limit, with what lies between it and `mid` by parts."""
    side = 1.0 if quantity > 0.0 else -1.0
    whole = side * (limit - mid)
    reference = terms.reference if terms.reference != 0.0 else mid
    half_spread = min(terms.half_spread * reference, whole)
    impact = whole - half_spread
    lasting = min(resting_lasting(terms, mid, quantity, before), impact)
    return Quote(quantity, mid, limit, half_spread, impact, lasting, impact - lasting, 0.0)


@kernel
def is_resting(slot: OrderSlot) -> bool:
    """Tell whether an order is at the market with a limit and has not traded in this bar."""
    return slot.state == SlotState.WORKING and slot.limit != 0.0 and slot.step_filled == 0.0


@kernel
def resting_size(slot: OrderSlot, session: Session) -> float:
    """Units that one bar can fill of a resting order, signed."""
    return math.copysign(min(abs(slot.left), session.capacity), slot.left)
