"""No look-ahead: changing every bar after k changes nothing up to decision k.

The probe must have power: from k + 1 on something does differ.
"""

import dataclasses
from typing import Any

import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence

from tests.configurations import CHOSEN, random_configuration
from tests.lanes import quick_first
from trading_env.envs.look_back import Past
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.envs.world import WARMUP
from trading_env.markets import Market, load_market

LENGTH = 30
CUTS = 200
FRAMES = {
    "us_stock_daily": ["2d", "1w"],
    "btc_hourly": ["4h", "1d"],
    "btc_minute": ["15min", "1h"],
}


def perturbed(market: Market, after: int, rng: np.random.Generator) -> Market:
    """Rescale every bar after index `after`, its volume and its signals too."""
    factor = rng.uniform(0.5, 1.5)
    fields: dict[str, Any] = {}
    for name in ("open", "high", "low", "close", "volume", "signals"):
        values = getattr(market, name).copy()
        values[:, after + 1 :] *= factor
        fields[name] = values
    return dataclasses.replace(market, **fields)


@pytest.mark.parametrize("looks_back", [False, True])
@pytest.mark.parametrize("cut", quick_first(range(CUTS), 10))
def test_the_future_changes_nothing_up_to_the_decision(cut: int, looks_back: bool) -> None:
    rng = np.random.default_rng([7, cut])
    kwargs = random_configuration(rng) | {"episode_length": LENGTH}
    kwargs["action"] = ("target", *CHOSEN)[cut % 3]
    spec = kwargs.pop("market")
    band = kwargs.pop("seed_band")
    bars, warmup = 120, WARMUP
    if looks_back:
        kwargs |= {"window": int(rng.integers(1, 40)), "frames": FRAMES[spec["preset"]]}
        bars = 640
    pool = load_market({**spec, "paths": 1, "bars": bars, "seed": cut % 5}, seed_band=band)
    if looks_back:
        warmup = Past.of(kwargs["window"], kwargs["frames"], pool).warmup(pool)
    start = warmup + int(rng.integers(0, pool.bars - warmup - LENGTH - 1))
    k = int(rng.integers(0, LENGTH - 1))
    place = {"path": 0, "start": start}
    # A Market object is cut by time into bands; None takes it whole.
    other = perturbed(pool, start + k, rng)
    real = PortfolioEnv(market=pool, seed_band=None, detail="full", **kwargs)
    changed = PortfolioEnv(market=other, seed_band=None, detail="full", **kwargs)
    assert data_equivalence(
        real.reset(seed=cut, options=place), changed.reset(seed=cut, options=place), exact=True
    )
    differs = False
    for step in range(LENGTH):
        action = rng.uniform(-1, 1, real.action_space.shape)
        left, right = real.step(action), changed.step(action)
        if step < k:
            assert data_equivalence(left, right, exact=True)
        else:
            differs |= not data_equivalence(left, right, exact=True)
        if left[2] or right[2]:
            break
    else:
        assert differs
