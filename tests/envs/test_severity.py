"""Severity 0 is no scenario, bit for bit; a scenario never moves the base market's noise."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tests.configurations import SMALL_POOL
from tests.lanes import quick_first
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.envs.vector import PortfolioVectorEnv
from trading_env.stress.events import KINDS as EVENT_KINDS
from trading_env.stress.events import Multiplied
from trading_env.stress.scenario import preset_names

STATE = ("assets", "slots", "accounts", "logs")
LASTING = {"start": "10%", "duration": "episode"}
KINDS: dict[str, dict[str, Any]] = {
    **{
        name: {"kind": name, "multiplier": 4.0, **LASTING}
        for name, kind in EVENT_KINDS.items()
        if issubclass(kind, Multiplied)
    },
    "gap": {"kind": "price", "shape": "gap", "move": -0.1, "start": "10%"},
    "step": {"kind": "price", "shape": "step", "move": -0.1, "start": "36 h"},
    "ramp": {"kind": "price", "shape": "ramp", "move": [-0.3, 0.1], **LASTING, "duration": "9 d"},
    "volatility": {"kind": "volatility", "multiplier": [2.0, 4.0], **LASTING},
    "liquidity": {"kind": "liquidity", "spread": 3.0, "depth": 0.4, "volume": 0.5, **LASTING},
    "correlation": {"kind": "correlation", "correlation": [0.2, 0.9], **LASTING},
    "latency": {"kind": "latency", "multiplier": 1e6, **LASTING},
    "resilience": {"kind": "resilience", "multiplier": 0.2, **LASTING},
    "halt": {"kind": "halt", "start": "10%", "duration": "20 bars"},
    "outage": {"kind": "outage", "start": "10%", "duration": "20 bars"},
    "missing": {"kind": "missing", "rate": 0.3, **LASTING},
    "stale": {"kind": "stale", "rate": 0.3, "mean_bars": 3.0, **LASTING},
    "spike": {"kind": "spike", "rate": 0.3, "size": 8.0, **LASTING},
    "duplicate": {"kind": "duplicate", "rate": 0.3, **LASTING},
    "late": {"kind": "late", "rate": 0.3, "bars": 2, **LASTING},
}
FEED = ("missing", "stale", "spike", "duplicate", "late")


def only(*names: str) -> dict[str, Any]:
    """Give a scenario of some kinds of event."""
    return {"name": "mine", "events": [KINDS[name] for name in names]}


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
        observations, rewards, *_ = envs.step(rng.uniform(-1, 1, envs.action_space.shape))
        state = envs.get_state()
        trail += [observations.tobytes(), rewards.tobytes()]
        trail += [state[name].tobytes() for name in STATE]
    return trail


@pytest.fixture(scope="module")
def calm() -> list[bytes]:
    """Play without a scenario."""
    return rollout(None, 1.0)


@pytest.mark.parametrize("scenario", quick_first(preset_names(), 3))
def test_severity_zero_is_no_scenario_bit_for_bit(scenario: str, calm: list[bytes]) -> None:
    assert rollout(scenario, 0.0) == calm


@pytest.mark.parametrize("scenario", quick_first([n for n in preset_names() if n != "calm"], 3))
def test_severity_one_is_not(scenario: str, calm: list[bytes]) -> None:
    assert rollout(scenario, 1.0) != calm


def test_every_kind_of_event_has_an_example() -> None:
    assert {example["kind"] for example in KINDS.values()} == set(EVENT_KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_event_is_nothing_at_severity_zero_and_something_at_one(
    kind: str, calm: list[bytes]
) -> None:
    assert rollout(only(kind), 0.0) == calm
    assert rollout(only(kind), 1.0) != calm


@pytest.mark.parametrize(
    "order", [("late", "volatility", "gap"), ("gap", "late", "volatility")], ids="-".join
)
def test_composition_does_not_depend_on_the_order(order: tuple[str, ...]) -> None:
    expected = rollout(only("volatility", "gap", "late"), 1.0)
    assert rollout(only(*order), 1.0) == expected
    assert rollout([only(order[0]), only(*order[1:])], 1.0) == expected


def marks(scenario: object, market: Any = SMALL_POOL) -> Any:
    """True closes of lanes in which nobody trades, (steps, lanes, assets)."""
    envs = PortfolioVectorEnv(
        16, market={**market, "assets": 2}, episode_length=100, scenario=scenario
    )
    envs.reset(seed=3)
    noted = []
    for _ in range(100):
        envs.step(np.zeros(envs.action_space.shape))
        noted.append(envs.batch.lanes.assets["mark"].copy())
    return np.array(noted)


def test_faults_of_the_feed_leave_the_market_as_it_is() -> None:
    assert np.array_equal(marks(only(*FEED)), marks(None))


def test_a_scenario_draws_from_streams_of_its_own() -> None:
    """Events that are drawn, and a common shock, leave what else is drawn where it was."""
    drawn = only("ramp", "correlation", "volatility")
    drawn["events"] = [{**event, "duration": "5 bars"} for event in drawn["events"]]
    calm, stressed = marks(None), marks(drawn)
    later = slice(20, None)
    returns = [path[later][1:] / path[later][:-1] for path in (calm, stressed)]
    assert np.allclose(returns[0], returns[1], rtol=1e-12)
    assert not np.allclose(calm[:20], stressed[:20], rtol=1e-3)


def test_who_buys_every_downward_spike_of_the_feed_earns_nothing() -> None:
    """On shown prices the trade looks like a sure win; fills are at true ones, of a martingale."""
    lanes, steps = 2048, 100
    envs = PortfolioVectorEnv(
        lanes,
        market={"generator": "gbm", "assets": 1, "paths": 512, "bars": 200},
        episode_length=steps,
        scenario={"name": "mine", "events": [{**KINDS["spike"], "start": "0 bars", "rate": 0.1}]},
        risk={"preset": "linear", "max_drawdown": 1.0, "participation_bars": 1e6},
        execution={
            **{"latency_ms": 0.0, "half_spread_bps": 0.0, "temporary_impact": 0.0},
            **{"permanent_impact": 0.0, "fee_bps": 0.0, "participation_cap": 1.0},
        },
        account={"account_share": 1e-6},
        autoreset_mode="Disabled",
    )
    envs.reset(seed=8)
    batch = envs.batch
    assets, accounts = batch.lanes.assets[:, 0], batch.lanes.accounts
    first = accounts["equity"].copy()
    shown, bought = np.zeros(lanes), 0
    for _ in range(steps):
        spiked = assets["seen_return"] < -5.0 * np.sqrt(assets["seen_variance_slow"]) / 1.5
        seen = assets["seen_close"].copy()
        bought += int(spiked.sum())
        envs.step(spiked[:, None].astype(np.float64))
        shown += np.where(spiked, assets["seen_close"] / seen - 1.0, 0.0)
    earned = accounts["equity"] / first - 1.0
    assert bought > 1000
    assert shown.mean() > 10 * shown.std() / np.sqrt(lanes)
    assert abs(earned.mean()) < 4 * earned.std() / np.sqrt(lanes)
    assert earned.std() > 0.0


@pytest.mark.slow
def test_a_million_stressed_bars_are_bars() -> None:
    lanes, length, bars = 500, 250, 0
    everything = [only(*KINDS), {**only("ramp", "volatility"), "name": "again"}, "random_test"]
    for severity, market in ((1.0, SMALL_POOL), (5.0, SMALL_POOL)):
        envs = PortfolioVectorEnv(
            lanes,
            market={**market, "assets": 4, "bars": 400},
            episode_length=length,
            scenario=everything,
            severity=severity,
            detail="full",
        )
        envs.reset(seed=2)
        for _ in range(length):
            envs.step(np.full(envs.action_space.shape, 0.3))
            bar = envs.batch.outputs.reports
            for name in ("open", "high", "low", "close", "volume"):
                assert np.isfinite(bar[name]).all()
            for low, high in pairwise(("low", "open", "high")):
                assert (bar[low] <= bar[high]).all()
            assert (bar["low"] <= bar["close"]).all()
            assert (bar["close"] <= bar["high"]).all()
            assert (bar["low"] > 0.0).all()
            assert (bar["volume"] >= 0.0).all()
            bars += bar.size
    assert bars >= 1_000_000


@pytest.mark.parametrize("scenario", quick_first(preset_names(), 3))
def test_the_base_path_is_the_same_under_any_scenario(scenario: str) -> None:
    calm = PortfolioEnv(market=SMALL_POOL, episode_length=40)
    stressed = PortfolioEnv(market=SMALL_POOL, episode_length=40, scenario=scenario, severity=3.0)
    for env in (calm, stressed):
        env.reset(seed=4)
    assert calm.get_state()["accounts"]["row"] == stressed.get_state()["accounts"]["row"]


@pytest.mark.parametrize("scenario", quick_first(preset_names(), 3))
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
        observations, rewards, *_ = envs.step(rng.uniform(-1, 1, envs.action_space.shape))
        assert envs.observation_space.contains(observations)
        assert np.isfinite(rewards).all()
        reports = envs.batch.outputs.reports
        assert (reports["low"] <= reports["open"]).all()
        assert (reports["low"] <= reports["close"]).all()
        assert (reports["high"] >= reports["open"]).all()
        assert (reports["high"] >= reports["close"]).all()
        assert (reports["low"] > 0).all()
