"""The account: settle a fill, accrue financing, value, margin.

With q the signed quantity, p the price per unit and f the fee,

    cash' = cash - q p - f
    position' = position + q
    equity = cash + sum position x mark

Financing accrues by clock time on the balances carried from the last mark: credit cash at
`cash_rate`, debit cash at `margin_rate`, both compounded continuously; on positions simple interest
on |position| x mark, which is settled in cash: shorts pay `borrow_rate`, and longs pay
`funding_rate` to shorts (perpetual futures; a negative rate is paid by shorts). So a year costs the
same in bars of any length. Equity below `maintenance_margin` times gross exposure is a margin call:
every position is closed at market from the next bar on. Equity at or below 0 ends the episode.

Levels. A fill that opens, flips or enlarges a position places its stop and target around itself.
Where stops trail, the stop follows the most favourable close *shown*, at the distance it was set
with, from the next bar on: a price counts once two closes in a row reach it, so one bad print moves
no stop. It only ever tightens, also when the position is enlarged. A position that has been held
for `max_holding_bars` bars (since it was opened or flipped) is closed at market.
"""

import math

from trading_env.kernels.grid import GRID_SLACK, tick_above, tick_below
from trading_env.kernels.jit import kernel
from trading_env.types import (
    AccountParams,
    AccountState,
    AssetState,
    Exit,
    OrderSlot,
    Report,
    Table,
)

YEAR_S = 365.25 * 86400.0
DUST = 1e-12  # share of a position, an order or a bar's capacity that is rounding, and counts as 0


@kernel
def settle(
    asset: AssetState,
    account: AccountState,
    report: Report,
    quantity: float,
    price: float,
    lot: float,
) -> None:
    """Exchange cash for units; the fee is `charge`d apart.

    What rounding leaves of a position that was closed, or of sums of lots, is no position.
    """
    flow = -quantity * price
    account.cash += flow
    report.cash_flow += flow
    report.filled += quantity
    report.traded += abs(quantity)
    report.notional += abs(flow)
    before = asset.position
    after = before + quantity
    if abs(after) <= max(DUST * abs(quantity), GRID_SLACK * lot):
        after = 0.0
    if after == 0.0:
        clear_position(asset)
    elif before * after <= 0.0:
        asset.entry_price = price
        asset.trailing = 0
        asset.holding_bars = 0
    elif abs(after) > abs(before):
        weight = quantity / after
        asset.entry_price += weight * (price - asset.entry_price)
    asset.position = after


@kernel
def clear_position(asset: AssetState) -> None:
    """Flat: no entry, no levels, nothing pending."""
    asset.entry_price = 0.0
    asset.stop_loss = 0.0
    asset.take_profit = 0.0
    asset.stop_distance = 0.0
    asset.trailing = 0
    asset.holding_bars = 0
    asset.exit_pending = Exit.NONE.value
    clear_exit(asset)


@kernel
def clear_exit(asset: AssetState) -> None:
    """The next exit is a new order for its fee."""
    asset.exit_notional = 0.0
    asset.exit_units = 0.0
    asset.exit_fees = 0.0


@kernel
def charge(account: AccountState, report: Report, fee: float) -> None:
    """Take a fee (a rebate is negative)."""
    account.cash -= fee
    account.fees_paid += fee
    report.fees += fee


@kernel
def set_levels(asset: AssetState, slot: OrderSlot, price: float, tick: float) -> None:
    """Place stop and target around the fill that opened or enlarged the position.

    `price` is that fill's arrival price: not the average entry, so that adding to a loser is not
    stopped at once, and not the price paid, so that costs are not either. A stop that trails
    already is not loosened.
    """
    clear_exit(asset)
    asset.stop_distance = slot.stop_distance
    if slot.stop_distance <= 0.0:
        asset.stop_loss = 0.0
        asset.take_profit = 0.0
        return
    stop = level_against(price, slot.stop_distance, asset.position, tick)
    if asset.trailing == 1:
        stop = tighter(asset.stop_loss, stop, asset.position)
    asset.stop_loss = stop
    asset.take_profit = level_with(price, slot.target_distance, asset.position, tick)


@kernel
def level_against(price: float, distance: float, side: float, tick: float) -> float:
    """Price level on the losing side of a position, rounded to ticks away from the price."""
    if side > 0.0:
        return tick_below(price * math.exp(-distance), tick)
    return tick_above(price * math.exp(distance), tick)


@kernel
def level_with(price: float, distance: float, side: float, tick: float) -> float:
    """Price level on the winning side of a position, rounded to ticks away from the price."""
    return level_against(price, distance, -side, tick)


@kernel
def tighter(stop: float, other: float, side: float) -> float:
    """Return the stop that is reached first; 0 is none."""
    if stop <= 0.0 or side > 0.0:
        return max(stop, other)
    return min(stop, other)


@kernel
def trail_stop(asset: AssetState, before: float, tick: float) -> None:
    """Let the stop follow the price shown; `before` is the close shown a bar earlier."""
    if asset.stop_loss <= 0.0:
        return
    asset.trailing = 1
    if asset.valid == 0:
        return  # the close shown is the last bar's, which has counted
    shown = asset.seen_close
    reached = min(shown, before) if asset.position > 0.0 else max(shown, before)
    level = level_against(reached, asset.stop_distance, asset.position, tick)
    asset.stop_loss = tighter(asset.stop_loss, level, asset.position)


@kernel
def age_position(asset: AssetState, longest: int) -> None:
    """Count a bar of holding; start closing what has been held for `longest` (0: any time)."""
    asset.holding_bars += 1
    if 0 < longest <= asset.holding_bars and asset.exit_pending == Exit.NONE:
        clear_exit(asset)
        asset.exit_pending = Exit.TIME_STOP.value


@kernel
def accrue(
    account: AccountState,
    assets: Table,
    reports: Table,
    elapsed_s: float,
    params: AccountParams,
) -> None:
    """Pay or receive financing over `elapsed_s` seconds."""
    years = elapsed_s / YEAR_S
    rate = params.cash_rate if account.cash > 0.0 else params.margin_rate
    interest = account.cash * math.expm1(rate * years) if rate != 0.0 else 0.0
    for a in range(assets.shape[0]):
        asset = assets[a]
        exposure = asset.position * asset.mark
        cost = (params.funding_rate * exposure - params.borrow_rate * min(exposure, 0.0)) * years
        reports[a].financing = cost
        account.cash -= cost
        account.financing_paid += cost
    account.cash += interest
    account.financing_paid -= interest


@kernel
def revalue(account: AccountState, assets: Table) -> float:
    """Mark the account to the true market; return gross exposure."""
    value = 0.0
    gross = 0.0
    for a in range(assets.shape[0]):
        exposure = assets[a].position * assets[a].mark
        value += exposure
        gross += abs(exposure)
    account.equity = account.cash + value
    account.peak_equity = max(account.peak_equity, account.equity)
    return gross


@kernel
def revalue_as_seen(account: AccountState, assets: Table) -> None:
    """Mark the account at the prices shown; a peak counts once two values in a row reach it."""
    value = account.cash
    for a in range(assets.shape[0]):
        value += assets[a].position * assets[a].seen_close
    account.seen_peak = max(account.seen_peak, min(value, account.seen_equity))
    account.seen_equity = value


@kernel
def call_margin(account: AccountState, assets: Table, gross: float, params: AccountParams) -> bool:
    """Start closing every position if equity no longer covers maintenance margin."""
    if account.equity >= params.maintenance_margin * gross:
        return False
    for a in range(assets.shape[0]):
        if assets[a].position != 0.0:
            if assets[a].exit_pending == Exit.NONE:
                clear_exit(assets[a])
            assets[a].exit_pending = Exit.MARGIN_CALL.value
    return True
