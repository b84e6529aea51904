"""Baselines hold and trade what their names say."""

from typing import Any

import numpy as np
import pytest

from trading_env.envs.spaces import ObservationLayout
from trading_env.envs.vector import ExecutionVectorEnv
from trading_env.policies.baselines import BASELINES, Immediate, Participation, Twap

LAYOUT = ObservationLayout(("A", "B"), ())
SIZE = len(LAYOUT.features)
STILL: dict[str, Any] = {
    "market": {"generator": "factor", "volume": 1e4, "assets": 2, "paths": 4, "bars": 100},
    "parent": {"quantity": [6e3, -2e3]},
    "execution": {"preset": "zero", "participation_cap": 1.0},
    "episode_length": 20,
    "detail": "full",
    "seed_band": None,
}


def fills(policy_of: Any) -> Any:
    """Fills of one lane, shape (steps, assets)."""
    envs = ExecutionVectorEnv(1, autoreset_mode="Disabled", **STILL)
    policy = policy_of(envs.layout)
    observations, info = envs.reset(seed=0)
    filled, ended = [], False
    while not ended:
        observations, _, terminated, _, info = envs.step(policy.act(observations, info))
        filled.append(info["execution"]["filled"][0])
        ended = bool(terminated[0])
    return np.array(filled)


def test_twap_trades_evenly() -> None:
    assert fills(Twap) == pytest.approx(np.tile([300.0, -100.0], (20, 1)))


def test_immediate_trades_at_once() -> None:
    assert fills(Immediate) == pytest.approx(np.array([[6e3, -2e3]]))


def test_participation_trades_its_share_of_the_volume() -> None:
    traded = fills(lambda layout: Participation(layout, 20, rate=0.05))
    even = np.full(12, 500.0)  # float32 features carry a rounding of 1e-7
    assert traded[:12, 0] == pytest.approx(even, rel=1e-5)
    assert traded[:4, 1] == pytest.approx(-even[:4], rel=1e-5)
    assert traded.sum(axis=0) == pytest.approx([6e3, -2e3])


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_answers_within_bounds_and_the_same_after_reset(name: str) -> None:
    policy = BASELINES[name](LAYOUT)
    observations = np.random.default_rng(2).normal(size=(7, SIZE)).astype(np.float32)
    answers = []
    for _ in range(2):
        policy.reset(7)
        answers.append([np.asarray(policy.act(observations, {})) for _ in range(3)])
    np.testing.assert_array_equal(answers[0], answers[1])
    assert answers[0][0].shape == (7, 2)
    assert np.abs(answers[0]).max() <= 1.0


def test_momentum_follows_the_trend() -> None:
    observations = np.zeros((1, SIZE), dtype=np.float32)
    observations[0, LAYOUT.columns("trend_60")] = [1.0, -4.0]
    assert BASELINES["momentum"](LAYOUT).act(observations, {}).tolist() == [[0.25, -0.5]]


def test_volatility_target_halves_when_volatility_doubles() -> None:
    policy = BASELINES["volatility_target"](LAYOUT)
    policy.reset(1)
    observations = np.zeros((1, SIZE), dtype=np.float32)
    observations[0, LAYOUT.columns("volatility")] = 0.01
    assert policy.act(observations, {}).tolist() == [[0.5, 0.5]]
    np.testing.assert_allclose(policy.act(2.0 * observations, {}), 0.25)
    np.testing.assert_allclose(policy.act(0.5 * observations, {}), 0.5)
