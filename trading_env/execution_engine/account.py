"""The account: settle a fill, accrue financing, value, margin.

With q the signed quantity, p the price per unit and f the fee,

    cash' = cash - q p - f
    position' = position + q
    equity = cash + sum position x value

where the value of a unit is the mark less the account's own permanent impact on the way out
(`pricing.way_out`): what a fill moves the price by is no gain.

Financing accrues by clock time on the balances carried from the last mark: credit cash at
`cash_rate`, debit cash at `margin_rate`, both compounded continuously; on positions simple interest
on |position| x mark, which is settled in cash: shorts pay a borrow fee, and longs pay funding to
shorts (perpetual futures; a negative rate is paid by shorts), each at the asset's own rate in the
bar. So a year costs the same in bars of any length. Equity below the maintenance margin, a share of
long positions and one of short ones, is a margin call: every position is closed at market, for a
liquidation fee. Inside a bar it is met where the market, on a straight line from
the opens of all assets to the extremes that hurt their positions, takes equity there (`margin.py`);
at a close, from the next bar on. Equity at or below 0 ends the episode.
"""

import math
from typing import TYPE_CHECKING

from trading_env.core.codes import Exit, Rate
from trading_env.core.grid import GRID_SLACK
from trading_env.core.jit import kernel
from trading_env.core.records import AccountState, AssetState, Floats, Report, Table
from trading_env.execution_engine.pricing import way_out
from trading_env.risk_manager.desk import Desk, Rulebook, rules_of
from trading_env.risk_manager.levels import clear_exit

if TYPE_CHECKING:
    from trading_env.execution_engine.funds import AccountConfig

YEAR_S = 365.25 * 86400.0
DUST = 1e-12  # share of a position, an order or a bar's capacity that is rounding, and counts as 0
ROUNDING = 1e-14  # share of equity; a position or an order worth less may be a sum's rounding
SLIVER = 1e-6  # share of the last fill; it is rounding if it is smaller than this as well


@kernel
def settle(desk: Desk, quantity: float, price: float) -> None:
    """Exchange cash for units; the fee is `charge`d apart.

    What rounding leaves of a position that was closed, or of sums of lots, is no position.
    """
    asset, report = desk.asset, desk.report
    flow = -quantity * price
    desk.account.cash += flow
    report.cash_flow += flow
    report.filled += quantity
    report.traded += abs(quantity)
    report.notional += abs(flow)
    before = asset.position
    after = before + quantity
    worthless = min(SLIVER * abs(quantity), ROUNDING * desk.account.equity / asset.mark)
    dust = max(DUST * abs(quantity), worthless)
    if abs(after) <= max(dust, GRID_SLACK * desk.rules.execution.lot):
        after = 0.0
    if after == 0.0:
        clear_position(asset)
    elif before * after <= 0.0:
        asset.entry_price = price
        asset.holding_bars = 0
    elif abs(after) > abs(before):
        weight = quantity / after
        asset.entry_price += weight * (price - asset.entry_price)
    asset.position = after


@kernel
def clear_position(asset: AssetState) -> None:
    """Flat: no entry, no levels, nothing pending."""
    asset.entry_price = 0.0
    asset.entry_mid = 0.0
    asset.stop_loss = 0.0
    asset.take_profit = 0.0
    asset.stop_distance = 0.0
    asset.holding_bars = 0
    asset.exit_pending = Exit.NONE.value
    clear_exit(asset)


@kernel
def charge(account: AccountState, report: Report, fee: float) -> None:
    """Take a fee (a rebate is negative)."""
    account.cash -= fee
    account.fees_paid += fee
    report.fees += fee


@kernel
def accrue(
    account: AccountState,
    assets: Table,
    reports: Table,
    elapsed_s: float,
    params: "AccountConfig",
    rates: Floats,
) -> None:
    """Pay or receive financing over `elapsed_s` seconds; yearly `rates` by asset and `Rate`."""
    years = elapsed_s / YEAR_S
    rate = params.cash_rate if account.cash > 0.0 else params.margin_rate
    interest = account.cash * math.expm1(rate * years) if rate != 0.0 else 0.0
    for a in range(assets.shape[0]):
        asset = assets[a]
        exposure = asset.position * asset.mark
        funding, borrow = rates[a, Rate.FUNDING], rates[a, Rate.BORROW]
        cost = (funding * exposure - borrow * min(exposure, 0.0)) * years
        reports[a].financing = cost
        account.cash -= cost
        account.financing_paid += cost
    account.cash += interest
    account.financing_paid -= interest


@kernel
def confirmed_price(asset: AssetState) -> float:
    """Price shown; where the last bar told nothing new, the worst of the last three that differ."""
    if asset.is_new == 1:
        return float(asset.seen_close)
    if asset.position > 0.0:
        return float(min(asset.seen_close, min(asset.seen_before, asset.seen_earlier)))
    return float(max(asset.seen_close, max(asset.seen_before, asset.seen_earlier)))


@kernel
def revalue(account: AccountState, assets: Table, book: Rulebook) -> float:
    """Value the account at the true market and at the prices shown; return its maintenance margin.

    A peak of what is shown counts once three values in a row reach it, of which the last holds no
    price that fewer bars have shown: where a bar is missing or repeats another, a position counts
    at the worst of the last three prices that differ. So two bad prints in a row make no peak.
    """
    value = 0.0
    margin = 0.0
    seen, confirmed = account.cash, account.cash
    for a in range(assets.shape[0]):
        asset = assets[a]
        factor, less = way_out(asset, rules_of(book, a))
        asset.value = asset.mark * factor - less
        exposure = asset.position * asset.value
        value += exposure
        margin += maintenance_of(exposure, book.funds) * abs(exposure)
        seen += asset.position * (asset.seen_close * factor - less)
        confirmed += asset.position * (confirmed_price(asset) * factor - less)
    account.equity = account.cash + value
    account.peak_equity = max(account.peak_equity, account.equity)
    reached = min(confirmed, min(account.seen_equity, account.seen_equity_before))
    account.seen_peak = max(account.seen_peak, reached)
    account.seen_equity_before = account.seen_equity
    account.seen_equity = seen
    return margin


@kernel
def maintenance_of(position: float, params: "AccountConfig") -> float:
    """Maintenance margin of a position, a share of its value."""
    if position < 0.0 and params.short_maintenance_margin > 0.0:
        return params.short_maintenance_margin
    return params.maintenance_margin


@kernel
def call_margin(account: AccountState, assets: Table, margin: float) -> bool:
    """Start closing every position if equity no longer covers the maintenance margin."""
    if account.equity >= margin:
        return False
    for a in range(assets.shape[0]):
        if assets[a].position != 0.0:
            if assets[a].exit_pending == Exit.NONE:
                clear_exit(assets[a])
            assets[a].exit_pending = Exit.MARGIN_CALL.value
    return True
