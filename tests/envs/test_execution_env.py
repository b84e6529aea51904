"""Execution-v0: parent orders end where they should, at the price the account paid."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.vector import AutoresetMode
from hypothesis import given
from hypothesis import strategies as st
from stable_baselines3.common.env_checker import check_env as sb3_check_env

from tests.configurations import random_configuration
from tests.lanes import lane_of_info
from trading_env.envs.execution import ExecutionEnv
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.envs.vector import ExecutionVectorEnv
from trading_env.policies.schedules import pace_of
from trading_env.step.pace import share_of

POOL = {"generator": "multiscale", "paths": 4, "bars": 200, "assets": 2}
STILL = {"cash_rate": 0.0, "margin_rate": 0.0, "borrow_rate": 0.0}


def random_execution(rng: np.random.Generator) -> dict[str, Any]:
    """Arguments of a random Execution-v0: impact, latency, caps and scenarios of every kind."""
    kwargs = random_configuration(rng)
    del kwargs["risk"], kwargs["reward"]
    return kwargs | {
        "account": STILL,
        "parent": {"side": str(rng.choice(["buy", "sell", "random"])), "size": (0.001, 0.4)},
        "episode_length": int(rng.integers(1, 25)),
    }


@pytest.mark.filterwarnings("error")
def test_both_checkers_pass() -> None:
    made = gym.make("trading_env/Execution-v0", market=POOL)
    check_env(made.unwrapped, skip_render_check=True)
    sb3_check_env(made.unwrapped)


@given(st.floats(0.0, 1.0), st.integers(1, 1000))
def test_every_share_of_what_is_left_can_be_asked_for(share: float, steps_left: int) -> None:
    steps = np.array([float(steps_left)])
    pace = pace_of(np.array([share]), steps)
    assert -1.0 <= pace[0] <= 1.0 + 1e-12
    if steps_left > 1:
        assert share_of(float(pace[0]), 1.0 / steps_left) == pytest.approx(share, abs=1e-12)


@pytest.mark.parametrize("draw", range(30))
def test_a_parent_order_ends_at_its_goal_and_its_shortfall_is_what_the_account_lost(
    draw: int,
) -> None:
    """Perold's shortfall from the ledger equals the cash spent beyond the arrival value."""
    rng = np.random.default_rng([7, draw])
    env = ExecutionEnv(detail="full", **random_execution(rng))
    _, info = env.reset(seed=draw)
    batch = env.unwrapped._batch
    parent = batch.lanes.assets["parent"][0].copy()
    arrival, cash = info["mark"].copy(), info["cash"]
    ended = False
    while not ended:
        action = rng.uniform(-1.2, 1.2, len(parent))
        _, _, ended, truncated, info = env.step(action)
        assert not truncated
    if info["equity"] <= 0.0:  # impact without limits can ruin who trades in a drought
        return
    goal = np.maximum(parent, 0.0)
    assert np.abs(info["position"] - goal).max() <= 1e-12 * np.abs(parent).max()
    lost = (cash - info["cash"]) - float(parent @ arrival)
    scale = float(np.abs(parent) @ arrival)
    assert info["summary"]["parent_shortfall"] == pytest.approx(lost, abs=1e-9 * scale)


def test_the_parts_of_every_step_add_up_with_a_forced_completion() -> None:
    env = ExecutionEnv(
        market=POOL, execution={"participation_cap": 0.01}, detail="full", account=STILL
    )
    env.reset(seed=1)
    ended = False
    while not ended:
        _, _, ended, _, info = env.step(np.full(2, -1.0))
        part = info["execution"]
        parts = sum(part[k] for k in ("delay", "spread", "impact", "fees", "opportunity"))
        assert parts == pytest.approx(part["shortfall"], rel=1e-9, abs=1e-9)
    assert (np.abs(part["filled"]) > 0.0).all()
    assert (part["impact"] > 0.0).all()
    assert list(part["status"]) == ["filled", "filled"]


def test_every_order_keeps_a_ledger_that_sums_to_its_shortfall() -> None:
    """Perold's: fills against the decision price, and the rest at the mark it ended at.

    Volume is constant and the pace is full, so what is asked for never shrinks and no order is
    replaced by a smaller one.
    """
    env = ExecutionEnv(
        market={"generator": "factor", "paths": 4, "bars": 200, "volume": 1e4, "assets": 3},
        parent={"quantity": [4e3, -3e3, 5e3]},
        execution={"participation_cap": 0.01, "latency_ms": 1e8, "latency_log_sd": 1.0},
        episode_length=60,
        detail="full",
    )
    _, info = env.reset(seed=0)
    seen = {"filled": 0, "working": 0, "in_flight": 0}
    ended = False
    while not ended:
        _, _, ended, _, info = env.step(np.ones(3))
        orders = info["orders"]
        for name in seen:
            seen[name] += int((orders["status"] == name).sum())
        parts = sum(orders[k] for k in ("delay", "spread", "impact", "fees", "opportunity"))
        missed = orders["quantity"] - orders["filled"]
        decided = orders["decision_price"]
        bought = np.sign(orders["filled"]) * orders["notional"]
        paid = bought - orders["filled"] * decided + orders["fees"]
        shortfall = paid + missed * (info["mark"][:, None] - decided)
        live = orders["status"] != "empty"
        scale = np.abs(orders["quantity"] * decided)[live]
        assert (np.abs(parts - shortfall)[live] <= 1e-9 * scale).all()
        part = info["execution"]
        parts = part["impact_permanent"] + part["impact_transient"]
        assert (part["impact"] >= parts - 1e-9 * np.abs(parts)).all()  # temporary impact is >= 0
    assert min(seen.values()) > 10


def test_a_full_pace_ends_the_episode_early_and_a_waiting_one_at_the_deadline() -> None:
    env = ExecutionEnv(market=POOL, execution="zero", parent={"size": (0.001, 0.002)})
    env.reset(seed=0)
    assert env.step(np.ones(2))[2]
    env.reset(seed=0)
    ends = [env.step(-np.ones(2))[2] for _ in range(20)]
    assert ends == [False] * 19 + [True]


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("draw", [0, 1, 2])
def test_vector_is_singles_bit_for_bit(mode: AutoresetMode, draw: int) -> None:
    rng = np.random.default_rng([9, draw])
    kwargs = random_execution(rng)
    n = 5
    vector = ExecutionVectorEnv(n, autoreset_mode=mode, detail="full", **kwargs)
    singles = [ExecutionEnv(detail="full", **kwargs) for _ in range(n)]
    observations, infos = vector.reset(seed=40)
    for k, env in enumerate(singles):
        observation, info = env.reset(seed=40 + k)
        assert np.array_equal(observations[k], observation)
        assert data_equivalence(lane_of_info(infos, k), info)
    actions = rng.uniform(-1.0, 1.0, (n, vector.single_action_space.shape[0]))
    observations, rewards, terminated, _, infos = vector.step(actions)
    for k, env in enumerate(singles):
        observation, reward, ended, _, info = env.step(actions[k])
        assert (rewards[k], terminated[k]) == (reward, ended)
        if not (ended and mode is AutoresetMode.SAME_STEP):
            assert np.array_equal(observations[k], observation)
            assert data_equivalence(lane_of_info(infos, k), info)


def test_a_seller_starts_with_the_units_and_a_buyer_with_none() -> None:
    for side, sign in (("buy", 0.0), ("sell", 1.0)):
        env = ExecutionEnv(market=POOL, parent={"side": side}, detail="full")
        _, info = env.reset(seed=3)
        assert (np.sign(info["position"]) == sign).all()
        assert info["cash"] > 0.0


def test_an_asset_without_a_parent_order_is_left_alone() -> None:
    """Given quantities are taken as they are: 0 is not a size to be drawn, nor one lot."""
    env = ExecutionEnv(
        market=POOL, parent={"quantity": [500.0, 0.0]}, execution={"lot": 100.0}, detail="full"
    )
    observation, info = env.reset(seed=3)
    ended = False
    while not ended:
        assert env.observation_space.contains(observation)
        observation, _, ended, _, info = env.step(np.zeros(2))
        assert info["execution"]["filled"][1] == 0.0
    assert list(info["position"]) == [500.0, 0.0]


@pytest.mark.parametrize("mode", ["rgb_array", "ansi"])
def test_it_renders(mode: str) -> None:
    env = ExecutionEnv(market=POOL, render_mode=mode)
    env.reset(seed=0)
    env.step(np.zeros(2))
    drawn = env.render()
    assert np.ptp(drawn) > 0 if mode == "rgb_array" else len(drawn.splitlines()) == 1


def test_sizes_and_sides_are_drawn_by_the_seed_and_cover_their_range() -> None:
    envs = ExecutionVectorEnv(400, market=POOL, parent={"size": (0.01, 0.03)})
    envs.reset(seed=0)
    assets = envs.batch.lanes.assets
    share = np.abs(assets["parent"]) / (assets["volume_mean"] * 20)
    assert 0.01 <= share.min() < 0.0105
    assert 0.0295 < share.max() <= 0.03
    # 800 fair signs: four standard errors of their mean
    assert abs(np.sign(assets["parent"]).mean()) < 4.0 / 800**0.5


@pytest.mark.parametrize(
    ("parent", "word"),
    [
        ({"quantity": 0.0}, "quantity"),
        ({"quantity": [1.0, 2.0, 3.0]}, "quantity"),
        ({"size": (0.0, 0.1)}, "size"),
        ({"size": (0.2, 0.1)}, "size"),
        ({"side": "long"}, "side"),
        ({"quantity": float("nan")}, "quantity"),
    ],
)
def test_impossible_parents_are_refused_in_one_line(parent: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word) as error:
        ExecutionEnv(market=POOL, parent=parent)
    assert "\n" not in str(error.value)


def test_portfolio_has_no_parents() -> None:
    with pytest.raises(ValueError, match="parent"):
        gym.make_vec(
            "trading_env/Portfolio-v0",
            2,
            vectorization_mode="vector_entry_point",
            parent={"side": "buy"},
        )
    env = PortfolioEnv(market=POOL, detail="full", episode_length=20)
    env.reset(seed=0)
    summary = env.step(np.zeros(2))[4]["summary"]
    assert not {name for name in summary if name.startswith("parent")}


@pytest.mark.parametrize("quantity", [1e-300, -1e-200])
def test_a_parent_order_of_next_to_nothing_has_rewards_that_are_numbers(quantity: float) -> None:
    env = ExecutionEnv(
        market={"generator": "gbm", "assets": 1, "paths": 2, "bars": 90},
        parent={"quantity": quantity},
        reward={"risk": 1.0},
        episode_length=3,
    )
    env.reset(seed=0)
    rewards, ended = [], False
    while not ended:
        _, reward, terminated, truncated, _ = env.step(env.action_space.sample() * 0.0)
        rewards.append(reward)
        ended = terminated or truncated
    assert np.isfinite(rewards).all()
