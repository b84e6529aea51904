"""What a row says of its own volume: an amount of currency over units lies between low and high.

Numbers count as they are rounded. Rows without volume, and those whose rounding leaves more than a
quarter open, say nothing.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

import numpy as np
from numpy.typing import NDArray

from trading_env.core.errors import clip
from trading_env.core.records import Floats
from trading_env.markets.reading.columns import Field
from trading_env.markets.reading.grid import Grid

MOST = 0.9  # of the rows, that a reading has to fit
OPEN = 0.25  # of a number, that its rounding may leave open
NEAR = 1e-3  # of a price
HALF = 0.5  # of the rows: below it they disprove a reading
FACES = (1.0, 10.0, 100.0)  # currency, of a contract that is settled in the coin
LOTS = tuple(10.0**-k for k in range(1, 5))  # units of which a volume counts 10, 100 and so on
FRACTIONS = tuple(10.0**k for k in range(1, 5))  # contracts of a tenth of a unit and less


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

    def first(self, amount: int, units: int) -> Sequence[str]:
        """Return the first row with both."""
        both = (row for row in self.rows if _number(row[amount])[0] > 0 < _number(row[units])[0])
        return next(both, self.rows[0])

    def counts(self, position: int, kind: str) -> bool:
        """Tell whether a column that may be a count of trades is one: whole in every row."""
        return kind == "count" and not any("." in row[position].rstrip("0") for row in self.rows)

    def fits(self, amount: int, units: int, factors: Sequence[float] = (1.0,)) -> bool:
        """Tell whether nearly all rows fit with one of the factors."""
        return any((self.share(amount, units, factor) or 0.0) >= MOST for factor in factors)


def proved(
    grid: Grid, fields: Sequence[Field], amounts: Mapping[int, str]
) -> tuple[list[Field], str]:
    """Hold a volume against the amounts beside it, and take the one of them that is units.

    Args:
        grid: Its sample says what the columns are.
        fields: Columns of a bar, their volume in units as far as its name tells.
        amounts: Columns beside it: `exact`, of this bar and this price; `loose`, which may count
            in thousands or at prices before an adjustment; `count`, which may also be no amount.

    Returns:
        The columns, and what there is to say of them.

    Raises:
        MarketDataError: the volume is no units of the asset, and no other column is.
    """
    place = {field.name: field for field in fields}
    if not {"low", "high", "volume"} <= place.keys() or place["volume"].scale != 1.0:
        return list(fields), ""
    says = Amounts(grid, place["low"].position, place["high"].position)
    units = place["volume"].position
    others = [i for i, kind in amounts.items() if i != units and not says.counts(i, kind)]
    shares = {i: says.share(i, units) for i in others}
    if any(share is not None and share >= HALF for share in shares.values()):
        return list(fields), ""
    for own in others:
        if says.fits(units, own, FACES) or any(says.fits(i, own) for i in others if i != own):
            said = f"volume is '{clip(grid.titles[own], 20)}', "
            said += f"for '{clip(grid.titles[units], 20)}' is no units by its row"
            moved = [f._replace(position=own) if f.name == "volume" else f for f in fields]
            return moved, said
    factors = {"exact": (), "loose": LOTS, "count": (*LOTS, *FRACTIONS)}
    for i in others:
        exact = amounts[i] == "exact" and shares[i] is not None
        if exact or says.fits(i, units, factors[amounts[i]]):
            row = says.first(i, units)
            reason = f"'{clip(row[i], 20)}' in '{clip(grid.titles[i], 20)}' over "
            reason += f"'{clip(row[units], 20)}' is no price of its bar: contracts or lots? "
            reason += "state volume_in (--volume-in quote or units)"
            raise grid.error(reason, title=grid.titles[units])
    return list(fields), ""


def as_currency(grid: Grid, fields: Sequence[Field], amounts: Mapping[int, str]) -> list[Field]:
    """Take the amount where currency is stated, and what was chosen counts units or lots."""
    place = {field.name: field for field in fields}
    if not {"low", "high", "quote"} <= place.keys():
        return list(fields)
    says = Amounts(grid, place["low"].position, place["high"].position)
    chosen = place["quote"].position
    found = (i for i in amounts if i != chosen and says.fits(i, chosen, (1.0, *LOTS, *FRACTIONS)))
    own = next(found, chosen)
    return [f._replace(position=own) if f.name == "quote" else f for f in fields]


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
