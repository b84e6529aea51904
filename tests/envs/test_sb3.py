"""The adapter for Stable-Baselines3: the native batch, told in that library's words."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecNormalize

from trading_env.core.errors import ConfigError
from trading_env.envs.sb3 import SB3VecEnv
from trading_env.envs.vector import ExecutionVectorEnv, PortfolioVectorEnv

ARGUMENTS: dict[str, Any] = {
    "market": {"generator": "multiscale", "paths": 4, "bars": 240, "assets": 2},
    "episode_length": 12,
}
LANES = 3


def test_steps_are_those_of_the_native_batch_and_ends_are_told_apart() -> None:
    adapter = SB3VecEnv(LANES, seed=7, **ARGUMENTS)
    native = PortfolioVectorEnv(LANES, autoreset_mode="SameStep", **ARGUMENTS)
    np.testing.assert_array_equal(adapter.reset(), native.reset(seed=7)[0])
    generator, ended = np.random.default_rng(0), 0
    for _ in range(30):
        actions = generator.uniform(-1.0, 1.0, (LANES, 2)).astype(np.float32)
        seen, rewards, done, infos = adapter.step(actions)
        expected, paid, terminated, truncated, info = native.step(actions)
        np.testing.assert_array_equal(seen, expected)
        np.testing.assert_array_equal(rewards, paid.astype(np.float32))
        assert rewards.dtype == np.float32
        np.testing.assert_array_equal(done, terminated | truncated)
        for lane in range(LANES):
            if not done[lane]:
                assert infos[lane] == {}
                continue
            ended += 1
            told = infos[lane]
            np.testing.assert_array_equal(told["terminal_observation"], info["final_obs"][lane])
            assert told["TimeLimit.truncated"] is bool(truncated[lane])
            assert told["episode"]["r"] == pytest.approx(told["summary"]["reward"])
            assert told["episode"]["l"] == 12
    assert ended == 2 * LANES


def test_a_parent_order_that_is_done_is_an_end_and_not_a_cut() -> None:
    adapter = SB3VecEnv(
        4,
        seed=0,
        env_id="trading_env/Execution-v0",
        market={"generator": "multiscale", "paths": 4, "bars": 240, "assets": 1},
        episode_length=6,
    )
    native = ExecutionVectorEnv(
        4,
        autoreset_mode="SameStep",
        market={"generator": "multiscale", "paths": 4, "bars": 240, "assets": 1},
        episode_length=6,
    )
    adapter.reset(), native.reset(seed=0)
    flags = []
    for _ in range(6):
        _, _, done, infos = adapter.step(np.ones((4, 1), dtype=np.float32))
        _, _, terminated, truncated, _ = native.step(np.ones((4, 1), dtype=np.float32))
        assert not (terminated & truncated).any()
        for lane in np.flatnonzero(done):
            flags.append(infos[lane]["TimeLimit.truncated"])
            assert flags[-1] == truncated[lane] != terminated[lane]
    assert flags and not any(flags)


def test_a_seed_is_used_once_and_each_reset_begins_other_episodes() -> None:
    adapter, again = SB3VecEnv(LANES, seed=7, **ARGUMENTS), SB3VecEnv(LANES, seed=7, **ARGUMENTS)
    first, second = adapter.reset(), adapter.reset()
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(again.reset(), first)
    np.testing.assert_array_equal(again.reset(), second)
    adapter.seed(7)
    np.testing.assert_array_equal(adapter.reset(), first)
    assert not np.array_equal(adapter.reset(), first)


def test_what_it_cannot_do_is_refused_in_a_line() -> None:
    with pytest.raises(ValueError, match="env_id = 'CartPole-v1'"):
        SB3VecEnv(1, env_id="CartPole-v1")
    adapter = SB3VecEnv(2, **ARGUMENTS)
    assert adapter.get_attr("num_envs") == [2, 2] and adapter.env_is_wrapped(object) == [False] * 2
    with pytest.raises(AttributeError, match="share one configuration"):
        adapter.set_attr("detail", "full")
    with pytest.raises(AttributeError, match="rows of one batch"):
        adapter.env_method("reset")


def test_orders_of_ones_own_can_be_learned() -> None:
    adapter = SB3VecEnv(LANES, seed=7, action="orders", **ARGUMENTS)
    model = PPO("MlpPolicy", adapter, n_steps=16, batch_size=16, seed=0).learn(48)
    action, _ = model.predict(adapter.reset())
    assert action.shape == (LANES, 2, 4)
    assert np.isfinite(adapter.step(action)[1]).all()


def test_every_registered_id_comes_with_its_arguments() -> None:
    ids = [name for name in gymnasium.registry if name.startswith("trading_env/")]
    assert len(ids) == 3
    for name in ids:
        built = SB3VecEnv(2, env_id=name).native.setup
        assert built.resolved == gymnasium.make(name).unwrapped.setup.resolved  # type: ignore[attr-defined]
    shorter = SB3VecEnv(2, env_id="trading_env/AdaptiveExecution-v0", episode_length=9)
    assert shorter.native.setup.resolved["episode_length"] == 9


@pytest.mark.parametrize(
    "given",
    [{"copy": False}, {"copy": True}, {"autoreset_mode": "Disabled"}],
)
def test_what_stable_baselines_needs_is_not_to_be_chosen(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(given))):
        SB3VecEnv(2, **given)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"start": 3}, "start = 3"),
        ({"nonsense": 1}, "nonsense = 1"),
        ({"reset_mask": [True, False]}, "reset_mask = "),
        ([{}, {"path": 0}], "path = 0"),
        ("start", "options = 'start'"),
        ([3], "options = 3"),
    ],
)
def test_options_of_a_reset_are_refused_and_not_dropped(options: Any, named: str) -> None:
    adapter = SB3VecEnv(2, **ARGUMENTS)
    for envs in (adapter, VecNormalize(adapter)):
        with pytest.raises(ConfigError, match=named):
            envs.set_options(options)


def test_no_options_are_none() -> None:
    adapter = SB3VecEnv(2, seed=7, **ARGUMENTS)
    first = adapter.reset()
    for nothing in (None, {}, [{}, {}]):
        adapter.set_options(nothing)
        adapter.seed(7)
        np.testing.assert_array_equal(adapter.reset(), first)


def test_lanes_are_not_drawn() -> None:
    with pytest.raises(ConfigError, match="render_mode = 'rgb_array'"):
        SB3VecEnv(2, render_mode="rgb_array", **ARGUMENTS)


def test_a_seed_that_was_given_is_not_the_learners() -> None:
    """Stable-Baselines3 seeds what it learns in; a seed of one's own comes first, once."""
    own, learner = SB3VecEnv(LANES, seed=7, **ARGUMENTS), SB3VecEnv(LANES, **ARGUMENTS)
    own.seed(3)
    learner.seed(3)
    first, second = own.reset(), learner.reset()
    assert np.array_equal(first, own.native.reset(seed=7)[0])
    assert np.array_equal(second, learner.native.reset(seed=3)[0])
    own.seed(5)
    assert np.array_equal(own.reset(), own.native.reset(seed=5)[0])


def test_full_detail_is_not_made_where_nothing_shows_it() -> None:
    assert SB3VecEnv(1, detail="full", **ARGUMENTS).native.detail == "episode"
    assert SB3VecEnv(1, detail="none", **ARGUMENTS).native.detail == "none"
