"""Mean-reverting markets: the law of the log price, the tick, and bars that open at the close."""

import math
from typing import Any

import numpy as np
import pytest

from trading_env.markets import MarketSpecError, load_market

SPEC: dict[str, Any] = {"generator": "mean_reverting", "paths": 64, "bars": 1500}
TICKED = SPEC | {"tick": 0.1}
KEEP = 1.0 - math.log(2.0) / 5.0


@pytest.mark.proof
def test_log_prices_follow_the_law_on_both_sides_of_the_start() -> None:
    market = load_market(SPEC | {"start_bar": 750}, seed_band=None)
    x = np.log(market.close[..., 0] / 50.0)
    assert x[:, 750] == pytest.approx(np.zeros(64), abs=1e-15)
    for shocks in (x[:, 751:] - KEEP * x[:, 750:-1], x[:, :750] - KEEP * x[:, 1:751]):
        # n = 48,000 normals: four standard errors of the mean, the variance, a correlation
        n = shocks.size
        assert abs(shocks.mean()) < 4.0 * 0.1 / math.sqrt(n)
        assert shocks.var() == pytest.approx(0.01, rel=4.0 * math.sqrt(2.0 / n))
        pair = np.corrcoef(shocks[:, 1:].ravel(), shocks[:, :-1].ravel())[0, 1]
        assert abs(pair) < 4.0 / math.sqrt(n)
    assert market.signals[..., 0, 0] * 0.1 / math.sqrt(1.0 - KEEP**2) == pytest.approx(x)


def test_closes_are_whole_ticks_nearest_to_the_price() -> None:
    market, exact = load_market(TICKED, seed_band=None), load_market(SPEC, seed_band=None)
    ticks = market.close / 0.1
    assert ticks == pytest.approx(np.rint(ticks), abs=1e-9)
    assert (np.abs(market.close - exact.close) <= 0.05 + 1e-9).all()
    assert np.abs(market.close - exact.close).max() > 0.049
    assert load_market(SPEC | {"tick": 40.0}, seed_band=None).close.min() == 40.0  # at least one


def test_bars_are_sound_and_open_at_the_close_before() -> None:
    market = load_market(TICKED | {"start_bar": 100, "assets": 2}, seed_band="test")
    assert (market.close[:, 100] == np.rint(50.0 / 0.1) * 0.1).all()
    assert (market.open[:, 1:] == market.close[:, :-1]).all()
    assert (market.low <= np.minimum(market.open, market.close)).all()
    assert (market.high >= np.maximum(market.open, market.close)).all()
    assert not (market.close[..., 0] == market.close[..., 1]).all()


def test_a_smaller_pool_is_the_beginning_of_a_larger_one() -> None:
    large = load_market(TICKED, seed_band="train")
    small = load_market(TICKED | {"paths": 3, "bars": 200}, seed_band="train")
    assert (small.close == large.close[:3, :200]).all()
    for other in (
        load_market(TICKED, seed_band="test"),
        load_market(TICKED | {"seed": 1}, seed_band="train"),
    ):
        assert not (other.close == large.close).all()


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"price": 0.0}, "price"),
        ({"price": "x"}, "price"),
        ({"half_life": 0.34}, "half_life"),
        ({"volatility": 0.0}, "volatility"),
        ({"volatility": 500.0}, "volatility"),
        ({"tick": -0.1}, "tick"),
        ({"volume": 0.0}, "volume"),
        ({"start_bar": 1500}, "start_bar"),
        ({"paths": 0}, "paths"),
        ({"seed": -1}, "seed"),
    ],
)
def test_an_invalid_argument_is_named_in_one_line(changed: dict[str, Any], word: str) -> None:
    with pytest.raises(MarketSpecError, match=word) as error:
        load_market(SPEC | changed, seed_band=None)
    assert len(str(error.value)) < 200
