"""A table of bars as read, and its alignment into the arrays of a market.

The market keeps the times at which every symbol has a bar, or is not listed; a warning gives the
number of dropped rows. A symbol is listed from its first bar on, a warning names it if that is not
the market's first, and, where a column `delisted` says so in its last row, until that. Before it
stands still at its first open, after that at its last close, with volume 0 and with signals of 0.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_env.core.errors import MarketDataError, clip
from trading_env.core.records import Floats
from trading_env.markets.reading.mending import hint, mended
from trading_env.markets.reading.times import DAY, iso, time_fault
from trading_env.markets.reading.validation import (
    MOST_TOLD,
    PRICE_FIELDS,
    broken_rules,
    first_jump,
)

CANONICAL = "canonical layout"  # as a reader says that it found it
MAX_CELLS = 50_000_000  # bars x symbols
NONE = {"split": 1.0, "dividend": 0.0, "listed": 1.0, "recovery": 1.0}
NONE |= {"funding": 0.0, "borrow": 0.0}
"""What an empty cell of a notice means."""


@dataclass(frozen=True)
class BarTable:
    """Rows of bars: one row for each bar and symbol."""

    source: str
    row_word: str  # "line" for text files (the header is line 1), "row" otherwise (first is 1)
    rows: NDArray[np.int64]  # (rows,) number of each row in its source
    time_name: str
    time: NDArray[np.int64]  # (rows,) seconds since the epoch
    symbols: Sequence[str] | None  # (rows,) or None in the wide layout
    numbers: dict[str, Floats]  # each (rows,)
    titles: Mapping[str, str] = field(default_factory=dict)  # what its source calls a column
    sources: Sequence[str] | None = None  # (rows,) where several files are one table
    extras: Mapping[str, Floats] = field(default_factory=dict)  # (rows,) beside the bars
    adjusts: bool = False  # its prices are products, so that rounding is to be expected

    def error(self, index: int, column: str, reason: str) -> MarketDataError:
        """Build the error of one cell."""
        title = self.titles.get(column, column)
        place = f"{self.row_word} {self.rows[index]}, column '{clip(title)}'"
        if not self.titles and self.symbols is not None and column != self.time_name:
            place += f" of {clip(self.symbols[index], 20)}"
        return MarketDataError.at(
            self.sources[index] if self.sources else self.source, place, reason
        )


class Bars(NamedTuple):
    """Aligned bars of several symbols."""

    symbols: tuple[str, ...]
    time: NDArray[np.int64]  # (bars,)
    numbers: dict[str, Floats]  # each (bars, assets)
    listed: NDArray[np.bool_]  # (bars, assets)
    notices: dict[str, Floats]  # each (bars, assets), see `markets/notices.py`


def align(table: BarTable, symbol: str, *, mend: bool = False, actions: bool = False) -> Bars:
    """Check every row, then stack the symbols on their times.

    Args:
        table: Rows as read.
        symbol: Name of the asset of a table without a symbol column.
        mend: Mend rows that break a rule by rounding.
        actions: Apply splits and dividends.

    Raises:
        MarketDataError: of the first fault; its notes are others, ten together at most.
    """
    if mend:
        table = replace(table, numbers=mended(table.source, table.numbers))
    groups = group_rows(table, symbol)
    faults = _faults(table, groups)
    if faults:
        for other in faults[1:]:
            faults[0].add_note(str(other))
        raise faults[0]
    times = [table.time[rows] for rows in groups.values()]
    ends = _ends(table, groups)
    time = _shared_times(table, times, ends)
    _warn_left_out(table, times, time)
    kept = [rows[np.isin(table.time[rows], time)] for rows in groups.values()]
    first = np.array([np.searchsorted(time, table.time[rows[0]]) for rows in kept])
    last = first + np.array([len(rows) for rows in kept])
    _warn_late(table.source, tuple(groups), time, first)
    numbers = {name: np.empty((len(time), len(groups)), dtype=np.float64) for name in table.numbers}
    for asset, rows in enumerate(kept):
        for name, values in table.numbers.items():
            price = name in PRICE_FIELDS
            before = table.numbers["open"][rows[0]] if price else 0.0
            after = table.numbers["close"][rows[-1]] if price else 0.0
            numbers[name][: first[asset], asset] = before
            numbers[name][first[asset] : last[asset], asset] = values[rows]
            numbers[name][last[asset] :, asset] = after
    bar = np.arange(len(time))[:, None]
    listed = (bar >= first) & (bar < last)
    notices = noticed(table, kept, listed, actions)
    if "listed" in notices:
        listed = notices["listed"] == 1.0
    return Bars(tuple(groups), time, numbers, listed, notices)


def stated_volume(bars: Bars, value: float) -> Floats:
    """Return the volume of bars in which `value` is traded, currency; 0 where it is not listed."""
    volume: Floats = np.where(bars.listed, value / bars.numbers["close"], 0.0)
    return volume


def noticed(
    table: BarTable, kept: Sequence[NDArray[np.intp]], listed: NDArray[np.bool_], actions: bool
) -> dict[str, Floats]:
    """Return the notices of aligned rows; those of splits and dividends where they are applied."""
    extras = table.extras
    found: dict[str, Floats] = {}
    for name, none in NONE.items():
        if name not in extras or (name in ("split", "dividend") and not actions):
            continue
        own = found.setdefault(name, np.full(listed.shape, none))
        for asset, rows in enumerate(kept):
            values = extras[name][rows]
            empty = np.isnan(values) | ((values == 0.0) & (name == "split"))
            begin = int(listed[:, asset].argmax())
            own[begin : begin + len(rows), asset] = np.where(empty, none, values)
            if name == "recovery":  # what the last row says holds after it
                own[begin + len(rows) :, asset] = own[begin + len(rows) - 1, asset]
    if not listed.all() or "listed" in found:
        found["listed"] = found.get("listed", np.ones(listed.shape)) * listed
    if "listed" not in found:
        found.pop("recovery", None)
    return found


def _ends(table: BarTable, groups: Mapping[str, NDArray[np.intp]]) -> list[bool]:
    """Tell which symbols end with their last row, since a column `delisted` says so in it.

    Raises:
        MarketDataError: it says so in another row.
    """
    stated = table.extras.get("delisted")
    if stated is None:
        return [False] * len(groups)
    for rows in groups.values():
        early = np.flatnonzero(np.nan_to_num(stated[rows[:-1]]) != 0.0)
        if len(early):
            reason = "not 0 in a row that another one of the symbol follows"
            raise table.error(int(rows[early[0]]), "delisted", reason)
    return [bool(np.nan_to_num(stated[rows[-1]]) != 0.0) for rows in groups.values()]


def _faults(table: BarTable, groups: Mapping[str, NDArray[np.intp]]) -> list[MarketDataError]:
    """Return the first values that break a rule, or else the first wrong time of each symbol."""
    found = [
        table.error(rule.position, rule.column, rule.reason + hint(table.numbers, rule.position))
        for rule in broken_rules(table.numbers)
    ]
    for rows in groups.values() if not found else ():
        wrong = time_fault(table.time[rows])
        jump = first_jump({name: table.numbers[name][rows] for name in PRICE_FIELDS}, axis=0)
        if wrong is not None:
            reason = wrong[1] + _cause(table, rows, wrong[1])
            found.append(table.error(int(rows[wrong[0]]), table.time_name, reason))
        elif jump is not None:
            found.append(table.error(int(rows[jump.position]), jump.column, jump.reason))
    return found[:MOST_TOLD]


def _cause(table: BarTable, rows: NDArray[np.intp], reason: str) -> str:
    """Return the usual cause of a time that does not follow the one before it."""
    steps = np.diff(table.time[rows])
    if "before it" not in reason or not (steps > 0).any():
        return ""
    if np.median(steps[steps > 0]) < DAY:
        return " (a clock put back? state its zone, --tz)"
    return "" if table.symbols is not None else " (several assets? name them in a column 'symbol')"


def _shared_times(
    table: BarTable, times: Sequence[NDArray[np.int64]], ends: Sequence[bool]
) -> NDArray[np.int64]:
    """Return the times at which every symbol has a bar, is not listed yet, or is no more."""
    time = np.unique(table.time)
    for own, is_over in zip(times, ends, strict=True):
        time = time[np.isin(time, own) | (time < own[0]) | (is_over & (time > own[-1]))]
    common = len(time)
    if not any(ends):
        common = int((time >= max(own[0] for own in times)).sum())
    if common < 2:
        among = f" common to {len(times)} symbols" if len(times) > 1 else ""
        raise MarketDataError.at(table.source, "", f"{common} bars{among}; needs at least 2")
    if len(time) * len(times) > MAX_CELLS:
        reason = f"{len(time)} bars of {len(times)} symbols: at most {MAX_CELLS} together"
        raise MarketDataError.at(table.source, "", reason)
    return time


def _warn_left_out(
    table: BarTable, times: Sequence[NDArray[np.int64]], kept: NDArray[np.int64]
) -> None:
    """Warn when some rows are dropped because the symbols' times differ."""
    left_out = len(table.time) - sum(int(np.isin(own, kept).sum()) for own in times)
    if left_out:
        message = f"{table.source}: {left_out} rows dropped: not every symbol has their times"
        warnings.warn(message, UserWarning, stacklevel=5)


def _warn_late(
    source: str, symbols: Sequence[str], time: NDArray[np.int64], listed: NDArray[np.intp]
) -> None:
    """Warn when a symbol is listed after the first bar."""
    late = np.flatnonzero(listed)
    if len(late):
        first = f"'{clip(symbols[late[0]])}' from {iso(time[listed[late[0]]])}"
        message = f"{source}: {len(late)} of {len(symbols)} symbols are listed late ({first}): "
        before = "before its first bar a symbol stands still at its first open and cannot be traded"
        warnings.warn(message + before, UserWarning, stacklevel=5)


def group_rows(table: BarTable, symbol: str) -> dict[str, NDArray[np.intp]]:
    """Return the row positions of each symbol, symbols in order of first appearance."""
    if table.symbols is None:
        return {symbol: np.arange(len(table.time))}
    names = np.array([str(name).strip() for name in table.symbols])
    empty = names == ""
    if empty.any():
        raise table.error(int(empty.argmax()), "symbol", "empty")
    groups = rows_by_name(names)
    if len(groups) > 10_000:
        raise MarketDataError.at(
            table.source, "column 'symbol'", f"{len(groups)} symbols; at most 10000"
        )
    return groups


def rows_by_name(names: NDArray[np.str_]) -> dict[str, NDArray[np.intp]]:
    """Return the positions of each name, names in order of first appearance."""
    unique, first, inverse = np.unique(names, return_index=True, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    rows = np.split(order, np.cumsum(np.bincount(inverse))[:-1])
    return {str(unique[i]): rows[i] for i in np.argsort(first)}
