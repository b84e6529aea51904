"""Bars made for the audit: a random walk, its future changed, frozen or trending prices.

A frame has one row a bar, a date index named `time`, the columns `open, high, low, close, volume`
and one signal, `signal_audit`, that says nothing about prices.
"""

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

ROWS = 400
VOLATILITY = 0.02  # standard deviation of a bar's log return
OPENING_GAP = 0.003  # the same of an open over the last close
PRICE_COLUMNS = ("open", "high", "low", "close")
START = "2018-01-01"


def random_walk(seed: int = 0) -> "pd.DataFrame":
    """Return a driftless walk: no past bar says anything about a later one.

    Walk `seed` begins that many business days after the first.
    """
    import pandas as pd

    rng = np.random.default_rng([20, seed])
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, VOLATILITY, ROWS)))
    before = np.concatenate([[100.0], close[:-1]])
    opened = before * np.exp(rng.normal(0.0, OPENING_GAP, ROWS))
    volume = 1e6 * np.exp(rng.normal(0.0, 0.3, ROWS))
    bars = _frame(opened, close, volume, reach=rng.uniform(0.0, 0.01, (2, ROWS)))
    bars["signal_audit"] = rng.normal(0.0, 1.0, ROWS)
    bars.index = pd.bdate_range(START, periods=ROWS + seed, name="time")[seed:]
    return bars


def changed_after(bars: "pd.DataFrame", row: int, seed: int) -> "pd.DataFrame":
    """Return bars with every value of every row after `row` drawn anew around the old one."""
    rng = np.random.default_rng([21, seed, row + 1])
    count = len(bars) - row - 1
    later = bars.iloc[row + 1 :]
    opened, close = (
        later[name].to_numpy() * np.exp(rng.normal(0.0, 0.1, count)) for name in ("open", "close")
    )
    volume = later["volume"].to_numpy() * np.exp(rng.normal(0.0, 0.5, count))
    other = _frame(opened, close, volume, reach=rng.uniform(0.0, 0.05, (2, count)))
    other["signal_audit"] = later["signal_audit"].to_numpy() + rng.normal(0.0, 1.0, count)
    changed = bars.copy()
    changed.iloc[row + 1 :] = other[bars.columns].to_numpy()
    return changed


def frozen_after(bars: "pd.DataFrame", row: int, move: float) -> "pd.DataFrame":
    """Return bars of which `row` is the last that moves, by `move`; then the price stands still.

    Bar `row` opens at the last close and goes straight to (1 + `move`) of it; every later bar
    opens, closes and stays there.
    """
    before = float(bars["close"].iloc[max(row - 1, 0)])
    last = before * (1.0 + move)
    frozen = bars.copy()
    turn = {"open": before, "high": max(before, last), "low": min(before, last), "close": last}
    for name, value in turn.items():
        prices = bars[name].to_numpy(copy=True)
        prices[row:] = last
        prices[row] = value
        frozen[name] = prices
    return frozen


def trending(bars: "pd.DataFrame", growth: float) -> "pd.DataFrame":
    """Return bars whose every close is `growth` times (1 + it) the one before; 0 is flat."""
    close = 100.0 * np.exp(math.log1p(growth) * np.arange(1, len(bars) + 1))
    trend = _frame(close / (1.0 + growth), close, bars["volume"].to_numpy(), reach=0.0)
    return bars.assign(**{name: trend[name].to_numpy() for name in PRICE_COLUMNS})


def _frame(
    opened: np.ndarray, close: np.ndarray, volume: np.ndarray, reach: np.ndarray | float
) -> "pd.DataFrame":
    """Put bars together; `reach` is how far high and low go beyond open and close, fractions."""
    import pandas as pd

    up, down = np.broadcast_to(np.asarray(reach), (2, len(close))) if np.ndim(reach) else (0.0, 0.0)
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close) * (1.0 + up),
            "low": np.minimum(opened, close) * (1.0 - down),
            "close": close,
            "volume": volume,
        },
        index=pd.bdate_range(START, periods=len(close), name="time"),
    )
