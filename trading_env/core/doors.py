"""The door through which files of a run folder come in, wherever they are from.

A folder may be damaged, half written or made by a stranger. So a file is read only if it is a
regular one of a bearable size, and its content must be of the shape that a pydantic model
declares, without conversion. What is not is one line: the file, the place in it, the reason.
"""

import json
import os
import stat
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from trading_env.core.errors import ConfigError, UserError, clip, reason_of, shown

LARGEST_FILE = 256 * 2**20  # bytes
T = TypeVar("T")


class Checked(BaseModel):
    """Base of the models: no value is converted to another type, and every number is finite."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class Loose(Checked):
    """A model of which the file may hold more than is declared."""

    model_config = ConfigDict(extra="allow")


def is_there(path: Path) -> bool:
    """Tell whether anything has this name, be it a link to nothing."""
    return os.path.lexists(path)


def check_regular(path: Path, error: type[UserError] = UserError) -> int:
    """Return the size of a regular file.

    Raises:
        UserError: (or `error`) it is missing, a folder, a pipe or a device.
    """
    try:
        found = path.stat()
    except (OSError, ValueError) as reason:
        missing = isinstance(reason, FileNotFoundError | NotADirectoryError)
        raise error.at(path, "", "no such file" if missing else clip(reason, 60)) from None
    if not stat.S_ISREG(found.st_mode):
        kind = stat.filemode(found.st_mode)[0]
        raise error.at(path, "", f"not a regular file ({kind})")
    return found.st_size


def read_file(path: Path, error: type[UserError] = UserError) -> bytes:
    """Read a regular file of at most LARGEST_FILE bytes.

    Raises:
        UserError: (or `error`) it is none, or unreadable.
    """
    if check_regular(path, error) > LARGEST_FILE:
        raise error.at(path, "", f"larger than {LARGEST_FILE >> 20} MiB")
    try:
        return path.read_bytes()
    except OSError as reason:
        raise error.at(path, "", clip(reason.strerror or reason, 60)) from None


def read_json(path: Path, kind: type[T], error: type[UserError] = UserError) -> T:
    """Read a JSON file into a model.

    Raises:
        UserError: (or `error`) it is unreadable, no JSON, or of another shape.
    """
    content = read_file(path, error)
    try:
        return TypeAdapter(kind).validate_json(content)
    except ValidationError as found:
        raise _refusal(path, found, error) from None


def read_toml(path: Path, kind: type[T], error: type[UserError] = UserError) -> T:
    """Read a TOML file into a model.

    Raises:
        UserError: (or `error`) it is unreadable, no TOML, or of another shape.
    """
    try:
        values: Any = tomllib.loads(read_file(path, error).decode("utf-8"))
    except RecursionError:
        raise error.at(path, "", "nested too deeply") from None
    except UserError:
        raise
    except ValueError as reason:
        raise error.at(path, "", f"not TOML: {clip(reason, 60)}") from None
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as found:
        raise _refusal(path, found, error) from None


def _refusal(path: Path, found: ValidationError, error: type[UserError]) -> UserError:
    first = found.errors(include_url=False)[0]
    place = ".".join(clip(part) for part in first["loc"])
    return error.at(path, place[:80], reason_of(first))


def json_mapping(text: str, name: str) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ConfigError: it is none.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{name} {shown(text)} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ConfigError(f"{name} {shown(text)} must be a JSON object")
    return found
