"""Metrics against the step-by-step environment and against closed forms; reasons, never zeros."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from trading_env.backtesting import METRICS, evaluate, make_envs, pool, reasons, rollout
from trading_env.backtesting.metrics import score
from trading_env.core.codes import BoundBy
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.envs.spaces import ObservationLayout
from trading_env.policies.baselines import BASELINES, EXECUTION_BASELINES, linear_risk
from trading_env.policies.policy import Policy

STEPS, SEED = 40, 11
MARKET = {"generator": "multiscale", "paths": 4, "bars": 200, "assets": 2}
SHARED: dict[str, Any] = {"market": MARKET, "episode_length": STEPS}


class Flip(Policy):
    """Half of the account long, then half short, in turn: it trades in every step."""

    env_overrides = linear_risk(0.0)

    def __init__(self, layout: ObservationLayout) -> None:
        self.assets = len(layout.symbols)
        self.reset(1)

    def reset(self, num_envs: int) -> None:
        self.sign = -1.0

    def act(self, observation: NDArray[np.float32], info: Any) -> NDArray[Any]:
        self.sign = -self.sign
        return np.full((len(observation), self.assets), 0.5 * self.sign / self.assets)


def one(policy: Any, scenario: Any, severity: float = 1.0, **changes: Any) -> pd.Series:
    frame = evaluate(
        {"p": policy},
        scenarios={"s": scenario},
        severities=[severity],
        episodes=1,
        seed=SEED,
        env_kwargs={**SHARED, **changes},
    )
    return frame.iloc[0]


def test_the_parts_of_the_shortfall_add_up() -> None:
    row = one(Flip, "liquidity_drought")
    parts = [row[f"{name}_bps"] for name in ("delay", "spread", "impact", "fees", "opportunity")]
    assert sum(parts) == pytest.approx(row["shortfall_bps"], rel=1e-12)
    assert all(part != 0.0 for part in parts[:4])


def test_steps_are_counted_as_the_single_environment_shows_them() -> None:
    env = PortfolioEnv(**SHARED, scenario="latency_storm", detail="full", **Flip.env_overrides)
    policy = Flip(env.layout)
    observation, info = env.reset(seed=SEED)
    exposure, latencies, bound, ended = [], [], [], False
    while not ended:
        observation, _, terminated, truncated, info = env.step(
            policy.act(observation[None], info)[0]
        )
        exposure.append(np.sum(np.abs(info["position"]) * info["mark"]) / info["equity"])
        latencies += [s for s in info["execution"]["latency_s"] if s > 0.0]
        bound += list(info["risk"]["bound_by"])
        ended = terminated or truncated
    row = one(Flip, "latency_storm")
    assert row["exposure"] == pytest.approx(np.mean(exposure), rel=1e-12)
    assert row["latency_p50_ms"] == pytest.approx(1e3 * np.percentile(latencies, 50))
    assert row["latency_p95_ms"] == pytest.approx(1e3 * np.percentile(latencies, 95))
    for code in BoundBy:
        if code is not BoundBy.NONE:
            name = code.name.lower()
            assert row[f"bound_{name}"] == bound.count(name)


def test_latency_without_spread_is_its_median_at_every_percentile() -> None:
    row = one(Flip, None, execution={"latency_ms": 70.0, "latency_log_sd": 0.0})
    for name in ("latency_ms", "latency_p50_ms", "latency_p95_ms"):
        assert row[name] == pytest.approx(70.0)


SPREAD_ONLY = {"preset": "flat_bps", "latency": "zero"}
WIDER = {
    "name": "wider",
    "events": [
        {"kind": "liquidity", "spread": 4.0, "start": "10 bars", "duration": "8 bars"},
    ],
}


@pytest.mark.parametrize(("severity", "multiple"), [(0.5, 2.0), (1.0, 4.0), (2.0, 16.0)])
def test_a_spread_four_times_as_wide_costs_four_times_as_much(
    severity: float, multiple: float
) -> None:
    row = one(Flip, WIDER, severity, execution=SPREAD_ONLY)
    half_spread = 1e-3 * multiple  # notional is at fill prices, which hold it
    assert row["shock_cost_multiple"] == pytest.approx(multiple, rel=half_spread)


def test_a_shock_acts_when_its_events_do_and_its_fall_is_that_of_the_curve() -> None:
    gap = {
        "name": "gap",
        "events": [{"kind": "price", "shape": "gap", "start": "10 bars", "move": -0.2}],
    }
    arguments = {**SHARED, "detail": "full"}
    policy = BASELINES["buy_and_hold"](make_envs(Flip, 1, arguments).layout)  # type: ignore[arg-type]
    envs = make_envs(policy, 3, arguments, scenario=gap)
    played = rollout(policy, envs, SEED, record=True)
    assert played.record is not None
    assert np.flatnonzero(played.record.is_active[:, 0]).tolist() == [10]
    found = score(played, 252.0).values
    for lane, curve in enumerate(played.equity):
        assert found["shock_drawdown"][lane] == pytest.approx(1.0 - curve[11] / curve[10])
        assert found["shock_drawdown"][lane] == pytest.approx(0.2, abs=0.08)  # and the bar's own


def test_the_tail_of_a_fading_event_is_left_out_of_its_window() -> None:
    fading = {
        "name": "fading",
        "events": [
            {
                "kind": "volatility",
                "multiplier": 2.0,
                "start": "5 bars",
                "duration": "2 bars",
                "half_life": "1 bars",
            }
        ],
    }
    arguments = {**SHARED, "detail": "full"}
    envs = make_envs(Flip, 1, arguments, scenario=fading)  # type: ignore[arg-type]
    played = rollout(Flip(envs.layout), envs, SEED, record=True)
    assert played.record is not None
    active = np.flatnonzero(played.record.is_active[:, 0])
    # ln 2 halves each bar after the second: 0.69 at most 4 more bars above 0.05.
    assert active[0] == 5 and 7 <= active[-1] <= 11


def test_what_is_not_defined_has_a_reason_and_no_number() -> None:
    frame = evaluate(
        {"flat": BASELINES["flat"], "flip": Flip},
        scenarios=["calm", "price_shock"],
        episodes=3,
        seed=SEED,
        env_kwargs=SHARED,
    )
    for _, row in frame.iterrows():
        missing = {name for name in METRICS if pd.isna(row[name])}
        assert missing == set(json.loads(row["withheld"]))
    told = {(r["policy"], r["scenario"]): r["reasons"] for r in reasons(frame)}
    assert told["flat", "calm"]["sharpe"] == "3 of 3 episodes: equity did not vary"
    assert told["flat", "calm"]["fill_ratio"] == "3 of 3 episodes: no order was sent"
    calm = told["flip", "calm"]
    assert calm["shock_drawdown"] == "3 of 3 episodes: no event of the scenario was active"
    assert "shock_drawdown" not in told["flip", "price_shock"]
    assert "sharpe" not in calm
    pooled = {r["policy"]: r["reasons"] for r in reasons(pool(frame, "all"))}
    assert "shock_drawdown" not in pooled["flip"] and "sharpe" in pooled["flat"]


def test_severity_zero_has_no_shock() -> None:
    row = one(Flip, "covid_2020", 0.0)
    assert row[["shock_drawdown", "shock_recovery_steps", "shock_cost_multiple"]].isna().all()


@pytest.mark.proof
def test_parent_orders_are_scored_in_their_own_task() -> None:
    frame = evaluate(
        dict(EXECUTION_BASELINES),
        scenarios=["calm", "liquidity_drought"],
        episodes=4,
        seed=SEED,
        env="execution",
        env_kwargs={"seed_band": "test"},
    )
    other = one(Flip, None)
    for name in ("parent_shortfall_bps", "parent_cost_bps"):
        assert frame[name].notna().all()
        by = frame.groupby(["policy", "scenario"])[name].mean()
        assert by["twap", "liquidity_drought"] > by["twap", "calm"]
        assert np.isnan(other[name])
        assert json.loads(other["withheld"])[name] == "no parent orders in this task"
    spread = frame.groupby(["policy", "scenario"])[
        ["parent_cost_bps", "parent_shortfall_bps"]
    ].std()
    assert (spread["parent_cost_bps"] < spread["parent_shortfall_bps"]).all()


def test_without_a_record_what_needs_one_is_withheld() -> None:
    envs = make_envs(Flip, 2, SHARED, scenario="price_shock")  # type: ignore[arg-type]
    found = score(rollout(Flip(envs.layout), envs, SEED), 252.0)
    assert found.reasons[0]["exposure"] == "steps were not recorded"
    assert np.isnan(found.values["bound_margin"]).all()
