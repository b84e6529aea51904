"""What the columns of a table can be, and the words that tell it."""

import difflib
from collections.abc import Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

from trading_env.core.errors import clip
from trading_env.markets.reading import words as w
from trading_env.markets.reading.grid import Grid
from trading_env.markets.reading.settings import Shape
from trading_env.markets.reading.validation import BAR_FIELDS, SIGNAL_PREFIX


class Field(NamedTuple):
    """One column of numbers."""

    asset: int  # of a wide table; -1: of every asset
    name: str  # a field of a bar, a signal, `ticks` or `quote`
    position: int
    scale: float = 1.0  # what its numbers are multiplied by


class Columns(NamedTuple):
    """What was found."""

    layout: Shape
    shape: str  # name of the published shape, or empty
    times: tuple[int, ...]
    clock: int | None
    symbol: int | None
    symbols: tuple[str, ...]  # of a wide table
    fields: tuple[Field, ...]
    month_first: bool = False
    adjusts: bool = False
    said: str = ""  # what there is to say of the choice


def first_of(
    places: dict[str, int], names: Sequence[str], without: Sequence[int] = ()
) -> int | None:
    """Return the position of the first name that a header has."""
    found = [places[name] for name in names if name in places and places[name] not in without]
    return found[0] if found else None


def lost(words: Sequence[str], name: str) -> str:
    """Describe what the header has instead of the missing column."""
    near = [n for n in difflib.get_close_matches(name, list(words)[:200], n=2) if n != name]
    hint = f" (is it '{clip(near[0])}'?)" if near else ""
    needed = f"needed: time, {', '.join(BAR_FIELDS)}"
    return f"missing{hint}; {needed}; or closes of symbols: --layout wide"


def signals_of(grid: Grid, header: Sequence[str]) -> list[Field]:
    """Find the signals, whose names are kept as they are."""
    found: dict[str, Field] = {}
    for position, name in enumerate(header):
        name = name.strip().lower()
        if name.startswith(SIGNAL_PREFIX):
            if name in found:
                raise grid.error("appears twice in the header", title=name)
            found[name] = Field(-1, name, position)
    return list(found.values())


def field_of(word: str) -> str:
    """Return the field that a word names, empty for none."""
    beside = {"volume": w.UNITS, "adjusted": w.ADJUSTED, "quote": w.QUOTE, "ticks": w.TICKS}
    fields = w.FIELDS | beside
    return next((name for name, names in fields.items() if word in names), "")


def zone_named(name: str) -> str:
    """Return a time zone by its name, empty where there is none."""
    try:
        return ZoneInfo(name.strip()).key
    except (KeyError, ValueError, OSError):
        return ""
