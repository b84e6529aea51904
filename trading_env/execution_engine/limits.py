"""Limits and triggers: how much of an order may take liquidity, and when the rest is filled.

An order with a limit takes, when it arrives and at each later open, the largest quantity whose
price, costs included, is no worse than its limit. What it cannot take rests. A resting order
fills at its limit, as a maker, once the path of the bar goes through the price at which a taker
with the whole bar before it would get that limit: half spread and own impact are paid, and what
earlier trades left counts where it hurts and not where it helps. It presses on the market like
any other fill: parent orders that are worked by limits have much the same impact as those that take
liquidity (Said, Ayed, Husson, Abergel 2018). So the market has moved through a limit by the half
spread when it fills: on average a maker loses what the spread would have earned, as from those who
know more (Glosten and Milgrom 1985), and saves the difference of the fees. An order that has
traded, or could have, at a moment tries again at the next open, not in the same bar.

A stop order waits for the path to come to its trigger, from below for a purchase and from above for
a sale, or for an open or an arrival beyond it; from there on it is a market order.

A position's target rests by the same rule as a limit, which leaves no way to push the price and
sell to a limit for nothing.

Not modelled: queue position, a book that others fill.
"""

import math

from trading_env.core.codes import OrderType, SlotState
from trading_env.core.grid import tick_above, tick_below
from trading_env.core.jit import kernel, rare_kernel
from trading_env.core.records import OrderSlot, Report
from trading_env.core.values import FillWindow, Instruction, Quote, Session
from trading_env.execution_engine.pricing import taking_quote

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
def resting_quote(session: Session, report: Report, mid: float, quantity: float) -> Quote:
    """Price a fill of a resting order on a path that is at `mid`: a taker's over the whole bar.

    Permanent impact of earlier fills of the bar counts where it hurts.
    """
    before = report.filled if quantity * report.filled > 0.0 else 0.0
    return taking_quote(session, FillWindow(mid, 1.0, report.traded, before), quantity, 0.0)


@kernel
def resting_mid(session: Session, report: Report, limit: float, quantity: float) -> float:
    """Price that the path must go through for a resting order to fill at its limit."""
    if session.terms.reference != 0.0:
        return limit - resting_quote(session, report, 0.0, quantity).price
    return limit / resting_quote(session, report, 1.0, quantity).price


@kernel
def quote_at(session: Session, report: Report, limit: float, quantity: float) -> Quote:
    """Price a resting order's fill on the way: at its limit, to the last bit."""
    mid = resting_mid(session, report, limit, quantity)
    quoted = resting_quote(session, report, mid, quantity)
    side = 1.0 if quantity > 0.0 else -1.0
    return Quote(
        quantity,
        mid,
        limit,
        quoted.half_spread,
        side * (limit - mid) - quoted.half_spread,
        quoted.permanent,
        quoted.transient,
        quoted.pressure,
    )


@kernel
def is_resting(slot: OrderSlot) -> bool:
    """Tell whether an order is at the market with a limit and has not traded in this bar."""
    return slot.state == SlotState.WORKING and slot.limit != 0.0 and slot.step_filled == 0.0


@kernel
def resting_size(slot: OrderSlot, session: Session) -> float:
    """Units that one bar can fill of a resting order, signed."""
    return math.copysign(min(abs(slot.left), session.capacity), slot.left)
