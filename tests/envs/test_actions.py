"""Bad actions are refused by name and change nothing; finite ones saturate."""

import pickle
from typing import Any

import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence

from tests.configurations import SMALL_POOL
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.envs.vector import PortfolioVectorEnv

BAD: list[tuple[Any, str]] = [
    (np.array([0.1, np.nan, 0.0], np.float32), "'S1'|S2|asset|nan"),
    (np.array([np.inf, 0.0, 0.0]), "inf"),
    (np.array([0.0, 0.0, -np.inf]), "-inf"),
    (np.zeros(2), r"shape \(2,\)"),
    (np.zeros((3, 1)), "shape"),
    (0.5, "shape"),
    (np.array(["a", "b", "c"]), "type"),
    (np.array([True, False, True]), "type"),
    (None, "type"),
    ([0.1, [0.2], 0.3], "action"),
    (np.array([1j, 0, 0]), "type"),
]


@pytest.fixture
def env() -> PortfolioEnv:
    made = PortfolioEnv(market={**SMALL_POOL, "assets": 3}, episode_length=30, detail="full")
    made.reset(seed=1)
    for _ in range(5):
        made.step(made.action_space.sample())
    return made


@pytest.mark.parametrize(("action", "message"), BAD)
def test_a_bad_action_raises_and_changes_nothing(
    env: PortfolioEnv, action: Any, message: str
) -> None:
    before = pickle.dumps(env.get_state())
    with pytest.raises(ValueError, match=message):
        env.step(action)
    assert pickle.dumps(env.get_state()) == before


def test_the_error_names_the_asset_and_the_value(env: PortfolioEnv) -> None:
    symbol = env.layout.symbols[1]
    with pytest.raises(ValueError, match=f"'{symbol}' is nan"):
        env.step(np.array([0.0, np.nan, 0.0]))


def test_the_vector_error_names_the_environment_too() -> None:
    envs = PortfolioVectorEnv(4, market=SMALL_POOL, episode_length=30)
    envs.reset(seed=1)
    before = envs.get_state()
    actions = np.zeros((4, 5))
    actions[2, 3] = np.inf
    with pytest.raises(ValueError, match=f"'{envs.layout.symbols[3]}' in environment 2 is inf"):
        envs.step(actions)
    assert envs.get_state()["assets"].tobytes() == before["assets"].tobytes()


def test_values_beyond_the_box_saturate_at_its_edge(env: PortfolioEnv) -> None:
    twin = PortfolioEnv(market={**SMALL_POOL, "assets": 3}, episode_length=30, detail="full")
    twin.reset(seed=1)
    twin.set_state(env.get_state())
    left = env.step(np.array([7.0, -3.0, 1e300]))
    assert data_equivalence(left, twin.step(np.array([1.0, -1.0, 1.0])), exact=True)


def test_float64_actions_are_not_rounded_to_float32(env: PortfolioEnv) -> None:
    fine = np.array([0.123456789012, 0.0, 0.0])
    env.step(fine)
    assert env._batch.outputs.reports["signal"][0, 0] == fine[0]


def test_a_constant_action_at_its_target_trades_nothing() -> None:
    env = PortfolioEnv(
        market={**SMALL_POOL, "assets": 1, "paths": 1},
        episode_length=30,
        detail="full",
        risk={"mode": "linear", "stops": False, "max_weight": 0.5, "no_trade_band": 0.05},
        execution="zero",
        account={"account_share": 0.001},
    )
    env.reset(seed=2)
    env.step(np.array([0.5]))
    sent = [env.step(np.array([0.5]))[4]["execution"]["sent"][0] for _ in range(5)]
    assert sent == [0.0] * 5


def test_doing_nothing_leaves_wealth_at_cash_growth() -> None:
    env = PortfolioEnv(
        market=SMALL_POOL, episode_length=30, detail="full", account={"cash_rate": 0.05}
    )
    _, info = env.reset(seed=2)
    start = info["equity"]
    clock = env.setup.world.elapsed_s
    row = int(env.get_state()["accounts"]["row"][0])
    for _ in range(30):
        info = env.step(np.zeros(5))[4]
    years = clock[row + 1 : row + 31].sum() / (365.25 * 86400)
    assert info["equity"] == pytest.approx(start * np.exp(0.05 * years), rel=1e-12)


def test_an_action_that_cannot_be_written_to_compiles_nothing_anew(env: PortfolioEnv) -> None:
    """Such are the values of a column of pandas; machine code for them takes a minute to make."""
    action = np.full(3, 0.5)
    action.flags.writeable = False
    assert env.setup.actions.array(action).flags.writeable
    assert env.setup.actions.array(action).tolist() == [0.5, 0.5, 0.5]
