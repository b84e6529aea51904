"""Rounding is mended when that is asked for, and anything larger is never."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_env.markets import Market, MarketDataError

PRICES = ("open", "high", "low", "close")


def bars(**changed: float) -> pd.DataFrame:
    """Seventy bars, the sixth with other prices."""
    index = pd.bdate_range("2024-01-02", periods=70, name="date")
    frame = pd.DataFrame(
        {"open": 10.0, "high": 10.1, "low": 9.9, "close": 10.0, "volume": 1.0}, index=index
    )
    for name, price in changed.items():
        frame.loc[index[5], name] = price
    return frame


ROUNDING: list[dict[str, float]] = [
    {"close": math.nextafter(10.1, 11.0)},
    {"open": 9.9 * (1 - 5e-10)},
    {"high": 10.0, "low": math.nextafter(10.0, 11.0)},
    {"open": 10.1 * (1 + 9e-10), "close": 9.9 * (1 - 9e-10)},
]


@pytest.mark.parametrize("changed", ROUNDING)
def test_rounding_is_refused_with_place_and_remedy(changed: dict[str, float]) -> None:
    with pytest.raises(MarketDataError, match=r"row 6, column '\w+': .*mend = true") as caught:
        Market.from_frame(bars(**changed))
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("changed", ROUNDING)
def test_rounding_is_mended_with_one_note(changed: dict[str, float]) -> None:
    frame = bars(**changed)
    with pytest.warns(UserWarning, match="1 rows mended") as caught:
        market = Market.from_frame(frame, mend=True)
    assert len(caught) == 1
    given_prices = frame.iloc[5][list(PRICES)]
    assert market.high[0, 5, 0] == given_prices.max()
    assert market.low[0, 5, 0] == given_prices.min()
    untouched = Market.from_frame(bars())
    for name in (*PRICES, "volume"):
        there, here = (getattr(m, name)[0, :, 0].copy() for m in (market, untouched))
        there[5] = here[5] = 0.0
        assert (there == here).all(), name
    assert market.close[0, 5, 0] == given_prices["close"]
    assert market.open[0, 5, 0] == given_prices["open"]


@pytest.mark.parametrize("mend", [False, True])
@pytest.mark.parametrize(
    "changed", [{"close": 10.1 * (1 + 2e-9)}, {"low": -37.63, "close": -37.63}]
)
def test_a_larger_breach_is_an_error(mend: bool, changed: dict[str, float]) -> None:
    with pytest.raises(MarketDataError, match="row 6") as caught:
        Market.from_frame(bars(**changed), mend=mend)
    assert "mend" not in str(caught.value)


@given(st.floats(1e-9, 1e12), st.floats(0.0, 0.1), st.integers(-3, 3), st.integers(-3, 3))
def test_adjusted_prices_are_sound_once_mended(
    factor: float, width: float, above: int, below: int
) -> None:
    frame: Any = bars(high=10.0 + width, low=10.0 - width)
    for name in PRICES:
        frame[name] *= factor
    row = frame.index[5]
    frame.loc[row, "close"] = frame.loc[row, "high"] * (1 + above * 2.0**-52)
    frame.loc[row, "open"] = frame.loc[row, "low"] * (1 + below * 2.0**-52)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *_, **__: None)
        market = Market.from_frame(frame, mend=True)
    assert (market.low <= np.minimum(market.open, market.close)).all()
    assert (market.high >= np.maximum(market.open, market.close)).all()
