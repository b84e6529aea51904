"""What a row says of its own volume: an amount of currency over units lies between low and high.

Numbers count as they are rounded. Rows without volume, and those whose rounding leaves more than a
quarter open, say nothing.
"""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

import numpy as np
from numpy.typing import NDArray

from trading_env.core.records import Floats
from trading_env.markets.reading.grid import Grid

MOST = 0.9  # of the rows, that a reading has to fit
OPEN = 0.25  # of a number, that its rounding may leave open
NEAR = 1e-3  # of a price


class Amounts:
    """Columns of a sample beside the low and high of its bars."""

    def __init__(self, grid: Grid, low: int, high: int) -> None:
        self.rows = grid.sample
        floor, coarse = self._read(low)
        self.low = (floor - coarse) * (1.0 - NEAR)
        ceiling, coarse = self._read(high)
        self.high = (ceiling + coarse) * (1.0 + NEAR)

    def _read(self, position: int) -> tuple[Floats, Floats]:
        """Return the numbers of a column, and half a unit of the last digit of each."""
        read = np.array([_number(row[position]) for row in self.rows], dtype=np.float64)
        return read.reshape(-1, 2)[:, 0], read.reshape(-1, 2)[:, 1]

    def share(self, amount: int, units: int, factor: float = 1.0) -> float | None:
        """Return the share of rows in which factor x amount over units is a price of the bar.

        Returns:
            None where no row says anything.
        """
        top, above = self._read(amount)
        bottom, below = self._read(units)
        with np.errstate(all="ignore"):
            says = (top > 0.0) & (bottom > 0.0) & (above / top + below / bottom < OPEN)
            says &= np.isfinite(self.low + self.high) & (self.low > 0.0)
            least = factor * (top - above) / (bottom + below)
            most = factor * (top + above) / (bottom - below)
            within: NDArray[np.bool_] = (most >= self.low) & (least <= self.high)
        return float(within[says].mean()) if says.any() else None

    def fits(self, amount: int, units: int, factors: Sequence[float] = (1.0,)) -> bool:
        """Tell whether nearly all rows fit with one of the factors."""
        return any((self.share(amount, units, factor) or 0.0) >= MOST for factor in factors)


def _number(cell: str) -> tuple[float, float]:
    """Read a cell and its rounding, NaN for what is not plainly a number."""
    try:
        number = Decimal(cell.strip())
    except InvalidOperation:
        return float("nan"), float("nan")
    digits = number.as_tuple().exponent
    if not isinstance(digits, int):
        return float("nan"), float("nan")
    return float(number), 0.5 * 10.0 ** min(digits, 0)
