"""The inspection of a table of bars: what is found, and a verdict.

Three verdicts: `clean`; `usable with notes`, where something is odd that the table can be traded
with; `refused`, where it cannot be read.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from trading_env.core.errors import MarketDataError
from trading_env.markets.bars import Market
from trading_env.markets.inspection import prices, rhythm
from trading_env.markets.inspection.findings import Change, Finding, Series
from trading_env.markets.reading.settings import ReadingSettings
from trading_env.markets.reading.tables import BarTable, group_rows
from trading_env.markets.reading.times import iso
from trading_env.markets.reading.validation import PRICE_FIELDS

Look = Callable[[Series], tuple[list[Finding], list[Change]]]
CLEAN, NOTES, REFUSED = "clean", "usable with notes", "refused"


class Inspection(NamedTuple):
    """What was found in a table."""

    verdict: str
    read_as: str
    faults: list[str]  # why it is refused: ten at most
    findings: list[dict[str, Any]]
    bars: int
    symbols: list[str]
    table: BarTable
    changes: list[Change]


def inspect_path(path: Path, settings: ReadingSettings, exchange: str | None = None) -> Inspection:
    """Read a file or a folder and judge its bars.

    Raises:
        MarketDataError: not even a table can be made of it.
    """
    from trading_env.markets.reading.reader import read_path  # it imports pandas

    table, said = read_path(path, settings)
    stem = path.name.partition(".")[0]
    findings: list[dict[str, Any]] = []
    changes: list[Change] = []
    for symbol, rows in group_rows(table, stem).items():
        series, twice = _series(table, symbol, rows)
        found = _inspect(series, twice, exchange, changes, applied=settings.apply_actions)
        findings += [_row_of(finding, series, table) for finding in found]
    faults: list[str] = []
    bars = 0
    symbols = list(dict.fromkeys(table.symbols)) if table.symbols else [stem]
    try:
        market = Market.of_table(table, stem, settings, said)
        bars, symbols = market.bars, list(market.symbols)
    except MarketDataError as error:
        faults = [str(error), *getattr(error, "__notes__", [])]
    if settings.liquidity is not None:
        findings = [row for row in findings if row["kind"] != "no volume"]
    findings = _together(findings)
    verdict = REFUSED if faults else NOTES if findings else CLEAN
    return Inspection(verdict, said, faults, findings, bars, symbols, table, changes)


def _together(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tell once what is the same for several symbols."""
    same: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in findings:
        same.setdefault((row["kind"], row["time"], row["what"]), []).append(row)
    more = {key: f" and {len(rows) - 1} more" * (len(rows) > 1) for key, rows in same.items()}
    return [rows[0] | {"symbol": rows[0]["symbol"] + more[key]} for key, rows in same.items()]


def _series(table: BarTable, symbol: str, rows: Any) -> tuple[Series, Any]:
    """Order the rows of an asset by time; return the rows that repeat one apart."""
    order = rows[np.argsort(table.time[rows], kind="stable")]
    time = table.time[order]
    first = np.concatenate(([True], time[1:] != time[:-1]))
    kept = order[first]
    numbers = {name: values[kept] for name, values in table.numbers.items()}
    series = Series(
        symbol,
        kept,
        table.time[kept],
        {name: numbers[name] for name in PRICE_FIELDS},
        numbers["volume"],
        {name: values[kept] for name, values in table.extras.items()},
    )
    return series, np.sort(order[~first])


def _inspect(
    series: Series, twice: Any, exchange: str | None, changes: list[Change], *, applied: bool
) -> list[Finding]:
    """Look for everything in one asset; `applied`: stated splits and dividends are no findings."""
    found, own = rhythm.repeated(series, twice)
    changes += own
    more, own = rhythm.days_twice(series)
    found += more
    changes += own
    found += rhythm.lengths(series) + rhythm.half_days(series)
    found += rhythm.holes(series) if exchange is None else rhythm.against_calendar(series, exchange)
    sound = all(np.isfinite(v).all() and (v > 0.0).all() for v in series.prices.values())
    if not sound:
        return found  # the table is refused with the place
    points, own = prices.glitches(series)
    found += points
    changes += own
    steady = _without(series, own)
    looks: tuple[Look, ...] = (prices.splits, prices.dividends)
    if applied and not {"split", "dividend"}.isdisjoint(steady.extras):
        looks = (partial(prices.splits, applied=True),)
    elif prices.has_adjusted(steady):
        looks = (prices.by_adjusted,)
    for look in looks:
        more, own = look(steady)
        found += more
        changes += own
    told = {finding.bar for finding in found}
    found += [
        odd for odd in (*prices.strays(steady), *prices.shifts(steady)) if odd.bar not in told
    ]
    return found + prices.quiet(series) + prices.mixed(series)


def _without(series: Series, changes: list[Change]) -> Series:
    """Return a series whose misplaced points are moved."""
    values = {name: own.copy() for name, own in series.prices.items()}
    for change in changes:
        values[change.column][np.isin(series.rows, change.rows)] *= change.factor
    return series._replace(prices=values)


def _row_of(finding: Finding, series: Series, table: BarTable) -> dict[str, Any]:
    """Write a finding with its place in the source."""
    row = series.rows[finding.bar]
    if finding.kind == "repeated":
        row = _first_repeated(series, table)
    return {
        "kind": finding.kind,
        "symbol": finding.symbol,
        table.row_word: int(table.rows[row]),
        "time": iso(table.time[row]),
        "count": finding.bars,
        "what": finding.what,
        "guess": finding.guess,
    }


def _first_repeated(series: Series, table: BarTable) -> int:
    """Return the first row in the source whose time another row has."""
    own = np.arange(len(table.time))
    if table.symbols is not None:
        own = np.flatnonzero(np.array([s.strip() for s in table.symbols]) == series.symbol)
    return int(np.setdiff1d(own, series.rows)[0])


def as_lines(found: Mapping[str, Any]) -> list[str]:
    """Write an inspection for a terminal."""
    lines = [f"{found['verdict']}: {found['read_as']}"]
    lines += [f"fault: {fault}" for fault in found["faults"]]
    for row in found["findings"]:
        place = next(f"{word} {row[word]}" for word in ("line", "row") if word in row)
        more = f" ({row['count']} in all)" if row["count"] > 1 else ""
        lines.append(
            f"{row['kind']}: {row['symbol']}, {place}, {row['time']}: {row['what']}{more}; "
            f"guess: {row['guess']}"
        )
    return lines + [f"repaired: {line}" for line in found.get("repaired", [])]
