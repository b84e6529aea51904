"""Which meaning the columns of time stamps have, where there is more than one.

Dates that could begin with the day or the month have the order that agrees with another column, or
else the only one in which they rise or fall row by row. Two columns of time are one where they
agree, or where one is the day of the other.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trading_env.core.errors import MarketDataError, clip
from trading_env.markets.reading.columns import Columns, zone_named
from trading_env.markets.reading.grid import Grid
from trading_env.markets.reading.stamp_columns import Seconds, Stamps
from trading_env.markets.reading.times import DAY

Rows = NDArray[np.intp]


def _direction(seconds: Seconds, groups: Sequence[Rows]) -> int:
    """Return 1 for times that rise in every group, -1 for falling ones, 0 for neither."""
    steps = [np.diff(seconds[rows]) for rows in groups]
    if all((step > 0).all() for step in steps):
        return 1
    return -1 if all((step < 0).all() for step in steps) else 0


def is_backwards(seconds: Seconds, groups: Sequence[Rows]) -> bool:
    """Tell whether a table runs from the newest row to the oldest."""
    steps = np.concatenate([np.diff(seconds[rows]) for rows in groups])
    return bool(len(steps) and (steps < 0).mean() > 0.9)


def chosen_times(
    grid: Grid,
    columns: Columns,
    rows: NDArray[np.int64],
    stamps: Sequence[Stamps],
    groups: Sequence[Rows],
) -> tuple[Seconds, int, str]:
    """Return the one meaning of the time columns, the column, and the order of its dates."""
    readings = [own.readings() for own in stamps]
    orders = [""] * len(readings)
    for i, found in enumerate(readings):
        name, own = next(iter(found.items()))
        if all((other == own).all() for other in found.values()):
            dates = any("/" in row[columns.times[i]] for row in grid.sample[:3])
            orders[i] = name if len(found) == 1 and dates else ""
            readings[i] = {"": own}
    certain = [found[""] for found in readings if "" in found]
    for i, found in enumerate(readings):
        if "" in found:
            continue
        fits = [name for name, own in found.items() if any((own == c).all() for c in certain)]
        fits = fits or [name for name, own in found.items() if _direction(own, groups)]
        if len(fits) != 1:
            cell = grid.sample[0][columns.times[i]]
            reason = f"'{clip(cell)}': {' or '.join(sorted(found))} first? state date_order "
            reason += f"(--date-order {min(found)})"
            row = int(rows[0])
            raise grid.error(reason, title=grid.titles[columns.times[i]], row=row)
        orders[i], readings[i] = fits[0], {"": found[fits[0]]}
    best = 0
    for i in range(1, len(readings)):
        one, other = readings[best][""], readings[i][""]
        if (one == other).all() or ((one % DAY != 0).any() and (one // DAY == other / DAY).all()):
            continue
        if (other // DAY == one / DAY).all():
            best = i
            continue
        names = [grid.titles[columns.times[k]].strip().lower() for k in (best, i)]
        row = int(rows[int((one != other).argmax())])
        reason = (
            f"columns '{clip(names[0], 20)}' and '{clip(names[1], 20)}': two time columns that "
        )
        reason += "differ; state time_column (--time-column)"
        raise MarketDataError.at(grid.source, f"{grid.row_word} {row}", reason)
    return readings[best][""], columns.times[best], orders[best]


def zone_of(title: str) -> str | None:
    """Return the zone that a header names, as `Time (EET)`, `Date (UTC+2)` or `Europe/Zurich` do.

    Returns:
        Its name, empty where none is named or it is UTC, and None for one that is not known.
    """
    found = re.search(r"\(([^()]*)\)\s*$", title)
    name = found[1].strip() if found else title.strip() if "/" in title else ""
    if name.upper() in ("", "S", "MS", "UTC", "GMT", "Z", "ETC/UTC", "ETC/GMT", "LOCAL"):
        return ""
    shifted = re.fullmatch(r"(?:UTC|GMT) ?([-+])0?([0-9]{1,2})(?::?00)?", name.upper())
    if shifted:  # the names of the database count to the west
        return zone_named(f"Etc/GMT{'-' if shifted[1] == '+' else '+'}{shifted[2]}") or None
    return zone_named(name) or (None if found else "")
