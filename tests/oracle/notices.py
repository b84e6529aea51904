"""Notices in the oracle of `reference.py`: splits, dividends, delistings.

Written from `docs/model.md` (section 20) alone; it shares no code with the kernels.
"""

from typing import Any

from tests.oracle.fills import NO_POSITION
from tests.oracle.market import SETTLED
from tests.oracle.orders import is_live, ticks
from trading_env.core.codes import Exit, SlotState, Status

Record = dict[str, Any]

LISTED, NO_MORE = 0, 2
PRICES = (
    *("mark", "value", "base_close", "undisturbed", "reference_price", "entry_price", "entry_mid"),
    *("seen_close", "seen_before", "seen_earlier", "seen_high", "seen_low"),
    *("late_close", "late_high", "late_low"),
)
UNITS = (
    *("position", "parent", "goal", "volume_mean", "volume_usual"),
    *("seen_volume", "seen_volume_mean", "late_volume"),
)
ORDER_UNITS = ("quantity", "left", "goal", "claim", "filled")
QUIET = {"units": 1.0, "kept": 1.0, "listing": LISTED, "recovery": 1.0}


def notice_of(world: Record, row: int, a: int) -> Record:
    return world["notices"][row][a] if world["notices"] else QUIET


def close_before(world: Record, row: int, a: int) -> float:
    """The close of the bar before, in units of this one and without its dividend."""
    notice = notice_of(world, row, a)
    return world["bars"][row - 1][a]["close"] * (notice["kept"] / notice["units"])


def serve(world: Record, state: Record, a: int, report: Record) -> None:
    """What the notice of the coming bar does before it."""
    asset, account = state["assets"][a], state["account"]
    notice = notice_of(world, account["row"], a)
    u, g = notice["units"], notice["kept"]
    dividend = (1.0 - g) * asset["value"] * asset["position"]
    account["cash"] += dividend
    account["financing_paid"] -= dividend
    report["financing"] -= dividend
    if u != 1.0 or g != 1.0:
        report["met"].add("a split" if u != 1.0 else "a dividend")
        convert(world, asset, state["slots"][a], u, g / u)
        report["target"] *= u
    asset["listed_bars"] = listed_bars(asset["listed_bars"], notice)
    if notice["listing"] == NO_MORE:
        delist(state, a, report, notice["recovery"])
    if not asset["listed_bars"]:
        report["target"] = asset["position"]


def listed_bars(before: int, notice: Record) -> int:
    """Bars since the listing, up to where they no longer matter."""
    return min(before + 1, SETTLED) if notice["listing"] == LISTED else 0


def convert(world: Record, asset: Record, slots: list[Record], u: float, f: float) -> None:
    long, tick = asset["position"] > 0.0, world["execution"]["tick"]
    asset["stop_loss"] = level(asset["stop_loss"], f, tick, down=long)
    asset["take_profit"] = level(asset["take_profit"], f, tick, down=not long)
    for name in PRICES:
        asset[name] *= f
    for name in UNITS:
        asset[name] *= u
    asset["permanent_unit"] /= u
    for slot in slots:
        if slot["state"] == SlotState.EMPTY:
            continue
        slot["limit"] = level(slot["limit"], f, tick, down=slot["quantity"] > 0.0)
        slot["trigger"] = level(slot["trigger"], f, tick, down=slot["quantity"] < 0.0)
        slot["decision_price"] *= f
        slot["arrival_price"] *= f
        for name in ORDER_UNITS:
            slot[name] *= u


def level(price: float, f: float, tick: float, *, down: bool) -> float:
    if price == 0.0 or tick == 0.0:
        return price * f
    return tick * ticks(price * f / tick, up=not down)


def delist(state: Record, a: int, report: Record, recovery: float) -> None:
    """Pay a position back, and end orders and parent."""
    asset, account = state["assets"][a], state["account"]
    for slot in state["slots"][a]:
        if is_live(slot):
            slot.update(state=SlotState.DONE, outcome=Status.CANCELLED)
    asset["goal"] = 0.0
    x, price = asset["position"], recovery * asset["value"]
    if x == 0.0:
        return
    report["met"].add("a delisting")
    report.update(exit=Exit.DELISTED, exit_claim=-x, exit_reference=price)
    report.update(filled=-x, traded=abs(x), notional=abs(x * price), cash_flow=x * price)
    account["cash"] += x * price
    asset.update(NO_POSITION, position=0.0)
