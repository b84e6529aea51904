"""The base of the closed forms' markets: bars that open at the last close.

A bar reaches no further than its open and close, so that an order without latency trades at the
price of its decision. Every path has the same prices at bar `start_bar`, where an episode of the
longest length begins.
"""

import math
from typing import NamedTuple

import numpy as np
from pydantic import Field

from trading_env.core.records import Floats
from trading_env.markets.bars import Market
from trading_env.markets.models.generator import MAX_ASSETS, MarketGenerator, asset_names, times_of
from trading_env.markets.reading.times import DAY

BUSINESS_DAYS_PER_YEAR = 260.0


class TextbookBars(NamedTuple):
    """Arrays of shape (paths, bars, assets); signals have one more axis."""

    open: Floats
    close: Floats
    volume: Floats
    signals: Floats


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
        """Make a market of bars without shadows."""
        return Market(
            symbols=asset_names(self.assets),
            time=times_of(DAY / bars_per_day, self.bars),
            **bars._asdict(),
            high=np.maximum(bars.open, bars.close),
            low=np.minimum(bars.open, bars.close),
            signal_names=signal_names,
            bar_seconds=DAY / bars_per_day,
            bars_per_year=BUSINESS_DAYS_PER_YEAR * bars_per_day,
            bars_per_day=float(bars_per_day),
            liquidity=math.nan if bars.volume.any() else 0.0,
            source=self.pool_name(band),
            trusted=True,
        )
