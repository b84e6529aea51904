"""The base of the closed forms' markets: bars that open at the last close.

So an order without latency trades at the price of its decision. Inside a bar the price (or its log)
is a Brownian bridge of the bar's own variance v from open o to close c: its highest point is
(o + c + sqrt((c - o)^2 + v e)) / 2 with e exponential of mean 2 (Borodin and Salminen 2002, 1.1.8),
and its lowest is drawn given that (`core/bridge.py`). Bars without shadows would pay whoever sets
stops: what lies beyond a stop is spared, and nothing is lost to a price that comes back. Every path
has the same prices at bar `start_bar`, where an episode of the longest length begins.
"""

from typing import NamedTuple

import numpy as np
from pydantic import Field

from trading_env.core.noise import Stream
from trading_env.core.records import Floats
from trading_env.markets.bars import Market
from trading_env.markets.models.draws import fill_lows, fill_normals
from trading_env.markets.models.generator import MAX_ASSETS, MarketGenerator, asset_names, times_of
from trading_env.markets.reading.times import DAY

BUSINESS_DAYS_PER_YEAR = 260.0


class TextbookBars(NamedTuple):
    """Arrays of shape (paths, bars, assets); signals have one more axis."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    path_variance: Floats
    signals: Floats


def extremes(
    opened: Floats, closed: Floats, variance: Floats, key: np.uint64
) -> tuple[Floats, Floats]:
    """Draw high and low of every bar; bars are (paths, bars, assets), `variance` is (assets,)."""
    paths, bars, assets = opened.shape
    noise = np.empty((paths, bars, 4 * assets))  # so that fewer paths or bars have the same
    fill_normals(noise, key, Stream.MARKET_INTRABAR.value)
    up, up_2, down, down_2 = np.split(noise, 4, axis=2)
    high = 0.5 * (opened + closed + np.sqrt((closed - opened) ** 2 + variance * (up**2 + up_2**2)))
    high = np.maximum(high, np.maximum(opened, closed))
    low = np.exp(-0.5 * (down**2 + down_2**2))
    fill_lows(low, opened, high, closed, variance)
    return high, np.minimum(low, np.minimum(opened, closed))


class TextbookMarket(MarketGenerator):
    """Size and start of a market for a closed form."""

    assets: int = Field(1, ge=1, le=MAX_ASSETS)
    """Number of assets."""
    start_bar: int = Field(64, ge=0)
    """Bar at which every path has the same prices, below `bars`."""

    def checked_shape(self) -> tuple[int, int, int]:
        """Return (paths, bars, assets), or refuse a size or a start outside the path."""
        if self.start_bar >= self.bars:
            raise self.refusal("start_bar", f"must be below bars = {self.bars}")
        return self.pool_shape(self.assets)

    def market_of(
        self,
        bars: TextbookBars,
        signal_names: tuple[str, ...],
        band: str | None,
        bars_per_day: int = 1,
    ) -> Market:
        """Make a market of bars."""
        return Market(
            symbols=asset_names(self.assets),
            time=times_of(DAY / bars_per_day, self.bars),
            **bars._asdict(),
            signal_names=signal_names,
            bar_seconds=DAY / bars_per_day,
            bars_per_year=BUSINESS_DAYS_PER_YEAR * bars_per_day,
            bars_per_day=float(bars_per_day),
            source=self.pool_name(band),
            trusted=True,
        )
