"""Prices that break low <= open, close <= high by rounding alone.

Adjusted prices are products of floats, so a close may lie a unit in its last place above its high.
The breach of a row is the largest share of a price by which open or close lies outside [low, high],
or the low above the high. Up to 1e-9 it counts as rounding. Such a row is refused like any other,
unless it is to be mended: then high and low take in open and close, and a warning says how many
rows that changed, and by how much at most.
"""

import warnings
from collections.abc import Mapping

import numpy as np

from trading_env.core.records import Floats

ROUNDING = 1e-9
HINT = " by rounding (mend = true mends it)"


def breaches(numbers: Mapping[str, Floats]) -> Floats:
    """Return the breach of each row; 0 for a sound row, NaN where a price is none."""
    highest = np.maximum.reduce([numbers[name] for name in ("open", "low", "close")])
    lowest = np.minimum.reduce([numbers[name] for name in ("open", "high", "close")])
    with np.errstate(all="ignore"):
        above, below = highest / numbers["high"] - 1.0, 1.0 - lowest / numbers["low"]
        found: Floats = np.maximum(np.maximum(above, below), 0.0)
    return found


def hint(numbers: Mapping[str, Floats], row: int) -> str:
    """Return what helps with a row that was refused; nothing unless it is rounding."""
    breach = breaches({name: values[row : row + 1] for name, values in numbers.items()})[0]
    return HINT if 0.0 < breach <= ROUNDING else ""


def mended(source: str, numbers: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return the columns of a table with no price outside [low, high] by rounding."""
    found = breaches(numbers)
    rows = (found > 0.0) & (found <= ROUNDING)
    changed = dict(numbers)
    if rows.any():
        prices = [numbers[name][rows] for name in ("open", "high", "low", "close")]
        changed["high"], changed["low"] = numbers["high"].copy(), numbers["low"].copy()
        changed["high"][rows] = np.maximum.reduce(prices)
        changed["low"][rows] = np.minimum.reduce(prices)
        what = f"{source}: {rows.sum()} rows mended: a price lay outside [low, high] by rounding"
        warnings.warn(f"{what}, {found[rows].max():.1e} of it at most", stacklevel=6)
    return changed
