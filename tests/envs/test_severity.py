"""Severity 0 is no scenario, bit for bit; a scenario never moves the base market's noise."""

import numpy as np
import pytest

from tests.configurations import SMALL_POOL
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.envs.vector import PortfolioVectorEnv
from trading_env.scenario import preset_names

STATE = ("assets", "slots", "accounts", "logs")


def rollout(scenario: object, severity: float) -> list[bytes]:
    envs = PortfolioVectorEnv(
        8,
        market={**SMALL_POOL, "assets": 3},
        episode_length=60,
        scenario=scenario,
        severity=severity,
        account={"account_share": 0.5},
    )
    envs.reset(seed=21)
    rng = np.random.default_rng(5)
    trail = []
    for _ in range(70):
        observations, rewards, *_ = envs.step(rng.uniform(-1, 1, envs._shape))
        state = envs.get_state()
        trail += [observations.tobytes(), rewards.tobytes()]
        trail += [state[name].tobytes() for name in STATE]
    return trail


CALM = rollout(None, 1.0)


@pytest.mark.parametrize("scenario", preset_names())
def test_severity_zero_is_no_scenario_bit_for_bit(scenario: str) -> None:
    assert rollout(scenario, 0.0) == CALM


@pytest.mark.parametrize("scenario", [n for n in preset_names() if n != "calm"])
def test_severity_one_is_not(scenario: str) -> None:
    assert rollout(scenario, 1.0) != CALM


@pytest.mark.parametrize("scenario", preset_names())
def test_the_base_path_is_the_same_under_any_scenario(scenario: str) -> None:
    calm = PortfolioEnv(market=SMALL_POOL, episode_length=40)
    stressed = PortfolioEnv(market=SMALL_POOL, episode_length=40, scenario=scenario, severity=3.0)
    for env in (calm, stressed):
        env.reset(seed=4)
    assert calm.get_state()["accounts"]["row"] == stressed.get_state()["accounts"]["row"]


@pytest.mark.parametrize("scenario", preset_names())
def test_severity_ten_stays_finite_and_in_bounds(scenario: str) -> None:
    envs = PortfolioVectorEnv(
        16,
        market={**SMALL_POOL, "assets": 2},
        episode_length=100,
        scenario=scenario,
        severity=10.0,
        detail="full",
    )
    envs.reset(seed=1)
    rng = np.random.default_rng(2)
    for _ in range(100):
        observations, rewards, *_ = envs.step(rng.uniform(-1, 1, envs._shape))
        assert envs.observation_space.contains(observations)
        assert np.isfinite(rewards).all()
        reports = envs.batch.outputs.reports
        assert (reports["low"] <= reports["open"]).all()
        assert (reports["low"] <= reports["close"]).all()
        assert (reports["high"] >= reports["open"]).all()
        assert (reports["high"] >= reports["close"]).all()
        assert (reports["low"] > 0).all()
