"""Signals fitted in a walk-forward window: from its training part, without look-ahead."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from trading_env.backtesting import backtest
from trading_env.backtesting.own_signals import with_signals
from trading_env.backtesting.walks import slices_of
from trading_env.core.errors import ConfigError
from trading_env.markets import load_market

BARS = {"generator": "multiscale", "paths": 1, "bars": 400, "assets": 2}
MARKET = load_market(BARS)
WINDOWS = "train=150,test=60,purge=5,embargo=5"
LOOKS = "it sees the future"


class Reversal:
    """Minus the last return, in deviations of the training part."""

    seen: list[pd.DataFrame] = []  # noqa: RUF012 -- what every instance was fitted to

    def fit(self, train: pd.DataFrame) -> "Reversal":
        self.seen.append(train)
        self.scale = float(train.groupby("symbol")["close"].pct_change().std())
        return self

    def transform(self, bars: pd.DataFrame) -> dict[str, Any]:
        return {"signal_reversal": -bars.groupby("symbol")["close"].pct_change() / self.scale}


class Transformed(Reversal):
    """Whatever a test makes of the bars."""

    def __init__(self, transform: Any) -> None:
        self.make = transform

    def transform(self, bars: pd.DataFrame) -> Any:
        return self.make(bars)


def next_of(bars: pd.DataFrame, name: str = "close") -> "pd.Series[float]":
    """Return the next bar's value, which no one knows; the last bar has its own."""
    return bars.groupby("symbol")[name].shift(-1).fillna(bars[name])


def lower_shadow(bars: pd.DataFrame) -> pd.DataFrame:
    """Return the bars with low over the lower end of the body, but for rounding."""
    shadow = bars["low"] / bars[["open", "close"]].min(axis=1)
    return bars.assign(shadow=shadow.round(6))


def test_each_window_is_fitted_to_its_own_training_part() -> None:
    Reversal.seen.clear()
    slices = slices_of("m", MARKET, WINDOWS, {}, Reversal)
    assert len(slices) == len(Reversal.seen) == 4
    for cut, train in zip(slices, Reversal.seen, strict=True):
        window, market = cut.window, cut.arguments["market"]
        assert window is not None
        times = pd.to_datetime(MARKET.time[window.train_start : window.train_stop], unit="s")
        assert list(train["time"]) == [*times, *times]
        assert market.signal_names == ("signal_reversal",)
        changes = market.close[0, 1:] / market.close[0, :-1] - 1.0
        scale = train.groupby("symbol")["close"].pct_change().std()
        assert np.allclose(market.signals[0, 1:, :, 0], -changes / scale)
        assert (market.signals[0, 0] == 0.0).all()  # before it has a value


def test_they_reach_the_policy() -> None:
    def follow(layout: Any) -> Any:
        columns = layout.columns("signal_reversal")
        return lambda observation, info: np.clip(observation[:, columns], -1.0, 1.0)

    asked: dict[str, Any] = {"markets": {"m": MARKET}, "windows": WINDOWS, "signals": Reversal}
    frame = backtest({"follow": follow}, env_kwargs={"window": 8, "frames": ["1w"]}, **asked)
    assert len(frame) == 4 and (frame["turnover"] > 0.0).all()
    assert (frame["steps"] == 59).all()  # the whole test part, whatever warms up before it


@pytest.mark.parametrize(
    ("transform", "reason"),
    [
        (lambda bars: {"signal_x": bars["close"].shift(-1).ffill()}, LOOKS),
        (lambda bars: {"signal_x": bars["close"] - bars["close"].mean()}, LOOKS),
        (lambda bars: {"signal_x": bars["close"].pct_change()}, LOOKS),
        (lambda bars: {"signal_x": np.sign(next_of(bars) / bars["close"] - 1.0)}, LOOKS),
        (lambda bars: {"signal_x": np.sign(1.0 - next_of(bars) / bars["close"])}, LOOKS),
        (lambda bars: {"signal_x": next_of(bars, "high") / next_of(bars, "low")}, LOOKS),
        (lambda bars: {"signal_x": next_of(bars) / next_of(bars, "open")}, LOOKS),
        (lambda bars: {"signal_x": next_of(lower_shadow(bars), "shadow")}, LOOKS),
        (lambda bars: {"x": bars["close"]}, "must begin with signal_"),
        (lambda bars: {"signal_x": [1.0, 2.0]}, "must be one number for each of"),
        (lambda bars: {"signal_x": bars["symbol"]}, "no numbers"),
        (lambda bars: bars["close"], "must be a mapping"),
        (lambda bars: {}, "returned no signal"),
        (lambda bars: {"signal_x": bars["close"] / 0.0}, "not finite"),
        (lambda bars: {"signal_x": bars["close"].where(bars.index != 9)}, "at bar 9 is nan"),
        (lambda bars: bars.nothing, "transform failed: AttributeError"),
    ],
)
def test_what_is_no_signal_is_refused_in_one_line(transform: Any, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as refused:
        with_signals(lambda: Transformed(transform), MARKET.slice_bars(0, 100), MARKET)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("make", [None, 3, Reversal(), lambda: object()])
def test_what_makes_no_signals_is_refused(make: Any) -> None:
    with pytest.raises(ConfigError, match=r"^signals"):
        with_signals(make, MARKET, MARKET)
