"""The environments keep Gymnasium's and Stable-Baselines3's contracts, under every scenario."""

import copy
import pickle
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.env_checker import check_env as check_env_sb3

import trading_env  # noqa: F401 -- registers the ids
from tests.configurations import SMALL_POOL, random_configuration
from tests.lanes import quick_first
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.stress.scenario import preset_names

ENV_ID = "trading_env/Portfolio-v0"
SMALL: dict[str, Any] = {"market": SMALL_POOL, "episode_length": 40}


def everything_in(info: Any) -> list[Any]:
    """Flatten a nested info, or the tables of a snapshot, into their leaves."""
    if isinstance(info, dict):
        return [leaf for value in info.values() for leaf in everything_in(value)]
    if isinstance(info, np.ndarray) and info.dtype.names:
        return [leaf for name in info.dtype.names for leaf in everything_in(info[name])]
    return [info]


@pytest.mark.parametrize("scenario", quick_first(preset_names()))
def test_gymnasium_checker_passes_with_warnings_as_errors(scenario: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gym.make(ENV_ID, scenario=scenario, render_mode="rgb_array", **SMALL)
        # Pictures do not depend on the scenario's kind, and take most of the checker's time.
        check_env(env.unwrapped, skip_render_check=scenario != "flash_crash_2010")


@pytest.mark.parametrize("scenario", quick_first(preset_names()))
def test_sb3_checker_passes_with_warnings_as_errors(scenario: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env_sb3(gym.make(ENV_ID, scenario=scenario, **SMALL))


@pytest.mark.parametrize("detail", ["none", "episode", "full"])
def test_two_instances_with_one_seed_agree_exactly(detail: str) -> None:
    kwargs = random_configuration(np.random.default_rng(1))
    one = gym.make(ENV_ID, detail=detail, **kwargs)
    two = gym.make(ENV_ID, detail=detail, **kwargs)
    assert data_equivalence(one.reset(seed=7), two.reset(seed=7), exact=True)
    one.action_space.seed(3)
    done = False
    while not done:
        action = one.action_space.sample()
        left, right = one.step(action), two.step(action)
        assert data_equivalence(left, right, exact=True)
        done = left[2] or left[3]


@pytest.mark.proof
def test_an_unseeded_reset_draws_a_new_path() -> None:
    many = {"generator": "gbm", "assets": 1, "paths": 512, "bars": 1000}  # half a million places
    fresh = [PortfolioEnv(market=many, episode_length=40).reset()[0] for _ in range(3)]
    assert not any(np.array_equal(fresh[0], other) for other in fresh[1:])
    env = PortfolioEnv(**SMALL)
    episodes = [env.reset(seed=5)[0], env.reset()[0], env.reset()[0]]
    assert not np.array_equal(episodes[0], episodes[1])
    assert not np.array_equal(episodes[1], episodes[2])
    again = [env.reset(seed=5)[0], env.reset()[0], env.reset()[0]]
    assert np.array_equal(episodes, again)


@pytest.mark.parametrize("seed", [0, 2**63 - 1])
def test_extreme_seeds_work_and_differ_from_none(seed: int) -> None:
    env = PortfolioEnv(**SMALL)
    assert np.array_equal(env.reset(seed=seed)[0], env.reset(seed=seed)[0])


def test_info_at_full_detail_has_the_same_finite_keys_at_each_step() -> None:
    env = PortfolioEnv(detail="full", scenario="bad_data", **SMALL)
    _, first = env.reset(seed=2)

    def keys(info: dict[str, Any]) -> list[Any]:
        return [(k, keys(v) if isinstance(v, dict) else None) for k, v in info.items()]

    done = False
    while not done:
        _, _, terminated, truncated, info = env.step(env.action_space.sample())
        done = terminated or truncated
        assert keys(info) == keys(first)
        for leaf in everything_in(info):
            values = np.asarray(leaf)
            if values.dtype.kind == "f":
                assert np.isfinite(values).all()


def test_no_seed_in_info() -> None:
    secret = 987654321987
    env = PortfolioEnv(detail="full", **SMALL)
    _, info = env.reset(seed=secret)
    _, _, _, _, info = env.step(env.action_space.sample())
    for leaf in everything_in(info):
        assert not np.any(np.asarray(leaf) == secret)


@pytest.mark.parametrize("clone", ["pickle", "deepcopy", "state"])
def test_a_copy_taken_mid_episode_goes_on_identically(clone: str) -> None:
    kwargs = {**random_configuration(np.random.default_rng(4)), "episode_length": 38}
    env = PortfolioEnv(detail="full", **kwargs)
    env.reset(seed=11)
    for _ in range(15):
        env.step(env.action_space.sample())
    if clone == "pickle":
        twin = pickle.loads(pickle.dumps(env))
    elif clone == "deepcopy":
        twin = copy.deepcopy(env)
    else:
        twin = PortfolioEnv(detail="full", **kwargs)
        twin.reset(seed=11)
        twin.set_state(pickle.loads(pickle.dumps(env.get_state())))
    for _ in range(23):
        action = env.action_space.sample()
        assert data_equivalence(env.step(action), twin.step(action), exact=True)
    assert data_equivalence(env.reset()[0], twin.reset()[0], exact=True)


def test_returned_arrays_are_the_callers_own() -> None:
    env = PortfolioEnv(detail="full", **SMALL)
    observation, info = env.reset(seed=1)
    kept = observation.copy()
    env.step(env.action_space.sample())
    assert np.array_equal(observation, kept)
    info["position"][:] = 1e9
    assert np.all(env.get_state()["assets"]["position"] != 1e9)


def test_the_vector_entry_point_declares_its_autoreset_mode() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for mode in AutoresetMode:
            envs = gym.make_vec(
                ENV_ID, 3, vectorization_mode="vector_entry_point", autoreset_mode=mode, **SMALL
            )
            assert envs.metadata["autoreset_mode"] is mode
            observations, _ = envs.reset(seed=1)
            assert envs.observation_space.contains(observations)


def test_stepping_before_a_reset_or_after_the_end_is_refused() -> None:
    env = PortfolioEnv(market=SMALL_POOL, episode_length=1)
    with pytest.raises(RuntimeError, match="reset"):
        env.step(env.action_space.sample())
    env.reset(seed=0)
    env.step(env.action_space.sample())
    with pytest.raises(RuntimeError, match="reset"):
        env.step(env.action_space.sample())


def test_prices_times_ten_change_no_observation() -> None:
    market = PortfolioEnv(**SMALL).setup.market
    import dataclasses

    scaled = dataclasses.replace(
        market, **{name: getattr(market, name) * 10.0 for name in ("open", "high", "low", "close")}
    )
    one = PortfolioEnv(market=market, episode_length=12, account={"account_share": 0.1})
    ten = PortfolioEnv(market=scaled, episode_length=12, account={"account_share": 0.1})
    np.testing.assert_allclose(one.reset(seed=3)[0], ten.reset(seed=3)[0], rtol=1e-5, atol=1e-6)
    for _ in range(12):
        action = one.action_space.sample()
        left, right = one.step(action), ten.step(action)
        np.testing.assert_allclose(left[0], right[0], rtol=1e-5, atol=1e-6)
        assert left[1] == pytest.approx(right[1], rel=1e-9, abs=1e-9)


def test_a_snapshot_taken_under_stress_can_be_played_again() -> None:
    """A snapshot holds the scenario's effects too: going back and on gives the same rewards."""
    env = PortfolioEnv(scenario="flash_crash_2010", severity=3.0, **SMALL)
    env.reset(seed=3)
    state = env.get_state()
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1, 1, (30, 5))
    first = [env.step(action)[1] for action in actions]
    env.set_state(state)
    assert [env.step(action)[1] for action in actions] == first
    fresh = PortfolioEnv(scenario="flash_crash_2010", severity=3.0, **SMALL)
    fresh.reset(seed=3)
    fresh.step(actions[0])
    fresh.set_state(state)
    assert [fresh.step(action)[1] for action in actions] == first
