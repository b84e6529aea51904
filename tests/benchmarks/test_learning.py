"""The page of what was learned: who is read from a folder, and what is played for it."""

from pathlib import Path

import numpy as np

from agents.rows import SCALE
from benchmarks.credit import shared_out
from benchmarks.learning import LENGTH, Shuffled, played, trainings
from trading_env import ADAPTIVE_EXECUTION
from trading_env.envs.vector import ExecutionVectorEnv
from trading_env.policies.baselines import Immediate, Twap
from trading_env.policies.pace import FEEDBACK, PacePolicy
from trading_env.policies.saved import load


def test_one_training_is_the_folder_itself_and_several_are_in_order(tmp_path: Path) -> None:
    assert trainings(tmp_path) == {0: tmp_path}
    for seed in (10, 2):
        (tmp_path / f"seed_{seed}").mkdir()
    assert [*trainings(tmp_path).items()] == [(s, tmp_path / f"seed_{s}") for s in (2, 10)]


def test_what_is_left_only_falls_and_an_order_that_is_done_stays_done() -> None:
    envs = ExecutionVectorEnv(
        8, autoreset_mode="Disabled", detail="none", seed_band="test", **ADAPTIVE_EXECUTION
    )
    even, fast = played(Twap(envs.layout), envs), played(Immediate(envs.layout), envs)
    for left in (even, fast):
        assert left.shape == (LENGTH, 8) and np.all(left[0] == 1.0)
        assert np.all(np.diff(left, axis=0) <= 1e-6)
    assert np.all(fast[-1] == 0.0) and fast.sum() < 0.5 * even.sum()


def test_one_reward_for_all_is_the_accounts() -> None:
    profits = np.array([[0.01, -0.02]])
    whole = SCALE * (-0.01 - 0.5 * 30.0 * 1e-4)
    np.testing.assert_allclose(shared_out(profits, 30.0), [[whole, whole]])


def test_shuffled_feedback_is_another_lanes_and_all_else_is_ones_own() -> None:
    envs = ExecutionVectorEnv(
        8, autoreset_mode="Disabled", detail="none", seed_band="test", **ADAPTIVE_EXECUTION
    )
    pace = load("adaptive-execution-v0")(envs.layout)
    assert isinstance(pace, PacePolicy)
    shuffled, seen = Shuffled(pace), []
    pace.act = lambda observation, info: seen.append(observation) or observation[:, :1]  # type: ignore[method-assign, func-returns-value]
    observation, _ = envs.reset(seed=0)
    for k, name in enumerate(FEEDBACK):
        observation[:, shuffled.columns[k]] = np.arange(8) + 10 * k
        assert envs.layout.block[shuffled.columns[k]].name == name
    shuffled.act(observation, {})
    moved = np.flatnonzero((seen[0] != observation).any(axis=0))
    assert set(moved) <= set(shuffled.columns) and len(moved)
    assert np.array_equal(np.sort(seen[0], axis=0), np.sort(observation, axis=0))
