"""Nothing is earned for nothing: without costs, on a martingale, no policy has an edge.

Ten thousand episodes of 24 bars for each policy and market: without stops, and with stops and
targets nearer and wider than a bar is, on orders that arrive a third into it. Gains have mean 0
within three standard errors; lanes draw their paths from a pool as large as their number, which is
two samplings.

Nor by orders that are larger than the volume cap: what fills does not know how far the bar goes on,
though its volume answers to that.

A stop that fills at its level is no gift because the extremes of a bar are those of the path, whose
variance the table holds, and an order that arrives late meets only what is still to come. With the
variance of the bar's own prices instead, brackets around stop orders gain a fiftieth of a bar's
deviation a bar on `gbm`.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.lanes import Watched, quick_first
from trading_env.core.codes import Exit
from trading_env.envs.world import WARMUP
from trading_env.risk_manager.instructions import TYPE

EPISODES, STEPS = 10_000, 24
PATHS = {"paths": EPISODES, "bars": WARMUP + STEPS + 1, "assets": 1, "seed": 7}
MARKETS: dict[str, dict[str, Any]] = {
    "gbm": {"generator": "gbm", "volatility": 0.02, **PATHS},
    "multiscale": {"generator": "multiscale", "information_coefficient": 0.0, **PATHS},
    "factor": {"generator": "factor", "covariance": 4.0, **PATHS},
}
EACH_MARKET = quick_first(MARKETS, mark=pytest.mark.slow)
TREND = 1  # the place of trend_5 in the observation
TYPES = {"limits": -0.25, "stops": 0.25}  # of the agent's own orders, the others being random


class Stops(NamedTuple):
    """Whether positions carry them, their width in standard deviations of a bar, the latency."""

    on: bool
    width: float
    latency_ms: float


STOPS = {
    "none": Stops(False, 1.0, 3e7),
    "near": Stops(True, 0.8, 3e7),
    "wide": Stops(True, 2.0, 3e7),
}


def gains(market: str, policy: str, stops: Stops, action: str = "target") -> tuple[Any, int]:
    """Profit over initial equity of every episode, and how many stops and targets there were."""
    envs = Watched(
        EPISODES,
        market=MARKETS[market],
        execution={"preset": "zero", "latency_ms": stops.latency_ms, "participation_cap": 1.0},
        risk={
            "preset": "linear",
            "stops": stops.on,
            "horizon_bars": 1.0,
            "stop_width": stops.width,
            "risk_tolerance": 1.0,
            "max_drawdown": 1.0,
            "participation_bars": 1e9,
        },
        account={
            "account_share": 1e-3,
            "margin_rate": 0.0,
            "borrow_rate": 0.0,
            "maintenance_margin": 0.0,
        },
        episode_length=STEPS,
        seed_band=None,
        action=action,
    )
    observation, _ = envs.reset(seed=0)
    accounts, rng, exits = envs.batch.lanes.accounts, np.random.default_rng(1), 0
    for _ in range(STEPS):
        given = rng.uniform(-1.0, 1.0, envs.action_space.shape)
        if policy == "momentum":
            given = np.sign(observation[:, TREND : TREND + 1]).astype(float)
        if policy in TYPES:
            given[..., TYPE] = TYPES[policy]
        observation, *_ = envs.step(given)
        kinds = envs.batch.outputs.reports["exit"]
        exits += int(np.isin(kinds, (Exit.STOP_LOSS, Exit.TAKE_PROFIT)).sum())
    return accounts["equity"] / accounts["initial_equity"] - 1.0, exits


@pytest.mark.proof
@pytest.mark.parametrize("stops", list(STOPS))
@pytest.mark.parametrize("policy", ["random", "momentum"])
@pytest.mark.parametrize("market", EACH_MARKET)
def test_no_policy_earns_anything_on_a_martingale(market: str, policy: str, stops: str) -> None:
    gain, exits = gains(market, policy, STOPS[stops])
    assert (exits > 3000) is STOPS[stops].on
    assert gain.std() > 0.005
    assert abs(gain.mean()) < 3.0 * gain.std() * math.sqrt(2.0 / EPISODES)


@pytest.mark.proof
@pytest.mark.parametrize("policy", [*TYPES, "random"])
def test_no_type_of_order_earns_anything_on_a_martingale(policy: str) -> None:
    gain, _ = gains("gbm", policy, STOPS["none"], action="orders")
    assert gain.std() > 0.005
    assert abs(gain.mean()) < 3.0 * gain.std() * math.sqrt(2.0 / EPISODES)


BRACKETS = {  # type of the order, stop's width, target over it
    "stop orders": (1.0, 0.4, 1.0),
    "limit orders": (0.0, 0.4, 1.0),
    "market orders, narrow": (-1.0, 0.1, 0.3),
}


@pytest.mark.proof
@pytest.mark.parametrize("entry", BRACKETS)
@pytest.mark.parametrize("market", EACH_MARKET)
def test_brackets_around_a_coin_earn_nothing(market: str, entry: str) -> None:
    """A coin enters, with stop and target near it, in deviations of a bar."""
    kind, width, ratio = BRACKETS[entry]
    envs = Watched(
        EPISODES,
        market=MARKETS[market],
        execution={"preset": "zero", "latency_ms": 0.3 * 86_400_000, "latency_log_sd": 0.0},
        risk={
            "preset": "linear",
            "stops": True,
            "horizon_bars": 1.0,
            "stop_width": width,
            "stop_confidence_slope": 0.0,
            "reward_to_risk": ratio,
            "risk_tolerance": 1.0,
            "max_drawdown": 1.0,
            "no_trade_band": 0.0,
        },
        account={"account_share": 1e-4},
        episode_length=STEPS,
        seed_band=None,
        action="target+type",
    )
    envs.reset(seed=0)
    accounts, rng = envs.batch.lanes.accounts, np.random.default_rng(1)
    action = np.tile([0.0, kind, 0.12, 1.0], (EPISODES, 1, 1))
    for _ in range(STEPS):
        action[:, 0, 0] = rng.choice([-0.5, 0.5], EPISODES)
        envs.step(action)
    gain = accounts["equity"] / accounts["initial_equity"] - 1.0
    assert gain.std() > 0.001
    assert abs(gain.mean()) < 3.0 * gain.std() * math.sqrt(2.0 / EPISODES)


@pytest.mark.proof
@pytest.mark.parametrize("kind", [1.0, 0.0], ids=["stop orders", "limit orders"])
def test_what_fits_under_the_cap_knows_nothing_of_the_rest_of_the_bar(kind: float) -> None:
    """A coin enters by an order for one bar, far larger than the cap, and leaves at market.

    With a cap on the bar's own volume stop orders gain here, because bars that go on trade more.
    """
    envs = Watched(
        EPISODES,
        market={**MARKETS["multiscale"], "preset": "btc_hourly"},
        execution={"preset": "zero", "participation_cap": 0.002},
        risk={
            "preset": "linear",
            "risk_tolerance": 1.0,
            "max_drawdown": 1.0,
            "no_trade_band": 0.0,
            "participation_bars": 1e9,
        },
        account={"account_share": 3e-4, "margin_rate": 0.0, "borrow_rate": 0.0},
        episode_length=STEPS,
        seed_band=None,
        action="target+type",
    )
    envs.reset(seed=0)
    lanes, rng = envs.batch.lanes, np.random.default_rng(1)
    action = np.zeros((EPISODES, 1, 4))
    capped = 0
    for _ in range(STEPS):
        flat = lanes.assets["position"][:, 0] == 0.0
        side = rng.choice([-1.0, 1.0], EPISODES)
        action[:, 0, 0] = np.where(flat, side, 0.0)
        action[:, 0, 1:] = np.where(flat[:, None], [kind, 0.3, -1.0], [-1.0, 0.0, 1.0])
        envs.step(action)
        reports = envs.batch.outputs.reports
        filled = np.abs(reports["filled"])
        capped += int(((filled > 0.0) & (filled < 0.9 * np.abs(reports["live"]))).sum())
    assert capped > EPISODES  # partial fills
    accounts = lanes.accounts
    gain = accounts["equity"] / accounts["initial_equity"] - 1.0
    assert gain.std() > 0.001
    assert abs(gain.mean()) < 3.0 * gain.std() * math.sqrt(2.0 / EPISODES)
