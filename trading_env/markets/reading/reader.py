"""The one way from a file, a folder or a table in Python to rows of bars.

Several files of a folder or an archive are one table: rows of each other's symbols where they name
symbols, parts of one series where they follow each other under names that differ in digits alone,
and an asset each, called as the file, where they overlap.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from trading_env.core.errors import MarketDataError, clip
from trading_env.core.records import Floats
from trading_env.markets.reading import words
from trading_env.markets.reading.building import build
from trading_env.markets.reading.frames import frame_of, grid_of_frame, read_json, read_parquet
from trading_env.markets.reading.layouts import find_columns
from trading_env.markets.reading.settings import ReadingSettings
from trading_env.markets.reading.sources import Member, members
from trading_env.markets.reading.tables import BarTable
from trading_env.markets.reading.text_files import read_text

READERS = {"text": read_text, "json": read_json, "parquet": read_parquet}


def read_path(path: Path, settings: ReadingSettings) -> tuple[BarTable, str]:
    """Read a file, an archive or a folder.

    Returns:
        The rows, and what was found, on one line.

    Raises:
        MarketDataError: it cannot be read, or not in one way only.
    """
    found = members(path)
    read = [_read_member(member, settings) for member in found]
    if len(read) == 1:
        return read[0]
    table, how = _together(str(path), [table for table, _ in read], [m.stem for m in found])
    said = list(dict.fromkeys(said for _, said in read))
    more = f" (and {len(said) - 1} more)" if len(said) > 1 else ""
    return table, f"{len(read)} files, {how}; {said[0]}{more}"


def read_table(table: Any, source: str, settings: ReadingSettings) -> tuple[BarTable, str]:
    """Read a data frame, or another table in Python.

    Raises:
        MarketDataError: it is no table, or cannot be read in one way only.
    """
    frame = frame_of(table)
    if frame is None:
        reason = f"a {type(table).__name__}; give a data frame, or rows of [time, open, ...]"
        raise MarketDataError.at(source, "", reason)
    grid = grid_of_frame(frame, source, "asset")
    return build(grid, find_columns(grid, settings), settings)


def _read_member(member: Member, settings: ReadingSettings) -> tuple[BarTable, str]:
    """Read one file."""
    grid = READERS[member.kind](member)
    named = [value for key, value in member.parts.items() if words.plain(key) in words.SYMBOL]
    grid = replace(grid, stem=named[0]) if named else grid
    table, said = build(grid, find_columns(grid, settings), settings)
    if table.symbols is None and named:
        table = replace(table, symbols=named[:1] * len(table.time))
    return table, said


def _refuse_names(source: str, stems: Sequence[str]) -> None:
    """Refuse files that follow each other in time under names that differ by more than digits."""
    stems = sorted(stems)
    other = next((s for s in stems if _letters(s) != _letters(stems[0])), None)
    if other is not None:
        reason = f"'{clip(stems[0])}' and '{clip(other)}': parts of one series, or assets? call "
        reason += "parts the same but for digits, or give assets a column 'symbol'"
        raise MarketDataError.at(source, "", reason)


def _extras(tables: Sequence[BarTable]) -> dict[str, Floats]:
    """Put together what all tables have beside the bars, and what any says of its assets."""
    evidence = [name for name in tables[0].extras if all(name in t.extras for t in tables)]
    named = [name for table in tables for name in table.extras if name in words.NOTICES]
    return {
        name: np.concatenate([t.extras.get(name, np.full(len(t.time), np.nan)) for t in tables])
        for name in dict.fromkeys((*evidence, *named))
    }


def _letters(stem: str) -> str:
    return re.sub(r"[\d\W_]+", "", stem).lower()


def _together(
    source: str, tables: Sequence[BarTable], stems: Sequence[str]
) -> tuple[BarTable, str]:
    """Put the tables of several files together."""
    first = tables[0]
    for table in tables:
        if table.numbers.keys() != first.numbers.keys():
            other = sorted(table.numbers.keys() ^ first.numbers.keys())[0]
            raise MarketDataError.at(table.source, f"column '{other}'", "not in every file")
    how = "rows of their symbols"
    if any(table.symbols is None for table in tables):
        spans = sorted((int(t.time.min()), int(t.time.max()), i) for i, t in enumerate(tables))
        follow = all(a[1] < b[0] for a, b in pairwise(spans))
        if follow and all(table.symbols is None for table in tables):
            _refuse_names(source, stems)
            tables = [tables[i] for _, _, i in spans]
            how = "one after the other"
        else:
            how = "an asset each"
            tables = [
                table
                if table.symbols is not None
                else replace(table, symbols=[stem] * len(table.time))
                for table, stem in zip(tables, stems, strict=True)
            ]
    else:
        tables = sorted(tables, key=lambda table: int(table.time.min()))
    symbols = None
    if tables[0].symbols is not None:
        symbols = [name for table in tables for name in table.symbols or ()]
    return BarTable(
        source=source,
        row_word=first.row_word,
        rows=np.concatenate([table.rows for table in tables]),
        time_name=first.time_name,
        time=np.concatenate([table.time for table in tables]),
        symbols=symbols,
        numbers={n: np.concatenate([t.numbers[n] for t in tables]) for n in first.numbers},
        sources=[table.source for table in tables for _ in range(len(table.time))],
        extras=_extras(tables),
        adjusts=any(table.adjusts for table in tables),
    ), how
