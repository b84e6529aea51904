"""Splits, dividends and the end of a listing: what a notice does before its bar.

With u the units that one unit becomes, g the share of the price that the dividend leaves (1 less
the dividend over the close before it, in units after the split), x a position and v what a unit of
it is worth (own permanent impact on the way out paid, `pricing.way_out`),

    cash' = cash + (1 - g) v x,    x' = u x,    price' = (g / u) price

for every price that is carried on: marks, entries, stops, targets, limits and triggers of orders
and what the feed has shown. Orders and volumes are multiplied by u. So equity stays as it was, to
rounding, and shorts pay the dividend. In the scenario's market a dividend is the same share of the
price as in the table's, and own impact earns none of it: v is what the position could be left for.

Stops, targets, limits and triggers stay on ticks, rounded away from the market. What a split leaves
of a lot stays as it is. A fee by the unit counts an exit's units as they were when they traded, so
that a split of an exit that works on neither charges anew nor pays back.

An asset that is delisted before a bar is closed at `recovery` v a unit, and its orders are
cancelled; its parent order is over. Nothing is charged for that, and no feedback is learned.

Not modelled: fractions of units paid in cash, days between a dividend's record and its payment,
taxes, rights and spin-offs.
"""

from trading_env.core.averages import SETTLED
from trading_env.core.codes import Exit, Listing, Task
from trading_env.core.grid import tick_above, tick_below
from trading_env.core.jit import kernel, rare_kernel
from trading_env.core.records import AssetState, NoticeRecord
from trading_env.execution_engine.account import settle
from trading_env.execution_engine.orders import cancel_all
from trading_env.risk_manager.desk import Desk


@rare_kernel
def serve_notice(desk: Desk, notice: NoticeRecord) -> None:
    """Do what an asset's notice says, before the bar."""
    asset = desk.asset
    if notice.units != 1.0 or notice.kept != 1.0:
        pay_dividend(desk, notice.kept)
        rebase(desk, notice.units, notice.kept / notice.units)
    asset.listed_bars = bars_listed(asset.listed_bars, notice)
    if notice.listing == Listing.NO_MORE:
        close_out(desk, notice.recovery)
    if asset.listed_bars == 0:
        desk.report.target = asset.position


@kernel
def bars_listed(before: int, notice: NoticeRecord) -> int:
    """Count one more bar since the listing, up to where it no longer matters; 0 without one."""
    return min(before + 1, SETTLED) if notice.listing == Listing.LISTED else 0


@kernel
def pay_dividend(desk: Desk, kept: float) -> None:
    """Pay what the price loses to those who are long; those who are short pay it."""
    asset, account = desk.asset, desk.account
    paid = asset.position * asset.value * (1.0 - kept)
    account.cash += paid
    account.financing_paid -= paid
    desk.report.financing -= paid


@kernel
def rebase(desk: Desk, units: float, factor: float) -> None:
    """Multiply quantities by `units` and prices by `factor`."""
    asset, tick = desk.asset, desk.rules.execution.tick
    rebase_shown(asset, units, factor)
    asset.mark *= factor
    asset.value *= factor
    asset.base_close *= factor
    asset.undisturbed *= factor
    asset.reference_price *= factor
    asset.permanent_unit /= units
    asset.volume_mean *= units
    asset.volume_usual *= units
    asset.entry_price *= factor
    asset.entry_mid *= factor
    asset.stop_loss = moved_level(asset.stop_loss, factor, asset.position, tick)
    asset.take_profit = moved_level(asset.take_profit, factor, -asset.position, tick)
    asset.position *= units
    asset.parent *= units
    asset.goal *= units
    desk.report.target *= units
    for s in range(asset.slots_used):
        slot = desk.slots[s]
        slot.limit = moved_level(slot.limit, factor, slot.quantity, tick)
        slot.trigger = moved_level(slot.trigger, factor, -slot.quantity, tick)
        slot.decision_price *= factor
        slot.arrival_price *= factor
        slot.quantity *= units
        slot.left *= units
        slot.goal *= units
        slot.claim *= units
        slot.filled *= units


@kernel
def rebase_shown(asset: AssetState, units: float, factor: float) -> None:
    """Do so with what the feed has shown, and with a bar that it keeps back."""
    asset.seen_close *= factor
    asset.seen_before *= factor
    asset.seen_earlier *= factor
    asset.seen_high *= factor
    asset.seen_low *= factor
    asset.seen_volume *= units
    asset.seen_volume_mean *= units
    asset.late_close *= factor
    asset.late_high *= factor
    asset.late_low *= factor
    asset.late_volume *= units


@kernel
def moved_level(level: float, factor: float, side: float, tick: float) -> float:
    """Multiply a level by `factor`, on a tick: below for a side > 0, above else; 0 is none."""
    if level <= 0.0:
        return 0.0
    return tick_below(level * factor, tick) if side > 0.0 else tick_above(level * factor, tick)


@kernel
def close_out(desk: Desk, recovery: float) -> None:
    """Pay the position back, cancel the orders, and call the parent order done.

    What the holder loses is no cost of trading. What was left of a parent order is called off at
    the price that is paid back, as the paper portfolio has it (Perold 1988): who had bought all of
    it owes nothing, who had not sold has lost.
    """
    asset, report = desk.asset, desk.report
    cancel_all(desk.slots)
    units, price = -asset.position, recovery * asset.value
    left = asset.goal - asset.position if desk.rules.episode.task == Task.EXECUTION else 0.0
    asset.goal = 0.0
    if units == 0.0 and left == 0.0:
        return
    report.exit = Exit.DELISTED.value
    report.luck = left * (price - asset.mark)
    if units != 0.0:
        report.exit_claim = units
        report.exit_reference = price
        settle(desk, units, price)
