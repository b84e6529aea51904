"""What happens to assets apart from their prices, bar by bar: a market's notices.

Every array has the shape (paths, bars, assets), and is there only where it says something:

    split     units that one unit becomes before the bar's open; 1 for none
    dividend  currency a unit, to who holds it before the bar's open, in units after its split
    listed    1 where the asset can be traded, 0 before its listing and after its delisting
    recovery  share of its value that a unit is paid back with in the first bar after the listing
    funding   what longs pay to shorts for the bar, a fraction of the position's value
    borrow    fee on short positions over the bar, a year

Splits and dividends of a bar count where the asset is listed in it and in the one before: else
nobody can hold it. A split says that prices are as they were traded: where the price does not
follow it they have been adjusted already, and holding would be paid twice, so such a split is
refused. Nobody can tell that of a dividend.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trading_env.core.codes import Listing, Rate
from trading_env.core.errors import MarketDataError, clip, unknown
from trading_env.core.records import Floats, NoticeRecord, Table, new_table

if TYPE_CHECKING:
    from trading_env.markets.bars import Market

YEAR_S = 365.25 * 86400.0
RANGES = {
    "split": (1e-4, 1e4),
    "dividend": (0.0, 1e15),
    "listed": (0.0, 1.0),
    "recovery": (0.0, 10.0),
    "funding": (-1.0, 1.0),
    "borrow": (0.0, 10.0),
}
LEAST_KEPT = 0.01  # of the price after a dividend; more than that is a delisting
PLAIN_SPLIT = 1.5  # a split of so much cannot be taken for a bar's own move


def checked_notices(market: "Market") -> dict[str, Floats]:
    """Copy the notices of a market and check them.

    Raises:
        MarketDataError: a name, a shape or a value is wrong; the message locates the first one.
    """
    copies: dict[str, Floats] = {}
    for name, given in market.notices.items():
        if name not in RANGES:
            raise MarketDataError.at(market.source, "notices", unknown("name", name, RANGES))
        array = np.array(given, dtype=np.float64, order="C")
        if array.shape != market.close.shape:
            reason = f"shape {array.shape}; needed (paths, bars, assets) = {market.close.shape}"
            raise MarketDataError.at(market.source, name, reason)
        low, high = RANGES[name]
        _refuse(market, name, array, ~((array >= low) & (array <= high)), f"{low:g} to {high:g}")
        copies[name] = array
    _check_listing(market, copies)
    _check_prices(market, copies)
    return copies


def _refuse(
    market: "Market", name: str, values: Floats, wrong: NDArray[np.bool_], needed: str
) -> None:
    """Raise at the first wrong value."""
    if wrong.any():
        path, bar, asset = (int(i) for i in np.argwhere(wrong)[0])
        place = f"path {path}, bar {bar}, {clip(market.symbols[asset])}, {name}"
        reason = f"{values[path, bar, asset]:g}: must be {needed}"
        raise MarketDataError.at(market.source, place, reason)


def _check_listing(market: "Market", notices: Mapping[str, Floats]) -> None:
    """An asset is listed once, and trades nothing while it is not."""
    listed = notices.get("listed")
    if listed is None:
        if "recovery" in notices:
            raise MarketDataError.at(market.source, "recovery", "needs listed")
        return
    _refuse(market, "listed", listed, (listed != 0.0) & (listed != 1.0), "0 or 1")
    begun = np.logical_or.accumulate(np.diff(listed, axis=1, prepend=0.0) < 0.0, axis=1)
    again = begun & (listed == 1.0)
    _refuse(market, "listed", listed, again, "0 from a delisting on (name it as another asset)")
    unlisted = (listed == 0.0) & (market.volume > 0.0)
    _refuse(market, "volume", market.volume, unlisted, "0 where listed is 0")


def price_factors(market: "Market", notices: Mapping[str, Floats]) -> tuple[Floats, Floats]:
    """Return units and kept of every bar (see `NoticeRecord`); 1 where nobody can hold it."""
    one = np.ones(market.close.shape)
    listed = notices.get("listed", one) == 1.0
    held = listed & np.roll(listed, 1, axis=1)
    held[:, 0] = False
    before = np.roll(market.close, 1, axis=1)
    units = np.where(held, notices.get("split", one), 1.0)
    kept = np.where(held, 1.0 - notices.get("dividend", 0.0 * one) * units / before, 1.0)
    return units, kept


def _check_prices(market: "Market", notices: Mapping[str, Floats]) -> None:
    """Prices follow splits, and are more than dividends."""
    units, kept = price_factors(market, notices)
    if "dividend" in notices:
        most = f"less than {1.0 - LEAST_KEPT:g} of the close before it"
        _refuse(market, "dividend", notices["dividend"], kept < LEAST_KEPT, most)
    if "split" in notices:
        move = np.zeros(market.close.shape)
        move[:, 1:] = np.log(market.open[:, 1:] / market.close[:, :-1])
        size = np.abs(np.log(units))
        adjusted = (size >= np.log(PLAIN_SPLIT)) & (np.abs(move + np.log(units)) > np.abs(move))
        reason = "followed by the price (are the prices adjusted already?)"
        _refuse(market, "split", units, adjusted, reason)


def notice_table(market: "Market") -> Table:
    """Lay notices out for kernels, paths one after the other; no rows where there are none."""
    if not {"split", "dividend", "listed"} & market.notices.keys():
        return new_table(NoticeRecord, 0, market.assets)
    rows = market.paths * market.bars
    table = new_table(NoticeRecord, rows, market.assets)
    units, kept = price_factors(market, market.notices)
    one = np.ones(market.close.shape)
    listed = market.notices.get("listed", one) == 1.0
    begun = np.logical_or.accumulate(listed, axis=1)
    listing = np.where(listed, Listing.LISTED, np.where(begun, Listing.NO_MORE, Listing.NOT_YET))
    values: dict[str, NDArray[Any]] = {"units": units, "kept": kept, "listing": listing}
    values["recovery"] = market.notices.get("recovery", one)
    for name, array in values.items():
        table[name] = array.reshape(rows, market.assets)
    return table


def rate_table(market: "Market", usual: Floats, elapsed_s: Floats) -> Floats:
    """Return the yearly rates of every bar, or the usual ones (1, assets, rates) where all are.

    Args:
        market: Its notices may say what a bar costs.
        usual: (1, assets, rates), in the order of `Rate`.
        elapsed_s: (paths x bars,) seconds since the bar before.
    """
    if not {"funding", "borrow"} & market.notices.keys():
        return usual
    rows = market.paths * market.bars
    table = np.repeat(usual, rows, axis=0)
    if "funding" in market.notices:
        years = np.where(elapsed_s > 0.0, elapsed_s, 1.0)[:, None] / YEAR_S
        table[..., Rate.FUNDING] = market.notices["funding"].reshape(rows, -1) / years
    if "borrow" in market.notices:
        table[..., Rate.BORROW] = market.notices["borrow"].reshape(rows, -1)
    return table
