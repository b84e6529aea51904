"""The decimal mark of a table, where its columns are known: of its prices first."""

from trading_env.core.errors import clip
from trading_env.markets.reading.columns import Columns
from trading_env.markets.reading.grid import Grid
from trading_env.markets.reading.numbers import find_mark, thirty_seconds
from trading_env.markets.reading.settings import ReadingSettings
from trading_env.markets.reading.validation import PRICE_FIELDS


def decimal_mark(grid: Grid, columns: Columns, settings: ReadingSettings) -> str:
    """Return the decimal mark of a table.

    Raises:
        MarketDataError: numbers have two meanings.
    """
    if settings.decimal is not None:
        return "." if settings.decimal == "point" else ","
    prices = [f.position for f in columns.fields if f.name in PRICE_FIELDS]
    for position in prices:
        if cell := thirty_seconds(row[position] for row in grid.sample):
            reason = f'"{clip(cell)}": thousands, or points and 32nds? write these as decimals, or '
            raise grid.error(
                f"{reason}state decimal (--decimal point)", title=grid.titles[position]
            )
    if not grid.mark:
        return "."
    positions = [field.position for field in columns.fields]
    mark, cell = find_mark(row[i] for row in grid.sample for i in positions)
    if mark == "," and grid.mark == ",":
        first = find_mark(grid.sample[0][i] for i in prices)[0] if grid.sample else "."
        return "," if first == "," else "."
    if mark == "":
        found = ((r, i) for r, row in enumerate(grid.sample) for i in positions if row[i] == cell)
        _, position = next(found)
        reason = f"'{clip(cell)}': a decimal comma or thousands? state decimal (--decimal comma)"
        raise grid.error(reason, title=grid.titles[position])
    return mark
