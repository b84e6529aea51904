"""Orders in the oracle of `reference.py`: what a target sends, lots, ticks, latency.

Written from `docs/model.md` (sections 4, 5 and 8) alone; it shares no code with the kernels. An
action is a number, or four for each asset: signal, type, offset, time in force.
"""

import math
from typing import Any

from tests.oracle.market import LATENCY_STREAM, normal
from trading_env.core.codes import BoundBy, SlotState, Status

Record = dict[str, Any]

CAPS = {name for name in BoundBy if BoundBy.RISK_TOLERANCE <= name <= BoundBy.MARGIN}
DUST = 1e-12
OFFSET_SD = 2.0  # standard deviations of a bar at an offset of 1
FURTHEST = 3.0  # log price
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


def signal_in(action: Any) -> float:
    return float(action if isinstance(action, float) else action[0])


def type_in(world: Record, action: Any) -> str:
    """Type of the order that an action asks for."""
    if world["action"] == "target":
        return str(world["execution"]["order_type"])
    types = ("market", "limit", "stop", "cancel")[: 4 if world["action"] == "orders" else 3]
    part = math.floor((action[1] + 1.0) * len(types) / 2.0)
    return types[min(max(part, 0), len(types) - 1)]


def worked(world: Record, asset: Record, action: Any) -> Record:
    """How an order would be worked: type, prices beside the shown one, time in force."""
    execution, shown = world["execution"], asset["seen_close"]
    if world["action"] == "target":
        offset = execution["limit_offset_bps"] * 1e-4
        low, high = shown * (1.0 - offset), shown * (1.0 + offset)
        lapses = execution["time_in_force"] == "bar"
    else:
        d = OFFSET_SD * min(max(action[2], -1.0), 1.0) * math.sqrt(asset["seen_variance_slow"])
        d = min(max(d, -FURTHEST), FURTHEST)
        low, high, lapses = shown * math.exp(-d), shown * math.exp(d), action[3] < 0.0
    if (tick := execution["tick"]) > 0.0:
        low = tick * ticks(low / tick, up=False)
        high = tick * ticks(high / tick, up=True)
    return {"type": type_in(world, action), "low": low, "high": high, "lapses": int(lapses)}


def prices_of(how: Record, q: float) -> Record:
    """Limit and trigger of an order; 0 for none."""
    found = {"limit": 0.0, "trigger": 0.0}
    if q != 0.0 and how["type"] == "limit":
        found["limit"] = how["low"] if q > 0.0 else how["high"]
    if q != 0.0 and how["type"] == "stop":
        found["trigger"] = how["high"] if q > 0.0 else how["low"]
    return found


def is_otherwise(slots: list[Record], wanted: Record, shown: float) -> bool:
    """Tell whether something works with another limit or trigger than is wanted now.

    They are compared to rounding: where neither price nor volatility was shown anew, the limit of
    the last step is this step's to the bit in the kernels, and within 1e-14 of it here.
    """
    works = [slot for slot in slots if slot["state"] == SlotState.WORKING and not slot["replaced"]]
    return any(abs(slot[name] - wanted[name]) > 1e-14 * shown for slot in works for name in wanted)


def send(
    world: Record, state: Record, a: int, report: Record, stress: Record, action: Any, seed: int
) -> None:
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
    rounding = 1e-14 * account["seen_equity"] / asset["seen_close"]
    if report["bound_by"] == BoundBy.EXIT_PENDING:
        return
    how = worked(world, asset, action)
    cancels = how["type"] == "cancel"
    anew = cancels and working != 0.0
    if world["action"] == "target+type":
        anew = is_otherwise(slots, prices_of(how, intended - in_flight), asset["seen_close"])
        if anew:
            report["met"].add("an order worked otherwise")
    if cancels:
        report["met"].add("a cancel" if working != 0.0 else "a cancel of nothing")
    rounding = max(DUST * max(abs(term) for term in terms), rounding)
    if not anew and abs(needed) <= rounding:
        return
    value = abs(needed) * asset["seen_close"]
    bar_units = world["execution"]["participation_cap"] * asset["seen_volume_mean"]
    reach = world["risk"]["participation_bars"] * bar_units * asset["seen_close"]
    band = min(world["risk"]["no_trade_band"] * account["seen_equity"], reach / 2.0)
    if band == reach / 2.0:
        report["met"].add("a band of half the reach")
    if report["bound_by"] in CAPS:
        left = abs(report["target"]) * asset["seen_close"] / 2.0
        if left < band:
            report["met"].add("a band of half of what a cap leaves")
        band = min(band, left)
    if account["beyond"]:
        report["met"].add("no band beyond the leverage")
        band = 0.0
    if not anew and report["target"] != 0.0 and value <= band:
        if report["bound_by"] == BoundBy.NONE:
            report["bound_by"] = BoundBy.NO_TRADE_BAND
        return
    replaces = anew or needed * working < 0.0
    if replaces:
        needed = 0.0 if cancels else intended - in_flight
        if 0.0 < abs(needed) <= rounding:
            report["met"].add("a replacing order of rounding")
            needed = 0.0
    lot = world["execution"]["lot"]
    if is_near_lot(needed, lot) and report["target"] != asset["goal"]:
        report["excuse"] = "lot: rounding decides how many lots are sent"
    wished = needed
    if report["target"] != asset["goal"]:
        needed = whole_lots(needed, lot)
    elif whole_lots(needed, lot) != needed:
        report["met"].add("an odd lot at the end")
    if abs(needed) * asset["seen_close"] < world["execution"]["minimum_notional"]:
        needed = 0.0
        report["met"].add("an order below the minimum")
    if abs(needed - wished) > 1e-9 * lot and report["bound_by"] == BoundBy.NONE:
        report["bound_by"] = BoundBy.LOT_SIZE
    if needed == 0.0 and not replaces:
        return
    empty = [slot for slot in slots if slot["state"] == SlotState.EMPTY]
    if len(empty) == 1 and world["action"] != "target" and not replaces:
        report["met"].add("the last slot kept")
        empty = []
    if not empty:
        report.update(bound_by=BoundBy.ORDER_SLOTS, rejected=True)
        return
    report["sent"] = needed
    report["live"] = in_flight + needed if replaces else in_flight + working + needed
    report["ordered"] = abs(needed)
    if replaces and needed * working > 0.0:
        report["ordered"] = max(abs(needed) - abs(working), 0.0)
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
    whole = needed == wished and not (cancels and working != 0.0)
    goal = report["target"] if whole else asset["position"] + report["live"]
    empty[0].update(goal=goal)
    empty[0].update(identity=1 + max(slot["identity"] for slot in slots))
    empty[0].update(prices_of(how, needed), lapses=how["lapses"])
    empty[0].update(stop_distance=report["stop_distance"])
    empty[0].update(target_distance=report["target_distance"])
    empty[0].update(dict.fromkeys(LEDGER, 0.0))


def ticks(count: float, *, up: bool) -> float:
    """Cut or raise to a whole number of ticks; less than one stays as it is."""
    if up and count + 1e-9 >= 1.0:
        return max(math.ceil(count - 1e-9), 1)
    if up:
        return count
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
