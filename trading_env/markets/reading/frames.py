"""Read tables of bars from Parquet files and pandas data frames.

Columns have types: text in a number column is an error even when it looks like a number, whole
numbers as times are read as their digits in a text file are, and datetimes without a zone are UTC.
The first row is row 1. Files have the same limit on size as text files.
"""

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_env.core.doors import check_regular
from trading_env.core.errors import MarketDataError, clip
from trading_env.core.records import Floats
from trading_env.markets.reading.csv_files import MAX_FILE_BYTES
from trading_env.markets.reading.stamps import mixed_kinds, parse_time_stamp
from trading_env.markets.reading.tables import BarTable, Columns, find_columns

MAX_ROWS = 50_000_000
SHORTEST_EPOCH = 100_000_000  # nine digits
FIRST_HOUR, LAST_HOUR = 1_900_000_000, 2_200_000_000  # ten digits that are YYYYMMDDHH


def read_parquet(path: Path, *, has_volume: bool = True) -> BarTable:
    """Read a Parquet file (needs pyarrow, the extra `data`); the first row is row 1."""
    check_regular(path, MarketDataError)
    source = str(path)
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise MarketDataError.at(source, "", "Parquet needs pyarrow (the extra 'data')") from None
    try:
        with path.open("rb") as raw:  # pyarrow opens no name that is not UTF-8
            file = parquet.ParquetFile(raw)
            groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
            size = sum(group.total_byte_size for group in groups)
            if size > MAX_FILE_BYTES or file.metadata.num_rows > MAX_ROWS:
                raise MarketDataError.at(source, "", "unpacks to more than 1024 MiB")
            names = file.schema_arrow.names
            columns = find_columns(names, source, has_volume)
            wanted = [columns.time, columns.symbol, *columns.numbers.values()]
            data = file.read(columns=[names[i] for i in wanted if i is not None])
    except MarketDataError:
        raise
    except (OSError, ValueError, KeyError) as error:
        raise MarketDataError.at(
            source, "", f"not a readable Parquet file: {clip(error, 60)}"
        ) from None
    return table_of_columns(source, names, columns, lambda i: data.column(names[i]).to_numpy())


def read_frame(frame: Any, source: str, *, has_volume: bool = True) -> BarTable:
    """Read a pandas data frame; a time index counts as a column."""
    if getattr(frame.index, "name", None) is not None or frame.index.dtype.kind == "M":
        frame = frame.reset_index(names=frame.index.name or "time")
    names = [str(name) for name in frame.columns]
    columns = find_columns(names, source, has_volume)
    return table_of_columns(source, names, columns, lambda i: _values(frame.iloc[:, i]))


def _values(column: Any) -> NDArray[Any]:
    """Return a column of a data frame as an array; datetimes with a zone as UTC without one."""
    zoned = getattr(column.dtype, "tz", None) is not None
    values: NDArray[Any] = (column.dt.tz_convert(None) if zoned else column).to_numpy()
    return values


def table_of_columns(
    source: str, names: Sequence[str], columns: Columns, column: Callable[[int], NDArray[Any]]
) -> BarTable:
    """Build a table from typed columns.

    Args:
        source: Name of the table in errors.
        names: The header.
        columns: Where its columns are.
        column: Function from a position to that column as a numpy array.
    """
    time = _typed_times(source, names[columns.time], column(columns.time))
    if not len(time):
        raise MarketDataError.at(source, "", "no data rows")
    symbols = None if columns.symbol is None else [str(v) for v in column(columns.symbol)]
    numbers = {
        name: _typed_numbers(source, name, column(position))
        for name, position in columns.numbers.items()
    }
    rows = np.arange(1, len(time) + 1)
    return BarTable(source, "row", rows, names[columns.time], time, symbols, numbers)


def _typed_times(source: str, name: str, values: NDArray[Any]) -> NDArray[np.int64]:
    """Convert datetimes, whole numbers or text to seconds."""
    seconds = np.empty(len(values), dtype=np.int64)
    if values.dtype.kind == "M":
        whole = values.astype("datetime64[s]")
        wrong = np.isnat(whole) | (whole != values)
        seconds[:] = whole.astype(np.int64)
    elif values.dtype.kind in "iuf":
        wrong = ~(np.abs(values.astype(np.float64)) < 2.0**62) | (values != np.floor(values))
        if not wrong.any():
            return _whole_times(source, name, values.astype(np.int64))
    else:
        return _text_times(source, name, values)
    if wrong.any():
        index = int(wrong.argmax())
        reason = f"'{clip(values[index])}' is not a date or a whole epoch second"
        raise MarketDataError.at(source, f"row {index + 1}, column '{clip(name)}'", reason)
    return seconds


def _whole_times(source: str, name: str, values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Read whole numbers as their digits in a text file are read."""
    hours = (values >= FIRST_HOUR) & (values < LAST_HOUR)
    epoch = (np.abs(values) >= SHORTEST_EPOCH) & (values < 10 * LAST_HOUR) & ~hours
    return values if epoch.all() else _text_times(source, name, values)


def _text_times(source: str, name: str, values: NDArray[Any]) -> NDArray[np.int64]:
    """Parse a typed table's text (or mixed) time column."""
    seconds = np.empty(len(values), dtype=np.int64)
    first = ""
    for index, value in enumerate(values):
        place = f"row {index + 1}, column '{clip(name)}'"
        try:
            seconds[index], kind = parse_time_stamp(str(value))
        except ValueError as error:
            raise MarketDataError.at(source, place, str(error)) from None
        first = first or kind
        if kind != first:
            raise MarketDataError.at(source, place, mixed_kinds(first, kind))
    return seconds


def _typed_numbers(source: str, name: str, values: NDArray[Any]) -> Floats:
    """Convert a numeric column to float64; text and booleans are errors."""
    if values.dtype.kind in "iuf":
        return values.astype(np.float64)
    numbers = np.empty(len(values))
    for index, value in enumerate(values):
        place = f"row {index + 1}, column '{clip(name)}'"
        if isinstance(value, (str, bytes, bool, np.bool_, np.datetime64)):
            raise MarketDataError.at(source, place, f"'{clip(value)}' is not a number")
        try:
            numbers[index] = np.nan if value is None else float(value)
        except (TypeError, ValueError):
            raise MarketDataError.at(source, place, f"'{clip(value)}' is not a number") from None
    return numbers
