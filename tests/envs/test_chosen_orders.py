"""Orders that the agent chooses: what each type waits for, what takes one back, and what caps hold.

Latency is 0 unless said, so that an order sent at a close meets the next bar from its open.
"""

import math
from typing import Any

import numpy as np
import pytest

from tests.configurations import SMALL_POOL
from tests.lanes import Watched, still_market
from trading_env.core.codes import BoundBy, Exit, SlotState, Status
from trading_env.core.records import SLOTS
from trading_env.envs.execution import ExecutionEnv
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.risk_manager.instructions import OFFSET_REACH

MARKET, LIMIT, STOP, CANCEL = (-0.9, -0.4, 0.1, 0.9)  # of "orders", by quarters
ONE = {**SMALL_POOL, "assets": 1}
PLAIN: dict[str, Any] = {
    "market": ONE,
    "risk": {"preset": "linear", "stops": False, "no_trade_band": 0.0, "max_weight": 0.5},
    "execution": {"latency": "zero"},
    "account": {"account_share": 1e-3},
    "episode_length": 40,
}
LANES, STEPS = 256, 40


def order(signal: float, kind: float = MARKET, offset: float = 0.0, lasts: float = 1.0) -> Any:
    return np.array([[signal, kind, offset, lasts]])


def an_env(**others: Any) -> PortfolioEnv:
    env = PortfolioEnv(**{**PLAIN, "action": "orders", "detail": "full", **others})
    env.reset(seed=3)
    return env


def working(env: Any) -> Any:
    slots = env._batch.lanes.slots[0]
    return slots[slots["state"] == SlotState.WORKING]


def random_lanes(kind: float | None = None, seldom: float = 1.0, **others: Any) -> Any:
    """Lanes under random orders: actions, the state before each step, and the batch after it."""
    envs = Watched(LANES, **{**PLAIN, **others})
    envs.reset(seed=1)
    rng = np.random.default_rng(2)
    for _ in range(STEPS):
        lanes = envs.batch.lanes
        before = lanes.assets.copy(), lanes.slots.copy(), lanes.accounts["seen_equity"].copy()
        actions = rng.uniform(-1.0, 1.0, envs.action_space.shape)
        actions[..., 0] *= rng.random(actions.shape[:-1]) < seldom
        if kind is not None:
            actions[..., 1] = kind
        _, _, terminated, truncated, _ = envs.step(actions)
        yield actions, before, envs.batch
        envs.renew(terminated | truncated)


def test_market_orders_for_targets_are_the_targets_own_to_the_bit() -> None:
    """A target worked by market orders that last is what `action = "target"` does by itself."""
    plain, typed = (
        PortfolioEnv(
            market={**SMALL_POOL, "assets": 3},
            action=action,
            scenario="covid_2020",
            episode_length=60,
        )
        for action in ("target", "target+type")
    )
    assert np.array_equal(plain.reset(seed=5)[0], typed.reset(seed=5)[0])
    rng = np.random.default_rng(5)
    for _ in range(60):
        signals = rng.uniform(-1.0, 1.0, 3)
        worked = np.column_stack([signals, np.full(3, -1.0), rng.uniform(-1, 1, 3), np.ones(3)])
        one, other = plain.step(signals), typed.step(worked)
        assert np.array_equal(one[0], other[0])
        assert one[1:3] == other[1:3]


@pytest.mark.parametrize("task", [PortfolioEnv, ExecutionEnv])
@pytest.mark.parametrize("action", ["target+type", "orders"])
def test_a_dict_says_what_an_array_says(task: Any, action: str) -> None:
    named = task(market=SMALL_POOL, action=action, action_form="dict", episode_length=30)
    array = task(market=SMALL_POOL, action=action, episode_length=30)
    assert np.array_equal(named.reset(seed=2)[0], array.reset(seed=2)[0])
    named.action_space.seed(2)
    types = named.action_space["type"].nvec[0]
    for _ in range(30):
        given = named.action_space.sample()
        columns = [
            given["signal"],
            (given["type"] + 0.5) / types * 2.0 - 1.0,
            given["offset"],
            given["time_in_force"] - 0.5,
        ]
        one, other = named.step(given), array.step(np.stack(columns, axis=1))
        assert np.array_equal(one[0], other[0])
        assert one[1] == other[1]
        if one[2] or one[3]:
            break


def test_without_a_signal_nothing_is_sent() -> None:
    env = an_env()
    env.step(order(1.0, LIMIT, 1.0))
    held = env._batch.lanes.assets["position"][0, 0]
    for kind in (MARKET, LIMIT, STOP):
        *_, info = env.step(order(0.0, kind, -1.0))
        assert info["execution"]["sent"][0] == 0.0
        assert info["risk"]["bound_by"][0] == "none"
    assert held == 0.0
    assert len(working(env)) <= 1


def test_an_order_comes_on_top_of_what_is_held_until_the_cap() -> None:
    """Half of a weight of 0.5 at each order: two fill it, and a third is cut to what is left."""
    env = an_env()
    sizes = []
    for _ in range(4):
        env.step(order(0.5))
        report = env._batch.outputs.reports[0, 0]
        sizes.append((report["sent"] * report["decision_price"], report["bound_by"]))
    equity = env._batch.lanes.accounts["initial_equity"][0]
    shares = [value / equity for value, _ in sizes]
    assert shares[:2] == pytest.approx([0.25, 0.25], rel=0.02)
    assert [name for _, name in sizes[2:]] == [BoundBy.MAX_WEIGHT] * 2
    assert max(shares[2:]) < 0.03


@pytest.mark.parametrize("drawdown", [1.0, 0.02])
def test_caps_shrink_an_order_and_never_turn_it_round_or_add_to_it(drawdown: float) -> None:
    """Whatever is held, an order is no larger than asked and on its side; or none is sent."""
    sent = 0
    risk = {**PLAIN["risk"], "max_drawdown": drawdown, "max_leverage": 0.5}
    scenario = "covid_2020"
    for actions, before, batch in random_lanes(action="orders", risk=risk, scenario=scenario):
        asked = np.where(actions[..., 1] >= 0.5, 0.0, actions[..., 0])
        reports = batch.outputs.reports
        size = np.abs(asked) * 0.5 * before[2][:, None] / before[0]["seen_close"]
        assert (reports["sent"] * asked >= 0.0).all()
        assert (np.abs(reports["sent"]) <= size * (1.0 + 1e-9) + 1e-12).all()
        sent += int((reports["sent"] != 0.0).sum())
    assert sent > 500


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_the_limit_and_the_trigger_lie_where_the_action_says(side: float) -> None:
    env = an_env(execution={"latency_ms": 1e9, "latency_log_sd": 0.0})  # still under way
    slots = env._batch.lanes.slots[0, :, 0]
    for k, (kind, offset) in enumerate(((LIMIT, 0.75), (STOP, 0.75), (LIMIT, -0.5))):
        asset = env._batch.lanes.assets[0, 0].copy()
        reach = offset * OFFSET_REACH * math.sqrt(asset["seen_variance_slow"])
        env.step(order(0.2 * side, kind, offset))
        level = asset["seen_close"] * math.exp(side * reach * (1.0 if kind == STOP else -1.0))
        names = ("trigger", "limit") if kind == STOP else ("limit", "trigger")
        assert slots[k][names[0]] == pytest.approx(level, rel=1e-12)
        assert slots[k][names[1]] == 0.0


def test_a_stop_order_waits_for_its_trigger_and_pays_no_less() -> None:
    """It trades in the first bar that reaches the trigger, from there on or from a worse open."""
    triggered = untouched = 0
    for _, (_, slots, _), batch in random_lanes(STOP, 0.3, action="orders"):
        waits = (slots["state"] == SlotState.WORKING) & (slots["trigger"] > 0.0)
        after, reports = batch.lanes.slots, batch.outputs.reports
        for lane, s, a in np.argwhere(waits):
            report, slot, was = reports[lane, a], after[lane, s, a], slots[lane, s, a]
            side = np.sign(was["left"])
            extreme = report["high"] if side > 0.0 else report["low"]
            reached = side * (extreme - was["trigger"]) >= 0.0
            if slot["identity"] != was["identity"]:
                continue
            if not reached:
                assert slot["filled"] == 0.0
                untouched += 1
            elif slot["filled"] != 0.0:
                price = slot["notional"] / abs(slot["filled"])
                assert side * (slot["arrival_price"] - was["trigger"]) >= -1e-9 * was["trigger"]
                assert side * (price - was["trigger"]) >= -1e-9 * was["trigger"]
                assert slot["trigger"] == 0.0
                triggered += 1
    assert triggered > 100
    assert untouched > 100


def test_a_limit_order_never_trades_at_a_worse_price() -> None:
    filled = 0
    for _, _, batch in random_lanes(action="target+type", execution={"latency_ms": 3e7}):
        slots = batch.lanes.slots
        done = slots[(slots["limit"] > 0.0) & (slots["filled"] != 0.0)]
        price = done["notional"] / np.abs(done["filled"])
        assert (np.sign(done["filled"]) * (price - done["limit"]) <= 1e-9 * done["limit"]).all()
        filled += len(done)
    assert filled > 200


def test_an_order_for_the_bar_lapses_with_it() -> None:
    env = an_env()
    env.step(order(0.5, LIMIT, 1.0, lasts=-1.0))
    assert len(working(env)) == 0
    assert Status.EXPIRED in env._batch.lanes.slots[0, :, 0]["outcome"]
    env.step(order(0.5, LIMIT, 1.0))
    assert len(working(env)) == 1


def test_the_last_slot_is_kept_for_taking_back() -> None:
    """Orders far away fill every slot but one; a cancel still reaches the market."""
    env = an_env(risk={**PLAIN["risk"], "participation_bars": 100.0})
    bounds = []
    for _ in range(SLOTS):
        env.step(order(0.1, LIMIT, 1.0))
        env._batch.lanes.slots[0, :, 0]["limit"] *= 0.5  # nothing comes to it
        bounds.append(env._batch.outputs.reports[0, 0]["bound_by"])
    assert bounds[-1] == BoundBy.ORDER_SLOTS
    assert len(working(env)) == SLOTS - 1
    env.step(order(0.0, CANCEL))
    assert len(working(env)) == 0
    env.step(order(0.0, CANCEL))
    assert env._batch.outputs.reports[0, 0]["status"] == Status.NONE


def test_what_works_otherwise_is_replaced() -> None:
    """A waiting order for a target is worked at market once the agent says so."""
    env = an_env(action="target+type")
    env.step(np.array([[1.0, 0.0, 1.0, 1.0]]))  # a limit, two deviations away
    env._batch.lanes.slots[0, :, 0]["limit"] *= 0.5
    assert len(working(env)) == 1
    env.step(np.array([[1.0, -1.0, 0.0, 1.0]]))  # the same target, at market
    report = env._batch.outputs.reports[0, 0]
    assert report["sent"] > 0.0
    assert report["filled"] > 0.0
    assert report["ordered"] < 0.1 * report["sent"]  # the wish had been counted
    assert all(slot["limit"] == 0.0 for slot in working(env))


def test_an_exit_takes_the_agents_orders_back() -> None:
    exits = 0
    risk = {"preset": "linear", "stops": True, "stop_width": 0.5}
    for _, _, batch in random_lanes(action="orders", risk=risk):
        left = batch.outputs.reports["exit"] != Exit.NONE
        live = np.isin(batch.lanes.slots["state"], (SlotState.WORKING, SlotState.IN_FLIGHT))
        assert not live.any(axis=1)[left].any()
        exits += int(left.sum())
    assert exits > 100


@pytest.mark.parametrize("action", ["target+type", "orders"])
def test_parent_orders_are_done_by_the_deadline(action: str) -> None:
    env = ExecutionEnv(market=ONE, action=action, episode_length=20, detail="full")
    rng = np.random.default_rng(4)
    for seed in range(20):
        env.reset(seed=seed)
        ended = False
        while not ended:
            _, _, ended, _, info = env.step(rng.uniform(-1.0, 1.0, (1, 4)))
        asset = env._batch.lanes.assets[0, 0]
        assert asset["position"] == pytest.approx(asset["goal"], abs=1e-9 * abs(asset["parent"]))
        assert info["summary"]["steps"] <= 20


def test_a_share_is_of_what_is_not_yet_ordered() -> None:
    """The even pace of 20 steps asks for a 20th, then for a 19th of what is not ordered yet."""
    quantity = 1e3
    env = ExecutionEnv(
        market=still_market(25, 86_400, 1.0),  # in which no limit is met
        seed_band=None,
        action="orders",
        parent={"quantity": quantity},
        execution={"latency": "zero"},
        episode_length=20,
        detail="full",
    )
    env.reset(seed=4)
    for k in range(3):
        env.step(order(0.0, LIMIT, 1.0))
        slots = env._batch.lanes.slots[0, :, 0]
        assert env._batch.outputs.reports[0, 0]["sent"] == pytest.approx(quantity / 20)
        assert slots["left"][: k + 1].sum() == pytest.approx(quantity * (k + 1) / 20)
