"""Baselines hold and trade what their names say."""

from typing import Any

import numpy as np
import pytest

from trading_env.backtesting.fingerprint import fingerprint
from trading_env.core.codes import Task
from trading_env.envs.spaces import ObservationLayout
from trading_env.envs.vector import ExecutionVectorEnv
from trading_env.policies.baselines import (
    BASELINES,
    EXECUTION_BASELINES,
    Immediate,
    Participation,
    Twap,
    Vwap,
)
from trading_env.policies.patience import Clock, Patience
from trading_env.step.pace import share_of

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


def test_participation_without_the_length_is_late_by_one_step_at_most() -> None:
    """Its first step is the even pace where that is less; then it trades its share."""
    traded = fills(Participation)
    assert traded[0] == pytest.approx([300.0, -100.0])
    assert traded[1:12, 0] == pytest.approx(np.full(11, 500.0), rel=1e-5)
    assert traded.sum(axis=0) == pytest.approx([6e3, -2e3])
    slow = fills(lambda layout: Participation(layout, rate=0.02))
    given = fills(lambda layout: Participation(layout, 20, rate=0.02))
    assert slow[:, 0] == pytest.approx(given[:, 0])


def test_vwap_is_twap_where_every_bar_has_one_volume() -> None:
    assert fills(Vwap) == pytest.approx(fills(Twap), rel=1e-5)


def test_vwap_asks_for_its_part_of_the_volume_to_come() -> None:
    layout = ObservationLayout(("A",), (), Task.EXECUTION)
    policy = Vwap(layout, 12, persistence=0.5)
    observation = np.zeros((1, len(layout.features)), dtype=np.float32)
    observation[0, layout.account_column("time_left")] = 3 / 12
    observation[0, layout.columns("volume")] = 1 / 3  # the last bar had twice the mean
    share = share_of(float(policy.act(observation, {})[0, 0]), 1 / 3)
    assert share == pytest.approx(1.5 / (1.5 + 1.25 + 1.125), rel=1e-6)
    observation[0, layout.columns("volume")] = -1.0  # it had none
    share = share_of(float(policy.act(observation, {})[0, 0]), 1 / 3)
    assert share == pytest.approx(0.5 / (0.5 + 0.75 + 0.875), rel=1e-6)


def test_a_clock_that_stands_still_tells_no_length() -> None:
    layout = ObservationLayout(("A",), (), Task.EXECUTION)
    policy = Vwap(layout)
    observation = np.ones((2, len(layout.features)), dtype=np.float32)
    for _ in range(3):
        assert policy.act(observation, {}).tolist() == [[0.0], [0.0]]


def test_a_rule_that_has_acted_is_the_same_rule() -> None:
    """Its fingerprint names stored results, so acting must not change it."""
    layout = ObservationLayout(("A",), (), Task.EXECUTION)
    policy = Patience(Clock(layout, 40))
    before = fingerprint(policy)
    policy.act(np.zeros((2, len(layout.features)), dtype=np.float32), {})
    assert fingerprint(policy) == before


WORKED: dict[str, Any] = {
    "market": {"generator": "multiscale", "preset": "btc_minute", "assets": 1, "paths": 64},
    "parent": {"side": "buy", "size": (0.01, 0.01)},
    "execution": {"preset": "zero", "participation_cap": 1.0},
    "episode_length": 40,
    "detail": "full",
    "seed_band": "test",
}
LANES = 64


def worked(name: str) -> tuple[Any, Any]:
    """Parts of the parents filled in each step, and parts of the same bars' volume."""
    envs = ExecutionVectorEnv(LANES, autoreset_mode="Disabled", **WORKED)
    policy = EXECUTION_BASELINES[name](envs.layout)
    observations, info = envs.reset(seed=0)
    policy.reset(LANES)
    rows = envs.batch.lanes.accounts["row"].astype(np.int64)
    filled = []
    for _ in range(WORKED["episode_length"]):
        observations, *_, info = envs.step(policy.act(observations, info))
        filled.append(info["execution"]["filled"][:, 0].copy())
    parts = np.array(filled).T / envs.batch.lanes.assets["parent"]
    bars = envs.setup.market.volume.reshape(-1)[rows[:, None] + 1 + np.arange(len(filled))]
    return parts, bars / bars.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("name", ["vwap", "twap"])
def test_a_schedule_fills_the_parent(name: str) -> None:
    parts, _ = worked(name)
    assert parts.sum(axis=1) == pytest.approx(np.ones(LANES))
    assert parts.min() >= 0.0


def test_vwap_is_nearer_to_the_volume_of_the_bars_than_twap() -> None:
    gaps = []
    for name in ("vwap", "twap"):
        parts, volume = worked(name)
        gaps.append(((parts - volume) ** 2).sum(axis=1))
    nearer = gaps[1] - gaps[0]
    assert nearer.mean() > 3.0 * nearer.std() / len(nearer) ** 0.5


@pytest.mark.parametrize("name", EXECUTION_BASELINES)
def test_a_schedule_forgets_the_last_episode(name: str) -> None:
    """Played anew up to a step, it answers the same whatever came after that step before."""
    layout = ObservationLayout(("A",), (), Task.EXECUTION)
    policy = EXECUTION_BASELINES[name](layout)
    seen = np.random.default_rng(3).uniform(0.0, 1.0, (6, 5, len(layout.features)))
    seen = seen.astype(np.float32)
    seen[:, :, layout.account_column("time_left")] = 1.0 - np.arange(6)[:, None] / 6.0
    for cut in (1, 3, 6):
        changed = seen.copy()
        changed[cut:] *= 0.5
        answers = []
        for observations in (seen, changed):
            policy.reset(5)
            answers.append(np.array([policy.act(each, {}) for each in observations[:cut]]))
        np.testing.assert_array_equal(*answers)
        assert np.abs(answers[0]).max() <= 1.0


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
