"""Limit orders in the oracle of `reference.py`: what a limit allows, and what a resting order gets.

Written from `docs/model.md` (section 10, limit orders); it shares no code with the kernels.
"""

import math
from collections.abc import Callable
from typing import Any

from tests.oracle.prices import DEAREST, Session, moved_by
from trading_env.core.codes import SlotState

Record = dict[str, Any]

PARTS = 2**20  # what a limit allows is so many parts of what fits, or fewer


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


def fillable(s: Session, left: float) -> float:
    """The signed units of an order that one bar can fill."""
    return math.copysign(min(abs(left), s.capacity), left)


def against(s: Session, side: float) -> float:
    """B', earlier fills of the bar on the order's own side."""
    return s.before if side * s.before > 0.0 else 0.0


def resting_cost(s: Session, side: float) -> float:
    cost = s.terms["half_spread"] + max(side * s.terms["transient"], 0.0)
    return cost if s.arithmetic else min(cost, DEAREST)


def shift(s: Session, n: float, side: float) -> float:
    """What lies between path and fill where impact is a fraction of the first mark."""
    lasting = s.asset["permanent_unit"] * (abs(n) / 2.0 + abs(against(s, side)))
    return side * (resting_cost(s, side) + lasting) * s.asset["reference_price"]


def stretch(s: Session, n: float, side: float) -> float:
    """Price of the fill over that of the path, where impact is a fraction of the path."""
    factor = moved_by(s.asset["permanent_unit"], against(s, side), n)
    cost = 1.0 + resting_cost(s, side)
    return factor * cost if side > 0.0 else factor / cost


def resting_price(s: Session, m: float, n: float) -> float:
    """What a resting order gets on a path at m."""
    side = math.copysign(1.0, n)
    return m + shift(s, n, side) if s.arithmetic else m * stretch(s, n, side)


def resting_mid(s: Session, limit: float, n: float) -> float:
    """The price of the path at which an order gets its limit."""
    side = math.copysign(1.0, n)
    return limit - shift(s, n, side) if s.arithmetic else limit / stretch(s, n, side)


def resting_deal(s: Session, price: float, q: float, m: float) -> Record:
    """A resting fill by parts, in currency a unit."""
    side, kappa, before = math.copysign(1.0, q), s.asset["permanent_unit"], 0.0
    before = against(s, side)
    if s.arithmetic:
        reference = s.asset["reference_price"]
        lasting = kappa * (abs(q) / 2.0 + side * before) * reference
    else:
        reference = m
        lasting = side * (m * moved_by(kappa, before, q) - m)
    left = abs(price - m)
    half_spread = min(s.terms["half_spread"] * reference, left)
    lasting = min(lasting, left - half_spread)
    return {
        "price": price,
        "half_spread": half_spread,
        "impact": left - half_spread,
        "permanent": lasting,
        "transient": left - half_spread - lasting,
        "pressure": 0.0,
    }


def target_level(s: Session) -> float:
    """The price of the path at which the position's target fills; 0 for none."""
    level = s.asset["take_profit"]
    return resting_mid(s, level, -fillable(s, s.asset["position"])) if level > 0.0 else 0.0


def target_deal(s: Session, q: float, path: float | None) -> tuple[float, Record]:
    """Arrival price and deal of a target of q units: on the way, or where a path begins."""
    level = s.asset["take_profit"]
    if path is None:
        mid = resting_mid(s, level, q)
        return mid, resting_deal(s, level, q, mid)
    return path, resting_deal(s, resting_price(s, path, q), q, path)
