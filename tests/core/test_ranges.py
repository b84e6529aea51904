"""Numbers of a state that comes from outside are of a size with which one can calculate."""

import numpy as np
import pytest

from trading_env.core.ranges import LARGEST, SMALLEST, first_outside, ranges_of
from trading_env.core.records import AccountState, AssetState, new_table

SIZES = (("length", 40), ("last_row", 799), ("last_group", 0))


def a_table(layout: type, **values: float) -> np.ndarray:
    """A row whose numbers are all 1, or 0 where they count, but for those given."""
    table = new_table(layout, 1)
    for name in table.dtype.names:
        table[name] = 1.0 if table.dtype[name].base.kind == "f" else 0
    for name, value in values.items():
        table[name] = value
    return table


@pytest.mark.parametrize(
    ("layout", "field", "value"),
    [
        (AccountState, "cash", 2.0 * LARGEST),
        (AccountState, "cash", -2.0 * LARGEST),
        (AccountState, "initial_equity", 0.5 * SMALLEST),
        (AssetState, "mark", 0.5 * SMALLEST),
        (AssetState, "mark", 2.0 * LARGEST),
        (AssetState, "position", -np.inf),
    ],
)
def test_a_number_beyond_the_bounds_is_named(layout: type, field: str, value: float) -> None:
    ranges = ranges_of(layout, SIZES)
    assert first_outside(a_table(layout), ranges) == ""
    said = first_outside(a_table(layout, **{field: value}), ranges)
    assert said.startswith(f"[0].{field} = ") and "at most 1e+30" in said


def test_the_bounds_themselves_are_taken() -> None:
    ranges = ranges_of(AccountState, SIZES)
    table = a_table(AccountState, cash=-LARGEST, equity=LARGEST, initial_equity=SMALLEST)
    assert first_outside(table, ranges) == ""
