"""Fills in the oracle of `reference.py`: what fits, cash and position, fees, levels.

Written from `docs/model.md` (sections 10 and 11) alone; it shares no code with the kernels.
"""

import math
from typing import Any

from tests.oracle.limits import part_within
from tests.oracle.market import ewma
from tests.oracle.orders import DUST, is_near_lot, ticks, whole_lots
from tests.oracle.prices import Session, quote
from trading_env.core.codes import Exit, SlotState, Status

Record = dict[str, Any]

NO_EXIT = dict.fromkeys(("exit_notional", "exit_units", "exit_proportional", "exit_fees"), 0.0)
NO_POSITION = {
    "entry_price": 0.0, "entry_mid": 0.0, "stop_loss": 0.0, "take_profit": 0.0,
    "stop_distance": 0.0, "holding_bars": 0, "exit_pending": Exit.NONE,
    **NO_EXIT,
}  # fmt: skip


def fits(s: Session, size: float, window: float) -> float:
    room = min(window * s.capacity - s.late, s.capacity - s.traded)
    if room <= DUST * s.capacity:
        return 0.0
    lot = s.world["execution"]["lot"]
    if is_near_lot(room, lot):
        s.report["excuse"] = "lot: rounding decides how many lots fit"
    return min(size, whole_lots(room, lot))


def taking(s: Session, q: float, arrival: float, window: float) -> Record:
    """What a fill that takes liquidity pays, on its tick."""
    deal = quote(s, q, arrival, window)
    to_tick(deal, q, s.world["execution"]["tick"])
    return deal


def settle(s: Session, q: float, deal: Record) -> None:
    """Move cash and position."""
    asset, report = s.asset, s.report
    s.before += q
    if deal["price"] <= 0.0:
        report["excuse"] = "price: arithmetic impact took a fill below 0"
    s.traded += abs(q)
    report["pressure"] += q * deal["pressure"]
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
    worthless = 1e-14 * s.account["equity"] / asset["mark"]
    dust = max(DUST * abs(q), min(1e-6 * abs(q), worthless))
    if abs(new) <= max(dust, 1e-9 * s.world["execution"]["lot"]):
        new = 0.0
    asset["position"] = new
    if new == 0.0:
        asset.update(NO_POSITION)
    elif old == 0.0 or old * new < 0.0:
        asset.update(entry_price=deal["price"], holding_bars=0)
    elif abs(new) > abs(old):
        asset["entry_price"] = ewma(asset["entry_price"], deal["price"], q / new)


def to_tick(deal: Record, q: float, tick: float) -> None:
    """Move a fill's price to the next tick against the order."""
    if tick > 0.0:
        price = tick * ticks(deal["price"] / tick, up=q > 0.0)
        deal["half_spread"] += math.copysign(price - deal["price"], (price - deal["price"]) * q)
        deal["price"] = price


def proportional(world: Record, size: float, deal: Record, *, maker: bool) -> float:
    """The part of a fill's fee by notional; a rebate is at most the half spread it paid."""
    execution = world["execution"]
    rate = execution["fee_bps"]
    if maker and execution["maker_fee_bps"] is not None:
        rate = execution["maker_fee_bps"]
    by_rate = rate * 1e-4 * size * abs(deal["price"])
    return float(max(by_rate, -size * deal["half_spread"]))


def fee_of(world: Record, by_notional: float, notional: float, units: float, paid: float) -> float:
    execution = world["execution"]
    fee = by_notional + execution["fee_per_unit"] * units
    if execution["fee_minimum"] is not None:
        fee = max(fee, execution["fee_minimum"])
    if execution["fee_maximum_bps"] is not None:
        fee = min(fee, execution["fee_maximum_bps"] * 1e-4 * notional)
    return fee - paid


def stressed(fee: float, multiplier: float) -> float:
    """The scenario's fees multiply what is paid, not what is received."""
    return fee * multiplier if fee > 0.0 else fee


def charge(s: Session, fee: float) -> None:
    s.account["cash"] -= fee
    s.account["fees_paid"] += fee
    s.report["fees"] += fee


def take(s: Session, slot: Record, arrival: float, window: float) -> float:
    """Trade what fits of an order, and what its limit allows; return the units traded."""
    size = fits(s, abs(slot["left"]), window)
    if size == 0.0:
        return 0.0
    side = math.copysign(1.0, slot["left"])
    if slot["limit"] != 0.0:
        lot, whole = s.world["execution"]["lot"], size
        size = part_within(
            slot, size, lambda units: taking(s, side * units, arrival, window)["price"]
        )
        if size < whole:
            if is_near_lot(size, lot):
                s.report["excuse"] = "lot: rounding decides how many lots a limit allows"
            size = whole_lots(size, lot)
        if size == 0.0:
            return 0.0
    deal = taking(s, side * size, arrival, window)
    paid_for = affordable(s, side * size, deal, maker=False)
    if paid_for == 0.0:
        return 0.0
    if paid_for != size:
        size = paid_for
        deal = taking(s, side * size, arrival, window)
    return fill_order(s, slot, side * size, arrival, deal, maker=False)


def affordable(s: Session, q: float, deal: Record, *, maker: bool) -> float:
    """Units of a fill that an account which cannot borrow pays for."""
    if s.world["account"]["borrowing"] or q < 0.0:
        return abs(q)
    execution, times = s.world["execution"], s.terms["fees"]
    rate = execution["fee_bps"]
    if maker and execution["maker_fee_bps"] is not None:
        rate = execution["maker_fee_bps"]
    fee = max(rate * 1e-4, 0.0) * deal["price"] + execution["fee_per_unit"]
    unit = deal["price"] + times * fee
    cash = s.account["cash"] * (1.0 - 1e-12) - times * (execution["fee_minimum"] or 0.0)
    if q * unit <= cash:
        return q
    s.met("a purchase cut to the cash")
    if is_near_lot(max(cash, 0.0) / unit, execution["lot"]):
        s.report["excuse"] = "lot: rounding decides how many lots the cash pays for"
    return whole_lots(max(cash, 0.0) / unit, execution["lot"])


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
    notional = abs(size * deal["price"])
    slot["notional"] += notional
    by_notional = proportional(s.world, size, deal, maker=maker)
    if by_notional == -size * deal["half_spread"]:
        s.met("a rebate held to the half spread")
    slot["proportional"] += by_notional
    slot["spread"] += size * deal["half_spread"]
    slot["impact"] += size * deal["impact"]
    slot["delay"] += q * (arrival - s.mark)
    s.report["delay"] += q * (arrival - s.mark)
    s.report["order_filled"] += q
    s.report["order_value"] += size * slot["decision_price"]
    fee = fee_of(s.world, slot["proportional"], slot["notional"], abs(slot["filled"]), paid)
    fee = stressed(fee, s.terms["fees"])
    slot["fees"] += fee
    charge(s, fee)
    if slot["left"] == 0.0:
        slot.update(state=SlotState.DONE, outcome=Status.FILLED)
    new = s.asset["position"]
    if old * new < 0.0 or abs(new) > abs(old):
        set_levels(s, slot, arrival, q, old)
    return size


def slot_or(asset: Record, slot: Record, distance: str) -> float:
    """The position's own stop distance; the target's comes with the order that opens it."""
    return float(asset[distance] if distance == "stop_distance" else slot[distance])


def set_levels(s: Session, slot: Record, arrival: float, q: float, old: float) -> None:
    """Stop and target after a fill that opens, flips or enlarges a position of `old`."""
    asset, tick = s.asset, s.world["execution"]["tick"]
    position = asset["position"]
    side, stood = math.copysign(1.0, position), 0.0
    levels = {"stop_loss": ("stop_distance", -side)}
    if old * position > 0.0:
        stood = asset["stop_loss"]
        asset["entry_mid"] = ewma(asset["entry_mid"], arrival, q / position)
    else:
        asset.update(stop_distance=slot["stop_distance"], entry_mid=arrival, take_profit=0.0)
        levels["take_profit"] = ("target_distance", side)
    for level, (distance, way) in list(levels.items()):
        levels[level] = 0.0
        if asset["stop_distance"] > 0.0:
            levels[level] = asset["entry_mid"] * math.exp(way * slot_or(asset, slot, distance))
            if tick > 0.0:
                levels[level] = tick * ticks(levels[level] / tick, up=way > 0.0)
    if stood > 0.0 and levels["stop_loss"] > 0.0:
        levels["stop_loss"] = (max if side > 0.0 else min)(levels["stop_loss"], stood)
        if levels["stop_loss"] == stood:
            s.met("a stop that stood was tighter")
    asset.update(levels, **NO_EXIT)
