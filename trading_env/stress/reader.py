"""Reading a scenario's file, and saying in one line what is wrong with it.

A message is `file: key = value: reason`, always under 200 characters: foreign
text is clipped and its control characters escaped. Files are limited in size and in the length
of a line, so that none takes long to refuse.
"""

import os
import stat
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from trading_env.core.errors import ScenarioError, clip, nearest, reason_of, shown
from trading_env.stress.events import KINDS

_MAX_BYTES = 65_536  # of a scenario file
_MAX_LINE = 2_000  # characters; a key of many parts takes quadratic time to read
_JSON = "JSON, and scenario files are TOML (in Python a mapping may be given)"


def read_bytes(path: str) -> bytes:
    """Read a regular file; one byte more than `_MAX_BYTES` of a file that is too large.

    Raises:
        ScenarioError: there is no such file, or it is unreadable.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise scenario_error(path, "", None, "not a regular file (a folder, a pipe?)")
        with Path(path).open("rb") as file:
            return file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise scenario_error(path, "", None, "no such file") from None
    except OSError as error:
        raise scenario_error(path, "", None, error.strerror or "is unreadable") from None
    except ScenarioError:
        raise
    except ValueError:
        raise scenario_error(path, "", None, "not a path (a NUL character?)") from None


def parse_toml(content: bytes, source: str) -> dict[str, Any]:
    """Read the bytes of a TOML file.

    Raises:
        ScenarioError: too large, not UTF-8, not TOML, or nested too deeply.
    """
    if len(content) > _MAX_BYTES:
        raise scenario_error(source, "", None, f"larger than {_MAX_BYTES} bytes")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        reason = f"not UTF-8 at byte {error.start}; save it as UTF-8"
        raise scenario_error(source, "", None, reason) from None
    if text.lstrip().startswith("{"):  # no TOML begins so
        raise scenario_error(source, "", None, _JSON)
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > _MAX_LINE:
            reason = f"longer than {_MAX_LINE} characters"
            raise scenario_error(source, f"line {number}", None, reason)
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise scenario_error(source, "", None, "nested too deeply") from None
    except ValueError as error:  # bad syntax, or an integer of too many digits
        reason = _JSON if source.endswith(".json") else f"not TOML: {error}"
        raise scenario_error(source, "", None, reason) from None


def refusal(source: str, error: ValidationError, fields: Iterable[str]) -> ScenarioError:
    """Turn pydantic's report into one line; an unknown key explains a missing one, so it leads."""
    problem = min(error.errors(), key=lambda item: item["type"] != "extra_forbidden")
    at, kind, value = list(problem["loc"]), problem["type"], problem["input"]
    tag = str(at.pop(2)) if len(at) > 2 and at[0] == "events" else None
    reason = reason_of(problem)
    if kind == "extra_forbidden":
        known = KINDS[tag].model_fields if tag else fields
        value, reason = None, f"unknown key{nearest(at[-1], known)}"
    elif kind == "union_tag_invalid":
        at.append("kind")
        value = problem["ctx"]["tag"]
        reason = f"unknown kind{nearest(value, KINDS)}"
    elif kind == "union_tag_not_found":
        at.append("kind")
        value, reason = None, f"missing; one of {', '.join(KINDS)}"
    elif kind == "missing":
        value, reason = None, "missing"
    elif isinstance(value, dict):  # of the whole event
        value = tag
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in at)
    return scenario_error(source, key.removeprefix("."), value, reason)


def scenario_error(source: str, key: str, value: object, reason: str) -> ScenarioError:
    """Build `source: key = value: reason`."""
    place = clip(key, 60)
    if value is not None:
        place = f"{place} = {shown(value, 40)}" if place else shown(value, 40)
    return ScenarioError.at(source, place, reason)
