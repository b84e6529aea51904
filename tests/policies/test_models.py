"""A Stable-Baselines3 model is played where its spaces are the environment's, and only there."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecNormalize

from trading_env import evaluate
from trading_env.core.errors import PolicyError
from trading_env.envs.sb3 import SB3VecEnv
from trading_env.envs.spaces import ObservationLayout
from trading_env.policies.adapters import build_policy

TASK: dict[str, Any] = {
    "market": {"generator": "multiscale", "paths": 4, "bars": 240, "assets": 1},
    "episode_length": 6,
}
LAYOUT = ObservationLayout(("A",), ("s",))


def model(envs: Any) -> PPO:
    return PPO("MlpPolicy", envs, n_steps=8, batch_size=8, seed=0, device="cpu")


def lanes(task: str = "Portfolio", **more: Any) -> SB3VecEnv:
    return SB3VecEnv(2, env_id=f"trading_env/{task}-v0", **TASK, **more)


def played(policy: Any, env: str = "portfolio", **more: Any) -> Any:
    arguments = {**TASK, **more}
    given: dict[str, Any] = {"scenarios": ["calm"], "episodes": 2, "seed": 0, "env": env}
    return evaluate({"it": policy}, env_kwargs=arguments, **given)


class Spaces:
    """What is looked at of a model."""

    def __init__(self, observations: Any, actions: Any = None) -> None:
        self.observation_space = observations
        self.action_space = actions

    def predict(self, observation: Any, **_: Any) -> tuple[np.ndarray, None]:
        return np.ones((len(observation), 1), dtype=np.float32), None


@pytest.mark.parametrize(
    ("trained", "env", "named"),
    [
        ("Execution", "portfolio", r"observation 8 is in \[0, 1\], .*\(.*\) in \[-5, 5\]"),
        ("Portfolio", "execution", r"observation 8 is in \[-5, 5\], .*\(.*\) in \[0, 1\]"),
    ],
)
def test_a_model_of_another_task_is_refused(trained: str, env: str, named: str) -> None:
    with pytest.raises(PolicyError, match=named):
        played(model(lanes(trained)), env)


def test_a_model_plays_where_it_was_trained() -> None:
    for task in ("Portfolio", "Execution"):
        made = model(lanes(task))
        assert len(played(made, task.lower())) == len(played(made.policy, task.lower())) > 0
    looks_back = model(lanes(window=3))
    assert len(played(looks_back, window=3)) > 0
    assert len(played(model(lanes(action="orders")), action="orders")) > 0


def test_a_model_trained_under_vec_normalize_plays_in_a_function_of_ones_own() -> None:
    envs = VecNormalize(lanes(), norm_reward=False)
    made = model(envs)

    def act(observation: Any, info: Any) -> Any:
        return made.predict(envs.normalize_obs(observation), deterministic=True)[0]

    assert made.observation_space == LAYOUT.space()
    policy = build_policy(act, LAYOUT)
    policy.reset(2)
    assert policy.act(np.zeros((2, len(LAYOUT.features)), np.float32), {}).shape == (2, 1)


def test_a_model_of_other_actions_is_refused_before_anything_is_played() -> None:
    with pytest.raises(PolicyError, match=r"model answers in Box.*\(1, 4\).* takes Box.*\(1,\)"):
        played(model(lanes(action="orders")))
    halved = Spaces(LAYOUT.space(), gym.spaces.Box(-0.5, 0.5, (1,), np.float32))
    with pytest.raises(PolicyError, match=r"answers in Box\(-0.5, 0.5.*takes Box\(-1.0, 1.0"):
        played(halved)


@pytest.mark.parametrize(
    ("space", "named"),
    [
        (gym.spaces.Box(-1, 1, (3,)), r"shape \(3,\), the environment has"),
        (gym.spaces.Dict({}), "shape None"),
        (gym.spaces.MultiBinary(len(LAYOUT.features)), "MultiBinary of int8.*Box of float32"),
        (
            gym.spaces.Box(LAYOUT.space().low, LAYOUT.space().high, dtype=np.float64),
            "Box of float64, the environment has a Box of float32",
        ),
        (gym.spaces.Box(-np.inf, np.inf, LAYOUT.space().shape), r"observation 0 is in \[-inf, inf"),
    ],
)
def test_other_observations_are_refused_in_a_line_that_names_both(space: Any, named: str) -> None:
    with pytest.raises(PolicyError, match=named):
        build_policy(Spaces(space), LAYOUT)


def test_what_says_nothing_of_its_spaces_is_played() -> None:
    assert len(played(Spaces(None))) > 0
    assert len(played(Spaces(LAYOUT.space()))) > 0
