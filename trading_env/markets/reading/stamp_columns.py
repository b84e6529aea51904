"""A column of time stamps, read chunk by chunk; pandas parses ISO 8601, `stamps` all else.

A zone behind each stamp, as in `20240102 09:30:00 US/Eastern`, is that of the column's clock. Dates
such as 01/02/2024 or 24/01/02 are read in every order until a row allows one alone.
"""

import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_env.core.errors import clip
from trading_env.markets.reading.columns import zone_named
from trading_env.markets.reading.numbers import WrongCellError
from trading_env.markets.reading.stamps import (
    NANOSECONDS,
    SCALES,
    YEAR_LAST,
    mixed_kinds,
    parse_time_stamp,
)

Seconds = NDArray[np.int64]

SHORTEST_EPOCH = 100_000_000  # nine digits
FIRST_HOUR, LAST_HOUR = 1_900_000_000, 2_200_000_000  # ten digits that are YYYYMMDDHH
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}.*")
_REGULAR = re.compile(
    r"(?:[0-9]{4}(?P<first>[./])[0-9]{2}(?P=first)[0-9]{2}"
    r"|[0-9]{1,2}(?P<last>[-./])[0-9]{1,2}(?P=last)[0-9]{4})"
    r"(?P<clock> [0-9]{2}:[0-9]{2}(?P<seconds>:[0-9]{2})?)?"
)
FIRST, LAST = "does not end with its year", "ends with its year"
_ZONED = re.compile(r"(.*[0-9]) +([A-Za-z_]+(?:/[A-Za-z0-9_+-]+)+)")
_OFFSET = re.compile(r"[-+Zz]")  # behind the date: +05:30, +0530, -05 and whatever pandas takes


class Stamps:
    """Turns a column of stamps into seconds, chunk by chunk, in every order that dates can have."""

    def __init__(self, order: str | None) -> None:
        self.kind = self.form = self.zone = ""
        orders = ("month", "day", "year") if order is None else (order,)
        self.orders: dict[str, list[Seconds]] = {name: [] for name in orders}

    def add(self, cells: NDArray[Any]) -> None:
        """Convert a chunk.

        Raises:
            WrongCellError: a cell is no stamp, or of another kind than those above it.
        """
        if cells.dtype.kind == "M":
            whole = cells.astype("datetime64[s]")
            wrong = np.isnat(whole) | (whole != cells)
            found = whole.astype(np.int64), "no offset"
            if wrong.any():
                index = int(wrong.argmax())
                raise WrongCellError(
                    index, f"'{clip(cells[index])}' is not a date or a whole epoch second"
                )
        elif cells.dtype.kind in "iuf":
            found = _of_numbers(cells)
        else:
            return self._add_texts(self._without_zone([str(cell).strip() for cell in cells]))
        self._same_kind(0, found[1])
        for parts in self.orders.values():
            parts.append(found[0])

    def _without_zone(self, texts: list[str]) -> list[str]:
        """Take the name of the zone away where each stamp of the column ends with it."""
        if not (self.zone or (_ZONED.fullmatch(texts[0]) and not self.kind)):
            return texts
        kept = []
        for index, text in enumerate(texts):
            found = _ZONED.fullmatch(text)
            zone = found[2] if found else "none"
            if not zone_named(self.zone or zone):
                reason = (
                    f"'{clip(zone)}' is no zone that is known: take it away and state it (--tz)"
                )
                raise WrongCellError(index, reason)
            self.zone = self.zone or zone
            if zone != self.zone:
                reason = f"zones differ: '{clip(self.zone)}' above, '{clip(zone)}' here"
                raise WrongCellError(index, reason)
            kept.append(found[1] if found else text)
        return kept

    def _same_kind(self, index: int, kind: str) -> None:
        if self.kind not in ("", kind):
            raise WrongCellError(index, mixed_kinds(self.kind, kind))
        self.kind = kind

    def _same_form(self, index: int, text: str) -> None:
        """Refuse dates that end with the year below such as begin with it."""
        form = LAST if YEAR_LAST.fullmatch(text) else FIRST
        if self.form not in ("", form):
            reason = f"'{clip(text)}' is not a time like those above it: this date {form}"
            raise WrongCellError(index, reason)
        self.form = form

    def _add_texts(self, texts: list[str]) -> None:
        """Convert text, in each order that all rows so far have allowed."""
        self._same_form(0, texts[0])
        start, failed = self.kind, {}
        read: dict[str, tuple[Seconds, str]] = {}
        for order in list(self.orders):
            key = order if self.form == LAST else ""  # else both orders are one
            self.kind = start
            try:
                if key not in read:
                    seconds = self._parsed(texts, order)
                    read[key] = seconds, self.kind
            except WrongCellError as error:
                failed[order] = error
                continue
            seconds, self.kind = read[key]
            self.orders[order].append(seconds)
        if len(failed) == len(self.orders):
            raise max(failed.values(), key=lambda error: error.index)
        for order in failed:
            del self.orders[order]

    def _parsed(self, texts: list[str], order: str) -> Seconds:
        """Let pandas parse a chunk of one format; go cell by cell where it cannot."""
        quick = _iso(texts) or _digits(texts) or _regular(texts, order)
        if quick is not None:
            self._same_kind(0, quick[1])
            return quick[0]
        seconds = np.empty(len(texts), dtype=np.int64)
        for index, text in enumerate(texts):
            try:
                seconds[index], kind = parse_time_stamp(text, order)
            except ValueError as error:
                raise WrongCellError(index, str(error)) from None
            self._same_kind(index, kind)
            self._same_form(index, text)
        return seconds

    def readings(self) -> dict[str, Seconds]:
        """Return the column in each order that is left."""
        return {order: np.concatenate(parts) for order, parts in self.orders.items()}


def _iso(texts: list[str]) -> tuple[Seconds, str] | None:
    """Let pandas parse a column of ISO 8601; None where any cell is something else."""
    if not _ISO.fullmatch(texts[0]):
        return None
    offsets = {_OFFSET.search(text, 11) is not None for text in texts}
    if len(offsets) > 1:
        return None
    try:
        index = pd.DatetimeIndex(pd.to_datetime(texts, format="ISO8601", utc=True))
    except (ValueError, TypeError, OverflowError):
        return None
    found = index.tz_localize(None).to_numpy()
    whole = found.astype("datetime64[s]")
    if np.isnat(whole).any() or (whole != found).any():
        return None
    return whole.astype(np.int64), "offset" if offsets.pop() else "no offset"


def _digits(texts: list[str]) -> tuple[Seconds, str] | None:
    """Read a column of digits alone."""
    if not texts[0].isdigit():
        return None
    try:
        whole = np.array(texts, dtype=np.str_).astype(np.int64)
        return _of_numbers(whole) if all(map(str.isdigit, texts)) else None
    except (ValueError, OverflowError):
        return None


def _regular(texts: list[str], order: str) -> tuple[Seconds, str] | None:
    """Let pandas parse a column that has one format throughout, that of its first cell."""
    found = _REGULAR.fullmatch(texts[0])
    if found is None or order == "year":
        return None
    mark = found["first"] or found["last"]
    if found["first"]:
        date = f"%Y{mark}%m{mark}%d"
    else:
        day_first = mark == "." or order == "day"
        date = f"%d{mark}%m{mark}%Y" if day_first else f"%m{mark}%d{mark}%Y"
    clock = "" if not found["clock"] else " %H:%M:%S" if found["seconds"] else " %H:%M"
    try:
        index = pd.DatetimeIndex(pd.to_datetime(texts, format=date + clock))
    except (ValueError, TypeError, OverflowError):
        return None
    return index.to_numpy().astype("datetime64[s]").astype(np.int64), "no offset"


def _of_numbers(values: NDArray[Any]) -> tuple[Seconds, str]:
    """Read whole numbers as their digits in a text file are read."""
    wrong = ~(np.abs(values.astype(np.float64)) < 2.0**62) | (values != np.floor(values))
    if wrong.any():
        index = int(wrong.argmax())
        raise WrongCellError(
            index, f"'{clip(values[index])}' is not a date or a whole epoch second"
        )
    whole = values.astype(np.int64)
    size = np.abs(whole)
    dated = (whole >= FIRST_HOUR) & (whole < LAST_HOUR)
    for digits in (10**2, 10**4):  # minutes and seconds
        dated |= (whole >= FIRST_HOUR * digits) & (whole < LAST_HOUR * digits)
    if (size >= SHORTEST_EPOCH).all() and not dated.any():
        scale = np.select(
            [size < least for least, _ in SCALES], [s for _, s in SCALES], NANOSECONDS
        )
        if not (whole % scale).any():
            return whole // scale, "epoch"
    seconds = np.empty(len(whole), dtype=np.int64)
    kind = ""
    for index, value in enumerate(whole):
        try:
            seconds[index], own = parse_time_stamp(str(value))
        except ValueError as error:
            raise WrongCellError(index, str(error)) from None
        if kind and own != kind:
            raise WrongCellError(index, mixed_kinds(kind, own))
        kind = own
    return seconds, kind


def localised(seconds: Seconds, zone: str, groups: list[NDArray[np.intp]]) -> Seconds:
    """Turn clock times of a zone into instants; `groups` are the rows of each symbol, in order.

    Raises:
        WrongCellError: a time does not exist in the zone, or is one of two hours.
    """
    naive = pd.DatetimeIndex(seconds.astype("datetime64[s]"))
    own = naive.tz_localize(ZoneInfo(zone), ambiguous="NaT", nonexistent="NaT")
    odd = np.flatnonzero(np.isnat(own.tz_convert("UTC").tz_localize(None).to_numpy()))
    summer = np.zeros(len(seconds), dtype=np.bool_)
    for rows in groups:
        hours = rows[np.isin(rows, odd)]
        _, first, count = np.unique(seconds[hours], return_index=True, return_counts=True)
        for begin, times in zip(first, count, strict=True):
            row = int(hours[begin])
            exists = _exists(int(seconds[row]), zone)
            if not exists or times != 2:
                cause = "is one of two hours" if exists else "does not exist"
                raise WrongCellError(
                    row, f"{naive[row]} {cause} in {zone}: state the zone it is of (--tz)"
                )
            summer[row] = True
    found = naive.tz_localize(ZoneInfo(zone), ambiguous=summer, nonexistent="raise")
    instants: Seconds = found.tz_convert("UTC").tz_localize(None).as_unit("s").asi8
    return instants


def _exists(seconds: int, zone: str) -> bool:
    """Tell whether a clock of a zone ever shows a time."""
    local = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=ZoneInfo(zone))
    back = local.astimezone(UTC).astimezone(ZoneInfo(zone))
    return back.replace(tzinfo=None) == local.replace(tzinfo=None)
