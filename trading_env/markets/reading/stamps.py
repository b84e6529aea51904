"""How the time stamps of bars are written.

A time is a whole number of seconds since 1970-01-01 UTC. It is written as

- ISO 8601, with -, / or . between year, month and day: a date, or a date and a time;
- digits without a mark: YYYYMMDD, YYYYMMDDHH, YYYYMMDDHHMM or YYYYMMDDHHMMSS, also with a space
  after the date;
- a date that begins with the day or the month, with two or four digits of the year, a month by its
  name, a clock of twelve hours;
- a month, as 2015-01, 01/2015 or Jan 2015: its first day;
- an epoch of nine digits or more: seconds, or milliseconds, microseconds or nanoseconds of whole
  seconds, told apart by their size. Ten digits that begin with a year, a month, a day and an hour
  are YYYYMMDDHH: of 2030-03 to 2039-09 write ISO 8601, not epoch seconds.

Stamps without an offset are UTC, or of the zone that `tz` states: the hour that is put back is told
by the order of the rows. Points between the parts of a date begin with the day; strokes begin with
whatever every row of the column allows, as do dates of three times two digits, which may also begin
with the year; where that is more than one, the order is to be stated. One column has one kind of
stamp: epoch, times without an offset, or times with one.
"""

import re
from datetime import UTC, datetime

from trading_env.core.errors import clip

EPOCH = re.compile(r"(-?[0-9]{9,19})(\.0*)?")
DIGITS = re.compile(r"((?:19|20|21)[0-9]{2}[01][0-9][0-3][0-9](?:[0-9]{2}){0,3})(\.0*)?")
_POWER = re.compile(r"[0-9]\.[0-9]+[eE]\+?[0-9]{1,2}")
_SPACED = re.compile(
    r"([0-9]{4})([0-9]{2})([0-9]{2})[ T_,;-]+([0-9]{2}):?([0-9]{2}):?([0-9]{2})?(?:\.?0*)?"
)
_YEAR_FIRST = re.compile(r"([0-9]{4})[./]([0-9]{1,2})[./]([0-9]{1,2})(.*)")
_LOOSE = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(.*)")
YEAR_LAST = re.compile(r"([0-9]{1,2})([-./])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})(.*)")
_NAMED = re.compile(
    r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*[, ]+)?"
    r"(?:([0-9]{1,2})[- .]?([a-zä]{3,9})\.?[- ,]+|([a-z]{3,9})\.? ([0-9]{1,2}),? )"
    r"([0-9]{4}|[0-9]{2})(.*)"
)
MONTH = re.compile(
    r"(?P<year>[0-9]{4})[-/](?P<month>[0-9]{1,2})|(?P<first>[0-9]{1,2})/(?P<after>[0-9]{4})"
    r"|(?P<name>(?:jan|feb|mar|mär|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[a-zä]*)"
    r"\.?[- ,]+(?P<then>[0-9]{4})",
    re.IGNORECASE,
)
"""A month without a day."""
_CLOCK = re.compile(
    r"[T ,_-]*(?:([0-9]{1,2})(?::([0-9]{2}))?(?::([0-9]{2}))?(\.[0-9]+)?)?[ -]*([ap]m)?"
    r" *(z|utc|(?:utc|gmt)? ?([-+])([0-9]{2}):?([0-9]{2})?|gmt)?",
    re.IGNORECASE,
)
_MONTHS = dict(
    zip(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
        range(1, 13),
        strict=True,
    )
)
_MONTHS |= {"mär": 3, "mai": 5, "okt": 10, "dez": 12}
_CAUSES = (
    (re.compile(r"[34][0-9]{4}(\.[0-9]*)?"), "a spreadsheet's number of a day?"),
    (
        re.compile(r".*[0-9]:[0-9]{2} +[A-Za-z]{3,5}"),
        "a zone behind it? take it away and state it, --tz",
    ),
    (
        re.compile(
            r"(?:19|20)[0-9]{2}(?:[.M]?[01][0-9]|[- ]?Q[1-4]|[- ]?[A-Za-z]{3})?"
            r"|[01]?[0-9]\.(?:19|20)[0-9]{2}|[A-Za-z]{3}[- ][0-9]{2}|Q[1-4][- /][0-9]{4}"
        ),
        "a month, quarter or year? write its first day, as 2015-01-01",
    ),
)
"""What a text that is no time may be."""
HOUR = re.compile(r"[0-2]?[0-9](?:\.0)?")
"""A clock of its own column that is an hour, where no cell has more digits."""
MIDNIGHT = re.compile(r"[T ]00:00(?::00(?:\.0*)?)?$")
NANOSECONDS = 10**9
SCALES = ((10**11, 1), (10**14, 10**3), (10**17, 10**6))  # below it, units in a second


def parse_time_stamp(text: str, first: str = "") -> tuple[int, str]:
    """Parse one time stamp.

    Args:
        text: The stamp.
        first: "day", "month" or "year", what dates begin with that could end with the year.

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
    if epoch:
        return whole_seconds(int(epoch[1]), text), "epoch"
    if _POWER.fullmatch(text) and float(text) == int(float(text)) and float(text) >= 1e11:
        return whole_seconds(int(float(text)), text), "epoch"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _other(text, first)
    return _instant(moment, text)


def whole_seconds(value: int, text: object) -> int:
    """Turn an epoch of any unit into seconds."""
    scale = next((scale for least, scale in SCALES if abs(value) < least), NANOSECONDS)
    if value % scale:
        raise ValueError(f"'{clip(text)}' has a fraction of a second; bars need whole seconds")
    return value // scale


def _instant(moment: datetime, text: str) -> tuple[int, str]:
    """Turn a moment into seconds."""
    if moment.microsecond:
        raise ValueError(f"'{clip(text)}' has a fraction of a second; bars need whole seconds")
    offset = moment.utcoffset()
    seconds = round(moment.replace(tzinfo=UTC).timestamp())
    if offset is None:
        return seconds, "no offset"
    return seconds - round(offset.total_seconds()), "offset"


def _other(text: str, first: str) -> tuple[int, str]:
    """Parse a stamp that is not ISO 8601."""
    if whole := MONTH.fullmatch(text):
        text = _first_day(whole)
    for form in (_SPACED, _YEAR_FIRST, _LOOSE, YEAR_LAST, _NAMED):
        found = form.fullmatch(text.lower() if form is _NAMED else text)
        if found is None:
            continue
        part = found.groups()
        if form is _SPACED:
            year, month, day = part[:3]
            rest = f" {part[3]}:{part[4]}:{part[5] or '00'}"
        elif form is YEAR_LAST:
            one, mark, two, year, rest = part
            month, day = (one, two) if mark != "." and first != "day" else (two, one)
            if first == "year":
                if len(year) == 4 or len(one) != 2:
                    break
                year, month, day = one, two, year
        elif form is _NAMED:
            day, name, other, day_after, year, rest = part
            month, day = str(_MONTHS.get((name or other)[:3], 0)), day or day_after
        else:
            year, month, day, rest = part
        clock = _CLOCK.fullmatch(rest)
        if clock is None:
            break
        try:
            return _instant(_moment(int(year), int(month), int(day), clock), text)
        except ValueError as error:
            if "fraction" in str(error):
                raise
            break
    cause = next((c for form, c in _CAUSES if form.fullmatch(text)), "ISO 8601 or epoch seconds")
    raise ValueError(f"'{clip(text)}' is not a time ({cause})") from None


def _first_day(month: re.Match[str]) -> str:
    """Write the first day of a month."""
    year = month["year"] or month["after"] or month["then"]
    name = month["name"]
    number = _MONTHS[name[:3].lower()] if name else month["month"] or month["first"]
    return f"{year}-{number}-1"


def _moment(year: int, month: int, day: int, clock: re.Match[str]) -> datetime:
    """Build a moment of a date and what stands behind it."""
    hour, minute, second, fraction, half, zone, sign, hours, minutes = clock.groups()
    time = [int(hour or 0), int(minute or 0), int(second or 0)]
    if half:
        if not 1 <= time[0] <= 12:
            raise ValueError("hour")
        time[0] = time[0] % 12 + 12 * (half.lower() == "pm")
    if fraction and fraction.strip(".0"):
        raise ValueError("fraction of a second; bars need whole seconds")
    year += (1900 if year > 68 else 2000) if year < 100 else 0
    offset = ""
    if zone:
        offset = f"{sign}{hours}:{minutes or '00'}" if sign else "+00:00"
    return datetime.fromisoformat(
        f"{year:04}-{month:02}-{day:02}T{time[0]:02}:{time[1]:02}:{time[2]:02}{offset}"
    )


def _seconds_of_digits(digits: str) -> int:
    """Read YYYYMMDD and its longer forms."""
    date, clock = digits[:8], digits[8:]
    try:
        moment = datetime.fromisoformat(f"{date}T{clock}" if clock else date)
    except ValueError:
        form = "YYYYMMDDHHMMSS"[: len(digits)]
        raise ValueError(f"'{digits}' is not a time (read as {form})") from None
    return round(moment.replace(tzinfo=UTC).timestamp())


def clock_text(text: str, hours: bool) -> str:
    """Write a clock that stands in a column of its own as HH:MM:SS, whatever its marks."""
    cell = text.strip().removesuffix(".0")
    if hours:
        return f"{cell:0>2}:00"
    if cell.isdigit():
        cell = cell.zfill(6 if len(cell) > 4 else 4)
        return ":".join(re.findall("..", cell))
    return cell


def mixed_kinds(first: str, other: str) -> str:
    """Say that a column mixes two kinds of stamps."""
    return f"time zones differ: '{first}' above, '{other}' here (give all rows the same kind)"
