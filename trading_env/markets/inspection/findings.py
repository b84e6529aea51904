"""What an inspection works on and finds."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_env.core.records import Floats


class Series(NamedTuple):
    """Bars of one asset in order of time, with their rows in the table."""

    symbol: str
    rows: NDArray[np.intp]  # positions in the table
    time: NDArray[np.int64]
    prices: Mapping[str, Floats]  # open, high, low and close
    volume: Floats
    extras: Mapping[str, Floats]  # what was read beside the bars

    @property
    def bars(self) -> int:
        """Number of bars."""
        return len(self.time)


class Finding(NamedTuple):
    """One thing that is odd, or several of a kind."""

    kind: str
    symbol: str
    bar: int  # position of the first in its series
    what: str
    guess: str
    bars: int = 1  # how many are like it


class Change(NamedTuple):
    """One change of a repair."""

    rows: NDArray[np.intp]  # positions in the table
    column: str
    factor: Floats | float  # what the values are multiplied by; 0 drops the rows
    why: str


def runs(flags: NDArray[np.bool_], least: int) -> list[tuple[int, int]]:
    """Return begin and length of each run of true values that is long enough."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    spans = zip(edges[::2], edges[1::2], strict=True)
    return [(int(begin), int(end - begin)) for begin, end in spans if end - begin >= least]
