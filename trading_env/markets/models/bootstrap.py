"""The stationary bootstrap of a real market (Politis and Romano 1994).

A path consists of blocks of consecutive bars of the source, with starts that are uniform and
lengths that are geometric with mean `block`; the source is joined to itself at its end. A block
takes the same bars of all assets. Each bar keeps its shape, that is open, high, low and close over
the close before it; its volume is divided by the mean of the 63 bars up to it and multiplied by the
mean of all, since shares of 1999 and of 2018 are not comparable.

A band resamples only its own part of the source (cut by time, with an embargo), so training sees no
bar of the test period; pools of one band and different seeds do share bars.

Not modelled: memory longer than a block, events that are not in the source. Signals are dropped.
"""

from typing import ClassVar

import numpy as np
from pydantic import Field

from trading_env.core.errors import MarketSpecError, clip, unknown
from trading_env.core.records import Floats
from trading_env.markets.bars import Market
from trading_env.markets.datasets import DATASETS
from trading_env.markets.models.draws import RowNumbers, fill_blocks
from trading_env.markets.models.generator import MarketGenerator, pool_key, times_of
from trading_env.markets.models.paths import START_PRICE

SMOOTHING = 63  # bars up to and including the one whose volume is divided by their mean


class BootstrapMarket(MarketGenerator):
    """Blocks of real bars, the assets together."""

    label: ClassVar[str] = "bootstrap"

    source: str = "us_indices"
    """Name of the data set."""
    block: float = Field(60.0, gt=1.0, lt=1e6)
    """Mean length of a block, bars."""

    def generate(self, band: str | None) -> Market:
        """Resample the part of the data set that belongs to the band."""
        if self.source not in DATASETS:
            raise self.refusal("source", unknown("data set", self.source, DATASETS))
        return self.resample(DATASETS[self.source](), band)

    def resample(self, whole: Market, band: str | None) -> Market:
        """Resample any market of one path.

        Raises:
            MarketSpecError: the market has several paths.
            MarketDataError: the band of the market is too short.
        """
        if whole.paths != 1:
            raise MarketSpecError(f"source '{clip(whole.source)}': needs one path, has more")
        paths, bars, _ = self.pool_shape(whole.assets)
        part = whole if band is None else whole.split(band)
        rows = np.empty((paths, bars), dtype=np.int64)
        fill_blocks(rows, part.bars - 1, 1.0 / self.block, pool_key(self.seed, band))
        return _joined(part, rows, self.pool_name(band, part.source))


def relative_volume(volume: Floats) -> Floats:
    """Volume over the mean of the last bars, times the mean of all; shape (bars, assets)."""
    sums = np.cumsum(np.vstack([np.zeros((1, volume.shape[1])), volume]), axis=0)
    end = np.arange(1, len(sums))
    begin = np.maximum(end - SMOOTHING, 0)
    recent = (sums[end] - sums[begin]) / (end - begin)[:, None]
    level = np.divide(volume, recent, out=np.zeros_like(volume), where=recent > 0.0)
    found: Floats = level * volume.mean(axis=0)
    return found


def _joined(part: Market, rows: RowNumbers, source: str) -> Market:
    """Join the bars of the market at `rows`; row k is bar k + 1."""
    before = part.close[0, :-1]
    grown = (part.close[0, 1:] / before)[rows]
    close: Floats = np.asarray(START_PRICE * np.cumprod(grown, axis=1), dtype=np.float64)
    last = np.concatenate((np.full_like(close[:, :1], START_PRICE), close[:, :-1]), axis=1)
    opened, high, low = (
        last * (values[0, 1:] / before)[rows] for values in (part.open, part.high, part.low)
    )
    return Market(
        symbols=part.symbols,
        time=times_of(part.bar_seconds, rows.shape[1]),
        open=opened,
        high=np.maximum(high, np.maximum(opened, close)),  # rounding
        low=np.minimum(low, np.minimum(opened, close)),
        close=close,
        volume=relative_volume(part.volume[0, 1:])[rows],
        path_variance=None if part.path_variance is None else part.path_variance[0, 1:][rows],
        signals=np.empty((*close.shape, 0)),
        bar_seconds=part.bar_seconds,
        bars_per_year=part.bars_per_year,
        bars_per_day=part.bars_per_day,
        source=source,
        trusted=True,
    )
