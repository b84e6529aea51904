"""Read tables of bars from Parquet files and pandas data frames.

Columns have types: text in a number column is an error even when it looks like a number, integer
times are epoch seconds of nine digits or more, and datetimes without a zone are UTC. The first row
is row 1. Files have the same limit on size as text files.
"""

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_env.core.errors import MarketDataError, clip
from trading_env.core.records import Floats
from trading_env.markets.reading.csv_files import MAX_FILE_BYTES, check_regular
from trading_env.markets.reading.tables import BarTable, find_columns
from trading_env.markets.reading.times import parse_time_stamp

MAX_ROWS = 50_000_000
SHORTEST_EPOCH = 100_000_000  # nine digits; fewer may be a date such as 20200131


def read_parquet(path: Path) -> BarTable:
    """Read a Parquet file (needs pyarrow, the extra `data`); the first row is row 1."""
    check_regular(path)
    source = str(path)
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise MarketDataError.at(source, "", "Parquet needs pyarrow (the extra 'data')") from None
    try:
        file = parquet.ParquetFile(path)
        groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
        size = sum(group.total_byte_size for group in groups)
        if size > MAX_FILE_BYTES or file.metadata.num_rows > MAX_ROWS:
            raise MarketDataError.at(source, "", "unpacks to more than 1024 MiB")
        names = file.schema_arrow.names
        columns = find_columns(names, source)
        wanted = [columns.time, columns.symbol, *columns.numbers.values()]
        data = file.read(columns=[names[i] for i in wanted if i is not None])
    except MarketDataError:
        raise
    except (OSError, ValueError, KeyError) as error:
        raise MarketDataError.at(
            source, "", f"not a readable Parquet file: {clip(error, 60)}"
        ) from None
    return table_of_columns(source, names, lambda i: data.column(names[i]).to_numpy())


def read_frame(frame: Any, source: str) -> BarTable:
    """Read a pandas data frame; a time index counts as a column."""
    if getattr(frame.index, "name", None) is not None or frame.index.dtype.kind == "M":
        frame = frame.reset_index(names=frame.index.name or "time")
    names = [str(name) for name in frame.columns]
    return table_of_columns(source, names, lambda i: frame.iloc[:, i].to_numpy())


def table_of_columns(
    source: str, names: Sequence[str], column: Callable[[int], NDArray[Any]]
) -> BarTable:
    """Build a table from typed columns.

    Args:
        source: Name of the table in errors.
        names: The header.
        column: Function from a position to that column as a numpy array.
    """
    columns = find_columns(names, source)
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
    """Convert datetimes, epoch seconds or text to seconds."""
    seconds = np.empty(len(values), dtype=np.int64)
    if values.dtype.kind == "M":
        whole = values.astype("datetime64[s]")
        wrong = np.isnat(whole) | (whole != values)
        seconds[:] = whole.astype(np.int64)
    elif values.dtype.kind in "iuf":
        size = np.abs(values.astype(np.float64))
        wrong = ~(size < 2.0**62) | (size < SHORTEST_EPOCH) | (values != np.floor(values))
        seconds[~wrong] = values[~wrong]
    else:
        return _text_times(source, name, values)
    if wrong.any():
        index = int(wrong.argmax())
        reason = f"'{clip(values[index])}' is not a date or a whole epoch second"
        raise MarketDataError.at(source, f"row {index + 1}, column '{clip(name)}'", reason)
    return seconds


def _text_times(source: str, name: str, values: NDArray[Any]) -> NDArray[np.int64]:
    """Parse a typed table's text (or mixed) time column."""
    seconds = np.empty(len(values), dtype=np.int64)
    zones: list[str] = []
    for index, value in enumerate(values):
        place = f"row {index + 1}, column '{clip(name)}'"
        try:
            seconds[index], zone = parse_time_stamp(str(value))
        except ValueError as error:
            raise MarketDataError.at(source, place, str(error)) from None
        zones = zones or [zone]
        if zone != zones[0]:
            raise MarketDataError.at(source, place, f"time zones differ: '{zones[0]}', '{zone}'")
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
