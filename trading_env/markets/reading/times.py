"""Time stamps of bars: parsing, order, and the clock that they keep.

A time is a whole number of seconds since 1970-01-01 UTC. Text is ISO 8601 (a date, or a date and
a time; UTC unless it has an offset) or epoch seconds with nine digits or more. All rows of a column
have the same offset. Exchange calendars and daylight saving are not modelled: a local clock that is
put back repeats a time, which is an error.
"""

import re
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_env.core.errors import clip

DAY = 86_400
DAYS_PER_YEAR = 365.25
SESSIONS_PER_YEAR = 252.0
EARLIEST = -2_208_988_800  # 1900-01-01
LATEST = 7_258_118_400  # 2200-01-01
EPOCH = re.compile(r"-?[0-9]{9,19}(\.0*)?")


class BarClock(NamedTuple):
    """Frequency of a series of bars."""

    bar_seconds: float  # median spacing
    bars_per_year: float
    bars_per_day: float  # bars in one trading day; 1 for daily and longer bars


def parse_time_stamp(text: str) -> tuple[int, str]:
    """Parse one time stamp.

    Returns:
        Seconds since the epoch, and the kind of stamp: "epoch", "no offset" or the offset.

    Raises:
        ValueError: The text is not ISO 8601 or epoch seconds, or has a fraction of a second.
    """
    text = text.strip()
    if EPOCH.fullmatch(text):
        return int(text.partition(".")[0]), "epoch"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{clip(text)}' is not a time (ISO 8601 or epoch seconds)") from None
    if moment.microsecond:
        raise ValueError(f"'{clip(text)}' has a fraction of a second; bars need whole seconds")
    offset = moment.utcoffset()
    if offset is None:
        return round((moment.replace(tzinfo=UTC)).timestamp()), "no offset"
    return round((moment.replace(tzinfo=UTC) - offset).timestamp()), str(offset)


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


def measure_clock(time: NDArray[np.int64]) -> BarClock:
    """Measure the clock of strictly increasing times, shape (bars,).

    Bars a year are (bars - 1) / years for a year or more. For less they are the bars per day times
    252 sessions if the series spans a week and skips Saturdays, else times 365.25 days.
    """
    bar_seconds = float(np.median(np.diff(time)))
    days, counts = np.unique(time // DAY, return_counts=True)
    bars_per_day = 1.0 if bar_seconds >= DAY else float(np.median(counts))
    span = float(time[-1] - time[0])
    if span >= 365 * DAY:
        return BarClock(bar_seconds, (len(time) - 1) / (span / (DAYS_PER_YEAR * DAY)), bars_per_day)
    saturday = 2  # 1970-01-01 was a Thursday
    sessions = span >= 7 * DAY and not np.any(days % 7 == saturday)
    days_per_year = SESSIONS_PER_YEAR if sessions else DAYS_PER_YEAR
    if bar_seconds > DAY:
        return BarClock(bar_seconds, DAYS_PER_YEAR * DAY / bar_seconds, bars_per_day)
    return BarClock(bar_seconds, bars_per_day * days_per_year, bars_per_day)


def iso(seconds: int | np.int64) -> str:
    """Format a time as ISO 8601 in UTC."""
    return str(np.datetime64(int(seconds), "s")) + "Z"
