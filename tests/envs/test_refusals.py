"""What an environment does not take, or cannot tell, it says in one line of its own."""

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from trading_env.backtesting import journal, order_ledger
from trading_env.core.errors import ConfigError
from trading_env.envs.execution import ExecutionEnv
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.envs.vector import ExecutionVectorEnv, PortfolioVectorEnv
from trading_env.step.config import RewardConfig

MARKET = {"generator": "multiscale", "assets": 2, "paths": 1, "bars": 300}
COMMON: dict[str, Any] = {"market": MARKET, "episode_length": 20, "detail": "full"}
ACTIONS = np.zeros(2)


@pytest.mark.parametrize("name", ["Portfolio", "Execution", "AdaptiveExecution"])
@pytest.mark.parametrize(
    "given", [{"copy": False}, {"num_envs": 2}, {"autoreset_mode": "SameStep"}]
)
def test_an_argument_of_the_vector_environment_is_called_that(
    name: str, given: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError, match="of the vector environment only") as refused:
        gym.make(f"trading_env/{name}-v0", **given)
    assert "unknown" not in str(refused.value)


@pytest.mark.parametrize(
    "make", [PortfolioEnv, ExecutionEnv, PortfolioVectorEnv, ExecutionVectorEnv]
)
def test_the_task_is_no_argument(make: Callable[..., Any]) -> None:
    with pytest.raises(ConfigError, match="unknown argument 'task'"):
        make(task=1)


@pytest.mark.parametrize("read", [journal, order_ledger])
def test_a_journal_of_an_episode_that_was_not_noted_says_so(read: Any) -> None:
    env = PortfolioEnv(**COMMON)
    env.reset(seed=0)
    env.step(ACTIONS)
    with pytest.raises(RuntimeError, match=r"trace of the episode is empty: .*render_mode"):
        read(env.trace, episode=0)


@pytest.mark.parametrize("mode", ["human", "rgb_array", "ansi"])
def test_a_picture_before_the_first_reset_says_so(mode: str) -> None:
    with pytest.raises(RuntimeError, match=r"empty: .* from reset\(\) on"):
        PortfolioEnv(render_mode=mode, **COMMON).render()


@pytest.mark.parametrize(
    "name", ["reports", "stresses", "slots", "equity", "time", "place", "step"]
)
def test_an_empty_trace_has_no_answer_but_its_length(name: str) -> None:
    trace = PortfolioEnv(**COMMON).trace
    assert len(trace) == 0
    with pytest.raises(RuntimeError, match="empty"):
        getattr(trace, name)


def nothing_there(growth: Any, liquidation: Any) -> Any:
    return growth + liquidation


ALONE = {"shortfall": 0.0, "risk": 0.0, "turnover": 0.0}


@pytest.mark.parametrize(
    "reward",
    [
        "growth",
        nothing_there,
        lambda growth: 100.0 * growth,
        {**ALONE, "growth": 1.0, "liquidation": 0.0},
        RewardConfig(**{**ALONE, "growth": 0.0, "liquidation": 2.0}),
    ],
)
@pytest.mark.parametrize("make", [ExecutionEnv, ExecutionVectorEnv])
def test_a_reward_that_is_always_0_for_parent_orders_is_refused(make: Any, reward: Any) -> None:
    with pytest.raises(ConfigError, match="always 0 for parent orders: known: risk, shortfall, t"):
        make(reward=reward)


def test_a_reward_with_one_term_of_the_task_is_taken() -> None:
    for reward in ("mean_variance", lambda growth, turnover: growth + turnover):
        assert ExecutionEnv(reward=reward).setup.resolved["reward"]
    assert PortfolioEnv(reward=nothing_there, **COMMON).setup.own_reward is not None
