"""Of the most extreme tables every one is refused in one line, or played to finite numbers."""

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.lanes import quick_first
from tests.markets.test_volume import EXECUTION, PORTFOLIO, played, started
from trading_env.core.errors import UserError
from trading_env.markets import Market, MarketDataError
from trading_env.markets.reading.validation import BAR_FIELDS

BARS = 78
LEVELS = (5e-324, 1e-308, 9e-13, 1e-12, 1.0, 1e15, 2e15, 1e300)
MOVES = (1.0, 1.01, 1e6, 2e6, 1e300)
VOLUMES: dict[str, Any] = {
    "none": 0.0,
    "minus none": -0.0,
    "denormal": 1e-310,
    "least": 1e-12,
    "usual": 1e5,
    "most": 1e30,
    "too much": 1e308,
    "both": np.where(np.arange(BARS) % 2, 1e-12, 1e30),
}
SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "portfolio": (PORTFOLIO, {}),
    "raw": (PORTFOLIO, {"risk": "raw", "account": {"initial_cash": 1e5}}),
    "together": (PORTFOLIO, {"risk": {"covariance": "shrunk"}}),
    "stressed": (PORTFOLIO, {"scenario": ["gfc_2008", "bad_data"], "severity": 3.0}),
    "execution": (EXECUTION, {}),
}


def table(level: float, move: float, volume: Any, shape: str) -> pd.DataFrame:
    """Bars at a level that move back and forth, once, or to another level."""
    k = np.arange(BARS)
    when = {"back and forth": k % 2 == 1, "once": k == 70, "for good": k >= 70}[shape]
    with np.errstate(over="ignore"):
        close = level * np.where(when, move, 1.0)
    opened = np.concatenate((close[:1], close[:-1]))
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    numbers = {"open": opened, "high": high, "low": low, "close": close, "volume": volume}
    return pd.DataFrame({"time": 1577836800 + 86400 * k, **numbers})


def accepted(shape: str, **reading: Any) -> list[Market]:
    """Every table that is not refused."""
    found = []
    for level, move, volume in itertools.product(LEVELS, MOVES, VOLUMES.values()):
        try:
            found.append(Market.from_frame(table(level, move, volume, shape), **reading))
        except MarketDataError as error:
            assert len(str(error)) < 200
            assert "row " in str(error)
    return found


@pytest.mark.proof
@pytest.mark.parametrize("shape", quick_first(["back and forth", "once", "for good"]))
@pytest.mark.parametrize("setting", quick_first(SETTINGS))
def test_an_extreme_table_is_refused_or_stays_finite(shape: str, setting: str) -> None:
    task, settings = SETTINGS[setting]
    count = 0
    for market in accepted(shape):
        try:
            env = started(market, task, episode_length=12, **settings)
        except UserError as error:
            assert "have no volume" in str(error)
            continue
        played(env)
        count += 1
    assert count >= 24


@pytest.mark.proof
@pytest.mark.parametrize("liquidity", quick_first([1e-9, 1e15]))
def test_stated_liquidity_is_finite_at_every_price(liquidity: float) -> None:
    for market in accepted("back and forth", liquidity=liquidity)[::8]:
        played(started(market, episode_length=12))


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("close", 1e-308, "price 1e-308 must be 1e-12 to 1e+15"),
        ("high", 1e300, "price 1e+300 must be 1e-12 to 1e+15"),
        ("volume", 1e-310, "must be 0 or 1e-12 to 1e+30"),
        ("volume", 1e31, "must be 0 or 1e-12 to 1e+30"),
        ("low", 1e-7, "a move by a factor of 1e+07 in one bar"),
        ("high", 1e7, "a move by a factor of 1e+07 in one bar"),
    ],
)
@pytest.mark.parametrize("as_arrays", [False, True])
def test_a_value_out_of_bounds_is_refused_in_its_place(
    name: str, value: float, reason: str, as_arrays: bool
) -> None:
    frame = table(1.0, 1.0, 1e5, "once")
    if name == "close":
        frame.loc[9, "low"] = value
    frame.loc[9, name] = value
    arrays: dict[str, Any] = {n: frame[n].to_numpy()[None, :, None] for n in BAR_FIELDS}
    with pytest.raises(MarketDataError) as caught:
        if as_arrays:
            signals = np.empty((1, BARS, 1, 0))
            Market(symbols=("A",), time=frame["time"].to_numpy(), signals=signals, **arrays)
        else:
            Market.from_frame(frame)
    assert reason in str(caught.value)
    assert ("bar 9" if as_arrays else "row 10") in str(caught.value)


def test_volume_of_minus_zero_is_zero() -> None:
    frame = table(1.0, 1.0, np.where(np.arange(BARS) == 9, -0.0, 1e5), "once")
    market = Market.from_frame(frame)
    assert not np.signbit(market.volume).any()
    assert market.sha256 == Market.from_frame(frame.replace({"volume": {-0.0: 0.0}})).sha256
