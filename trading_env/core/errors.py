"""Errors that a user causes: each message is one line of fewer than 200 characters.

A message names the file or the setting, the value and the usual cause. Whatever comes from outside
(a value, a name in a file, another library's message) is clipped, and its control characters are
escaped.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any, Self

_LONGEST = 200  # characters of a message
_HINT = 120  # of the part that says what is known
_TAIL = 56  # characters kept of a long file name: its end
_REASONS = {  # by the beginning of pydantic's name for it
    "missing": "missing",
    "extra_forbidden": "unknown",
    "float_": "must be a number",
    "int_": "must be a whole number",
    "bool_": "must be true or false",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "finite_number": "must be finite",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_": "must be a mapping",
}


class UserError(ValueError):
    """Something that the user gave is wrong; the message is folded into one bounded line."""

    def __init__(self, message: object) -> None:
        super().__init__(one_line(message))

    @classmethod
    def at(cls, source: object, place: str, reason: str) -> Self:
        """Say `source: place: reason`; of a long source the end is kept."""
        return cls(": ".join(part for part in (file_name(source), place, reason) if part))


class ConfigError(UserError):
    """A setting or an argument is invalid."""


class MarketDataError(UserError):
    """A table of bars breaks a rule, or is unreadable."""


class MarketSpecError(UserError):
    """A market was asked for by a name or a parameter that does not exist."""


class ScenarioError(UserError):
    """A scenario is invalid, or unreadable."""


class PolicyError(UserError):
    """A saved policy is unreadable, or does not fit the environment."""


class MismatchError(UserError):
    """An environment that was built is not the one that was asked for."""


class FailedError(RuntimeError):
    """Something failed on the way: nothing that was given is wrong."""


class DivergedError(FailedError):
    """A training has left the finite numbers."""


def one_line(message: object) -> str:
    """Fold a message into one line of fewer than `_LONGEST` characters."""
    text = " ".join(str(message).split())
    return text if len(text) < _LONGEST else text[: _LONGEST - 4] + "..."


def shown(value: object, limit: int = 60) -> str:
    """Show a value as Python writes it, in at most `limit` characters; what needs lines by type."""
    try:
        text = f"{value!r}"
    except (RecursionError, ValueError):  # nested too deeply, or an integer of too many digits
        text = ""
    return text[:limit] if text and "\n" not in text else f"a {type(value).__name__}"


def reason_of(problem: Mapping[str, Any]) -> str:
    """Say in this package's words what pydantic found wrong, an item of its `errors()`."""
    kind, said = str(problem["type"]), str(problem["msg"])
    for begin, reason in _REASONS.items():
        if kind.startswith(begin):
            return reason
    return re.sub(r"^(Value error, |\w+ should (?=be|have))", _must, said)


def _must(found: re.Match[str]) -> str:
    return "must " if found[1].endswith("should ") else ""


def file_name(path: object) -> str:
    """Name a file or folder in a message; of a long name the end is kept."""
    name = clip(path, 10_000)
    return name if len(name) <= _TAIL else "..." + name[3 - _TAIL :]


def clip(text: object, limit: int = 28) -> str:
    """Show text without quotes, in at most `limit` characters."""
    escaped = repr(str(text)[: 4 * limit])[1:-1]
    return escaped if len(escaped) <= limit else escaped[: limit - 3] + "..."


def nearest(name: object, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'? known: x, y", without the question where nothing is near."""
    names = sorted(known)
    close = difflib.get_close_matches(str(name)[:80], names, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"; {hint}known: {', '.join(names)}"[:_HINT]


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """Write that a name is not known, with the nearest one that is."""
    return f"unknown {what} {shown(name)}{nearest(name, known)}"
