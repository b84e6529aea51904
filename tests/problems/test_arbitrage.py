"""No round trip in a still market pays, and slicing finely is not free."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from tests.lanes import still_market
from trading_env.execution_engine.config import ExecutionConfig
from trading_env.execution_engine.engine import ExecutionEngine, MarketState, Order
from trading_env.policies.schedules import Schedule
from trading_env.problems import almgren_chriss, obizhaeva_wang

TRADES = 6
CLOSING = 5  # steps: a bar fills at most its volume, and a short that pushes the price grows
STILL: dict[str, Any] = {
    "market": {
        "generator": "factor",
        "covariance": 0.0,
        "volume": 1e6,
        "paths": 1,
        "bars": 64 + TRADES + CLOSING + 2,
    },
    "risk": {"preset": "raw", "max_weight": 1.0, "max_drawdown": 1.0},
    "account": {
        "account_share": 1.0,
        "margin_rate": 0.0,
        "borrow_rate": 0.0,
        "maintenance_margin": 0.0,
    },
    "seed_band": None,
}
MODELS = {
    "default": {
        "preset": "default",
        "latency": "zero",
        "participation_cap": 1.0,
        "volatility_scaled": False,  # nothing moves: impact as at 2% a day
        "temporary_impact": 0.02 * ExecutionConfig().temporary_impact,
        "permanent_impact": 0.02 * ExecutionConfig().permanent_impact,
    },
    "obizhaeva_wang": dict(obizhaeva_wang().env_kwargs["execution"]),
    "almgren_chriss": dict(almgren_chriss().env_kwargs["execution"]),
}


def round_trips(
    execution: dict[str, Any], tries: int, seed: int, scenario: Any = None, **account: float
) -> Any:
    """Profit over the initial equity of random zero-sum schedules; a ruined one lost it all."""
    envs = gym.make_vec(
        "trading_env/Portfolio-v0",
        tries,
        vectorization_mode="vector_entry_point",
        autoreset_mode="Disabled",
        execution=execution,
        episode_length=TRADES + CLOSING,
        scenario=scenario,
        **{**STILL, "account": STILL["account"] | account},
    )
    envs.reset(seed=0)
    rng = np.random.default_rng(seed)
    # Sizes over four orders of magnitude, so that no part of the cost hides behind another.
    size = 10.0 ** rng.uniform(-4.0, 0.0, tries)
    info: dict[str, Any] = {}
    ruined = np.zeros(tries, dtype=bool)
    for k in range(TRADES + CLOSING):
        if ruined.any():
            envs.reset(options={"reset_mask": ruined})  # it goes on, and no longer counts
        signal = rng.uniform(-1.0, 1.0, tries) if k < TRADES else np.zeros(tries)
        _, _, terminated, _, info = envs.step(np.where(ruined, 0.0, size * signal)[:, None])
        ruined |= terminated
    assert (envs.unwrapped.batch.lanes.assets["position"][~ruined] == 0.0).all()
    return np.where(ruined, -1.0, info["summary"]["return"])


@pytest.mark.parametrize("model", list(MODELS))
def test_every_round_trip_costs(model: str) -> None:
    profit = round_trips(MODELS[model], 20_000, 0)
    assert profit.max() < 0.0


@pytest.mark.slow
@pytest.mark.parametrize("model", list(MODELS))
def test_every_round_trip_of_a_million_costs(model: str) -> None:
    for seed in range(1, 21):
        assert round_trips(MODELS[model], 50_000, seed).max() < 0.0


@pytest.mark.parametrize("resilience", [0.001, 0.3, 3.0])
@pytest.mark.parametrize("start", ["0 bars", "3 bars"])
def test_no_resilience_makes_a_round_trip_pay(resilience: float, start: str) -> None:
    event = {"kind": "resilience", "multiplier": resilience, "duration": "episode"}
    scenario = {"name": "mine", "events": [{**event, "start": start}]}
    assert (round_trips(MODELS["default"], 2_000, 4, scenario) < 0.0).all()


def test_a_round_trip_test_can_fail() -> None:
    """Linear permanent impact alone neither costs nor pays; interest on top of it pays."""
    bare = MODELS["almgren_chriss"] | {"temporary_impact": 0.0, "half_spread_bps": 0.0}
    assert np.abs(round_trips(bare, 2_000, 0)).max() < 1e-9
    assert round_trips(bare, 2_000, 0, cash_rate=0.05).max() > 0.0


@pytest.mark.parametrize("exponent", [0.5, 0.6, 1.0])
def test_slicing_finely_is_not_free(exponent: float) -> None:
    """TWAP over one horizon in 10, 100 and 1,000 slices costs the same: impact is in the rate."""
    costs = []
    for slices in (10, 100, 1000):
        kwargs: dict[str, Any] = {
            "market": still_market(slices, 60_000 // slices, 86_400.0 * slices / 60_000),
            "parent": {"quantity": 1e5},
            "execution": {
                "latency": "zero",
                "impact_exponent": exponent,
                "volatility_scaled": False,
                "transient_weights": (0.0, 0.0, 0.0),
                "impact_reference": "first",
            },
            "episode_length": slices,
            "seed_band": None,
        }
        env = gym.make("trading_env/Execution-v0", detail="full", **kwargs)
        observation, info = env.reset(seed=0)
        twap = Schedule.of(np.ones(slices))
        ended = False
        while not ended:
            observation, _, ended, _, info = env.step(twap.act(observation, info))
        costs.append(info["summary"]["parent_shortfall"])
    # The only difference is rounding: trades of one rate, linear permanent impact, one spread.
    assert costs == pytest.approx([costs[0]] * 3, rel=1e-9)


# Volume (shares a day), shares outstanding, daily volatility; realised cost in bp of 10% of the
# day's volume over 0.1, 0.2 and 0.5 day: Almgren, Thum, Hauptmann and Li (2005), by the formulas.
STOCKS = {
    "IBM": (6.561e6, 1.728e9, 0.0157, (32.22, 24.64, 18.42)),
    "DRI": (1.929e6, 1.68e8, 0.0226, (42.93, 32.01, 23.06)),
}


@pytest.mark.proof
@pytest.mark.parametrize("name", list(STOCKS))
def test_the_engine_charges_what_almgren_et_al_measured(name: str) -> None:
    volume, outstanding, volatility, printed = STOCKS[name]
    for days, basis_points in zip((0.1, 0.2, 0.5), printed, strict=True):
        turnover = {"inverse_turnover_days": outstanding / volume}
        config = ExecutionConfig.of({"preset": "almgren_2005", **turnover})
        market = MarketState(
            volume=volume * days,
            volatility=volatility,
            bar_seconds=86_400.0 * days,
            bars_per_day=1.0 / days,
        )
        report = ExecutionEngine(config).simulate_execution(Order(0.1 * volume), market)
        assert report.filled == pytest.approx(0.1 * volume)
        cost = 1e4 * report.impact / (0.1 * volume * market.price)
        compounded = 1e-4 * basis_points**2  # the paper adds what the engine compounds
        assert cost == pytest.approx(basis_points, abs=0.1 + compounded)
