"""Limit orders in the oracle of `reference.py`: what a limit allows, and what a resting order gets.

Written from `docs/model.md` (section 10, limit orders); it shares no code with the kernels.
"""

import math
from collections.abc import Callable
from typing import Any

from tests.oracle.prices import Session, quote
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


def resting_deal(s: Session, m: float, q: float) -> Record:
    """What q units that rest get on a path at m, by parts, in currency a unit."""
    same_side = s.before if q * s.before > 0.0 else 0.0  # B'
    return quote(s, q, m, 1.0, late=s.traded, before=same_side)


def resting_mid(s: Session, limit: float, n: float) -> float:
    """The price of the path at which an order gets its limit."""
    if s.arithmetic:
        return float(limit - resting_deal(s, 0.0, n)["price"])
    return float(limit / resting_deal(s, 1.0, n)["price"])


def met_deal(s: Session, limit: float, q: float) -> tuple[float, Record]:
    """Arrival price and deal of q units that rest and are met on the way: at the limit exactly."""
    mid = resting_mid(s, limit, q)
    return mid, {**resting_deal(s, mid, q), "price": limit}


def target_level(s: Session) -> float:
    """The price of the path at which the position's target fills; 0 for none."""
    level = s.asset["take_profit"]
    return resting_mid(s, level, -fillable(s, s.asset["position"])) if level > 0.0 else 0.0


def target_deal(s: Session, q: float, path: float | None) -> tuple[float, Record]:
    """Arrival price and deal of a target of q units: on the way, or where a path begins."""
    level = s.asset["take_profit"]
    return met_deal(s, level, q) if path is None else (path, resting_deal(s, path, q))
