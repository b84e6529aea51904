"""The times of bars: their order, and the clock they keep, measured or stated.

Bars of up to a day. A day has the median number of bars of the dates that have any. A week has the
median number of bars of all spans of seven days that begin at a bar's date; over the bars of a
day, that is a week of 1 to 7 trading days. Medians, so that one session on a Saturday, or the last
bars of Friday's late trading in the first hours of Saturday UTC, do not make another market. A year
has 365.25 trading days where a week has 7 of them, and 252 a year for 5 a week (50.4 for each day
of a week of fewer than 7). Stamps of less than a week tell nothing of weekends: they count as 7.

Longer bars. A bar has round(252 / 365.25 x its days) trading days, at least 1: 5 in a week, 21 in a
month; of days in a row, where bars of less than a week fall on every day of the week. A trading day
is one over that of a bar.

A series of a year or more, and any of bars longer than a day, has counted its own holidays: bars a
year are its steps over its years. Holes, steps of more than 14 days and more than 5 bars, are left
out of both.

Stated. `bars_per_day` and `bars_per_year` stand as they are; a `calendar` of "24/7" has 365.25
trading days a year and one of "exchange" 252, and bars a year are those times bars a day.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

DAY = 86_400
EARLIEST = -2_208_988_800  # 1900-01-01
LATEST = 7_258_118_400  # 2200-01-01
WEEK = 7
DAYS_PER_YEAR = 365.25
SESSIONS_PER_YEAR = 252.0
SESSIONS_PER_WEEK = 5
CALENDARS = {"24/7": DAYS_PER_YEAR, "exchange": SESSIONS_PER_YEAR}
LONGEST_DAY = 1.5 * DAY  # a longer median step is a bar of more than a day
HOLE_DAYS = 14
HOLE_BARS = 5.0


class BarClock(NamedTuple):
    """Frequency of a series of bars."""

    bar_seconds: float  # median spacing
    bars_per_year: float
    bars_per_day: float  # bars in one trading day; 1 for daily bars, below 1 for longer ones


def time_fault(time: NDArray[np.int64]) -> tuple[int, str] | None:
    """Return index and reason of the first implausible, repeated or earlier time, or None."""
    outside = (time < EARLIEST) | (time >= LATEST)
    if outside.any():
        index = int(outside.argmax())
        cause = "milliseconds or nanoseconds instead of seconds?"
        return index, f"{time[index]} s is outside the years 1900 to 2200 ({cause})"
    late = time[1:] <= time[:-1]
    if late.any():
        index = int(late.argmax()) + 1
        same = time[index] == time[index - 1]
        word = "repeats the time before it" if same else "is earlier than the time before it"
        return index, f"{iso(time[index])} {word}"
    return None


def iso(seconds: int | np.int64) -> str:
    """Format a time as ISO 8601 in UTC."""
    return str(np.datetime64(int(seconds), "s")) + "Z"


def measure_clock(time: NDArray[np.int64], calendar: str | None = None) -> BarClock:
    """Measure the clock of strictly increasing times, shape (bars,).

    Args:
        time: Seconds since the epoch.
        calendar: "24/7" or "exchange" where it is known; None measures it.
    """
    steps = np.diff(time)
    bar_seconds = float(np.median(steps))
    dates, counts = np.unique(time // DAY, return_counts=True)
    if bar_seconds > LONGEST_DAY:
        per_day = 1.0 / _trading_days(dates, bar_seconds / DAY, calendar)
    else:
        per_day = 1.0 if bar_seconds >= DAY else float(np.median(counts))
    if calendar is not None:
        return BarClock(bar_seconds, per_day * CALENDARS[calendar], per_day)
    if bar_seconds > LONGEST_DAY or time[-1] - time[0] >= 365 * DAY:
        return BarClock(bar_seconds, _counted(steps, bar_seconds), per_day)
    days = _days_a_week(dates, counts, per_day)
    sessions = SESSIONS_PER_YEAR * days / SESSIONS_PER_WEEK
    return BarClock(bar_seconds, per_day * (DAYS_PER_YEAR if days == WEEK else sessions), per_day)


def settled_clock(
    time: NDArray[np.int64],
    calendar: str | None = None,
    bars_per_day: float | None = None,
    bars_per_year: float | None = None,
) -> BarClock:
    """Measure a clock, except for what is stated; None is measured."""
    clock = measure_clock(time, calendar)
    if bars_per_day is not None:
        stated = clock.bars_per_year if calendar is None else bars_per_day * CALENDARS[calendar]
        clock = clock._replace(bars_per_day=bars_per_day, bars_per_year=stated)
    return clock if bars_per_year is None else clock._replace(bars_per_year=bars_per_year)


def _counted(steps: NDArray[np.int64], bar_seconds: float) -> float:
    """Return steps over years, without the holes."""
    kept = steps[(steps <= HOLE_DAYS * DAY) | (steps <= HOLE_BARS * bar_seconds)]
    return len(kept) / (float(kept.sum()) / (DAYS_PER_YEAR * DAY))


def _trading_days(dates: NDArray[np.int64], days: float, calendar: str | None) -> float:
    """Trading days in a bar of more than a day."""
    if calendar is None:
        unbroken = days < WEEK - 0.5 and len(np.unique(dates % WEEK)) == WEEK
        calendar = "24/7" if unbroken else "exchange"
    return max(1.0, round(days * CALENDARS[calendar] / DAYS_PER_YEAR))


def _days_a_week(dates: NDArray[np.int64], counts: NDArray[np.int64], per_day: float) -> int:
    """Trading days in the median span of seven days, 1 to 7."""
    begins = dates[dates <= dates[-1] - (WEEK - 1)]
    if not len(begins):
        return WEEK
    total = np.concatenate(([0], np.cumsum(counts)))
    ends = np.searchsorted(dates, begins + WEEK)
    bars = float(np.median(total[ends] - total[: len(begins)]))
    return min(max(math.floor(bars / per_day + 0.5), 1), WEEK)
