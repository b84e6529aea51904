"""Named data sets: real bars that come inside published packages.

`us_indices`: daily bars of the S&P 500 and NASDAQ Composite indices, 1999-01-04 to 2018-12-31,
from the files of the `arch` package (NCSA licence; the figures come from Yahoo Finance). Raw
open, high, low, close and volume (shares of all members), not the adjusted close. Every bar
obeys low <= open, close <= high as published, so nothing is widened; two NASDAQ days carry no
volume, and nothing fills on them. An index cannot itself be traded.
"""

import importlib.util
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from trading_env.core.errors import MarketDataError, clip
from trading_env.markets.bars import Market
from trading_env.markets.reading.validation import FIELDS

INDICES = {"SP500": "sp500", "NASDAQ": "nasdaq"}


@lru_cache(maxsize=1)
def us_indices() -> Market:
    """Load the S&P 500 and the NASDAQ on the days that both have (5,031).

    The package's files are read without importing it, which would take seconds.

    Raises:
        MarketDataError: The package or one of its files is missing.
    """
    folder = _arch_data()
    markets = [_read(folder / name / f"{name}.csv.gz", symbol) for symbol, name in INDICES.items()]
    first, second = markets
    time, *rows = np.intersect1d(first.time, second.time, return_indices=True)
    values: dict[str, Any] = {
        name: np.concatenate(
            [getattr(market, name)[:, kept] for market, kept in zip(markets, rows, strict=True)],
            axis=2,
        )
        for name in FIELDS
    }
    return Market(
        symbols=tuple(INDICES),
        time=time,
        **values,
        signals=np.empty((1, len(time), len(INDICES), 0)),
        source="us_indices",
    )


def _read(path: Path, symbol: str) -> Market:
    """Read one file of the package; its dates are written month/day/year."""
    import pandas as pd

    try:
        frame = pd.read_csv(path)
        frame["Date"] = pd.to_datetime(frame["Date"], format="%m/%d/%Y")
    except (OSError, ValueError, KeyError) as error:
        raise MarketDataError.at(
            str(path), "", f"not the file expected: {clip(error, 60)}"
        ) from None
    return Market.from_frame(frame, symbol=symbol, source=path.name)


def _arch_data() -> Path:
    """Find the data folder of the installed `arch` package."""
    found = importlib.util.find_spec("arch")
    if found is None or found.origin is None:
        raise MarketDataError.at("us_indices", "", "needs the package 'arch' (pip install arch)")
    return Path(found.origin).parent / "data"


DATASETS: dict[str, Callable[[], Market]] = {"us_indices": us_indices}
