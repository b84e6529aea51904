"""Named data sets: real bars that are installed with the package.

`us_indices`: daily bars of the S&P 500 and NASDAQ Composite indices, 1999-01-04 to 2018-12-31. The
files in `data/` are those of the `arch` package (NCSA licence), which took the figures from Yahoo
Finance; `data/README.md` gives the attribution. Raw open, high, low, close and volume (shares of
all members), not the adjusted close. Every bar obeys low <= open, close <= high as published; two
NASDAQ days carry no volume, and nothing fills on them. An index is not itself tradable.
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from trading_env.markets.bars import Market

DATA = Path(__file__).with_name("data")
INDICES = {"SP500": "sp500", "NASDAQ": "nasdaq"}


@lru_cache(maxsize=1)
def us_indices() -> Market:
    """Load the S&P 500 and the NASDAQ (5,031 days); the files write dates month/day/year."""
    import pandas as pd

    parts = [
        pd.read_csv(DATA / f"{name}.csv.gz").assign(symbol=symbol)
        for symbol, name in INDICES.items()
    ]
    frame = pd.concat(parts)
    frame["Date"] = pd.to_datetime(frame["Date"], format="%m/%d/%Y")
    return Market.from_frame(frame, source="us_indices")


DATASETS: dict[str, Callable[[], Market]] = {"us_indices": us_indices}
