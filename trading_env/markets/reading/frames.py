"""Read tables of bars from Parquet, JSON and data frames of pandas and polars.

Columns have types: whole numbers as times are read as their digits in a text file are, text that
is a number is one, and datetimes without a zone are UTC. An index that has a name, or holds times,
counts as columns. A zone that JSON names beside its rows is that of their clock. The first row is
row 1. Files have the same limits on size as text files.
"""

import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from trading_env.core.errors import MarketDataError, clip
from trading_env.core.parquet import read_frame
from trading_env.markets.reading.grid import Cells, Chunk, Grid
from trading_env.markets.reading.published import kinds_of
from trading_env.markets.reading.sources import Member
from trading_env.markets.reading.words import plain

MAX_JSON_BYTES = 1 << 28
_SYMBOL = re.compile(r"[A-Z^][A-Z0-9^=./:_-]*")
SAMPLE_ROWS, SAMPLE_CELLS = 400, 200_000

USUAL = ("result", "results", "data", "values", "rows", "klines", "bars", "candles")  # of no asset
ZONE_WORDS = ("timezone", "timezonename")


def read_parquet(member: Member) -> Grid:
    """Read a Parquet file with pyarrow (the extra `data`).

    Raises:
        MarketDataError: it is broken, too large, or pyarrow is not installed.
    """
    source = member.source
    try:
        stream = io.BytesIO(member.content()) if member.packed else member.stream()
        with closing(stream):
            return grid_of_frame(read_frame(stream), source, member.stem)
    except ImportError:
        raise MarketDataError.at(source, "", "Parquet needs pyarrow (the extra 'data')") from None
    except MarketDataError:
        raise
    except (OSError, ValueError) as error:
        reason = f"not a readable Parquet file: {clip(error, 60)}"
        raise MarketDataError.at(source, "", reason) from None


def read_json(member: Member) -> Grid:
    """Read rows from JSON: arrays of numbers, objects with names, or the answer of an exchange.

    Raises:
        MarketDataError: it is no JSON, or holds no rows.
    """
    content, source = member.content(MAX_JSON_BYTES), member.source
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        found = _json_lines(content)
        if found is None:
            raise MarketDataError.at(source, "", f"broken JSON: {clip(error, 80)}") from None
    try:
        stem, rows = _rows_of(found, member.stem)
    except (ValueError, RecursionError) as error:  # pandas, of lists that are no table together
        raise MarketDataError.at(source, "", f"JSON that is no table: {clip(error, 80)}") from None
    if rows is None or not len(rows):
        reason = "JSON without rows of bars ([[time, open, high, low, close, volume], ...])"
        raise MarketDataError.at(source, "", reason)
    return replace(grid_of_rows(rows, source, stem), zone=" and ".join(_zones(found)))


def _zones(found: Any, depth: int = 3) -> list[str]:
    """Return the zones named beside rows, as by `6. Time Zone` and `exchange_timezone`."""
    zones: list[str] = []
    for key, value in found.items() if isinstance(found, dict) and depth else ():
        if isinstance(value, str) and plain(str(key)).endswith(ZONE_WORDS):
            zones.append(value.strip())
        zones += _zones(value, depth - 1)
    return [zone for zone in dict.fromkeys(zones) if zone]


def _json_lines(content: bytes) -> list[Any] | None:
    """Read a JSON object a line, or None where they are none."""
    try:
        rows = [json.loads(line) for line in content.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        return None
    return rows if len(rows) > 1 else None


def _rows_of(found: Any, stem: str) -> tuple[str, Any]:
    """Find the rows in what JSON holds: a list, or the one list or table in nested objects.

    Lists of like objects under symbols, as Alpaca's of several, are one table with their names.
    """
    if isinstance(found, list):
        return stem, found
    if not isinstance(found, dict):
        return stem, None
    values = list(found.values())
    if len(values) > 1 and all(isinstance(v, dict) for v in values) and _is_dated(found):
        return stem, [{"time": key, **value} for key, value in found.items()]
    columns = [v for v in values if isinstance(v, list | dict) and v]
    names = {str(name).lower() for name in found}
    if {"columns", "index", "data"} == names:
        data = found["data"]
        whole = isinstance(data, list) and len({isinstance(row, list) for row in data}) == 1
        if not whole:
            raise ValueError("not every row of data is a list")
        return stem, pd.DataFrame(data, found["index"], found["columns"])
    if {"close"} <= names or {"c", "o"} <= names:
        frame = pd.DataFrame({k: v for k, v in found.items() if isinstance(v, list | dict)})
        return stem, frame
    nested = [_rows_of(value, str(key)) for key, value in found.items()]
    rows = [(name, inner) for name, inner in nested if inner is not None and len(inner)]
    if len(rows) == 1 or (rows and len(columns) == 1):
        name, first = rows[0]
        usual = name.lower() in USUAL
        return (stem if usual or "series" in name.lower() else name), first
    if len(rows) > 1 and all(_SYMBOL.fullmatch(name) for name, _ in rows) and _is_alike(rows):
        return stem, [{"symbol": name, **row} for name, inner in rows for row in inner]
    return stem, None


def _is_alike(rows: list[tuple[str, Any]]) -> bool:
    """Tell whether lists hold objects with the same names."""
    tables = [inner for _, inner in rows]
    if not all(isinstance(row, dict) for inner in tables for row in inner):
        return False
    return len({frozenset(row) for inner in tables for row in inner}) == 1


def _is_dated(found: Iterable[Any]) -> bool:
    """Tell whether the first keys, or labels of rows, are times."""
    first = list(islice(found, 5))
    return bool(first) and all(kinds_of(str(key)) & {"date", "epoch"} for key in first)


def grid_of_rows(rows: Any, source: str, stem: str) -> Grid:
    """Take rows: lists without names, or objects with them."""
    if isinstance(rows, pd.DataFrame):
        return grid_of_frame(rows, source, stem)
    kinds: tuple[Any, ...] = (dict,) if isinstance(rows[0], dict) else (list, tuple, np.ndarray)
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, kinds):
            reason = f"a {type(row).__name__}; each row is [time, open, high, low, close, volume]"
            raise MarketDataError.at(source, f"row {number}", reason)
        if len(row) != len(rows[0]) and not isinstance(row, dict):
            reason = f"{len(row)} fields, the first row has {len(rows[0])}"
            raise MarketDataError.at(source, f"row {number}", reason)
    if kinds == (dict,) and (inner := _prices_within(rows)):
        rows = [{**row, **row[inner]} for row in rows]
    return grid_of_frame(pd.DataFrame(rows), source, stem)


def _prices_within(rows: list[dict[str, Any]]) -> str | None:
    """Return the one key under which every row holds its prices, as OANDA's `mid`; else None."""
    keys = [key for key, value in rows[0].items() if isinstance(value, dict)]
    if len(keys) != 1 or not all(isinstance(row.get(keys[0]), dict) for row in rows):
        return None
    return keys[0]


def frame_of(table: Any) -> pd.DataFrame | None:
    """Return a pandas data frame of what is a table in Python, or None."""
    if isinstance(table, pd.DataFrame):
        return table
    room = type(table).__module__.partition(".")[0]
    if room == "polars":
        table = table.collect() if hasattr(table, "collect") else table
        return pd.DataFrame({name: table[name].to_numpy() for name in table.columns})
    if room == "pyarrow" and hasattr(table, "to_pandas"):
        frame: pd.DataFrame = table.to_pandas()
        return frame
    if isinstance(table, np.ndarray) and table.ndim == 2:
        return pd.DataFrame(table)
    if isinstance(table, list) and table and isinstance(table[0], list | tuple | dict):
        return pd.DataFrame(table)
    return None


def grid_of_frame(frame: pd.DataFrame, source: str, stem: str) -> Grid:
    """Take a data frame; the time may be its index."""
    frame = _with_index(frame)
    if not len(frame):
        raise MarketDataError.at(source, "", "no data rows")
    columns = [_values(frame.iloc[:, i]) for i in range(frame.shape[1])]
    names = frame.columns
    if isinstance(names, pd.MultiIndex):
        header = [
            [_text(value) for value in names.get_level_values(i)] for i in range(names.nlevels)
        ]
    else:
        tuples = len(names) > 1 and all(isinstance(name, tuple) for name in names[1:])
        header = [[str(name) for name in names]]
        if tuples:
            pairs = [name if isinstance(name, tuple) else (name, "") for name in names]
            header = [[str(pair[i]) for pair in pairs] for i in range(2)]
    if header and header[0] == [str(i) for i in range(len(columns))]:
        header = []
    shown = min(SAMPLE_ROWS, len(frame), 8 + SAMPLE_CELLS // max(len(columns), 1))
    sample = [[_shown(column[row]) for column in columns] for row in range(shown)]

    def chunks(positions: Sequence[int]) -> Iterator[Chunk]:
        yield np.arange(1, len(frame) + 1), {i: columns[i] for i in set(positions)}

    return Grid(
        source=source,
        stem=stem,
        row_word="row",
        header=header,
        header_row=1,
        sample=sample,
        chunks=chunks,
    )


def _with_index(frame: pd.DataFrame) -> pd.DataFrame:
    """Make columns of an index that has names or holds times."""
    index = frame.index
    if isinstance(index, pd.PeriodIndex):
        index = index.to_timestamp()
    if isinstance(index, pd.MultiIndex):
        kinds = [
            "time" if index.levels[i].dtype.kind == "M" else "symbol" for i in range(index.nlevels)
        ]
        names = [name if name is not None else kinds[i] for i, name in enumerate(index.names)]
    elif index.name is not None:
        names = [index.name]
    elif index.dtype.kind == "M" or _is_dated(index):
        names = ["time"]
    else:
        return frame
    width = frame.columns.nlevels
    added = index.to_frame(index=False)
    flat = frame.reset_index(drop=True)
    if width > 1:
        added.columns = pd.MultiIndex.from_tuples([(name, *[""] * (width - 1)) for name in names])
    else:
        known = {str(name).lower() for name in frame.columns}
        added.columns = pd.Index([str(n) for n in names])
        added = added.loc[:, [str(n).lower() not in known for n in names]]
    return pd.concat([added, flat], axis=1)


def _values(column: Any) -> Cells:
    """Return a column as an array; datetimes with a zone as UTC without one."""
    if getattr(column.dtype, "tz", None) is not None:
        column = column.dt.tz_convert(None)
    elif pd.api.types.is_extension_array_dtype(column.dtype):
        is_number = pd.api.types.is_numeric_dtype(column.dtype)
        if not is_number or pd.api.types.is_bool_dtype(column.dtype):
            column = column.astype(object)
        elif pd.api.types.is_integer_dtype(column.dtype) and not column.isna().any():
            column = column.astype(np.int64)
        else:
            return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    values: Cells = column.to_numpy()
    return values


def _text(value: Any) -> str:
    return "" if value is None or value != value else str(value)


def _shown(value: Any) -> str:
    """Show a cell as a text file would hold it."""
    if isinstance(value, np.datetime64):
        return str(value.astype("datetime64[s]"))
    return _text(value)
