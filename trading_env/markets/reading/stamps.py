"""How the time stamps of bars are written.

A time is a whole number of seconds since 1970-01-01 UTC. It is written as

- ISO 8601: a date, or a date and a time; UTC unless it has an offset;
- digits without a mark: YYYYMMDD, YYYYMMDDHH, YYYYMMDDHHMM or YYYYMMDDHHMMSS, UTC;
- epoch seconds of nine digits or more. Ten digits that begin with a year, a month, a day and an
  hour are YYYYMMDDHH: of 2030-03 to 2039-09 write ISO 8601, not epoch seconds.

An offset makes a stamp an instant, so offsets may change with the clocks. One column has one kind
of stamp: epoch seconds, times without an offset, or times with one. Daylight saving is not
modelled: a local clock without offsets that is put back repeats a time, which is an error.
"""

import re
from datetime import UTC, datetime

from trading_env.core.errors import clip

TOO_LARGE = 2**63  # seconds that no array of times holds
EPOCH = re.compile(r"(-?[0-9]{9,19})(\.0*)?")
DIGITS = re.compile(r"((?:19|20|21)[0-9]{2}[0-9]{4}(?:[0-9]{2}){0,3})(\.0*)?")


def parse_time_stamp(text: str) -> tuple[int, str]:
    """Parse one time stamp.

    Returns:
        Seconds since the epoch, and the kind of stamp: "epoch", "no offset" or "offset".

    Raises:
        ValueError: The text is no time stamp, or has a fraction of a second.
    """
    text = text.strip()
    digits = DIGITS.fullmatch(text)
    if digits:
        return _seconds_of_digits(digits[1]), "no offset"
    epoch = EPOCH.fullmatch(text)
    if epoch and abs(int(epoch[1])) < TOO_LARGE:
        return int(epoch[1]), "epoch"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{clip(text)}' is not a time (ISO 8601 or epoch seconds)") from None
    if moment.microsecond:
        raise ValueError(f"'{clip(text)}' has a fraction of a second; bars need whole seconds")
    offset = moment.utcoffset()
    seconds = round(moment.replace(tzinfo=UTC).timestamp())
    if offset is None:
        return seconds, "no offset"
    return seconds - round(offset.total_seconds()), "offset"


def _seconds_of_digits(digits: str) -> int:
    """Read YYYYMMDD and its longer forms."""
    date, clock = digits[:8], digits[8:]
    try:
        moment = datetime.fromisoformat(f"{date}T{clock}" if clock else date)
    except ValueError:
        form = "YYYYMMDDHHMMSS"[: len(digits)]
        raise ValueError(f"'{digits}' is not a time (read as {form})") from None
    return round(moment.replace(tzinfo=UTC).timestamp())


def mixed_kinds(first: str, other: str) -> str:
    """Say that a column mixes two kinds of stamps."""
    return f"time zones differ: '{first}' above, '{other}' here (give all rows the same kind)"
