"""Limit orders in the oracle of `reference.py`: what a limit allows, and when an order rests.

Written from `docs/model.md` (section 10, limit orders); it shares no code with the kernels.
"""

import math
from collections.abc import Callable
from typing import Any

from tests.oracle.prices import IMPACT_LIMIT, Session
from trading_env.core.codes import SlotState

Record = dict[str, Any]

PARTS = 2**20  # what a limit allows is so many parts of what fits, or fewer
NOT_REACHED = 2.0


def part_within(slot: Record, size: float, price_of: Callable[[float], float]) -> float:
    """Largest part of a size whose price is no worse than the order's limit."""

    def fine(parts: int) -> bool:
        price = price_of(size * parts / PARTS)
        return price <= slot["limit"] if slot["left"] > 0.0 else price >= slot["limit"]

    if fine(PARTS):
        return size
    good, bad = 0, PARTS
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if fine(middle) else (good, middle)
    return size * good / PARTS


def rests(slot: Record) -> bool:
    """Tell whether an order waits at its limit."""
    waits = slot["state"] == SlotState.WORKING and slot["step_filled"] == 0.0
    return waits and slot["limit"] != 0.0


def pays(s: Session, q: float) -> tuple[float, float, float]:
    """Half spread, permanent and transient part that a resting fill pays, as fractions."""
    side = math.copysign(1.0, q)
    lasting = s.terms["permanent"] * (abs(q) / 2.0 + max(side * s.before, 0.0))
    return s.terms["half_spread"], lasting, max(side * s.terms["transient"], 0.0)


def resting_mid(s: Session, limit: float, q: float) -> float:
    """The price the path must go through."""
    side = math.copysign(1.0, q)
    paid = sum(pays(s, q))
    if s.world["execution"]["impact_reference"] == "first":
        return limit - side * paid * s.asset["reference_price"]
    return limit / (1.0 + side * min(paid, IMPACT_LIMIT))


def resting_deal(s: Session, limit: float, q: float, mid: float) -> Record:
    """A resting fill by parts, in currency a unit."""
    reference = mid
    if s.world["execution"]["impact_reference"] == "first":
        reference = s.asset["reference_price"]
    left = abs(limit - mid)
    half_spread = min(s.terms["half_spread"] * reference, left)
    lasting = min(pays(s, q)[1] * reference, left - half_spread)
    return {
        "price": limit,
        "half_spread": half_spread,
        "impact": left - half_spread,
        "permanent": lasting,
        "transient": left - half_spread - lasting,
        "temporary": 0.0,
    }


def reached(s: Session, slot: Record, after: float) -> float:
    """The moment after `after` at which a resting order is reached."""
    q = math.copysign(min(abs(slot["left"]), s.capacity), slot["left"])
    mid = resting_mid(s, slot["limit"], q)
    bar = s.bar
    buys = q > 0.0

    def beyond(price: float) -> bool:
        return price < mid if buys else price > mid

    if beyond(s.line(after)):
        return NOT_REACHED
    early = buys == (bar["close"] >= bar["open"])
    touched_at = 1 / 3 if early else 2 / 3
    moments = []
    if beyond(bar["low"] if buys else bar["high"]):
        moments.append(touched_at)
    if beyond(bar["close"]):
        moments.append((mid - bar["open"]) / (bar["close"] - bar["open"]))
    return min((moment for moment in moments if moment > after), default=NOT_REACHED)


def target_mid(s: Session) -> float:
    """The price at which the position's target fills."""
    x = s.asset["position"]
    return resting_mid(s, s.asset["take_profit"], -math.copysign(min(abs(x), s.capacity), x))


def target_deal(s: Session, q: float, path: float) -> tuple[float, Record]:
    """Where a target of q units fills on a path that is at `path`, and what it pays."""
    level, side = s.asset["take_profit"], math.copysign(1.0, q)
    mid = resting_mid(s, level, q)
    if (path - mid) * side >= 0.0:
        return mid, resting_deal(s, level, q, mid)
    paid = sum(pays(s, q))
    price = path * (1.0 + side * min(paid, IMPACT_LIMIT))
    if s.world["execution"]["impact_reference"] == "first":
        price = path + side * paid * s.asset["reference_price"]
    return path, resting_deal(s, price, q, path)
