"""The account over an episode: interest, margin calls, ruin, and what bound the decisions."""

import dataclasses
from collections import Counter
from typing import Any

import numpy as np
import pytest

from tests.configurations import random_configuration
from trading_env.backtesting import journal
from trading_env.core.codes import BoundBy
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.envs.trace import EpisodeTrace
from trading_env.envs.vector import PortfolioVectorEnv
from trading_env.execution_engine.account import YEAR_S
from trading_env.markets import Market

DAY_S = 86400
WARMUP = 64
VOLUME = 1e9  # of a bar, units
FREE = {"preset": "zero", "participation_cap": 1.0}
LEVERED = {"preset": "linear", "max_weight": 3.0, "max_leverage": 3.0, "initial_margin": 0.1}


def market_of(closes: Any, seconds: int = DAY_S) -> Market:
    """One asset that opens where it closed; the first decision is at the first of the closes."""
    warm = closes[0] * 1.01 ** (np.arange(WARMUP) % 2)
    path = np.concatenate([warm, closes])
    shape = (1, len(path), 1)
    opened = np.concatenate([path[:1], path[:-1]])
    return Market(
        symbols=("A",),
        time=1_577_836_800 + seconds * np.arange(len(path)),
        open=opened.reshape(shape),
        high=np.maximum(opened, path).reshape(shape),
        low=np.minimum(opened, path).reshape(shape),
        close=path.reshape(shape),
        volume=np.full(shape, VOLUME),
        signals=np.zeros((*shape, 0)),
        signal_names=(),
        bar_seconds=float(seconds),
        bars_per_day=DAY_S / seconds,
        bars_per_year=365.25 * DAY_S / seconds,
    )


def env_of(closes: Any, seconds: int = DAY_S, **arguments: Any) -> PortfolioEnv:
    arguments = {"execution": FREE, "account": {"initial_cash": 1e6}, **arguments}
    market, length = market_of(closes, seconds), len(closes) - 1
    env = PortfolioEnv(
        market=market, seed_band=None, episode_length=length, detail="full", **arguments
    )
    env.reset(seed=0, options={"path": 0, "start": WARMUP})
    return env


@pytest.mark.parametrize("seconds", [18 * 3600, 6 * 3600])
@pytest.mark.parametrize("rate", [0.05, -0.01])
def test_a_year_of_interest_is_its_closed_form(seconds: int, rate: float) -> None:
    bars = int(YEAR_S / seconds)
    account = {"initial_cash": 1e6, "cash_rate": rate}
    env = env_of(np.full(bars + 1, 100.0), seconds, account=account)
    for _ in range(bars):
        info = env.step(np.zeros(1))[4]
    assert bars * seconds == YEAR_S
    assert info["cash"] == pytest.approx(1e6 * np.exp(rate), rel=1e-9)


@pytest.mark.parametrize(("side", "rate"), [(1.0, 0.11), (-1.0, 0.11), (1.0, -0.3)])
def test_a_year_of_funding_is_its_rate_on_the_position(side: float, rate: float) -> None:
    account = {"initial_cash": 1e6, "funding_rate": rate, "margin_rate": 0.0, "borrow_rate": 0.0}
    bars = int(YEAR_S / (6 * 3600))
    risk = {"preset": "raw", "no_trade_band": 0.5}
    env = env_of(np.full(bars + 2, 100.0), 6 * 3600, account=account, risk=risk)
    env.step(np.array([side]))
    for _ in range(bars):
        info = env.step(np.array([side]))[4]
    assert info["position"][0] == pytest.approx(side * 1e4)
    assert info["financing_paid"] == pytest.approx(side * rate * 1e6, rel=1e-9)


def test_a_margin_call_closes_the_position_inside_the_bar_at_cost() -> None:
    """Three times long: at 80 / 0.9 equity is a quarter of exposure, and the bar goes on to 80."""
    execution = {**FREE, "half_spread_bps": 10.0, "spread_exponent": 0.0, "fee_bps": 5.0}
    account = {"initial_cash": 1e6, "margin_rate": 0.0}
    closes = np.concatenate([np.full(3, 100.0), np.full(4, 80.0)])
    env = env_of(closes, risk=LEVERED, execution=execution, account=account)
    for _ in range(2):
        before = env.step(np.ones(1))[4]
    held, cash = before["position"][0], before["cash"]
    closed = env.step(np.ones(1))[4]
    report = closed["execution"]
    level = -cash / (0.75 * held)
    assert closed["summary"]["margin_calls"] == 1
    assert report["exit"][0] == "margin_call"
    assert closed["position"][0] == 0.0
    assert report["price"][0] == pytest.approx(level / (1.0 + 10e-4))
    assert report["fees"][0] == pytest.approx(5e-4 * report["price"][0] * held)
    assert closed["equity"] == pytest.approx(cash + report["price"][0] * held * (1.0 - 5e-4))


def test_what_the_cap_leaves_of_a_margin_call_works_on_and_no_order_is_sent() -> None:
    execution = {**FREE, "participation_cap": 0.5}
    closes = np.concatenate([np.full(8, 100.0), np.full(4, 80.0)])
    account = {"initial_cash": 0.9 * VOLUME * 100.0, "margin_rate": 0.0}
    env = env_of(closes, risk=LEVERED, execution=execution, account=account)
    for _ in range(8):
        called = env.step(np.ones(1))[4]
    held = called["position"][0]
    assert called["execution"]["exit"][0] == "margin_call"
    assert held > 0.0
    closed = env.step(np.ones(1))[4]
    assert closed["risk"]["bound_by"][0] == "exit_pending"
    assert closed["risk"]["wished_fraction"][0] == 3.0  # the order that was refused
    assert closed["execution"]["sent"][0] == 0.0
    assert closed["execution"]["filled"][0] == -min(held, 0.5 * VOLUME)


def test_a_fall_that_is_over_by_the_close_still_calls() -> None:
    market = market_of(np.full(6, 100.0), DAY_S)
    low = market.low.copy()
    low[0, WARMUP + 2] = 55.0
    env = PortfolioEnv(
        market=dataclasses.replace(market, low=low),
        seed_band=None,
        episode_length=4,
        detail="full",
        execution=FREE,
        account={"initial_cash": 1e6, "margin_rate": 0.0},
        risk=LEVERED,
    )
    env.reset(seed=0, options={"path": 0, "start": WARMUP})
    env.step(np.ones(1))
    info = env.step(np.ones(1))[4]
    assert info["execution"]["exit"][0] == "margin_call"
    assert info["execution"]["price"][0] == pytest.approx(200.0 / 3.0 / 0.75)


def test_ruin_is_the_end_and_is_not_recovered_from() -> None:
    """Three times long over a gap of a half: the price comes back, the account does not."""
    gap = {"kind": "price", "shape": "gap", "move": -0.5, "start": "2 bars"}
    scenario = {"name": "gap", "events": [gap]}
    env = env_of(np.full(6, 100.0), risk=LEVERED, scenario=scenario)
    ended = []
    for _ in range(3):
        _, _, terminated, truncated, info = env.step(np.ones(1))
        ended.append((terminated, truncated))
    assert ended == [(False, False), (False, False), (True, False)]
    assert info["equity"] < 0.0


def test_a_time_stop_closes_after_its_bars_by_name() -> None:
    risk = {"preset": "linear", "max_holding_bars": 3, "no_trade_band": 0.5}
    env = env_of(np.full(12, 100.0), risk=risk)
    held, exits = [], []
    for _ in range(11):
        info = env.step(np.ones(1))[4]
        held.append(info["position"][0] > 0.0)
        exits.append(info["execution"]["exit"][0])
    assert held == [True, True, True, False] * 2 + [True, True, True]
    assert [k for k, name in enumerate(exits) if name == "time_stop"] == [3, 7]
    assert info["summary"]["time_stops"] == 2


def test_a_trailing_stop_follows_the_market_up_and_takes_the_gain() -> None:
    """Up by 1% a bar for 20 bars, then down: out at the level it had reached."""
    closes = 100.0 * 1.01 ** np.concatenate([np.arange(20.0), 19.0 - np.arange(20.0)])
    risk = {
        "preset": "linear",
        "stops": True,
        "trailing": True,
        "reward_to_risk": 50.0,
        "risk_tolerance": 1.0,
        "no_trade_band": 0.5,
    }
    env = env_of(closes, risk=risk)
    levels, out = [], None
    for _ in range(len(closes) - 1):
        before = env.get_state()["assets"][0, 0]
        info = env.step(np.ones(1))[4]
        if info["execution"]["exit"][0] == "stop_loss":
            out = (before["stop_loss"], info["execution"]["price"][0])
            break
        levels.append(info["risk"]["stop_loss"][0])
    assert (np.diff(levels) >= 0.0).all()
    assert levels[-1] > levels[0]
    assert out is not None
    assert out[1] == pytest.approx(out[0])


@pytest.mark.parametrize("draw", range(8))
def test_what_bound_is_counted_once_for_each_asset_and_step(draw: int) -> None:
    kwargs = random_configuration(np.random.default_rng([31, draw]))
    env = PortfolioEnv(detail="full", **kwargs)
    env.reset(seed=draw)
    rng, met = np.random.default_rng(draw), Counter[str]()
    over = False
    while not over:
        _, _, terminated, truncated, info = env.step(rng.uniform(-1.0, 1.0, env.action_space.shape))
        met.update(info["risk"]["bound_by"].tolist())
        over = terminated or truncated
    counted = {name: info["summary"][f"bound_{name}"] for name in names_but_none()}
    assert counted == {name: met[name] for name in names_but_none()}
    assert sum(met.values()) == info["summary"]["steps"] * env.action_space.shape[0]


def test_the_journal_tells_what_was_wished_and_what_became_of_it() -> None:
    """Every decision is a row, and no cap moves a target away from its wish."""
    market = {"generator": "multiscale", "assets": 3, "paths": 2, "bars": 200}
    risk = {"covariance": "shrunk", "max_holding_bars": 5, "execution_floor": 0.2}
    envs = PortfolioVectorEnv(
        1, market=market, risk=risk, episode_length=60, detail="full", autoreset_mode="Disabled"
    )
    envs.reset(seed=2)
    trace, rng = EpisodeTrace(envs.setup), np.random.default_rng(1)
    trace.begin(envs.batch)
    for _ in range(60):
        envs.step(rng.uniform(-1.0, 1.0, (1, 3)))
        trace.add(envs.batch)
    table = journal(trace, episode=0)
    assert len(table) == 180
    assert table["win_probability"].between(0.5, 0.55).all()
    wished, target = table["wished_fraction"], table["target_fraction"]
    assert (target.abs() <= wished.abs() * (1.0 + 1e-12)).all()
    assert (target * wished >= 0.0).all()
    free = table["bound_by"].isin(["none", "no_trade_band"])
    assert (target[free] == wished[free]).all()
    assert (target[~free] != wished[~free]).all()
    refused = table["bound_by"] == "exit_pending"
    assert refused.any()
    assert (table.loc[refused, ["target_fraction", "sent"]] == 0.0).all(axis=None)
    assert (wished[refused] != 0.0).all()


def names_but_none() -> list[str]:
    return [member.name.lower() for member in BoundBy if member is not BoundBy.NONE]
