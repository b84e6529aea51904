"""A table of cells as it stands in its source, before anyone knows what its columns mean."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_env.core.errors import MarketDataError, clip

Cells = NDArray[Any]
Chunk = tuple[NDArray[np.int64], dict[int, Cells]]  # numbers of the rows, columns by position


@dataclass(frozen=True)
class Grid:
    """Header, a sample of the rows, and a way to all of them."""

    source: str
    stem: str  # name of the asset where nothing else names it
    row_word: str  # "line" for text files (the first is 1), "row" otherwise (the first of data)
    header: Sequence[Sequence[str]]  # none, one or several rows
    header_row: int  # number of the first of them
    sample: Sequence[Sequence[str]]  # the first rows as text
    chunks: Callable[[Sequence[int]], Iterator[Chunk]]  # all rows of the columns at positions
    mark: str = ""  # between the columns of a text file
    said: str = ""  # what there is to say of how its text is written
    zone: str = ""  # of the clock, as what stands beside the rows calls it

    @cached_property
    def titles(self) -> list[str]:
        """What each column is called in errors."""
        if not self.header:
            width = len(self.sample[0]) if self.sample else 0
            return [str(position + 1) for position in range(width)]
        return [
            " ".join(dict.fromkeys(name.strip() for name in names if name.strip())) or str(i + 1)
            for i, names in enumerate(zip(*self.header, strict=True))
        ]

    def error(self, reason: str, *, title: str = "", row: int | None = None) -> MarketDataError:
        """Build an error of the grid, of a column, or of one cell."""
        places = [] if row is None else [f"{self.row_word} {row}"]
        places += [f"column '{clip(title)}'"] if title else []
        return MarketDataError.at(self.source, ", ".join(places), reason)
