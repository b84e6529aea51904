"""Gymnasium's wrappers and vector modes, and Minari's data sets, take the environments."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import wrappers

import trading_env  # noqa: F401 -- registers the ids

pytestmark = [pytest.mark.interop, pytest.mark.slow]
IDS = ("trading_env/Portfolio-v0", "trading_env/Execution-v0")
LENGTH = 12
TASK: dict[str, Any] = {
    "market": {"generator": "multiscale", "paths": 4, "bars": 240, "assets": 2},
    "episode_length": LENGTH,
}
WRAPPERS: dict[str, Callable[[gym.Env], gym.Env]] = {
    "TimeLimit": lambda env: wrappers.TimeLimit(env, 5),
    "RecordEpisodeStatistics": wrappers.RecordEpisodeStatistics,
    "NormalizeObservation": wrappers.NormalizeObservation,
    "NormalizeReward": wrappers.NormalizeReward,
    "RescaleAction": lambda env: wrappers.RescaleAction(env, np.float32(0), np.float32(1)),
    "ClipAction": wrappers.ClipAction,
    "FrameStackObservation": lambda env: wrappers.FrameStackObservation(env, 3),
    "FlattenObservation": wrappers.FlattenObservation,
    # it wants to know the end: the environment's own is in the observation already
    "TimeAwareObservation": lambda env: wrappers.TimeAwareObservation(
        wrappers.TimeLimit(env, LENGTH)
    ),
    "TransformReward": lambda env: wrappers.TransformReward(env, lambda reward: 2.0 * reward),
    "DelayObservation": lambda env: wrappers.DelayObservation(env, 1),
}


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("name", WRAPPERS)
def test_a_wrapper_plays_an_episode_inside_its_spaces(name: str, env_id: str) -> None:
    env = WRAPPERS[name](gym.make(env_id, **TASK))
    env.action_space.seed(0)
    observation, _ = env.reset(seed=0)
    steps, ended = 0, False
    while not ended:
        assert env.observation_space.contains(observation)
        observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
        assert np.isfinite(reward)
        steps, ended = steps + 1, terminated or truncated
    assert steps == (5 if name == "TimeLimit" else LENGTH)
    assert ("episode" in info) == (name == "RecordEpisodeStatistics")


@pytest.mark.parametrize("env_id", IDS)
def test_the_vector_modes_play_the_same_episodes(env_id: str) -> None:
    found = []
    for mode in ("sync", "async", "vector_entry_point"):
        envs = gym.make_vec(env_id, num_envs=3, vectorization_mode=mode, **TASK)
        envs = wrappers.vector.RecordEpisodeStatistics(envs)
        seen = [envs.reset(seed=5)[0]]
        generator = np.random.default_rng(0)
        for _ in range(LENGTH + 2):  # an end, the reset after it, and one step more
            actions = generator.uniform(-1, 1, envs.action_space.shape).astype(np.float32)
            observation, reward, *_ = envs.step(actions)
            seen += [observation.copy(), np.asarray(reward)]
        found.append(seen)
        envs.close()
    for other in found[1:]:
        for mine, theirs in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_episodes_are_kept_as_a_minari_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    minari = pytest.importorskip("minari")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    env = minari.DataCollector(gym.make(IDS[0], **TASK))
    rewards = []
    for seed in (0, 1):
        env.reset(seed=seed)
        ended = False
        while not ended:
            _, reward, terminated, truncated, _ = env.step(env.action_space.sample())
            rewards.append(reward)
            ended = terminated or truncated
    kept = env.create_dataset(dataset_id="trading/random-v0", algorithm_name="random")
    episodes = list(kept.iterate_episodes())
    assert [len(episode.rewards) for episode in episodes] == [LENGTH, LENGTH]
    assert np.concatenate([episode.rewards for episode in episodes]).tolist() == rewards
