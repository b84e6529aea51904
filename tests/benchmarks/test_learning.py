"""The page of what was learned: shares with their intervals, and who is read from a folder."""

from pathlib import Path

import numpy as np
import pytest

from agents.rows import SCALE
from benchmarks.credit import shared_out
from benchmarks.learning import LENGTH, played, ratio_of, trainings
from trading_env import ADAPTIVE_EXECUTION
from trading_env.envs.vector import ExecutionVectorEnv
from trading_env.policies.baselines import Immediate, Twap


def test_a_share_is_a_ratio_of_means_and_its_interval_knows_of_the_trainings() -> None:
    bound = np.random.default_rng(0).uniform(1.0, 3.0, 64)
    share, low, high = ratio_of(np.tile(0.5 * bound, (3, 1)), bound)
    assert share == pytest.approx(0.5) and low == pytest.approx(0.5) == pytest.approx(high)
    share, low, high = ratio_of(np.stack([0.25 * bound, 0.75 * bound]), bound)
    assert share == pytest.approx(0.5)
    assert (low, high) == pytest.approx((0.25, 0.75))  # both draws the same training: a quarter


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
