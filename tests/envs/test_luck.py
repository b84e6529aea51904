"""Shortfall of a parent order less luck: what trading cost, whatever the market did meanwhile."""

from typing import Any

import numpy as np
import pytest

from tests.configurations import random_configuration
from trading_env.envs.execution import ExecutionEnv
from trading_env.envs.vector import ExecutionVectorEnv

STILL = {"cash_rate": 0.0, "margin_rate": 0.0, "borrow_rate": 0.0}
COSTS = (
    "half_spread_bps",
    "temporary_impact",
    "permanent_impact",
    "fee_bps",
    "fee_per_unit",
    "tick",
)
FREE = dict.fromkeys(COSTS, 0.0) | dict.fromkeys(("fee_minimum", "maker_fee_bps"), None)
FREE["transient_weights"] = (0.0, 0.0, 0.0)
ROUNDING = 1e-11  # of the arrival value: a hundred sums, of amounts up to a thousand times as large


def drawn(draw: int, **execution: Any) -> tuple[ExecutionEnv, np.random.Generator]:
    """A random Execution-v0: latency, caps, limits and scenarios of every kind."""
    rng = np.random.default_rng([19, draw])
    kwargs = random_configuration(rng)
    del kwargs["risk"], kwargs["reward"]
    kwargs["execution"] |= execution
    parent = {"side": str(rng.choice(["buy", "sell", "random"])), "size": (0.001, 0.4)}
    length = int(rng.integers(2, 25))  # one step, filled at its open, leaves no luck
    env = ExecutionEnv(
        **kwargs | {"account": STILL, "parent": parent, "episode_length": length}, detail="full"
    )
    env.reset(seed=draw)
    return env, rng


def played(env: ExecutionEnv, rng: np.random.Generator) -> dict[str, Any]:
    """Trade at random to the end; return the summary, with the ledger's parts summed up."""
    ledger, ended = 0.0, False
    assets = env.action_space.shape[0]
    while not ended:
        _, _, ended, _, info = env.step(rng.uniform(-1.2, 1.2, assets))
        ledger += sum(float(info["execution"][k].sum()) for k in ("spread", "impact", "fees"))
    arrival = float(env.unwrapped._batch.lanes.accounts["arrival_value"][0])
    return {**info["summary"], "ledger_bps": 1e4 * ledger / arrival}


@pytest.mark.parametrize("draw", range(30))
def test_where_trading_is_free_only_luck_is_lost(draw: int) -> None:
    """Whatever path the price takes, in crises, halts and behind latency."""
    summary = played(*drawn(draw, **FREE))
    scale = 1e4 * ROUNDING
    assert summary["parent_cost_bps"] == pytest.approx(0.0, abs=scale)
    assert abs(summary["parent_shortfall_bps"]) > 100.0 * scale


@pytest.mark.parametrize("draw", range(30))
def test_without_lasting_impact_the_cost_is_spread_impact_and_fees(draw: int) -> None:
    """Of the ledger, with what the deadline completes."""
    summary = played(*drawn(draw, permanent_impact=0.0))
    largest = abs(summary["parent_shortfall_bps"]) + abs(summary["ledger_bps"]) + 1e4
    assert summary["parent_cost_bps"] == pytest.approx(
        summary["ledger_bps"], abs=ROUNDING * largest
    )


@pytest.mark.parametrize("draw", range(30))
def test_what_own_impact_moves_what_is_left_by_is_a_cost_and_no_luck(draw: int) -> None:
    """In every step but the last, whose completion leaves nothing."""
    env, rng = drawn(draw, permanent_impact=1.0)
    batch = env.unwrapped._batch
    lanes, reports = batch.lanes, batch.outputs.reports[0]
    arrival = float(lanes.accounts["arrival_value"][0])
    while True:
        before, log = lanes.assets[0].copy(), lanes.logs[0].copy()
        if env.step(rng.uniform(-1.2, 1.2, len(before)))[2]:
            return
        after, now = lanes.assets[0], lanes.logs[0]
        own = (after["mark"] - after["undisturbed"]) - (before["mark"] - before["undisturbed"])
        carried = float(((after["goal"] - after["position"]) * own).sum())
        paid = sum(float(reports[name].sum()) for name in ("spread", "impact", "fees"))
        lost = now["parent_shortfall"] - log["parent_shortfall"]
        luck = now["parent_luck"] - log["parent_luck"]
        largest = arrival + abs(now["parent_shortfall"]) + abs(now["parent_luck"])
        assert lost - luck == pytest.approx(paid + carried, abs=ROUNDING * largest)


@pytest.mark.parametrize("pace", [-0.5, 0.0, 0.5])
def test_luck_is_nothing_on_average_and_most_of_the_noise(pace: float) -> None:
    """Of market orders in a market without drift: within four standard errors."""
    lanes = 2000
    envs = ExecutionVectorEnv(
        lanes,
        market={"generator": "gbm", "paths": 256, "bars": 200, "assets": 1},
        parent={"size": (0.01, 0.01)},
        account=STILL,
        autoreset_mode="Disabled",
        episode_length=10,
    )
    envs.reset(seed=3)
    for _ in range(10):
        envs.step(np.full((lanes, 1), pace))
    log, account = envs.batch.lanes.logs, envs.batch.lanes.accounts
    luck = log["parent_luck"] / account["arrival_value"]
    cost = log["parent_shortfall"] / account["arrival_value"] - luck
    assert abs(luck.mean()) < 4.0 * luck.std() / lanes**0.5
    assert cost.std() < luck.std() / 10.0
    assert cost.min() > 0.0
