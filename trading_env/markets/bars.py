"""The market: a read-only table of bars, of one history or of a pool of synthetic paths.

Every value array has the shape (paths, bars, assets); real data has one path. Nothing is repaired
unasked: a table that breaks a rule raises an error.

Over 300 lines because a market is one value: how it is made, cut, shown and kept stands together.
"""

import hashlib
import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self, Unpack

import numpy as np
from numpy.typing import NDArray

from trading_env.core.errors import MarketDataError, MarketSpecError, clip, shown
from trading_env.core.records import Floats
from trading_env.core.showing import as_table
from trading_env.markets.notices import checked_notices
from trading_env.markets.reading.settings import UNLIMITED, ReadingArguments, ReadingSettings
from trading_env.markets.reading.tables import BarTable, align, stated_volume
from trading_env.markets.reading.times import iso, measure_clock, settled_clock
from trading_env.markets.reading.validation import (
    BAR_FIELDS,
    PATH_VARIANCE,
    SIGNAL_PREFIX,
    checked_arrays,
)

BANDS = ("train", "validation", "test")
TRAIN_SHARE = 0.6
VALIDATION_SHARE = 0.2
EMBARGO_BARS = 20


def bars_for(band: str, bars: int) -> int:
    """Return how many bars a history needs, so that one of its bands has so many."""
    if band == "train":
        return math.ceil(bars / TRAIN_SHARE)
    rest = 1.0 - TRAIN_SHARE - VALIDATION_SHARE
    share = VALIDATION_SHARE if band == "validation" else rest
    return math.ceil(round((bars + EMBARGO_BARS + 1) / share, 6))  # 1: both ends are rounded


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Market:
    """Bars of one or more assets; arrays are copied, checked and made read-only.

    Raises:
        MarketDataError: A value breaks a rule of `validation.py`, or the shapes disagree.
    """

    symbols: tuple[str, ...]
    """Names of the assets, unique."""
    time: NDArray[np.int64]
    """(bars,) seconds since 1970-01-01 UTC, as the source stamps its bars, strictly increasing."""
    open: Floats
    """(paths, bars, assets) currency per unit, > 0; so are high, low and close."""
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    """(paths, bars, assets) units traded in the bar, >= 0."""
    signals: Floats
    """(paths, bars, assets, len(signal_names)) known at the close of their bar, finite."""
    signal_names: tuple[str, ...] = ()
    """Names of the signals; each begins with `signal_`."""
    path_variance: Floats | None = None
    """(paths, bars, assets) variance of the log price from open to close in the model that made the
    bars, >= 0; None where it is not known, as of real bars."""
    notices: Mapping[str, Floats] = field(default_factory=dict)
    """Splits, dividends, listings and rates, each (paths, bars, assets); see `notices.py`."""
    bar_seconds: float = math.nan
    """Nominal length of a bar; defaults to the median spacing of `time`."""
    bars_per_year: float = math.nan
    """Bars in a year; measured by default (see `times.measure_clock`)."""
    bars_per_day: float = math.nan
    """Bars in a trading day, below 1 for bars that are longer; measured by default."""
    liquidity: float = math.nan
    """Traded value a day, currency, that was stated in place of volume; NaN: volume is known."""
    source: str = "arrays"
    """Where the bars come from, for errors and reports."""
    read_as: str = ""
    """What the layout of a file or a frame was found to be, on one line."""
    trusted: InitVar[bool] = False
    """True skips copying and checking: only for arrays this package made."""

    def __post_init__(self, trusted: bool) -> None:
        """Check the arrays unless trusted, measure the clock, and make every array read-only."""
        if not trusted:
            arrays = checked_arrays(self.source, self.symbols, self.signal_names, self._arrays())
            for name, array in arrays.items():
                object.__setattr__(self, name, array)
        object.__setattr__(self, "notices", checked_notices(self))
        clock = measure_clock(self.time)
        for name, measured in clock._asdict().items():
            if math.isnan(getattr(self, name)):
                object.__setattr__(self, name, measured)
        self._freeze()

    def remade_by(self, make: Callable[..., Any], *arguments: Any) -> Self:
        """Note the call that made this market: a pickle holds that in place of the bars."""
        object.__setattr__(self, "_made_by", (make, arguments))
        return self

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickle the call that made the market, if it is known, or else its bars."""
        made_by = vars(self).get("_made_by")
        if made_by is None:
            return super().__reduce_ex__(protocol)
        return remade, (*made_by, self.sha256)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore from a pickle, read-only again."""
        self.__dict__.update(state)
        self._freeze()

    def __repr__(self) -> str:
        """Show the size, not the numbers."""
        return (
            f"Market({self.source!r}, paths={self.paths}, bars={self.bars}, assets={self.assets})"
        )

    def _repr_html_(self) -> str:
        """Show the same in a notebook, with dates and assets."""
        span = f"{iso(self.time[0])} to {iso(self.time[-1])}"
        sizes = {"paths": self.paths, "bars": self.bars, "assets": ", ".join(self.symbols)}
        clock = {"time": span, "seconds a bar": f"{self.bar_seconds:g}"}
        return as_table(f"Market {self.source}", {**sizes, **clock, "sha256": self.sha256})

    @classmethod
    def from_file(
        cls, path: str | Path, *, symbol: str | None = None, **reading: Unpack[ReadingArguments]
    ) -> Self:
        """Read a file, an archive or a folder of bars (docs/data.md lists what is read).

        Args:
            path: Text, Parquet or JSON, plain, .gz or .zip; or a folder of such files.
            symbol: Name of the asset where nothing in the file names it; defaults to its stem.
            reading: What the file does not tell (see `ReadingSettings`).
        """
        if not isinstance(path, str | os.PathLike) or not os.fspath(path):
            raise MarketSpecError(f"path = {shown(path)}: give the name of a file or a folder")
        from trading_env.markets.reading.reader import read_path  # it imports pandas

        path, settings = Path(path), ReadingSettings.of(reading)
        table, said = read_path(path, settings)
        return cls.of_table(table, symbol or path.name.partition(".")[0], settings, said)

    from_csv = from_parquet = from_file

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        symbol: str = "asset",
        source: str = "data frame",
        **reading: Unpack[ReadingArguments],
    ) -> Self:
        """Take a data frame of pandas or polars, or rows of [time, open, high, low, close, ...]."""
        from trading_env.markets.reading.reader import read_table  # it imports pandas

        settings = ReadingSettings.of(reading)
        table, said = read_table(frame, source, settings)
        return cls.of_table(table, symbol, settings, said)

    @classmethod
    def of_table(cls, table: BarTable, symbol: str, settings: ReadingSettings, said: str) -> Self:
        """Make a market of a table; `align` checks its rows and reports their line numbers."""
        mend = table.adjusts if settings.mend is None else settings.mend
        bars = align(table, symbol, mend=mend, actions=settings.apply_actions)
        clock = settled_clock(
            bars.time, settings.calendar, settings.bars_per_day, settings.bars_per_year
        )
        value, numbers = settings.daily_value, dict(bars.numbers)
        if value is not None:
            numbers["volume"] = stated_volume(bars, value / clock.bars_per_day)
        names = tuple(name for name in numbers if name.startswith(SIGNAL_PREFIX))
        shape = (1, len(bars.time), len(bars.symbols), len(names))
        signals = np.empty(shape)
        for i, name in enumerate(names):
            signals[0, :, :, i] = numbers[name]
        values: dict[str, Any] = {name: numbers[name][None] for name in BAR_FIELDS}
        values["volume"] += 0.0  # no -0
        return cls(
            symbols=bars.symbols,
            time=bars.time,
            **values,
            **clock._asdict(),
            liquidity=math.nan if value is None else value,
            signals=signals,
            signal_names=names,
            notices={name: values[None] for name, values in bars.notices.items()},
            source=table.source,
            read_as=f"{len(bars.time):,} bars of {len(bars.symbols)}; {said}",
            trusted=True,
        )

    @property
    def is_unlimited(self) -> bool:
        """Whether no order is a share of the stated volume that counts."""
        return self.liquidity >= UNLIMITED

    @property
    def paths(self) -> int:
        """Number of histories: 1 for real data."""
        return int(self.close.shape[0])

    @property
    def bars(self) -> int:
        """Number of bars in each path."""
        return int(self.close.shape[1])

    @property
    def assets(self) -> int:
        """Number of assets."""
        return int(self.close.shape[2])

    @property
    def path_scale(self) -> Floats:
        """Variance of the path inside each bar over that of its prices; 1 where it is not known.

        The latter is that of Garman and Klass (1980, U_4), as in `bar_path.py`.
        """
        scale = np.ones(self.close.shape)
        if self.path_variance is not None:
            range_, move = np.log(self.high / self.low), np.log(self.close / self.open)
            own = 0.5 * range_**2 - (2.0 * math.log(2.0) - 1.0) * move**2
            np.divide(self.path_variance, own, out=scale, where=own > 0.0)
        return scale

    @cached_property
    def sha256(self) -> str:
        """SHA-256 over names, shapes, times and values, in hexadecimal."""
        digest = hashlib.sha256()
        known = () if self.path_variance is None else (PATH_VARIANCE,)
        head = [self.symbols, self.signal_names, self.signals.shape, *self.notices, *known]
        digest.update(json.dumps(head).encode())
        for array in (*self._arrays().values(), *self.notices.values()):
            digest.update(np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).data)
        return digest.hexdigest()

    def slice_bars(self, start: int, stop: int) -> Self:
        """Keep bars start, ..., stop - 1 of every path, and the clock of the whole market."""
        if not 0 <= start <= stop - 2 or stop > self.bars:
            reason = f"needs at least 2 of the {self.bars} bars"
            raise MarketDataError.at(self.source, f"bars {start} to {stop}", reason)
        values: dict[str, Any] = {
            name: np.ascontiguousarray(
                array[start:stop] if name == "time" else array[:, start:stop]
            )
            for name, array in self._arrays().items()
        }
        notices = {name: array[:, start:stop] for name, array in self.notices.items()}
        return replace(self, **values, notices=notices, trusted=True)

    def split(
        self,
        band: str,
        *,
        train: float = TRAIN_SHARE,
        validation: float = VALIDATION_SHARE,
        embargo_bars: int = EMBARGO_BARS,
    ) -> Self:
        """Return the bars of one band: train comes first, then validation, then test.

        The first `embargo_bars` bars of validation and of test belong to no band, so that features
        and labels of one band contain no bar of another.

        Args:
            band: "train", "validation" or "test".
            train: Share of the bars, in (0, 1).
            validation: Share of the bars, in (0, 1 - train).
            embargo_bars: Bars dropped at each of the two cuts, >= 0.
        """
        if not (train > 0 and validation > 0 and train + validation < 1 and embargo_bars >= 0):
            place = f"train={train}, validation={validation}, embargo_bars={embargo_bars}"
            raise MarketDataError.at(
                self.source, place, "shares must be > 0 and sum to less than 1"
            )
        first, second = int(train * self.bars), int((train + validation) * self.bars)
        limits = {
            "train": (0, first),
            "validation": (first + embargo_bars, second),
            "test": (second + embargo_bars, self.bars),
        }
        if band not in limits:
            raise MarketDataError.at(
                self.source, f"band '{clip(band)}'", f"known: {', '.join(BANDS)}"
            )
        start, stop = limits[band]
        if stop - start < 2:
            reason = f"{self.bars} bars are too few for it: at least 2 must be left"
            if (train, validation, embargo_bars) == (TRAIN_SHARE, VALIDATION_SHARE, EMBARGO_BARS):
                reason += f", so give {bars_for(band, 2)} or more in all"
            raise MarketDataError.at(self.source, f"band '{band}'", reason)
        return self.slice_bars(start, stop)

    def describe(self) -> dict[str, Any]:
        """Summarise the market as a JSON-able mapping."""
        returns = np.diff(np.log(self.close), axis=1)
        volatility = returns.std(axis=(0, 1))
        per_asset = {
            symbol: {
                "first_close": float(self.close[0, 0, i]),
                "last_close": float(self.close[0, -1, i]),
                "volatility_per_bar": float(volatility[i]),
                "volatility_per_year": float(volatility[i] * math.sqrt(self.bars_per_year)),
                "zero_volume_bars": int((self.volume[:, :, i] == 0).sum()),
            }
            for i, symbol in enumerate(self.symbols)
        }
        return {
            "source": self.source,
            "read_as": self.read_as,
            "sha256": self.sha256,
            "paths": self.paths,
            "bars": self.bars,
            "start": iso(self.time[0]),
            "end": iso(self.time[-1]),
            "bar_seconds": self.bar_seconds,
            "bars_per_year": self.bars_per_year,
            "bars_per_day": self.bars_per_day,
            "longest_gap_seconds": int(np.diff(self.time).max()),
            "stated_liquidity": None if math.isnan(self.liquidity) else self.liquidity,
            "signal_names": list(self.signal_names),
            "notices": list(self.notices),
            "assets": per_asset,
        }

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """Return every array under its name."""
        arrays = {name: getattr(self, name) for name in ("time", *BAR_FIELDS, "signals")}
        if self.path_variance is not None:
            arrays[PATH_VARIANCE] = self.path_variance
        return arrays

    def _freeze(self) -> None:
        """Make every array read-only."""
        for array in (*self._arrays().values(), *self.notices.values()):
            array.setflags(write=False)


def remade(make: Callable[..., Market], arguments: tuple[Any, ...], sha256: str) -> Market:
    """Make a market again from a pickle.

    Raises:
        MarketDataError: it has other bars now.
    """
    market = make(*arguments)
    if market.sha256 != sha256:
        reason = "made again it has other bars; it was pickled by another version"
        raise MarketDataError.at(market.source, "", reason)
    return market
