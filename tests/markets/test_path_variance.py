"""Bars of every generator: the variance that it states, and pools within larger ones."""

import math
from typing import Any

import numpy as np
import pytest

from tests.markets.pools import pool
from trading_env.markets.models.bootstrap import BootstrapMarket

BARS = {"assets": 1, "paths": 64, "bars": 1000, "seed": 3}
MODELS: dict[str, dict[str, Any]] = {
    "gbm": {},
    "multiscale": {},
    "gjr_garch": {},
    "regime_switching": {},
    "factor": {"covariance": 0.01},
    "mean_reverting": {"half_life": 1000.0},
}


@pytest.mark.parametrize("model", MODELS)
def test_moves_over_their_stated_deviation_are_standard_normal(model: str) -> None:
    """Whatever the volatility and its tails: both belong to the bar."""
    market = pool(model, **MODELS[model], **BARS)
    moved = np.log(market.close / market.open) / np.sqrt(market.path_variance)
    size = moved.size
    assert abs(moved.mean()) < 0.1  # of drift and signal
    assert abs(moved.var() - 1.0) < 5.0 * math.sqrt(2.0 / size)
    assert abs((moved**4).mean() - 3.0) < 5.0 * math.sqrt(96.0 / size)


@pytest.mark.parametrize("model", [*MODELS, "bootstrap"])
def test_the_first_bars_and_paths_of_a_larger_pool_are_the_smaller_pool(model: str) -> None:
    sizes = {name: BARS["assets"] for name in ("assets",) if model != "bootstrap"}
    large = pool(model, **MODELS.get(model, {}), **sizes, paths=4, bars=120)
    small = pool(model, **MODELS.get(model, {}), **sizes, paths=2, bars=90)
    for name, values in small._arrays().items():
        whole = getattr(large, name)
        assert np.array_equal(whole[:90] if name == "time" else whole[:2, :90], values), name


def test_a_bootstrap_of_bars_of_known_variance_keeps_it() -> None:
    source = pool("gbm", assets=2, paths=1, bars=200)
    again = BootstrapMarket(paths=3, bars=50, seed=1).resample(source, None)
    assert set(again.path_variance.ravel()) <= set(source.path_variance.ravel())
    row = source.close[0, 1:, 0] / source.open[0, 1:, 0]
    first = int(np.abs(row - again.close[0, 0, 0] / again.open[0, 0, 0]).argmin())
    assert again.path_variance[0, 0, 0] == source.path_variance[0, first + 1, 0]


def test_a_market_of_files_states_none() -> None:
    assert pool("bootstrap", paths=1, bars=50).path_variance is None
