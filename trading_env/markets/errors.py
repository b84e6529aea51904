"""The two errors of this folder, and the one-line form that both keep.

A message names the source, the place and the reason, and stays under 200 characters whatever the
file holds: names and values that come from outside are clipped and their control characters
escaped.
"""

import difflib
from collections.abc import Iterable

SOURCE_LIMIT = 56
VALUE_LIMIT = 28


class MarketDataError(ValueError):
    """A table of bars that cannot be traded on; the message is one line."""


class MarketSpecError(ValueError):
    """A market was asked for by a name or a parameter that does not exist; one line."""


def clip(value: object, limit: int = VALUE_LIMIT) -> str:
    """Show a foreign value on one line in at most `limit` characters."""
    text = repr(str(value)[: 4 * limit])[1:-1]
    return text if len(text) <= limit else text[: limit - 3] + "..."


def data_error(source: str, place: str, reason: str) -> MarketDataError:
    """Build `source: place: reason` in fewer than 200 characters."""
    name = clip(source, 10_000)
    if len(name) > SOURCE_LIMIT:
        name = "..." + name[3 - SOURCE_LIMIT :]
    message = ": ".join(part for part in (name, place, reason) if part)
    return MarketDataError(message if len(message) < 200 else message[:196] + "...")


def unknown_name(what: str, name: object, known: Iterable[str]) -> MarketSpecError:
    """Build the error for a name that is not known, with the nearest one that is."""
    names = sorted(known)
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'? " if near else ""
    message = f"unknown {what} '{clip(name)}'; {hint}known: {', '.join(names)}"
    return MarketSpecError(message if len(message) < 200 else message[:196] + "...")
