"""How numbers are written: the decimal mark, thousands, currency signs and K, M, B for thousands.

The mark of a file is that of the cells that leave no choice: `1,5` and `1.234,5` have a decimal
comma, `1.5` and `1,234.5` a point. Cells that could be either, such as `1,234` alone, are refused
until `decimal` is stated; points of three digits without any comma are decimal points. Commas also
stand where India has them, `1,23,45,678.90`. `112'160` may be thousands, or points and 32nds: a
column of prices all written so, with 31 32nds at most, is refused until `decimal` is stated.
"""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_env.core.errors import clip
from trading_env.core.records import Floats
from trading_env.markets.reading.words import MISSING

_APART = "'\u2019 \u00a0\u202f"  # what stands between thousands beside the other mark
_EITHER = re.compile(r"[-+]?[0-9]{1,3}[.,][0-9]{3}")
_INDIAN = r"[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}"
_GROUPS = re.compile(rf"[-+]?(?:[0-9]{{1,3}}(?:[,.][0-9]{{3}}){{2,}}|{_INDIAN})")


def _forms(mark: str, other: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return how a number with a decimal mark looks, and how any number looks beside it."""
    grouped = rf"[0-9]{{1,3}}(?:[{other}{_APART}][0-9]{{3}})+" + f"|{_INDIAN}" * (other == ",")
    whole = rf"[-+]?(?=[.,]?[0-9])(?:{grouped}|[0-9]*)"
    marked = re.compile(rf"{whole}\{mark}[0-9]*")
    return marked, re.compile(rf"{whole}(?:\{mark}[0-9]*)?(?:[eE][-+]?[0-9]+)?")


_COMMA, _BESIDE_COMMA = _forms(",", ".")
_POINT, _BESIDE_POINT = _forms(".", ",")
_PLAIN = {".": _BESIDE_POINT, ",": _BESIDE_COMMA}
_MARKS = re.compile(rf"[,.{_APART}]")
_SIGN = re.compile(r"^([-+]?)[$€£¥₹] ?|[ \u00a0]?(?:[$€£¥₹%]|USD|EUR)$")
_THIRTY_SECONDS = re.compile(r"[0-9]{2,3}['\u2019](?:[0-2][0-9]|3[01])[0-9]")
_LETTERED = re.compile(r"[-+]?[0-9][0-9.,]* ?(?![kKmMbBT]$)([A-Za-z]{1,4})")
_SCALE = {"K": 1e3, "M": 1e6, "B": 1e9, "k": 1e3, "m": 1e6, "b": 1e9, "T": 1e12}


def find_mark(cells: Iterable[str]) -> tuple[str, str]:
    """Return the decimal mark of a sample, empty where it has two, and the cell that says so."""
    comma, point, either = "", "", ""
    for text in cells:
        cell = _SIGN.sub(r"\1", text.strip())
        if "," not in cell and "." not in cell:
            continue
        if _EITHER.fullmatch(cell):
            either = either or (text if "," in cell else "")
        elif _GROUPS.fullmatch(cell):
            if "," in cell:
                point = point or text
            else:
                comma = comma or text
        elif _COMMA.fullmatch(cell):
            comma = comma or text
        elif _POINT.fullmatch(cell):
            point = point or text
    if comma and point:
        return "", comma
    if comma:
        return ",", comma
    return ("", either) if either and not point else (".", point)


def thirty_seconds(cells: Iterable[str]) -> str:
    """Return the first cell of a column that may be points and 32nds, as those of Treasury futures.

    Returns:
        Empty where a cell has decimals, more than 31 32nds or none: the mark is that of thousands.
    """
    written = [cell.strip() for cell in cells if cell.strip() not in MISSING]
    return written[0] if written and all(map(_THIRTY_SECONDS.fullmatch, written)) else ""


class WrongCellError(ValueError):
    """A cell of a chunk is wrong."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(reason)
        self.index = index


def numbers_of(cells: NDArray[Any], mark: str) -> tuple[Floats, NDArray[np.bool_]]:
    """Convert a chunk of cells.

    Returns:
        The numbers, NaN where there is none, and which cells are empty.

    Raises:
        WrongCellError: a cell is no number.
    """
    nothing = np.zeros(len(cells), dtype=np.bool_)
    if cells.dtype.kind in "iuf":
        return cells.astype(np.float64), nothing
    if cells.dtype.kind != "O":
        raise WrongCellError(0, f"'{clip(cells[0])}' is not a number")
    if mark == ".":
        try:
            joined = "".join(cells)
            if joined.isascii() and "_" not in joined:
                return np.fromiter(map(float, cells), np.float64, len(cells)), nothing
        except (TypeError, ValueError):
            pass
    numbers = np.empty(len(cells))
    for index, cell in enumerate(cells):
        if cell is None or cell != cell or (isinstance(cell, str) and cell.strip() in MISSING):
            numbers[index], nothing[index] = np.nan, isinstance(cell, str) and cell.lower() != "nan"
        elif isinstance(cell, str | bytes):
            numbers[index] = _number(index, cell, mark)
        elif isinstance(cell, bool | np.bool_ | np.datetime64):
            raise WrongCellError(index, f"'{clip(cell)}' is not a number")
        else:
            try:
                numbers[index] = float(cell)
            except (TypeError, ValueError, OverflowError):  # an integer of 400 digits
                raise WrongCellError(index, f"'{clip(cell)}' is not a number") from None
    return numbers, nothing


def _number(index: int, cell: Any, mark: str) -> float:
    """Read one cell of text."""
    text = _SIGN.sub(r"\1", str(cell).strip()) if isinstance(cell, str) else ""
    scale = _SCALE.get(text[-1:], 1.0)
    body = text[:-1].strip() if scale != 1.0 else text
    if text.lower() in ("inf", "-inf", "+inf", "infinity"):
        return float(text)
    if not any(letter in "0123456789" for letter in body) or not _PLAIN[mark].fullmatch(body):
        hint = ""
        if found := _LETTERED.fullmatch(text):
            hint = f" ('{found[1]}' behind it? write it in full, or with K, M or B)"
        elif "," in text or "." in text:
            hint = (
                f" with a decimal {'point' if mark == '.' else 'comma'} (state decimal, --decimal)"
            )
        raise WrongCellError(index, f"'{clip(cell)}' is not a number{hint}")
    written = _MARKS.sub(lambda found: "." if found[0] == mark else "", body)
    return float(written) * scale if scale != 1.0 else float(written)
