"""A table of bars as read, and its alignment into the arrays of a market.

There are two layouts. Wide: one asset, with the columns time (or date, or timestamp), open, high,
low, close and volume. Long: also a `symbol` column; the rows of each symbol are in order of time,
and the market keeps the times that all symbols share (a warning gives the number of dropped rows).
Column names are case-insensitive; columns named `signal_*` are kept, all others are ignored.
"""

import difflib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_env.core.errors import MarketDataError, clip
from trading_env.core.records import Floats
from trading_env.markets.reading.times import time_fault
from trading_env.markets.reading.validation import BAR_FIELDS, SIGNAL_PREFIX, first_broken_rule

TIME_NAMES = ("time", "date", "timestamp")


class Columns(NamedTuple):
    """Positions of a table's columns."""

    time: int
    symbol: int | None
    numbers: dict[str, int]  # the five fields, then the signals


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

    def error(self, index: int, column: str, reason: str) -> MarketDataError:
        """Build the error of one cell."""
        return MarketDataError.at(
            self.source, f"{self.row_word} {self.rows[index]}, column '{clip(column)}'", reason
        )


class Bars(NamedTuple):
    """Aligned bars of several symbols."""

    symbols: tuple[str, ...]
    time: NDArray[np.int64]  # (bars,)
    numbers: dict[str, Floats]  # each (bars, assets)


def find_columns(header: Sequence[str], source: str) -> Columns:
    """Locate the columns in a header; a missing or repeated name is an error."""
    names = [str(name).strip().lower() for name in header]
    for position, name in enumerate(names):
        if name and name in names[:position]:
            raise MarketDataError.at(
                source, f"column '{clip(name)}'", "appears twice in the header"
            )
    times = [name for name in TIME_NAMES if name in names]
    if len(times) > 1:
        raise MarketDataError.at(
            source, f"columns '{times[0]}' and '{times[1]}'", "two time columns"
        )
    missing = [name for name in BAR_FIELDS if name not in names]
    if not times or missing:
        raise MarketDataError.at(
            source, f"column '{(missing if times else ['time'])[0]}'", _lost(names)
        )
    signals = [name for name in names if name.startswith(SIGNAL_PREFIX)]
    return Columns(
        time=names.index(times[0]),
        symbol=names.index("symbol") if "symbol" in names else None,
        numbers={name: names.index(name) for name in (*BAR_FIELDS, *signals)},
    )


def _lost(names: Sequence[str]) -> str:
    """Describe what the header has instead of the missing column."""
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        return "missing; the header has one column (columns must be separated by commas)"
    near = [name for field in BAR_FIELDS for name in difflib.get_close_matches(field, names, n=1)]
    odd = [name for name in near if name not in BAR_FIELDS]
    hint = f" (is it '{clip(odd[0])}'?)" if odd else ""
    return f"missing; needed: time, {', '.join(BAR_FIELDS)}{hint}"


def align(table: BarTable, symbol: str) -> Bars:
    """Check every row, then stack the symbols on the times that all of them share.

    Args:
        table: Rows as read.
        symbol: Name of the asset of a table without a symbol column.
    """
    fault = first_broken_rule(table.numbers)
    if fault is not None:
        raise table.error(fault.position, fault.column, fault.reason)
    groups = _group(table, symbol)
    for rows in groups.values():
        wrong = time_fault(table.time[rows])
        if wrong is not None:
            raise table.error(int(rows[wrong[0]]), table.time_name, wrong[1])
    time = reduce(np.intersect1d, (table.time[rows] for rows in groups.values()))
    if len(time) < 2:
        among = f" common to {len(groups)} symbols" if len(groups) > 1 else ""
        raise MarketDataError.at(table.source, "", f"{len(time)} bars{among}; needs at least 2")
    _warn_left_out(table, len(time), len(groups))
    kept = [rows[np.searchsorted(table.time[rows], time)] for rows in groups.values()]
    numbers = {
        name: np.stack([values[rows] for rows in kept], axis=1)
        for name, values in table.numbers.items()
    }
    return Bars(tuple(groups), time, numbers)


def _warn_left_out(table: BarTable, common: int, assets: int) -> None:
    """Warn when some rows are dropped because the symbols' times differ."""
    left_out = len(table.time) - common * assets
    if left_out:
        message = f"{table.source}: {left_out} rows dropped: not every symbol has their times"
        warnings.warn(message, UserWarning, stacklevel=5)


def _group(table: BarTable, symbol: str) -> dict[str, NDArray[np.intp]]:
    """Return the row positions of each symbol, symbols in order of first appearance."""
    if table.symbols is None:
        return {symbol: np.arange(len(table.time))}
    names = np.array([str(name).strip() for name in table.symbols])
    empty = names == ""
    if empty.any():
        raise table.error(int(empty.argmax()), "symbol", "empty")
    unique, first, inverse = np.unique(names, return_index=True, return_inverse=True)
    if len(unique) > 10_000:
        raise MarketDataError.at(
            table.source, "column 'symbol'", f"{len(unique)} symbols; at most 10000"
        )
    order = np.argsort(inverse, kind="stable")
    rows = np.split(order, np.cumsum(np.bincount(inverse))[:-1])
    return {str(unique[i]): rows[i] for i in np.argsort(first)}
