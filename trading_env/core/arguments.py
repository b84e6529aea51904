"""Arguments of calls, checked one by one: a refusal is one line with the argument and its value.

A number is an `int`, a `float` or one of NumPy's: True is none, and text is not read as one.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from trading_env.core.errors import ConfigError, nearest, shown, unknown
from trading_env.core.records import Floats

NUMBER = int | float | np.integer | np.floating


def number(name: str, value: Any, low: float, high: float, hint: str = "") -> float:
    """Return a finite number in [low, high].

    Raises:
        ConfigError: it is none; `hint` says what is often meant by one below the range.
    """
    if isinstance(value, bool) or not isinstance(value, NUMBER):
        raise ConfigError(f"{name} = {shown(value)}: must be a number")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found) or not low <= found <= high:
        meant = f" ({hint})" if hint and found < low else ""
        within = "" if low == -math.inf and high == math.inf else f" and in [{low:g}, {high:g}]"
        raise ConfigError(f"{name} = {found}: must be finite{within}{meant}")
    return found


def numbers(name: str, values: Any) -> Floats:
    """Return numbers as an array of float64.

    Raises:
        ConfigError: they are none.
    """
    try:
        found = np.asarray(values)
    except ValueError:  # rows of different lengths
        found = np.array(None)
    if found.dtype.kind not in "fiu":
        raise ConfigError(f"{name} = {shown(values)}: must be numbers")
    return found.astype(np.float64)


def whole(name: str, value: Any, low: int, high: float = math.inf) -> int:
    """Return a whole number in [low, high].

    Raises:
        ConfigError: it is none.
    """
    is_whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_whole or not low <= value <= high:
        limits = f">= {low}" if high == math.inf else f"in [{low}, {high:g}]"
        raise ConfigError(f"{name} = {shown(value)}: must be a whole number {limits}")
    return int(value)


def choice(name: str, value: Any, known: Iterable[str]) -> str:
    """Return one of the known texts.

    Raises:
        ConfigError: it is none of them.
    """
    options = list(known)
    if not isinstance(value, str) or value not in options:
        meant = nearest(value, options).partition(" known: ")[0] if isinstance(value, str) else ""
        meant = meant if "?" in meant else ""
        raise ConfigError(f"{name} = {shown(value)}: must be one of {', '.join(options)}{meant}")
    return value


def flag(name: str, value: Any) -> bool:
    """Return True or False.

    Raises:
        ConfigError: it is neither.
    """
    if not isinstance(value, bool | np.bool_):
        raise ConfigError(f"{name} = {shown(value)}: must be True or False")
    return bool(value)


def mapping(name: str, value: Any, known: Iterable[str] | None = None) -> Mapping[str, Any]:
    """Return a mapping whose keys are texts, all of them known where that is said.

    Raises:
        ConfigError: it is none, or a key is not known.
    """
    if not isinstance(value, Mapping):
        raise ConfigError(f"{name} = {shown(value)}: must be a mapping, as {{'key': value}}")
    for key in value:
        if not isinstance(key, str):
            raise ConfigError(f"{name}: key {shown(key)}: must be text")
        if known is not None and key not in known:
            raise ConfigError(f"{name}: {unknown('key', key, known)}")
    return value
