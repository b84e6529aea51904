"""What a batch tells of the episodes that end is what Gymnasium's own vector environment tells."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode

from trading_env.envs.vector import PortfolioVectorEnv

MARKET = {"generator": "multiscale", "assets": 2, "paths": 1, "bars": 300}
LANES = 3


def native(mode: AutoresetMode, detail: str, **kwargs: Any) -> PortfolioVectorEnv:
    return PortfolioVectorEnv(LANES, autoreset_mode=mode, detail=detail, market=MARKET, **kwargs)


@pytest.mark.parametrize("detail", ["none", "episode", "full"])
@pytest.mark.parametrize("more", [{}, {"window": 3}, {"scenario": "bad_data"}])
def test_same_step_tells_the_same_of_an_end_as_gymnasium_s(
    detail: str, more: dict[str, Any]
) -> None:
    mode = AutoresetMode.SAME_STEP
    ours = native(mode, detail, episode_length=5, **more)
    theirs = gym.make_vec(
        "trading_env/Portfolio-v0",
        LANES,
        vectorization_mode="sync",
        vector_kwargs={"autoreset_mode": mode},
        detail=detail,
        market=MARKET,
        episode_length=5,
        **more,
    )
    ours.reset(seed=4), theirs.reset(seed=4)
    rng, ends = np.random.default_rng(0), 0
    for _ in range(11):
        actions = rng.uniform(-1.0, 1.0, ours.action_space.shape)
        one, other = ours.step(actions), theirs.step(actions)
        for found, wanted in zip(one[:4], other[:4], strict=True):
            np.testing.assert_array_equal(found, wanted)
        assert ("final_info" in one[4]) == ("final_info" in other[4]) == bool(one[3].any())
        if one[3].any():
            ends += 1
            assert data_equivalence(one[4]["final_info"], other[4]["final_info"], exact=True)
            np.testing.assert_array_equal(one[4]["_final_info"], other[4]["_final_info"])
    assert ends == 2


@pytest.mark.parametrize("detail", ["episode", "full"])
@pytest.mark.parametrize("mode", AutoresetMode)
def test_a_summary_and_its_mask_are_told_whenever_a_lane_ends(
    mode: AutoresetMode, detail: str
) -> None:
    """An account that is ruined ends before the others."""
    envs = native(
        mode,
        detail,
        episode_length=12,
        scenario="flash_crash_2010",
        severity=8.0,
        execution="zero",
        risk={"mode": "raw", "max_weight": 20.0, "max_leverage": 50.0, "stops": False},
    )
    envs.reset(seed=0)
    seen = []
    for _ in range(30):
        _, _, terminated, truncated, info = envs.step(np.ones((LANES, 2)))
        ended = terminated | truncated
        assert ("_summary" in info) == bool(ended.any())
        if ended.any():
            np.testing.assert_array_equal(info["_summary"], ended)
            assert (info["summary"]["steps"][ended] > 0).all()
            seen.append(int(ended.sum()))
            if mode is AutoresetMode.DISABLED:
                envs.reset(options={"reset_mask": ended})
    assert sum(seen) >= 2 * LANES and min(seen) < LANES
