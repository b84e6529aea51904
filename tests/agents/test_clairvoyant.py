"""The clairvoyant schedule: conditions of its optimum, and that nobody who is not told beats it."""

import numpy as np
import pytest

from agents.clairvoyant import Path, best_units, clairvoyant_costs, walked
from trading_env import ADAPTIVE_EXECUTION
from trading_env.backtesting.rollouts import rollout
from trading_env.envs.vector import ExecutionVectorEnv
from trading_env.policies.baselines import Twap
from trading_env.policies.patience import Clock, Patience

DROUGHT = {
    "name": "drought",
    "events": [
        {
            "kind": "liquidity",
            "start": "30%",
            "duration": "25 bars",
            "spread": 6.0,
            "depth": 0.2,
            "volume": 0.6,
        }
    ],
}
ARGUMENTS = {**ADAPTIVE_EXECUTION, "scenario": DROUGHT, "seed_band": "test"}


def test_one_more_unit_costs_the_same_in_every_bar_that_trades_freely() -> None:
    generator = np.random.default_rng(0)
    shape = (30, 5)
    path = Path(*(generator.uniform(low, high, shape) for low, high in ((0, 1), (1, 3), (50, 90))))
    goal = np.full(5, 60.0)
    units = best_units(path, goal, 0.5, 0.1)
    np.testing.assert_allclose(units.sum(axis=0), goal, rtol=1e-9)
    assert np.all(units >= 0.0) and np.all(units <= 0.1 * path.volume * (1.0 + 1e-12))
    free = (units > 1e-9) & (units < 0.1 * path.volume * (1.0 - 1e-9))
    marginal = path.half_spread + 1.5 * path.impact * np.sqrt(units / path.volume)
    for lane in range(5):
        price = marginal[free[:, lane], lane]
        assert len(price) > 3 and np.ptp(price) < 1e-9 * price.mean()
        idle = units[:, lane] < 1e-9
        assert np.all(path.half_spread[idle, lane] >= price[0] - 1e-9)


def test_the_walk_sees_the_drought_and_the_bars_that_will_trade() -> None:
    envs = ExecutionVectorEnv(4, autoreset_mode="Disabled", detail="full", copy=False, **ARGUMENTS)
    path = walked(envs, seed=3)
    assert path.volume.shape == (120, 4) and np.all(path.volume > 0.0)
    inside, outside = slice(37, 60), slice(70, 120)
    assert path.half_spread[inside].mean() > 3.0 * path.half_spread[outside].mean()
    assert path.impact[inside].mean() > 1.5 * path.impact[outside].mean()
    envs.reset(seed=3)
    seen = []
    for _ in range(40):
        envs.step(np.zeros((4, 1)))
        seen.append(envs.batch.outputs.reports["volume"][:, 0].copy())
    np.testing.assert_allclose(np.stack(seen), path.volume[:40], rtol=1e-12)


@pytest.mark.proof
@pytest.mark.parametrize("scenario", [None, DROUGHT])
def test_nobody_who_is_not_told_pays_less(scenario: object) -> None:
    arguments = {**ARGUMENTS, "scenario": scenario}
    least = clairvoyant_costs(arguments, episodes=64, seed=11).mean()
    envs = ExecutionVectorEnv(64, autoreset_mode="Disabled", detail="none", **arguments)
    for policy in (Twap(envs.layout), Patience(Clock(envs.layout, 120))):
        paid = rollout(policy, envs, 11).sums["parent_cost_bps"].mean()
        assert least < paid
