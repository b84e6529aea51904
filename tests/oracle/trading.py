"""The trading half of the oracle in `reference.py`: fills, exits, one bar in order of time.

Written from `docs/model.md` (sections 9 to 11) alone; it shares no code with the kernels.

Over 300 lines because the order of events in a bar is one story.
"""

import math
from typing import Any

from tests.oracle.decision import DUST, is_live, is_near_lot, ticks, whole_lots
from tests.oracle.limits import (
    part_within,
    reached,
    resting_deal,
    resting_mid,
    rests,
    target_deal,
    target_mid,
)
from tests.oracle.market import ewma
from tests.oracle.prices import Session, quote
from trading_env.core.codes import Exit, SlotState, Status

Record = dict[str, Any]

NO_EXIT = {"exit_notional": 0.0, "exit_units": 0.0, "exit_fees": 0.0}


# --------------------------------------------------------------------------- 11. settling


def fits(s: Session, size: float, window: float, late: float) -> float:
    room = min(window * s.capacity - late, s.capacity - s.traded)
    if room <= DUST * s.capacity:
        return 0.0
    lot = s.world["execution"]["lot"]
    if is_near_lot(room, lot):
        s.report["excuse"] = "lot: rounding decides how many lots fit"
    return min(size, whole_lots(room, lot))


def taking(s: Session, q: float, arrival: float, window: float, late: float) -> Record:
    """What a fill that takes liquidity pays, on its tick."""
    deal = quote(s, q, (late + abs(q)) / (window * s.bar["volume"]), arrival)
    to_tick(deal, q, s.world["execution"]["tick"])
    return deal


def settle(s: Session, q: float, deal: Record) -> None:
    """Move cash and position."""
    asset, report = s.asset, s.report
    s.before += q
    if deal["price"] <= 0.0:
        report["excuse"] = "price: arithmetic impact took a fill below 0"
    s.traded += abs(q)
    report["pressure"] += q * deal["temporary"]
    report["filled"] += q
    report["traded"] += abs(q)
    report["notional"] += abs(q * deal["price"])
    report["cash_flow"] -= q * deal["price"]
    report["spread"] += abs(q) * deal["half_spread"]
    report["impact"] += abs(q) * deal["impact"]
    report["impact_permanent"] += abs(q) * deal["permanent"]
    report["impact_transient"] += abs(q) * deal["transient"]
    s.account["cash"] -= q * deal["price"]
    old = asset["position"]
    new = old + q
    if abs(new) <= max(DUST * abs(q), 1e-9 * s.world["execution"]["lot"]):
        new = 0.0
    asset["position"] = new
    if new == 0.0:
        asset.update(entry_price=0.0, stop_loss=0.0, take_profit=0.0, exit_pending=Exit.NONE)
        asset.update(NO_EXIT, stop_distance=0.0, trailing=0, holding_bars=0)
    elif old == 0.0 or old * new < 0.0:
        asset.update(entry_price=deal["price"], trailing=0, holding_bars=0)
    elif abs(new) > abs(old):
        asset["entry_price"] = ewma(asset["entry_price"], deal["price"], q / new)


def to_tick(deal: Record, q: float, tick: float) -> None:
    """Move a fill's price to the next tick against the order."""
    if tick > 0.0:
        price = tick * ticks(deal["price"] / tick, up=q > 0.0)
        deal["half_spread"] += math.copysign(price - deal["price"], (price - deal["price"]) * q)
        deal["price"] = price


def proportional(world: Record, notional: float, maker: bool) -> float:
    """The part of a fee that goes by notional."""
    execution = world["execution"]
    rate = execution["fee_bps"]
    if maker and execution["maker_fee_bps"] is not None:
        rate = execution["maker_fee_bps"]
    return rate * 1e-4 * notional


def fee_of(world: Record, by_notional: float, notional: float, units: float, paid: float) -> float:
    execution = world["execution"]
    fee = by_notional + execution["fee_per_unit"] * units
    if execution["fee_minimum"] is not None:
        fee = max(fee, execution["fee_minimum"])
    if execution["fee_maximum_bps"] is not None:
        fee = min(fee, execution["fee_maximum_bps"] * 1e-4 * notional)
    return fee - paid


def charge(s: Session, fee: float) -> None:
    s.account["cash"] -= fee
    s.account["fees_paid"] += fee
    s.report["fees"] += fee


def take(s: Session, slot: Record, arrival: float, window: float, late: float) -> float:
    """Trade what fits of an order, and what its limit allows; return the units traded."""
    size = fits(s, abs(slot["left"]), window, late)
    if size == 0.0:
        return 0.0
    side = math.copysign(1.0, slot["left"])
    if slot["limit"] != 0.0:
        lot = s.world["execution"]["lot"]
        size = part_within(
            slot, size, lambda units: taking(s, side * units, arrival, window, late)["price"]
        )
        if is_near_lot(size, lot):
            s.report["excuse"] = "lot: rounding decides how many lots a limit allows"
        size = whole_lots(size, lot)
        if size == 0.0:
            return 0.0
    deal = taking(s, side * size, arrival, window, late)
    return fill_order(s, slot, side * size, arrival, deal, maker=False)


def fill_order(
    s: Session, slot: Record, q: float, arrival: float, deal: Record, *, maker: bool
) -> float:
    """Settle one fill of an order and enter it everywhere; return its units."""
    size, old = abs(q), s.asset["position"]
    settle(s, q, deal)
    paid = 0.0
    if slot["filled"] == 0.0:
        slot["arrival_price"] = arrival
    else:
        paid = fee_of(s.world, slot["proportional"], slot["notional"], abs(slot["filled"]), 0.0)
    rest = slot["quantity"] - (slot["filled"] + q) if q != slot["left"] else 0.0
    slot["left"] = 0.0 if abs(rest) <= DUST * abs(slot["quantity"]) else rest
    slot["filled"] += q
    slot["step_filled"] += q
    slot["notional"] += abs(size * deal["price"])
    slot["proportional"] += proportional(s.world, abs(size * deal["price"]), maker)
    slot["spread"] += size * deal["half_spread"]
    slot["impact"] += size * deal["impact"]
    slot["delay"] += q * (arrival - s.mark)
    s.report["delay"] += q * (arrival - s.mark)
    s.report["order_filled"] += q
    s.report["order_value"] += size * slot["decision_price"]
    fee = fee_of(s.world, slot["proportional"], slot["notional"], abs(slot["filled"]), paid)
    fee *= s.terms["fees"]
    slot["fees"] += fee
    charge(s, fee)
    if slot["left"] == 0.0:
        slot.update(state=SlotState.DONE, outcome=Status.FILLED)
    new = s.asset["position"]
    if old * new < 0.0 or abs(new) > abs(old):
        set_levels(s.asset, slot, arrival, s.world["execution"]["tick"])
    return size


def set_levels(asset: Record, slot: Record, arrival: float, tick: float) -> None:
    side = math.copysign(1.0, asset["position"])
    followed = asset["stop_loss"] if asset["trailing"] else 0.0
    asset.update(stop_loss=0.0, take_profit=0.0, stop_distance=slot["stop_distance"])
    if slot["stop_distance"] > 0.0:
        asset["stop_loss"] = arrival * math.exp(-side * slot["stop_distance"])
        asset["take_profit"] = arrival * math.exp(side * slot["target_distance"])
        if tick > 0.0:
            long = side > 0.0
            asset["stop_loss"] = tick * ticks(asset["stop_loss"] / tick, up=not long)
            asset["take_profit"] = tick * ticks(asset["take_profit"] / tick, up=long)
        if followed > 0.0:
            asset["stop_loss"] = (max if side > 0.0 else min)(asset["stop_loss"], followed)
    asset.update(NO_EXIT)


def watch(world: Record, asset: Record, shown: float) -> None:
    """Age the position and let its stop follow; `shown` is the close shown a bar earlier."""
    if asset["position"] == 0.0:
        return
    longest = world["risk"]["max_holding_bars"]
    asset["holding_bars"] += 1
    if 0 < longest <= asset["holding_bars"] and not asset["exit_pending"]:
        asset.update(NO_EXIT, exit_pending=Exit.TIME_STOP)
    if not world["risk"]["trailing"] or asset["stop_loss"] == 0.0:
        return
    asset["trailing"] = 1
    if asset["valid"]:
        long = asset["position"] > 0.0
        inner, outer = (min, max) if long else (max, min)
        level = inner(shown, asset["seen_close"]) * math.exp(
            -math.copysign(asset["stop_distance"], asset["position"])
        )
        if (tick := world["execution"]["tick"]) > 0.0:
            level = tick * ticks(level / tick, up=not long)
        asset["stop_loss"] = outer(asset["stop_loss"], level)


# --------------------------------------------------------------------------- 9. exits


def exit_of(s: Session, b: float, e: float) -> tuple[Exit, float, float] | None:
    """The exit that the part [b, e] triggers: its kind, arrival price and reference."""
    asset, part = s.asset, s.part(b, e)
    if asset["position"] == 0.0:
        return None
    if asset["exit_pending"]:
        return Exit(asset["exit_pending"]), part["open"], s.mark
    stop, target = asset["stop_loss"], target_mid(s)
    level = asset["take_profit"]
    if stop == 0.0:
        return None
    if asset["position"] > 0.0:
        if part["open"] >= target:
            return Exit.TAKE_PROFIT, part["open"], level
        if part["low"] <= stop:
            return Exit.STOP_LOSS, min(part["open"], stop), stop
        return (Exit.TAKE_PROFIT, target, level) if part["high"] >= target else None
    if part["open"] <= target:
        return Exit.TAKE_PROFIT, part["open"], level
    if part["high"] >= stop:
        return Exit.STOP_LOSS, max(part["open"], stop), stop
    return (Exit.TAKE_PROFIT, target, level) if part["low"] <= target else None


def claim_exit(s: Session, kind: Exit, reference: float) -> None:
    """An exit is due: it claims the position and cancels every live order."""
    s.report.update(exit=kind, exit_claim=-s.asset["position"], exit_reference=reference)
    for slot in s.slots:
        if is_live(slot):
            slot.update(state=SlotState.DONE, outcome=Status.CANCELLED)


def try_exit(s: Session, b: float, e: float, late: float) -> None:
    """Check the part [b, e] for an exit; if there is one, work it and end the bar."""
    found = None if s.over else exit_of(s, b, e)
    if found is None:
        return
    kind, arrival, reference = found
    claim_exit(s, kind, reference)
    s.over = True
    asset = s.asset
    rested = kind == Exit.TAKE_PROFIT
    fresh = not rested and asset["exit_pending"] == Exit.NONE
    if fresh:
        asset.update(NO_EXIT)
    if not rested:
        asset["exit_pending"] = kind
    size = fits(s, abs(asset["position"]), 1.0 - b, late)
    if size == 0.0:
        return
    q = -math.copysign(size, asset["position"])
    so_far = {name: asset[name] for name in NO_EXIT}
    if rested:
        arrival, deal = target_deal(s, q, arrival)
        to_tick(deal, q, s.world["execution"]["tick"])
        s.report["rested"] += size
    else:
        deal = taking(s, q, arrival, 1.0 - b, late)
    settle(s, q, deal)
    s.report["delay"] += q * (arrival - reference)
    notional = so_far["exit_notional"] + abs(q * deal["price"])
    units = so_far["exit_units"] + size
    by_notional = proportional(s.world, notional, rested)
    fee = fee_of(s.world, by_notional, notional, units, so_far["exit_fees"])
    charge(s, s.terms["fees"] * fee)
    if asset["position"] != 0.0:
        paid = so_far["exit_fees"] + fee
        asset.update(exit_notional=notional, exit_units=units, exit_fees=paid)


# --------------------------------------------------------------------------- 10. the bar


def arrive(s: Session, slot: Record) -> None:
    """An order comes to the market; a replacing one cancels what it replaces."""
    slot["state"] = SlotState.WORKING
    s.report["arrivals"] += 1
    s.report["latency_s"] += slot["latency_s"]
    if slot["replaces"]:
        for other in s.slots:
            if other["state"] == SlotState.WORKING and other["replaced"]:
                other.update(state=SlotState.DONE, outcome=Status.CANCELLED)
    if slot["left"] == 0.0:
        slot.update(state=SlotState.DONE, outcome=Status.NONE)


def due_orders(s: Session) -> list[Record]:
    flying = [slot for slot in s.slots if slot["state"] == SlotState.IN_FLIGHT]
    return sorted((x for x in flying if x["due_s"] < s.seconds), key=lambda slot: slot["due_s"])


def wait(s: Session) -> None:
    """A bar in which nothing can trade."""
    if s.asset["exit_pending"] and s.asset["position"] != 0.0:
        claim_exit(s, Exit(s.asset["exit_pending"]), s.mark)
    for slot in due_orders(s):
        arrive(s, slot)


def trade(s: Session) -> None:
    """A bar in which things can trade, in order of time."""
    if not any(is_live(slot) for slot in s.slots) and exit_of(s, 0.0, 1.0) is None:
        return
    try_exit(s, 0.0, 0.0, 0.0)
    if s.over:
        return
    replacing = [x for x in s.slots if x["state"] == SlotState.IN_FLIGHT and x["replaces"]]
    short = min([1.0] + [slot["due_s"] / s.seconds for slot in replacing])
    for slot in s.slots:
        if slot["state"] == SlotState.WORKING:
            window = short if slot["replaced"] else 1.0
            take(s, slot, s.bar["open"], window, s.traded)
    late, last = s.traded, 0.0
    for slot in due_orders(s):
        u = slot["due_s"] / s.seconds
        late, last = touch(s, last, u, late)
        try_exit(s, last, u, late)
        if s.over:
            return
        late *= (1.0 - u) / (1.0 - last)
        s.here = None
        arrive(s, slot)
        if slot["state"] == SlotState.WORKING:
            late += take(s, slot, s.line(u), 1.0 - u, late)
        last = u
    late, last = touch(s, last, 1.0, late)
    try_exit(s, last, 1.0, late)


def touch(s: Session, last: float, until: float, late: float) -> tuple[float, float]:
    """Fill resting limit orders between two moments; return late and the last moment."""
    while True:
        moments = [reached(s, slot, last) for slot in s.slots if rests(slot)]
        first = min(moments, default=until)
        if first >= until:
            return late, last
        try_exit(s, last, first, late)
        if s.over:
            return late, last
        late *= (1.0 - first) / (1.0 - last)
        window, units = 1.0 - first, 0.0
        for slot in s.slots:
            if not rests(slot) or reached(s, slot, last) > first:
                continue
            most = math.copysign(min(abs(slot["left"]), s.capacity), slot["left"])
            here = resting_mid(s, slot["limit"], most)
            size = fits(s, abs(slot["left"]), window, late + units)
            if size > 0.0:
                q = math.copysign(size, slot["left"])
                mid = resting_mid(s, slot["limit"], q)
                deal = resting_deal(s, slot["limit"], q, mid)
                s.report["rested"] += size
                units += fill_order(s, slot, q, mid, deal, maker=True)
        late, last, s.here = late + units, first, here
