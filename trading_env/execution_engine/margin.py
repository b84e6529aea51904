"""Margin calls inside a bar.

Let every asset move along a straight line from its open (w = 0) to the extreme of the bar that
hurts its position (w = 1), all at the same w:

    equity(w) = equity at the marks + sum x (price(w) - mark)
    called at the first w at which equity(w) < sum maintenance margin x |x| price(w)

Each asset's price at that w is the level at which its position is closed, as at a stop. For one
asset that is the price at which a broker closes it. For several it is the worst corner of the bar:
extremes that the assets may have reached one after the other count as reached together. With a
maintenance margin of 0 the level is that of ruin. A level holds for the side it was set for.

Not modelled: the order in which a broker closes several positions, since all are closed; what
orders add to a position in the bar itself, which is watched from its close on.
"""

import math
from typing import TYPE_CHECKING

from trading_env.core.jit import kernel, rare_kernel
from trading_env.core.records import AssetState, Report, Table
from trading_env.execution_engine.account import maintenance_of

if TYPE_CHECKING:
    from trading_env.execution_engine.funds import AccountConfig


@kernel
def price_at(at: float, asset: AssetState, report: Report) -> float:
    """Price at the share `at` of the way from the open to the extreme that hurts a position."""
    worst = report.low if asset.position > 0.0 else report.high
    return float(report.open + at * (worst - report.open))


@kernel
def margin_left(
    at: float, equity: float, assets: Table, reports: Table, params: "AccountConfig"
) -> float:
    """Equity less maintenance margin at the share `at` of the way."""
    left = equity
    for a in range(assets.shape[0]):
        asset = assets[a]
        if asset.position != 0.0:
            price = price_at(at, asset, reports[a])
            left += asset.position * (price - asset.mark)
            left -= maintenance_of(asset.position, params) * abs(asset.position) * price
    return left


@rare_kernel
def set_margin_levels(cash: float, assets: Table, reports: Table, params: "AccountConfig") -> None:
    """Set the price of each asset at which the account is called in this bar, 0 for none.

    A level is signed as the position that it was set for.
    """
    equity = cash
    for a in range(assets.shape[0]):
        equity += assets[a].position * assets[a].value
        assets[a].margin_level = 0.0
    worst = margin_left(1.0, equity, assets, reports, params)
    if worst >= 0.0:
        return
    first = margin_left(0.0, equity, assets, reports, params)
    at = first / (first - worst) if first > 0.0 else 0.0
    for a in range(assets.shape[0]):
        asset = assets[a]
        if asset.position != 0.0:
            asset.margin_level = math.copysign(price_at(at, asset, reports[a]), asset.position)
