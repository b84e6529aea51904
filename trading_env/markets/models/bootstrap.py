"""The stationary bootstrap of a real market (Politis and Romano 1994).

A path is made of blocks of consecutive bars of the source, with starts that are uniform and lengths
that are geometric with mean `block`; the source is joined to itself at its end. The assets stay
together: a block takes the same bars of all. Each bar keeps its shape, that is open, high,
low and close over the close before it; its volume is taken over the mean of the 63 bars up to it,
times the mean of all, since shares of 1999 and of 2018 are not comparable.

A band resamples only its own part of the source (cut by time, with an embargo), so no bar of the
test period is seen in training; pools of one band and different seeds do share bars.

Not modelled: memory longer than a block, and anything that the source has not seen. Signals are
not kept.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trading_env.core.errors import MarketSpecError, clip, unknown
from trading_env.core.jit import driver
from trading_env.core.noise import Stream, uniforms
from trading_env.core.sources import source_digest
from trading_env.markets.bars import Market
from trading_env.markets.datasets import DATASETS
from trading_env.markets.models.paths import START_PRICE
from trading_env.markets.models.synthetic import (
    BARS,
    PATHS,
    check_between,
    check_size,
    pool_key,
    times_of,
)

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

BLOCK = 60.0  # bars
SMOOTHING = 63  # bars up to one, whose mean volume its own is taken over
MAX_BLOCK = 1e6


def bootstrap(
    *,
    source: Market | str = "us_indices",
    paths: int = PATHS,
    bars: int = BARS,
    seed: int = 0,
    block: float = BLOCK,
    band: str | None = None,
) -> Market:
    """Resample a real market in blocks.

    Args:
        source: Name of a data set, or a market of one path.
        paths: Number of paths.
        bars: Bars a path.
        seed: Names the pool, >= 0.
        block: Mean length of a block, bars, in (1, 1e6).
        band: "train", "validation" or "test": the part of the source that is resampled; None for
            all of it.

    Raises:
        MarketSpecError: a parameter is out of its range, the source unknown or of several paths.
        MarketDataError: the band of the source is too short.
    """
    whole = source if isinstance(source, Market) else _named(source)
    if len(whole.close) != 1:
        raise MarketSpecError(f"source '{clip(whole.source)}': needs one path, has more")
    check_size(assets=len(whole.symbols), paths=paths, bars=bars, substeps=1)
    check_between("block", block, 1.0, MAX_BLOCK)
    key = pool_key(seed, band)
    part = whole if band is None else whole.split(band)
    rows = np.empty((paths, bars), dtype=np.int64)
    _draw_rows(rows, part.bars - 1, 1.0 / block, key)
    return _joined(part, rows, f"bootstrap {part.source} seed={seed} band={band}")


def _named(source: str) -> Market:
    """Load the data set of a name."""
    if not isinstance(source, str) or source not in DATASETS:
        raise MarketSpecError(unknown("source", source, DATASETS))
    return DATASETS[source]()


def relative_volume(volume: Array) -> Array:
    """Volume over the mean of the last bars, times the mean of all; shape (bars, assets)."""
    sums = np.cumsum(np.vstack([np.zeros((1, volume.shape[1])), volume]), axis=0)
    end = np.arange(1, len(sums))
    begin = np.maximum(end - SMOOTHING, 0)
    recent = (sums[end] - sums[begin]) / (end - begin)[:, None]
    level = np.divide(volume, recent, out=np.zeros_like(volume), where=recent > 0.0)
    found: Array = level * volume.mean(axis=0)
    return found


def _joined(part: Market, rows: Rows, source: str) -> Market:
    """Join the bars of the source that `rows`, (paths, bars), name; row k is bar k + 1."""
    before = part.close[0, :-1]
    growth = (part.close[0, 1:] / before)[rows]
    close: Array = np.asarray(START_PRICE * np.cumprod(growth, axis=1), dtype=np.float64)
    last = np.concatenate((np.full_like(close[:, :1], START_PRICE), close[:, :-1]), axis=1)
    shape = {
        name: last * (getattr(part, name)[0, 1:] / before)[rows] for name in ("open", "high", "low")
    }
    return Market(
        symbols=part.symbols,
        time=times_of(part.bar_seconds, rows.shape[1]),
        open=shape["open"],
        high=np.maximum(shape["high"], np.maximum(shape["open"], close)),  # rounding
        low=np.minimum(shape["low"], np.minimum(shape["open"], close)),
        close=close,
        volume=relative_volume(part.volume[0, 1:])[rows],
        signals=np.empty((*close.shape, 0)),
        bar_seconds=part.bar_seconds,
        bars_per_year=part.bars_per_year,
        bars_per_day=part.bars_per_day,
        source=source,
        trusted=True,
    )


def _build() -> Callable[[Rows, int, float, np.uint64], None]:
    """Compile the draws; the digest in the closure is part of numba's cache key."""
    digest = source_digest(Path(__file__))

    @driver(parallel=False)
    def draw(rows: Rows, count: int, chance: float, key: np.uint64) -> None:
        _ = digest
        for path in range(rows.shape[0]):
            row = 0
            for bar in range(rows.shape[1]):
                first, second = uniforms(key, path, bar, 0, Stream.MARKET_SHOCK)
                begins = bar == 0 or first < chance
                row = int(second * count) if begins else (row + 1) % count
                rows[path, bar] = row

    return draw


_draw_rows = _build()
