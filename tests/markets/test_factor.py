"""Arithmetic markets: the law that the closed forms are stated for."""

from typing import Any

import numpy as np
import pytest

from trading_env.markets import MarketSpecError, load_market
from trading_env.markets.models.factor import FactorMarket

COVARIANCE = [[0.36, 0.15], [0.15, 1.0]]
LOADINGS = [[0.5, 0.1], [-0.2, 0.3]]
FACTORS: dict[str, Any] = {
    "generator": "factor",
    "assets": 2,
    "price": 1e4,
    "covariance": COVARIANCE,
    "loadings": LOADINGS,
    "mean_reversion": [[0.13, 0.0], [0.05, 0.02]],
    "factor_covariance": [[0.25, 0.0], [0.0, 0.02]],
    "paths": 64,
    "bars": 1500,
}


def test_prices_follow_the_factors_seen_at_the_close_before() -> None:
    market = load_market(FACTORS, seed_band=None)
    changes = np.diff(market.close, axis=1)
    factors = market.signals[:, :-1, 0]
    noise = (changes - factors @ np.array(LOADINGS).T).reshape(-1, 2)
    # 96,000 draws: four standard errors of a mean, and of a variance of normals
    assert (np.abs(noise.mean(axis=0)) < 4.0 * np.sqrt([0.36, 1.0]) / 310.0).all()
    assert np.cov(noise.T) == pytest.approx(np.array(COVARIANCE), abs=4.0 * 2.0**0.5 / 310.0)
    innovations = market.signals[:, 1:, 0] - factors @ np.array([[0.87, 0.0], [-0.05, 0.98]]).T
    assert np.cov(innovations.reshape(-1, 2).T) == pytest.approx(
        np.diag([0.25, 0.02]), abs=4.0 * 2.0**0.5 / 310.0 * 0.25
    )


def test_bars_are_sound_and_every_path_meets_the_price() -> None:
    market = load_market(FACTORS | {"start_bar": 100}, seed_band="test")
    assert market.close[:, 100] == pytest.approx(1e4)
    assert (market.open[:, 1:] == market.close[:, :-1]).all()
    assert (market.low <= np.minimum(market.open, market.close)).all()
    assert (market.high >= np.maximum(market.open, market.close)).all()


def test_bands_and_seeds_are_other_paths_and_asking_again_is_not() -> None:
    one = load_market(FACTORS, seed_band="train")
    assert (load_market(dict(FACTORS), seed_band="train").close == one.close).all()
    for other in (
        load_market(FACTORS, seed_band="test"),
        load_market(FACTORS | {"seed": 1}, seed_band="train"),
    ):
        assert not (other.close == one.close).all()


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"price": 1.0}, "price"),
        ({"covariance": [[1.0, 2.0], [2.0, 1.0]]}, "covariance"),
        ({"covariance": [[1.0]]}, "covariance"),
        ({"loadings": [[1.0]]}, "loadings"),
        ({"mean_reversion": 3.0}, "mean_reversion"),
        ({"volume": -5.0}, "volume"),
        ({"volume": [1.0, 2.0, 3.0]}, "volume"),
        ({"start_bar": 2.5}, "start_bar"),
        ({"bars_per_day": 7}, "bars_per_day"),
        ({"assets": "x"}, "assets"),
        ({"paths": 0}, "paths"),
    ],
)
def test_an_invalid_argument_is_named_in_one_line(changed: dict[str, Any], word: str) -> None:
    with pytest.raises(MarketSpecError, match=word) as error:
        load_market(FACTORS | changed, seed_band=None)
    assert len(str(error.value)) < 200


def test_the_extremes_of_a_bar_are_those_of_a_brownian_path() -> None:
    """By reflection the low is d or more below the open with chance 2 P(close at least d below it).

    Within four standard errors of the difference of two shares of one sample.
    """
    market = FactorMarket(covariance=4.0, price=1e4, paths=400, bars=250, seed=3).generate(None)
    change, fall = market.close - market.open, market.open - market.low
    rise = market.high - market.open
    for deep in (0.5, 2.0, 5.0):
        for reached, ended in ((fall, -change), (rise, change)):
            counted = (reached >= deep).astype(float) - 2.0 * (ended >= deep)
            assert abs(counted.mean()) < 4.0 * counted.std() / np.sqrt(counted.size)


def test_a_bar_is_as_wide_as_a_brownian_path() -> None:
    """Mean square of the range: 4 ln 2 times the variance (Parkinson 1980, equation 5).

    High and low drawn apart, given open and close, would have another.
    """
    market = FactorMarket(covariance=4.0, price=1e4, paths=400, bars=250, seed=3).generate(None)
    squared = (market.high - market.low) ** 2 / 4.0
    assert abs(squared.mean() - 4.0 * np.log(2.0)) < 4.0 * squared.std() / np.sqrt(squared.size)
