"""Quotes, the cost model and the rate, as an agent meets them in a market without surprises.

Returns are of one size and take turns in sign, and volume is constant: fast and slow volatility are
the same, what is shown and what is true, and so is any bar's volume and the usual one.
"""

import math
from typing import Any

import numpy as np
import pytest

from trading_env.envs.portfolio import PortfolioEnv
from trading_env.envs.world import WARMUP
from trading_env.markets import Market

BARS = 40
RETURN = 0.01
LINEAR = {"preset": "linear", "stops": False, "max_drawdown": 1.0, "no_trade_band": 0.0}
EXECUTION = {"latency": "zero", "permanent_impact": 0.0, "time_in_force": "bar"}
ROUNDING = 1e-10  # of what fills cost, as differences of prices: 1e-16 over at least 1e-5


def calm_market(size: float = RETURN) -> Market:
    """A daily market of one asset that goes up and down by the same return."""
    shape = (1, WARMUP + BARS + 1, 1)
    signs = np.where(np.arange(shape[1]) % 2 == 0, 1.0, -1.0).reshape(shape)
    close = 100.0 * np.cumprod(1.0 + size * signs, axis=1)
    opened = close / (1.0 + size * signs)
    return Market(
        symbols=("A",),
        time=86_400 * np.arange(1, shape[1] + 1),
        open=opened,
        high=np.maximum(opened, close),
        low=np.minimum(opened, close),
        close=close,
        volume=np.full(shape, 1e6),
        signals=np.zeros((*shape, 0)),
        bar_seconds=86_400.0,
        bars_per_day=1.0,
        bars_per_year=252.0,
    )


def calm_env(**arguments: Any) -> PortfolioEnv:
    settings = {"risk": LINEAR, "execution": EXECUTION, "account": {"account_share": 0.05}}
    market = {"market": calm_market(), "seed_band": None, "episode_length": BARS - 1}
    return PortfolioEnv(detail="full", **{**settings, **market, **arguments})


def shown(env: PortfolioEnv, observation: Any, name: str) -> float:
    names = [feature.name for feature in env.layout.features]
    return float(observation[names.index(f"A.{name}")])


# --------------------------------------------------------------------------- the cost model


@pytest.mark.parametrize(
    "execution",
    [
        {},
        {"fee_bps": 5.0, "half_spread_bps": 20.0},
        {"spread_exponent": 0.0, "impact_exponent": 1.0, "transient_weights": (0.0, 0.0, 0.0)},
        {"volatility_scaled": False, "temporary_impact": 0.01, "transient_shape": "block"},
    ],
)
def test_where_nothing_surprises_a_market_order_costs_what_was_expected(execution: Any) -> None:
    """A sale's to rounding; a purchase's notional holds its cost c: of it, that is c / (1 + c)."""
    env = calm_env(execution={**EXECUTION, **execution})
    env.reset(seed=0)
    rng, lows = np.random.default_rng(0), []
    for _ in range(BARS - 1):
        info = env.step(rng.uniform(-1.0, 1.0, 1))[4]
        done = info["execution"]
        reading = float(env.get_state()["assets"]["last_cost"][0, 0])
        notional = abs(done["filled"][0]) * done["price"][0]
        paid = (done["spread"][0] + done["impact"][0]) / notional
        low = math.log1p(-paid) if done["filled"][0] > 0.0 else 0.0
        assert low - ROUNDING <= reading <= ROUNDING
        lows.append(low)
    level = float(env.get_state()["assets"]["cost_level"][0, 0])
    assert min(lows) - ROUNDING <= level <= ROUNDING
    assert 0.0 in lows and min(lows) < 0.0  # both sides were traded


def test_where_trading_is_dear_the_level_says_how_dear() -> None:
    """Spread, depth and fees such that every part costs five times as much: 98.3% of ln 5."""
    events = [
        {"kind": "liquidity", "spread": 5.0, "depth": 0.04},  # impact goes with its root
        {"kind": "fees", "multiplier": 5.0},
    ]
    scenario = {"name": "dear", "events": [{**e, "start": "0 bars", "duration": "60 bars"}
                                           for e in events]}  # fmt: skip
    env = calm_env(scenario=scenario)
    env.reset(seed=0)
    for k in range(BARS - 1):
        observation = env.step(np.array([-1.0 if k % 2 else 1.0]))[0]
    # A purchase's notional holds its cost, here of some percent.
    assert shown(env, observation, "last_cost") == pytest.approx(math.log(5.0), abs=0.05)
    assert shown(env, observation, "cost_level") == pytest.approx(0.983 * math.log(5.0), abs=0.05)
    assert shown(env, observation, "cost_deviation") == pytest.approx(0.182, abs=1e-3)


# --------------------------------------------------------------------------- quotes


def seen_in(events: list[dict[str, Any]], bars: int) -> list[tuple[float, float, int]]:
    """Half spread, depth and bars of crisis shown after each bar of a scenario."""
    env = calm_env(scenario={"name": "quotes", "events": events})
    observation, _ = env.reset(seed=0)
    found = []
    for _ in range(bars):
        observation = env.step(np.zeros(1))[0]
        crisis = shown(env, observation, "crisis")
        quotes = (round(shown(env, observation, name), 6) for name in ("half_spread", "depth"))
        found.append((*quotes, round(10.0 * crisis / (1.0 - crisis))))
    return found


def liquidity(start: int, bars: int) -> dict[str, Any]:
    """A spread four times and a depth a quarter of the usual ones."""
    times = {"start": f"{start} bars", "duration": f"{bars} bars"}
    return {"kind": "liquidity", "spread": 4.0, "depth": 0.25, **times}


def fault(kind: str, start: int, lasts: int, **sizes: Any) -> dict[str, Any]:
    times = {"start": f"{start} bars", "duration": f"{lasts} bars"}
    return {"kind": kind, "rate": 1.0, **times, **sizes}


CALM = (0.0, 0.0, 0)


def test_a_crisis_is_quoted_and_counted_while_it_lasts() -> None:
    found = seen_in([liquidity(3, 5)], 12)
    assert found == [CALM] * 3 + [(0.6, -0.6, n) for n in range(1, 6)] + [CALM] * 4


def test_a_missing_bar_keeps_the_quotes_and_a_late_one_brings_its_own() -> None:
    lost = seen_in([liquidity(3, 2), fault("missing", 4, 3)], 9)
    assert lost == [CALM] * 3 + [(0.6, -0.6, n) for n in range(1, 5)] + [CALM] * 2
    late = seen_in([liquidity(3, 1), fault("late", 3, 1, bars=2)], 8)
    assert late == [CALM] * 5 + [(0.6, -0.6, 1)] + [CALM] * 2


# --------------------------------------------------------------------------- the rate


@pytest.mark.parametrize(
    ("floor", "level", "rate"),
    [
        (0.1, math.log(5.2), 0.5),
        (0.7, math.log(5.2), 0.7),
        (0.1, math.log(1.3), 1.0),
        (1.0, math.log(5.2), 1.0),
    ],
)
def test_a_step_goes_its_share_of_the_way_at_the_level_that_is_shown(
    floor: float, level: float, rate: float
) -> None:
    """From a quarter to minus a half of what can be held; the level is that before the bar."""
    env = calm_env(risk={**LINEAR, "execution_floor": floor, "max_weight": 0.4})
    env.reset(seed=0)
    env.step(np.array([0.25]))
    state = env.get_state()
    state["assets"]["cost_level"] = level
    env.set_state(state)
    asset, account = state["assets"][0, 0], state["accounts"][0]
    held = float(asset["position"] * asset["seen_close"] / account["seen_equity"])
    assert held == pytest.approx(0.1, rel=0.02)
    risk = env.step(np.array([-0.5]))[4]["risk"]
    assert risk["target_fraction"][0] == pytest.approx(held + rate * (-0.2 - held), rel=1e-12)
    assert risk["wished_fraction"][0] == pytest.approx(-0.2)
    assert (risk["bound_by"][0] == "execution_feedback") is (rate < 1.0)


def test_a_position_closes_in_on_its_target_by_the_same_share_a_step() -> None:
    """What is left of the way halves, as long as costs stay what they are."""
    risk = {**LINEAR, "execution_floor": 0.5, "max_weight": 0.4}
    env = calm_env(market=calm_market(1e-6), execution={**EXECUTION, "preset": "zero"}, risk=risk)
    env.reset(seed=0)
    for k in range(8):
        state = env.get_state()
        state["assets"]["cost_level"] = 3.0
        env.set_state(state)
        target = float(env.step(np.ones(1))[4]["risk"]["target_fraction"][0])
        # The share held drifts by a millionth of itself a bar.
        assert 0.4 - target == pytest.approx(0.4 * 0.5 ** (k + 1), abs=1e-5)


def test_a_position_that_is_slowed_is_flat_in_the_end() -> None:
    """From 0.8 at a level of 3: 8 steps of a quarter, then 4 of two bands; each is filled."""
    risk = {**LINEAR, "execution_floor": 0.1, "max_weight": 0.8, "no_trade_band": 0.01}
    env = calm_env(market=calm_market(1e-6), execution={**EXECUTION, "preset": "zero"}, risk=risk)
    env.reset(seed=0)
    info = env.step(np.ones(1))[4]
    assert info["risk"]["target_fraction"][0] == pytest.approx(0.8)
    positions = [float(env.get_state()["assets"]["position"][0, 0])]
    while positions[-1] > 0.0:
        state = env.get_state()
        state["assets"]["cost_level"] = 3.0
        env.set_state(state)
        env.step(np.zeros(1))
        positions.append(float(env.get_state()["assets"]["position"][0, 0]))
    assert positions == sorted(set(positions), reverse=True)
    assert (positions[-1], len(positions)) == (0.0, 1 + 12)


@pytest.mark.parametrize("wish", [0.29, 0.31, 0.0])
def test_a_cap_is_kept_at_once_whatever_the_level(wish: float) -> None:
    """Of 0.8 that is held, at most 0.3 may be; half of the way to either wish is more than that."""
    risk = {**LINEAR, "mode": "volatility_target", "execution_floor": 0.1, "target_volatility": 0.1}
    env = calm_env(risk={**risk, "max_weight": 0.3})
    env.reset(seed=0)
    state = env.get_state()
    asset, account = state["assets"][0, 0], state["accounts"][0]
    sigma = math.sqrt(float(asset["seen_variance_slow"]))
    state["assets"]["position"] = 0.8 * account["seen_equity"] / asset["seen_close"]
    state["accounts"]["cash"] -= asset["position"] * asset["value"]
    state["assets"]["cost_level"] = math.log(5.2)
    env.set_state(state)
    found = env.step(np.array([wish * sigma / 0.1]))[4]["risk"]
    assert found["wished_fraction"][0] == pytest.approx(wish)
    assert found["target_fraction"][0] == pytest.approx(0.3)
    assert found["bound_by"][0] == "max_weight"
