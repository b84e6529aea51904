"""Odd times: rows that repeat, days twice, bars of another length, half days, holes.

Without an exchange's calendar a hole is a step that is longer than the series' own: for daily bars
of a five-day week more than a weekend and a holiday (five days), for bars of every day more than
one, for bars inside a day more than one step between two bars of one day. With `exchange` the
sessions are those of the package exchange_calendars (the extra `calendars`).
"""

import importlib
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_env.core.errors import ConfigError, clip, nearest
from trading_env.markets.inspection.findings import Change, Finding, Series
from trading_env.markets.reading.times import DAY, LONGEST_DAY

LONG_WEEKEND = 5  # days
HALF = 0.7  # of a day's usual bars


def repeated(series: Series, rows: NDArray[np.intp]) -> tuple[list[Finding], list[Change]]:
    """Report rows of a time that was there before; `rows` are their positions in the table."""
    if not len(rows):
        return [], []
    what = f"{len(rows)} rows have a time that another row has"
    guess = "files joined with an overlap; the first row of each time is kept"
    finding = Finding("repeated", series.symbol, 0, what, guess, len(rows))
    return [finding], [Change(rows, "time", 0.0, "a time that another row has")]


def days_twice(series: Series) -> tuple[list[Finding], list[Change]]:
    """Find two bars of one day among daily bars, and bars that repeat the one before."""
    found: list[Finding] = []
    changes: list[Change] = []
    steps = np.diff(series.time)
    if len(steps) and np.median(steps) >= DAY:
        twice = np.flatnonzero(np.diff(series.time // DAY) == 0) + 1
        if len(twice):
            what = "a second bar of its day among daily bars"
            guess = "the last price of a session that was not over"
            found.append(
                Finding("day twice", series.symbol, int(twice[0]), what, guess, len(twice))
            )
            changes.append(Change(series.rows[twice], "time", 0.0, f"{what}: {guess}"))
    arrays = [*series.prices.values(), series.volume]
    same = np.logical_and.reduce([values[1:] == values[:-1] for values in arrays])
    moved = series.prices["high"][1:] > series.prices["low"][1:]
    copies = np.flatnonzero(same & moved & (series.volume[1:] > 0.0)) + 1
    if 0 < len(copies) < 0.1 * series.bars:  # more of them are the nature of the series
        what = "prices and volume are those of the bar before"
        guess = "a bar that was filled in where one was missing"
        found.append(Finding("copied", series.symbol, int(copies[0]), what, guess, len(copies)))
        changes.append(Change(series.rows[copies], "time", 0.0, f"{what}: {guess}"))
    return found, changes


def lengths(series: Series) -> list[Finding]:
    """Find bars that begin off the grid of the others."""
    steps = np.diff(series.time)
    if len(steps) < 5:
        return []
    usual = float(np.median(steps))
    if usual < DAY:
        wrong = np.flatnonzero((series.time - series.time[0]) % usual != 0)
        wrong = wrong if len(wrong) < 0.1 * series.bars else np.flatnonzero(steps < usual) + 1
    else:
        day = series.time // DAY
        short = np.diff(day) < 0.6 * round(usual / DAY)
        wrong = np.flatnonzero(short & (np.diff(day) > 0)) + 1
    if not len(wrong):
        return []
    what = (
        f"begins {int(steps[max(wrong[0] - 1, 0)]):,} s after the bar before, most {usual:,.0f} s"
    )
    guess = "bars of another length in one file"
    return [Finding("bar length", series.symbol, int(wrong[0]), what, guess, len(wrong))]


def half_days(series: Series) -> list[Finding]:
    """Find days with fewer bars than the same days of other weeks."""
    steps = np.diff(series.time)
    if len(steps) < 5 or np.median(steps) >= DAY / 2:
        return []
    days, first, counts = np.unique(series.time // DAY, return_index=True, return_counts=True)
    usual = np.array([np.median(counts[days % 7 == day % 7]) for day in days])
    few = np.flatnonzero((counts < HALF * usual) & (usual > usual.max() / 4))
    few = few[(few > 0) & (few < len(days) - 1)]  # the file may cut the first and the last
    if len(days) < 15 or not len(few):
        return []
    what = f"{counts[few[0]]} bars on its day, {usual[few[0]]:g} on most such days"
    guess = "a half day, or a day of which a part is missing"
    return [Finding("half day", series.symbol, int(first[few[0]]), what, guess, len(few))]


def holes(series: Series) -> list[Finding]:
    """Find steps that are longer than the series' own rhythm has."""
    steps = np.diff(series.time)
    if len(steps) < 10:
        return []
    usual = float(np.median(steps))
    weekends = len(np.unique((series.time // DAY) % 7)) < 7
    if usual > LONGEST_DAY:
        wide = steps > 1.6 * usual
    elif usual >= DAY:
        wide = steps > (LONG_WEEKEND if weekends else 1) * DAY
    else:
        same_day = np.diff(series.time // DAY) == 0
        day_long = (
            np.median(np.unique(series.time // DAY, return_counts=True)[1]) * usual > 0.9 * DAY
        )
        wide = (steps > 1.5 * usual) & (same_day | (day_long and not weekends))
    bars = np.flatnonzero(wide) + 1
    if not len(bars):
        return []
    longest = float(steps[wide].max())
    length = f"{longest / DAY:.3g} days" if longest >= DAY else f"{longest:,.0f} s"
    what = f"{len(bars)} holes before a bar, {length} at the longest"
    guess = "bars that are missing, a halt, or holidays (state the exchange: --exchange)"
    return [Finding("hole", series.symbol, int(bars[0]), what, guess, len(bars))]


def against_calendar(series: Series, exchange: str) -> list[Finding]:
    """Find sessions without a bar, bars without a session, and early closes.

    Raises:
        ConfigError: there is no such exchange, or the package is not installed.
    """
    import pandas as pd

    calendar = _calendar(exchange, int(series.time[0]), int(series.time[-1]))
    intraday = len(series.time) > 1 and np.median(np.diff(series.time)) < DAY / 2
    local = series.time.astype("datetime64[s]")
    if intraday or (series.time % DAY != 0).any():
        stamps = pd.DatetimeIndex(local).tz_localize("UTC").tz_convert(calendar.tz)
        local = stamps.tz_localize(None).to_numpy()
    days = local.astype("datetime64[D]")
    first, last = max(days[0], np.datetime64(calendar.first_session, "D")), days[-1]
    known = calendar.sessions_in_range(str(first), str(last)).to_numpy().astype("datetime64[D]")
    found: list[Finding] = []
    missing = np.setdiff1d(known, days)
    if len(missing):
        bar = min(int(np.searchsorted(days, missing[0])), series.bars - 1)
        what = f"{len(missing)} sessions of {exchange} have no bar, the first {missing[0]}"
        guess = "days that are missing in the source"
        found.append(Finding("hole", series.symbol, bar, what, guess, len(missing)))
    beside = np.flatnonzero(~np.isin(days, known) & (days >= first))
    if len(beside):
        what = f"{len(beside)} bars on days without a session of {exchange}"
        guess = "another exchange, another zone (--tz), or bars that were filled in"
        found.append(Finding("no session", series.symbol, int(beside[0]), what, guess, len(beside)))
    early = np.intersect1d(calendar.early_closes.to_numpy().astype("datetime64[D]"), days)
    if intraday and len(early):
        bar = int(np.searchsorted(days, early[0]))
        what = f"{len(early)} sessions of {exchange} close early, the first {early[0]}"
        found.append(Finding("half day", series.symbol, bar, what, "half days", len(early)))
    return found


def _calendar(exchange: str, first: int, last: int) -> Any:
    try:
        package = importlib.import_module("exchange_calendars")
    except ImportError:
        reason = "needs the package exchange_calendars (the extra 'calendars')"
        raise ConfigError(f"exchange {clip(exchange)}: {reason}") from None
    names = package.get_calendar_names()
    if exchange not in names:
        raise ConfigError(f"no exchange {clip(exchange)!r}{nearest(exchange, names)}")
    bounds = [np.datetime64(second, "s").astype("datetime64[D]") for second in (first, last + DAY)]
    # What the package itself asks of pandas is not the user's to mend.
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        return package.get_calendar(exchange, start=str(bounds[0]), end=str(bounds[1]))
