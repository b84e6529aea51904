"""A repaired copy of a table of bars, and a list of what it changed.

A repair drops rows that repeat a time or a bar, orders
rows by time, moves misplaced points, divides prices and multiplies volume before a split, applies
the adjusted close that stands beside a close (to prices, and the splits in it to volume), and mends
rounding. It fills nothing and leaves
everything else as it was: holes, half days, stale and silent stretches are only told. What stands
beside the bars goes with them (dividends, listings, funding); a split or a dividend that the prices
now have in them is taken out of its column.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from trading_env.core.errors import ConfigError
from trading_env.core.files import write_bytes, write_with
from trading_env.markets.bars import Market
from trading_env.markets.inspection.findings import Change
from trading_env.markets.inspection.verdict import Inspection
from trading_env.markets.reading.mending import mended
from trading_env.markets.reading.settings import ReadingSettings
from trading_env.markets.reading.tables import BarTable
from trading_env.markets.reading.times import iso
from trading_env.markets.reading.validation import BAR_FIELDS


def repaired(found: Inspection, source: Path, out: Path, settings: ReadingSettings) -> list[str]:
    """Write a repaired table in the canonical form, and beside it a list of what was changed.

    Raises:
        ConfigError: `out` exists or is no .csv; MarketDataError: it would still be refused.
    """
    import pandas as pd

    if out.suffix != ".csv" or out.exists():
        reason = "exists; a repair overwrites nothing" if out.exists() else "must end in .csv"
        raise ConfigError(f"repair = '{out}': {reason}")
    table, said = _changed(found, settings)
    Market.of_table(table, source.name.partition(".")[0], ReadingSettings(), "")
    frame = pd.DataFrame({"time": [iso(second) for second in table.time]})
    if table.symbols is not None:
        frame["symbol"] = list(table.symbols)
    names = [*BAR_FIELDS, *(name for name in table.numbers if name not in BAR_FIELDS)]
    frame = frame.assign(**{name: table.numbers[name] for name in names}, **table.extras)
    write_with(out, lambda beside: frame.to_csv(beside, index=False))
    text = "\n".join([f"repair of {source.name}", *said]) + "\n"
    write_bytes(out.with_name(f"{out.stem}.changes.txt"), text.encode())
    return said


def _changed(found: Inspection, settings: ReadingSettings) -> tuple[BarTable, list[str]]:
    """Apply every change to a copy of the table."""
    table, said = found.table, []
    beside = {name: values.copy() for name, values in table.extras.items()}
    numbers = {name: values.copy() for name, values in table.numbers.items()}
    dropped = np.zeros(len(table.time), dtype=np.bool_)
    for change in found.changes:
        place = _place(table, change)
        if change.column == "time":
            dropped[change.rows] = True
            said.append(f"{place}: dropped: {change.why}")
            continue
        column = beside if change.column in beside else numbers
        column[change.column][change.rows] *= change.factor
        by = f"{change.factor:g}" if isinstance(change.factor, float) else "adjusted over close"
        said.append(f"{place}, {change.column}: times {by}: {change.why}")
    order = np.argsort(table.time, kind="stable")
    if table.symbols is not None:
        ranks = {name: rank for rank, name in enumerate(dict.fromkeys(table.symbols))}
        order = np.lexsort((table.time, np.array([ranks[name] for name in table.symbols])))
    kept = order[~dropped[order]]
    if (np.diff(kept) < 0).any() and not (table.symbols is not None):
        said.append("rows put in order of time")
    numbers = mended(table.source, {name: values[kept] for name, values in numbers.items()})
    return replace(
        table,
        rows=table.rows[kept],
        time=table.time[kept],
        symbols=None if table.symbols is None else [table.symbols[i] for i in kept],
        numbers=numbers,
        sources=None,
        extras={name: values[kept] for name, values in beside.items()},
        adjusts=settings.mend is not False,
    ), said


def _place(table: BarTable, change: Change) -> str:
    """Write which rows a change is of."""
    numbers = table.rows[change.rows]
    of = f" of {table.symbols[change.rows[0]]}" if table.symbols is not None else ""
    if len(numbers) == 1:
        return f"{table.row_word} {numbers[0]}{of}"
    return f"{len(numbers)} {table.row_word}s from {numbers.min()} to {numbers.max()}{of}"
