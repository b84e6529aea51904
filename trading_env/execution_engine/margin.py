"""Margin calls inside a bar.

Let every asset move along a straight line from its open (w = 0) to the extreme of the bar that
hurts its position (w = 1), all at the same w, with the orders that the bar can fill counted as
filled where they add to a position:

    equity(w) = equity at the marks + sum x (price(w) - mark)
    called at the first w at which equity(w) < maintenance_margin x sum |x| price(w)

Each asset's price at that w is the level at which its position is closed, as at a stop. For one
asset that is the price at which a broker closes it. For several it is the worst corner of the bar:
extremes that the assets may have reached one after the other count as reached together. With a
maintenance margin of 0 the level is that of ruin.

Not modelled: the order in which a broker closes several positions; all are.
"""

import math
from typing import TYPE_CHECKING

from trading_env.core.jit import kernel, rare_kernel
from trading_env.core.params import ExecutionParams
from trading_env.core.records import AssetState, Report, Table

if TYPE_CHECKING:
    from trading_env.execution_engine.config import AccountConfig


@kernel
def exposed_units(asset: AssetState, report: Report, execution: ExecutionParams) -> float:
    """Position of an asset, with what live orders can add to it in the bar."""
    fill = min(abs(report.live), execution.participation * report.volume)
    if report.live * asset.position < 0.0 or report.live == 0.0:
        return float(asset.position)
    return float(asset.position + math.copysign(fill, report.live))


@kernel
def worst_price(units: float, report: Report) -> float:
    """Extreme of the bar that hurts a position."""
    return float(report.low if units > 0.0 else report.high)


@kernel
def margin_left(
    at: float,
    equity: float,
    lane_assets: Table,
    reports: Table,
    execution: ExecutionParams,
    maintenance: float,
) -> float:
    """Equity less maintenance margin, where all prices are the share `at` of the way down."""
    left = equity
    for a in range(lane_assets.shape[0]):
        asset, report = lane_assets[a], reports[a]
        units = exposed_units(asset, report, execution)
        price = report.open + at * (worst_price(units, report) - report.open)
        left += units * (price - asset.mark) - maintenance * abs(units) * price
    return left


@rare_kernel
def set_margin_levels(
    cash: float,
    assets: Table,
    reports: Table,
    execution: ExecutionParams,
    params: "AccountConfig",
) -> None:
    """Set the price of each asset at which the account is called in this bar, 0 for none."""
    equity = cash
    for a in range(assets.shape[0]):
        equity += assets[a].position * assets[a].value
        assets[a].margin_level = 0.0
    maintenance = params.maintenance_margin
    worst = margin_left(1.0, equity, assets, reports, execution, maintenance)
    if worst >= 0.0:
        return
    first = margin_left(0.0, equity, assets, reports, execution, maintenance)
    at = first / (first - worst) if first > 0.0 else 0.0
    for a in range(assets.shape[0]):
        report = reports[a]
        units = exposed_units(assets[a], report, execution)
        if units != 0.0:
            assets[a].margin_level = report.open + at * (worst_price(units, report) - report.open)
