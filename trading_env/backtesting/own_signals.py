"""Signals of the user's, fitted inside a walk-forward window.

    class Reversal:
        def fit(self, train):
            self.scale = train.groupby("symbol")["close"].pct_change().std()
            return self

        def transform(self, bars):
            change = bars.groupby("symbol")["close"].pct_change()
            return {"signal_reversal": -change / self.scale}

    backtest({"flat": "flat"}, markets=["us_indices"], windows="train=504,test=126",
             signals=Reversal)

`fit` sees the training part of a window; what it returns has `transform`. `transform` is called on
the warm-up and test part, and its value at a bar must depend on that bar and those before it: it is
called once more with the later half of the bars changed, and refused if an earlier value moves. The
first bars of a series, where it has no value yet, count as 0.

Both get a data frame with the columns time, symbol, open, high, low, close, volume and the market's
own signals, one row for each bar and asset, asset by asset: what looks at bars before works by
symbol. A signal is a series of as many numbers.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from trading_env.core.arguments import mapping
from trading_env.core.errors import ConfigError, clip, shown
from trading_env.core.records import Floats
from trading_env.markets import Market
from trading_env.markets.reading.validation import BAR_FIELDS, SIGNAL_PREFIX

if TYPE_CHECKING:
    import pandas as pd

SignalFit: TypeAlias = Callable[[], Any]  # makes what has fit(train), which returns a transformer
CUTS = (0.25, 0.5, 0.75)  # of the bars: where what is later is changed
LEAST, MOST = 0.3, 0.6  # log, by which a changed bar is moved


def with_signals(make: SignalFit, train: Market, bars: Market) -> Market:
    """Fit on the training part; return the bars with what it makes of them in place of signals.

    Raises:
        ConfigError: it has no fit or transform, fails, sees the future, or returns something else.
    """
    if not callable(make):
        reason = "give a class or function that makes an object with fit and transform"
        raise ConfigError(f"signals = {shown(make)}: {reason}")
    name = clip(getattr(make, "__qualname__", type(make).__name__), 40)
    fitted = _called(name, "fit", lambda: make().fit(_frame(train)))
    if fitted is None:
        raise ConfigError(f"signals: {name}.fit returned None: it must return self, or a model")
    names, values = _signals(name, fitted, bars)
    for cut, sign in product((int(share * bars.bars) for share in CUTS), (1.0, -1.0)):
        _, other = _signals(name, fitted, _changed(bars, cut, sign))
        moved = np.argwhere(values[:, :cut] != other[:, :cut])
        if len(moved):
            bar, column = int(moved[0][1]), names[int(moved[0][3])]
            reason = f"moves when bars after {cut - 1} change: it sees the future"
            raise ConfigError(f"signals: {name}: {column} at bar {bar} {reason}")
    return replace(bars, signals=values, signal_names=names)


def _signals(name: str, fitted: Any, bars: Market) -> tuple[tuple[str, ...], Floats]:
    """Call transform on the bars; return names, and values (1, bars, assets, signals)."""
    import pandas as pd

    frame = _frame(bars)
    found = _called(name, "transform", lambda: fitted.transform(frame))
    found = dict(found) if isinstance(found, pd.DataFrame) else found
    columns = mapping(f"signals: what {name}.transform returned", found)
    arrays = []
    for column, series in columns.items():
        if not column.startswith(SIGNAL_PREFIX):
            raise ConfigError(f"signals: {name}: {shown(column)}: must begin with {SIGNAL_PREFIX}")
        try:
            values = np.asarray(series, dtype=np.float64)
        except (TypeError, ValueError):
            raise ConfigError(f"signals: {name}: {column} = {shown(series)}: no numbers") from None
        if values.shape != (len(frame),):
            reason = f"must be one number for each of {len(frame)} rows"
            raise ConfigError(f"signals: {name}: {column} has shape {values.shape}: {reason}")
        arrays.append(_filled(name, column, values.reshape(bars.assets, bars.bars)))
    if not arrays:
        raise ConfigError(f"signals: {name}.transform returned no signal")
    stacked = np.stack(arrays, axis=-1).transpose(1, 0, 2)
    return tuple(columns), np.ascontiguousarray(stacked[None])


def _filled(name: str, column: str, values: Floats) -> Floats:
    """Put 0 where a series has no value yet; refuse what is not finite later."""
    known = np.isfinite(values)
    begun = np.logical_or.accumulate(known, axis=1)
    late = np.argwhere(~known & begun)
    if len(late) or np.isinf(values).any():
        place = late[0] if len(late) else np.argwhere(np.isinf(values))[0]
        value = values[tuple(place)]
        raise ConfigError(f"signals: {name}: {column} at bar {place[1]} is {value}: not finite")
    return np.where(known, values, 0.0)


def _changed(bars: Market, after: int, sign: float) -> Market:
    """Move every bar from `after` on up (1) or down (-1), each by an amount of its own.

    Body, both shadows, volume and signals change, so that no ratio in a bar or between two is left.
    """
    draw = np.random.default_rng(after)
    fields = {name: getattr(bars, name).copy() for name in (*BAR_FIELDS, "signals")}
    later = {name: values[:, after:] for name, values in fields.items()}
    upper = later["high"] / np.maximum(later["open"], later["close"])
    lower = later["low"] / np.minimum(later["open"], later["close"])
    for name in ("open", "close", "volume", "signals"):
        later[name] *= np.exp(sign * draw.uniform(LEAST, MOST, later[name].shape))
    upper *= np.exp(draw.uniform(0.0, LEAST, upper.shape))
    lower *= np.exp(-draw.uniform(0.0, LEAST, lower.shape))
    later["high"][:] = np.maximum(later["open"], later["close"]) * upper
    later["low"][:] = np.minimum(later["open"], later["close"]) * lower
    return replace(bars, **fields, trusted=True)


def _frame(bars: Market) -> "pd.DataFrame":
    """Lay the first path out as a table, asset by asset."""
    import pandas as pd

    parts = []
    for a, symbol in enumerate(bars.symbols):
        part = pd.DataFrame({"time": pd.to_datetime(bars.time, unit="s"), "symbol": symbol})
        for field in BAR_FIELDS:
            part[field] = getattr(bars, field)[0, :, a]
        for s, signal in enumerate(bars.signal_names):
            part[signal] = bars.signals[0, :, a, s]
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _called(name: str, method: str, call: Callable[[], Any]) -> Any:
    """Call the user's code, which may raise anything."""
    try:
        return call()
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        raise ConfigError(f"signals: {name}: {method} failed: {why}") from None
