"""The ranges that records declare, laid out so that a whole table is checked at once.

What is declared finite may be `LARGEST` here at most, and what is declared positive `SMALLEST` at
least: so products and quotients of numbers that come from outside stay finite.
"""

import math
from enum import EnumType
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_env.core.records import HUGE, Table, Within, record_dtype

SMALLEST, LARGEST = 1e-30, 1e30
Sizes = tuple[tuple[str, int], ...]  # what the words in `Within` stand for


class Ranges(NamedTuple):
    """The fields of one kind in a layout: where they are in a record's words, and their ends."""

    kind: type  # np.float64 or np.int64
    names: list[str]
    places: NDArray[np.intp]
    low: NDArray[Any]
    high: NDArray[Any]


@lru_cache(maxsize=64)
def ranges_of(layout: type, sizes: Sizes) -> tuple[Ranges, ...]:
    """Lay the declared ranges of a record out, word by word of eight bytes."""
    fields, known = dict(record_dtype(layout).fields or {}), dict(sizes)
    found: dict[type, Any] = {}
    for name, kind in layout.__annotations__.items():
        part, offset = fields[name][:2]
        low, declared = _ends(kind, part.base.kind)
        high = known[declared] if isinstance(declared, str) else declared
        if part.base.kind == "f":
            low = max(low, SMALLEST if low > 0.0 else -LARGEST)
            high = min(high, LARGEST)
        words: list[tuple[str, int, Any, Any]] = found.setdefault(part.base.type, [])
        for k in range(math.prod(part.shape)):
            label = f"{name}[{k}]" if part.shape else name
            words.append((label, offset // part.base.itemsize + k, low, high))
    return tuple(
        Ranges(
            kind,
            [word[0] for word in words],
            np.array([word[1] for word in words]),
            np.array([word[2] for word in words], dtype=kind),
            np.array([word[3] for word in words], dtype=kind),
        )
        for kind, words in found.items()
    )


def _ends(declared: Any, kind: str) -> Within:
    """Return the range that an annotation declares: its own, its code's, or any finite number."""
    for note in getattr(declared, "__metadata__", ()):
        if isinstance(note, Within):
            return note
        if isinstance(note, EnumType):  # a code
            return Within(0, len(note) - 1)
    if kind != "f":
        raise TypeError(f"{declared}: a whole number of the state must declare its range")
    return Within(-HUGE, HUGE)


def first_outside(table: Table, parts: tuple[Ranges, ...]) -> str:
    """Say which number of a table is out of its range, as "[row].field = value: must be ..."."""
    rows = table.reshape(-1)
    for part in parts:
        words: NDArray[Any] = rows.view(part.kind).reshape(len(rows), -1)[:, part.places]
        bad = np.argwhere(~((words >= part.low) & (words <= part.high)))
        if len(bad):
            row, k = bad[0]
            at = ", ".join(map(str, np.unravel_index(row, table.shape)))
            value, low, high = words[row, k].item(), part.low[k].item(), part.high[k].item()
            return f"[{at}].{part.names[k]} = {value}: must be {_described(low, high)}"
    return ""


def _described(low: float, high: float) -> str:
    if high != LARGEST:
        return f"in [{low}, {high}]"
    least = {0.0: ">= 0, ", SMALLEST: f">= {SMALLEST:g}, "}.get(low, "")
    return f"a finite number, {least}at most {LARGEST:g} in size"
