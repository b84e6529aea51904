"""Settings as large as they can be still end in numbers; beyond that they are refused."""

from typing import Any

import numpy as np
import pytest

from tests.configurations import SMALL_POOL
from trading_env.core.errors import ConfigError
from trading_env.core.settings import LARGEST, LARGEST_WHOLE, Settings
from trading_env.envs.execution import ExecutionEnv
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.execution_engine.config import ExecutionConfig
from trading_env.execution_engine.funds import AccountConfig
from trading_env.risk_manager.config import RiskConfig
from trading_env.step.config import ParentConfig, RewardConfig

GROUPS: dict[str, type[Settings]] = {
    "risk": RiskConfig,
    "execution": ExecutionConfig,
    "account": AccountConfig,
    "reward": RewardConfig,
    "parent": ParentConfig,
}
STEPS = 30


def numbers() -> list[tuple[str, str]]:
    """Return group and name of every setting that is a number of its own."""
    return [
        (group, name)
        for group, config in GROUPS.items()
        for name, field in config.model_fields.items()
        if field.annotation in (float, float | None, tuple[float, ...] | None)
    ]


def bounded_above(group: str, name: str) -> bool:
    """Whether the field allows less than LARGEST."""
    metadata = GROUPS[group].model_fields[name].metadata
    return any(hasattr(bound, "le") or hasattr(bound, "lt") for bound in metadata)


def plays(group: str, given: dict[str, Any]) -> bool:
    """Step an environment with these settings; return whether it accepts them."""
    kind: Any = ExecutionEnv if group == "parent" or "bar_volatility" in given else PortfolioEnv
    try:
        env = kind(market={**SMALL_POOL, "assets": 2}, episode_length=STEPS, **{group: given})
    except ConfigError as refused:
        assert str(refused).startswith(f"{group}: ")
        return False
    rng = np.random.default_rng(3)
    observation, _ = env.reset(seed=3)
    ended = False
    while not ended:
        assert np.isfinite(observation).all()
        action = rng.uniform(-1.0, 1.0, env.action_space.shape).astype(np.float32)
        observation, reward, terminated, truncated, _ = env.step(np.abs(action))
        assert np.isfinite(reward)
        ended = terminated or truncated
    return True


@pytest.mark.parametrize(("group", "name"), numbers())
def test_the_largest_number_plays_and_a_larger_one_is_refused(group: str, name: str) -> None:
    played = [plays(group, {name: sign * LARGEST}) for sign in (1.0, -1.0)]
    assert any(played) or bounded_above(group, name)
    with pytest.raises(ConfigError, match=name):
        GROUPS[group].of({name: 2.0 * LARGEST})


@pytest.mark.parametrize("draw", range(20))
def test_several_of_the_largest_play_together(draw: int) -> None:
    rng = np.random.default_rng([7, draw])
    group = str(rng.choice(["execution", "account", "reward"]))
    free = [name for where, name in numbers() if where == group and not bounded_above(group, name)]
    free = [name for name in free if name != "bar_volatility"]
    chosen = rng.choice(free, size=min(4, len(free)), replace=False)
    assert plays(group, {str(name): LARGEST for name in chosen})


def test_a_whole_number_that_no_record_holds_is_refused() -> None:
    assert plays("risk", {"max_holding_bars": LARGEST_WHOLE})
    with pytest.raises(ConfigError, match="max_holding_bars"):
        RiskConfig.of({"max_holding_bars": LARGEST_WHOLE + 1})
