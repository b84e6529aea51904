"""Orders in the oracle of `reference.py`: what a target sends, lots, ticks, latency.

Written from `docs/model.md` (sections 5 and 8) alone; it shares no code with the kernels.
"""

import math
from typing import Any

from tests.oracle.market import LATENCY_STREAM, normal
from trading_env.core.codes import BoundBy, SlotState, Status

Record = dict[str, Any]

DUST = 1e-12
LATENCY_NAMES = {  # median in milliseconds, standard deviation of the log
    "zero": (0.0, 0.0),
    "colocated": (0.05, 0.3),
    "cloud": (4.0, 0.95),
    "retail": (80.0, 0.5),
}
LEDGER = ("filled", "notional", "proportional", "delay", "spread", "impact", "fees", "opportunity")


# --------------------------------------------------------------------------- 5. orders


def is_live(slot: Record) -> bool:
    return slot["state"] in (SlotState.IN_FLIGHT, SlotState.WORKING)


def whole_lots(quantity: float, lot: float) -> float:
    """Cut towards 0 to a multiple of the lot."""
    if lot == 0.0:
        return quantity
    return math.copysign(math.floor(abs(quantity) / lot + 1e-9) * lot, quantity)


def is_near_lot(quantity: float, lot: float) -> bool:
    """Tell whether rounding decides between two numbers of lots."""
    if lot == 0.0 or quantity == 0.0:
        return False
    count = abs(quantity) / lot
    return abs(count - round(count)) <= 2e-9 + 1e-12 * count


def send(world: Record, state: Record, a: int, report: Record, stress: Record, seed: int) -> None:
    """Turn the difference to the target into an order."""
    asset, slots, account = state["assets"][a], state["slots"][a], state["account"]
    in_flight = working = 0.0
    for slot in slots:
        if slot["state"] == SlotState.DONE:
            slot["state"] = SlotState.EMPTY
        slot["claim"] = slot["left"] if is_live(slot) and not slot["replaced"] else 0.0
        slot["step_filled"] = 0.0
        if slot["state"] == SlotState.IN_FLIGHT:
            in_flight += slot["left"]
        elif slot["state"] == SlotState.WORKING and not slot["replaced"]:
            working += slot["left"]
    intended = report["target"] - asset["position"]
    needed = intended - in_flight - working
    report.update(decision_price=asset["mark"], intended=intended, sent=0.0, ordered=0.0)
    report.update(live=in_flight + working, rejected=False)
    terms = (report["target"], asset["position"], in_flight, working)
    if report["bound_by"] == BoundBy.EXIT_PENDING:
        return
    if abs(needed) <= DUST * max(abs(term) for term in terms):
        return
    value = abs(needed) * asset["seen_close"]
    if report["target"] != 0.0 and value <= world["risk"]["no_trade_band"] * account["seen_equity"]:
        if report["bound_by"] == BoundBy.NONE:
            report["bound_by"] = BoundBy.NO_TRADE_BAND
        return
    replaces = needed * working < 0.0
    if replaces:
        needed = intended - in_flight
    lot = world["execution"]["lot"]
    if is_near_lot(needed, lot):
        report["excuse"] = "lot: rounding decides how many lots are sent"
    wished, needed = needed, whole_lots(needed, lot)
    if abs(needed) * asset["seen_close"] < world["execution"]["minimum_notional"]:
        needed = 0.0
        report["met"].add("an order below the minimum")
    if abs(needed - wished) > 1e-9 * lot and report["bound_by"] == BoundBy.NONE:
        report["bound_by"] = BoundBy.LOT_SIZE
    if needed == 0.0 and not replaces:
        return
    empty = [slot for slot in slots if slot["state"] == SlotState.EMPTY]
    if not empty:
        report.update(bound_by=BoundBy.ORDER_SLOTS, rejected=True)
        return
    report["sent"] = needed
    report["live"] = in_flight + needed if replaces else in_flight + working + needed
    report["ordered"] = 0.0 if replaces and needed * working > 0.0 else abs(needed)
    if replaces:
        for slot in slots:
            if slot["state"] == SlotState.WORKING:
                slot.update(replaced=1, claim=0.0)
    latency = latency_of(world, account, a, stress["latency"], seed)
    latency += stress["outage"] * world["bar_seconds"]
    flying = [slot["due_s"] for slot in slots if slot["state"] == SlotState.IN_FLIGHT]
    latency = max([latency, *flying])
    empty[0].update(state=SlotState.IN_FLIGHT, quantity=needed, left=needed, claim=needed)
    empty[0].update(
        decision_price=asset["mark"], arrival_price=0.0, latency_s=latency, due_s=latency
    )
    empty[0].update(replaces=int(replaces), replaced=0, outcome=Status.NONE)
    empty[0].update(goal=asset["position"] + report["live"])
    empty[0].update(identity=1 + max(slot["identity"] for slot in slots))
    empty[0]["limit"] = limit_of(world["execution"], asset["seen_close"], needed)
    empty[0].update(stop_distance=report["stop_distance"])
    empty[0].update(target_distance=report["target_distance"])
    empty[0].update(dict.fromkeys(LEDGER, 0.0))


def limit_of(execution: Record, shown: float, needed: float) -> float:
    """Limit of a new order; 0 for none."""
    if execution["order_type"] == "market" or needed == 0.0:
        return 0.0
    buys = needed > 0.0
    offset = execution["limit_offset_bps"] * 1e-4
    limit, tick = shown * (1.0 - offset if buys else 1.0 + offset), execution["tick"]
    return tick * ticks(limit / tick, up=not buys) if tick > 0.0 else limit


def ticks(count: float, *, up: bool) -> float:
    """Cut or raise to a whole number of ticks; less than one is not cut."""
    if up:
        return max(math.ceil(count - 1e-9), 1)
    whole = math.floor(count + 1e-9)
    return whole if whole >= 1 else count


def latency_of(world: Record, account: Record, a: int, multiplier: float, seed: int) -> float:
    execution = world["execution"]
    median_ms, log_sd = LATENCY_NAMES[execution["latency"]]
    if execution["latency_ms"] is not None:
        median_ms = execution["latency_ms"]
    if execution["latency_log_sd"] is not None:
        log_sd = execution["latency_log_sd"]
    latency = median_ms / 1000.0 * multiplier
    if median_ms == 0.0 or log_sd == 0.0:
        return latency
    z = normal(seed, account["step"], account["episode"], a, LATENCY_STREAM)
    return latency * math.exp(log_sd * z)
