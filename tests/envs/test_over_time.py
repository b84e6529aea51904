"""Rules that hold after many bars: dust, bad prints, deadlines, ruin, thin bars, odd lots."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.helpers import (
    a_desk,
    an_account,
    an_address,
    an_asset,
    an_order,
    costly,
    held,
    risk_params,
    some_rulebook,
    some_slots,
)
from tests.kept import send_order
from tests.lanes import Watched
from trading_env.core.codes import Fault
from trading_env.core.records import AssetState, new_table
from trading_env.core.values import Shown
from trading_env.envs.execution import ExecutionEnv
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.envs.vector import ExecutionVectorEnv
from trading_env.execution_engine.account import confirmed_price, revalue, settle
from trading_env.execution_engine.orders import keep_to_goal
from trading_env.markets import Market
from trading_env.risk_manager.instructions import configured
from trading_env.stress.feed import show_bar, show_nothing

DAY_MS = 86_400_000.0


def daily(bars: int, volume: Any = 1e6, seed: int = 4) -> pd.DataFrame:
    """Bars of a day that move by a percent."""
    close = 100.0 * np.cumprod(1.0 + 0.01 * np.random.default_rng(seed).standard_normal(bars))
    opened = np.r_[100.0, close[:-1]]
    return pd.DataFrame(
        {
            "timestamp": pd.date_range("2020-01-01", periods=bars, freq="D"),
            "open": opened,
            "high": np.maximum(opened, close) * 1.001,
            "low": np.minimum(opened, close) * 0.999,
            "close": close,
            "volume": np.broadcast_to(volume, bars),
        }
    )


# ---------------------------------------------------------------------------------------- dust


@pytest.mark.parametrize("goal", [0.0, 0.1, -3.0])
def test_an_order_that_is_cut_takes_the_position_to_its_goal(goal: float) -> None:
    """To the last bit where it closes the position."""
    desk = a_desk(held(0.1 + 0.2), some_slots(an_order(-1e6, due=0.0, goal=goal)))
    keep_to_goal(desk.slots[0], desk)
    reached = desk.asset.position + desk.slots[0].left
    assert reached == goal if goal == 0.0 else reached == pytest.approx(goal, rel=1e-15)


def test_what_fills_of_several_bars_leave_of_a_position_is_none() -> None:
    desk = a_desk(held(1e4))
    for sold in (9999.999, 0.001):
        settle(desk, -sold, 100.0)  # leaves 2e-13, more than rounding of the last fill
    assert desk.asset.position == 0.0


def test_a_small_position_is_one() -> None:
    desk = a_desk(held(0.0))
    settle(desk, 1e-13, 100.0)
    assert desk.asset.position == 1e-13


def test_a_drained_market_leaves_no_dust_and_no_fee_for_it() -> None:
    volume = np.full(140, 1e6)
    volume[65:] = np.random.default_rng(4).uniform(1.0, 9.0, 75)
    env = PortfolioEnv(
        market=daily(140, volume),
        account={"preset": "cash", "initial_cash": 1e7},
        execution={"preset": "fx", "latency_ms": 1.3 * DAY_MS, "latency_log_sd": 0.0},
        risk={"mode": "linear", "stops": False, "max_weight": 1.0},
        episode_length=60,
        seed_band=None,
        detail="full",
    )
    env.reset(seed=0, options={"start": 64})
    for k in range(60):
        info = env.step(np.array([0.4 if k % 4 == 0 else 0.0]))[-1]
        position = info["position"][0]
        assert position == 0.0 or position > 1e-6
        assert env.get_state()["assets"][0, 0]["expected_slippage"] <= 1.0


# ---------------------------------------------------------------------------------- bad prints


@pytest.mark.parametrize("after", [Fault.MISSING, Fault.STALE])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_price_that_one_bar_alone_has_shown_is_not_confirmed_by_silence(
    after: Fault, side: float
) -> None:
    asset = held(side, seen_volume=5.0)
    spike = 150.0 if side > 0.0 else 60.0
    printed = Shown(spike, spike, spike, 5.0, 0.0, 1.0)
    show_bar(asset, printed)
    assert confirmed_price(asset) == spike
    for _ in range(3):
        show_bar(asset, printed) if after == Fault.STALE else show_nothing(asset)
        assert confirmed_price(asset) == 100.0
    show_bar(asset, Shown(101.0, 101.0, 101.0, 5.0, 0.0, 1.0))
    assert confirmed_price(asset) == 101.0


def test_two_bad_prints_in_a_row_are_not_confirmed_by_silence() -> None:
    asset = held(1.0, seen_volume=5.0)
    for price in (150.0, 140.0):
        show_bar(asset, Shown(price, price, price, 5.0, 0.0, 1.0))
    show_nothing(asset)
    assert confirmed_price(asset) == 100.0


def test_a_peak_takes_three_values_in_a_row() -> None:
    asset, account = held(1.0, seen_volume=5.0), an_account(0.0)
    account.seen_equity = account.seen_equity_before = account.seen_peak = 100.0
    table = new_table(AssetState, 1)
    table[0] = asset
    peaks = []
    for price in (150.0, 140.0, 130.0, 100.0):
        show_bar(table[0], Shown(price, price, price, 5.0, 0.0, 1.0))
        revalue(account, table, some_rulebook())
        peaks.append(account.seen_peak)
    assert peaks == [100.0, 100.0, 130.0, 130.0]


@pytest.mark.parametrize(("severity", "share"), [(2.0, 0.01), (5.0, 0.06)])
def test_bad_data_makes_no_peak(severity: float, share: float) -> None:
    """A false one lasts: the throttle would take every later order of the episode to 0.

    At five times the rates three bad prints in a row happen.
    """
    envs = Watched(
        128,
        market={"generator": "gbm", "assets": 1, "paths": 64, "bars": 400},
        scenario="bad_data",
        severity=severity,
        risk={"mode": "linear", "stops": False},
        episode_length=200,
    )
    envs.reset(seed=5)
    for _ in range(200):
        envs.step(np.ones((128, 1)))
    accounts = envs.batch.lanes.accounts
    assert (accounts["seen_peak"] > 1.05 * accounts["peak_equity"]).mean() <= share


# ----------------------------------------------------------------------------------- deadlines


def thinned(**sizes: float) -> dict[str, Any]:
    event = {"kind": "liquidity", "start": "0 bars", "duration": "episode", **sizes}
    return {"name": "thin", "events": [event]}


def test_waiting_for_the_completion_is_no_cheaper_than_trading_in_thin_volume() -> None:
    """A limit far from the market, each bar anew, is never filled and completed at the deadline."""
    costs = {}
    never = {"order_type": "limit", "limit_offset_bps": 1000.0, "time_in_force": "bar"}
    for name, execution in (("even pace", {}), ("never", never)):
        envs = ExecutionVectorEnv(
            512,
            market={"generator": "gbm", "assets": 1, "paths": 64, "bars": 120},
            parent={"size": (0.05, 0.05), "side": "random"},
            scenario=thinned(volume=0.1, depth=1.0, spread=1.0),
            execution={"participation_cap": 1.0, **execution},
            risk={"participation_bars": 1e6},
            episode_length=4,
            autoreset_mode="Disabled",
        )
        envs.reset(seed=3)
        for _ in range(4):
            _, _, _, _, info = envs.step(np.zeros((512, 1)))
        costs[name] = info["summary"]["parent_cost_bps"].mean()
    assert costs["even pace"] < costs["never"]


@pytest.mark.parametrize("steps", [1, 2, 5, 20])
def test_the_deadline_is_no_further_bar_to_spread_an_order_over(steps: int) -> None:
    """1 / (n + 1) in each of n bars, but the last, and the rest at the deadline."""
    costs = {}
    for name in ("even pace", "one bar more"):
        envs = ExecutionVectorEnv(
            512,
            market={"generator": "gbm", "assets": 1, "paths": 64, "bars": 400},
            parent={"size": (0.05, 0.05)},
            episode_length=steps,
            action="target+type",
            autoreset_mode="Disabled",
        )
        envs.reset(seed=3)
        for left in range(steps, 0, -1):
            order = np.full((512, 1, 4), -1.0)  # at market
            order[..., 0] = 0.0 if name == "even pace" else left / (left + 1.0) - 1.0
            if name == "one bar more" and left == 1:
                order[..., :3] = [0.0, 0.0, 1.0]  # a limit that nothing reaches
            info = envs.step(order)[-1]
        costs[name] = info["summary"]["parent_cost_bps"]
    gained = costs["even pace"] - costs["one bar more"]
    assert gained.mean() < 2.0 * gained.std() / math.sqrt(gained.size)


@pytest.mark.parametrize("offset", [0.0, 0.25])  # of two standard deviations of a bar
def test_a_parent_order_worked_by_limits_costs_no_less_than_at_market(offset: float) -> None:
    costs = {}
    for name, order in (("market", (0.0, -1.0, 0.0, 1.0)), ("limit", (0.0, 0.0, offset, -1.0))):
        envs = ExecutionVectorEnv(
            512,
            market={"generator": "gbm", "assets": 1, "paths": 64, "bars": 400},
            parent={"size": (0.05, 0.05)},
            episode_length=10,
            action="target+type",
            autoreset_mode="Disabled",
        )
        envs.reset(seed=3)
        for _ in range(10):
            info = envs.step(np.broadcast_to(order, (512, 1, 4)))[-1]
        costs[name] = info["summary"]["parent_cost_bps"]
    gained = costs["market"] - costs["limit"]
    assert gained.mean() < 2.0 * gained.std() / math.sqrt(gained.size)


@pytest.mark.parametrize("parts", [2, 4])
def test_orders_that_an_outage_lets_arrive_together_cost_as_one(parts: int) -> None:
    """Sent over six bars without a connection; the last of them asks for all that is left.

    A seller gets 1 / (1 + cost), of which the mean over parts is more than of the mean cost: by its
    variance, some (0.5%)^2, a 600th of a cost of 1.5%. Each at its own rate alone saved a sixth.
    """
    outage = {"kind": "outage", "start": "0 bars", "duration": "6 bars"}
    costs = {}
    for sent in (1, parts):
        envs = ExecutionVectorEnv(
            64,
            market={"generator": "gbm", "assets": 1, "paths": 64, "bars": 400},
            scenario={"name": "disconnected", "events": [outage]},
            execution={"participation_cap": 1.0, "latency": "zero"},
            risk={"preset": "execution", "participation_bars": 100.0},
            parent={"size": (0.05, 0.05)},
            episode_length=10,
            autoreset_mode="Disabled",
        )
        envs.reset(seed=3)
        for k in range(10):
            even = 1.0 / (10 - k)
            share = max(k - 5 + sent, 0) / sent  # of the parent; what is in flight counts
            pace = (share - even) / (1.0 - even) if share > even else share / even - 1.0
            _, _, ended, _, info = envs.step(np.full((64, 1), pace if k < 5 else 1.0))
            if ended.all():
                break
        costs[sent] = info["summary"]["parent_cost_bps"]
        assert info["summary"]["orders"] == pytest.approx(sent)
    assert costs[parts] == pytest.approx(costs[1], rel=3e-3)


def test_a_parent_order_meets_no_margin_call_and_ruin_completes_it() -> None:
    env = ExecutionEnv(
        market={"generator": "gbm", "assets": 1},
        parent={"side": "buy", "size": (0.05, 0.05)},
        scenario=thinned(spread=1e3, depth=0.01, volume=0.5),
        severity=2.0,
        execution={"participation_cap": 1.0, "fee_bps": 500.0},  # at twice the price that is ruin
        episode_length=20,
        detail="full",
    )
    env.reset(seed=3)
    terminated, k = False, 0
    while not terminated:
        _, _, terminated, _, info = env.step(np.array([1.0]))
        assert info["execution"]["exit"][0] == "none"
        k += 1
    asset = env.get_state()["assets"][0, 0]
    assert info["equity"] <= 0.0 and k < 20
    assert asset["position"] == pytest.approx(asset["goal"], rel=1e-12)


# ------------------------------------------------------------------------- thin bars, odd lots


def test_minute_bars_are_traded_with_all_defaults() -> None:
    env = PortfolioEnv(market={"generator": "multiscale", "preset": "btc_minute", "paths": 4})
    env.reset(seed=0)
    for _ in range(252):
        info = env.step(np.ones(env.action_space.shape))[-1]
    assert info["summary"]["orders"] > 50


@pytest.mark.parametrize("volatility", [0.1, 0.15, 0.2])
def test_volatile_bars_are_traded_with_all_defaults(volatility: float) -> None:
    """A stop so wide that the tolerance leaves less than the no-trade band of a position."""
    market = {"generator": "gbm", "assets": 5, "paths": 4, "bars": 400, "volatility": volatility}
    env = PortfolioEnv(market=market, episode_length=60)
    env.reset(seed=0)
    for _ in range(60):
        info = env.step(np.ones(5))[-1]
    assert info["summary"]["orders"] >= 5


@pytest.mark.parametrize("assets", [2, 20, 80])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_no_trade_bands_of_many_assets_keep_to_the_leverage(assets: int, side: float) -> None:
    """All drift against the account together; a twentieth of the leverage, and a bar's move."""
    moves = np.random.default_rng(0).normal(-side * 0.002, 0.002, (1, 260, assets))
    close = 100.0 * np.exp(np.cumsum(moves, axis=1))
    opened = np.concatenate((close[:, :1], close[:, :-1]), axis=1)
    limit = 2.0 if side > 0.0 else 1.0
    env = PortfolioEnv(
        market=Market(
            symbols=tuple(f"S{k}" for k in range(assets)),
            time=86_400 * np.arange(1, 261),
            open=opened,
            high=np.maximum(opened, close),
            low=np.minimum(opened, close),
            close=close,
            volume=np.full(close.shape, 1e6),
            signals=np.zeros((*close.shape, 0)),
        ),
        risk={
            "mode": "linear",
            "stops": False,
            "max_weight": 1.0,
            "max_leverage": limit,
            "max_drawdown": 1.0,
        },
        account={"maintenance_margin": 0.1},
        execution="zero",
        episode_length=120,
        seed_band=None,
        detail="full",
    )
    env.reset(seed=0)
    for _ in range(120):
        info = env.step(np.full(assets, side))[-1]
        gross = np.abs(info["position"] * info["mark"]).sum() / info["equity"]
        assert gross <= limit * (1.05 + 0.02)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_an_odd_lot_is_closed_and_nothing_else_is_odd(side: float) -> None:
    for target, sent in ((0.0, -160.0), (35.0, -100.0)):
        desk = a_desk(held(side * 160.0), execution=costly(lot=100.0))
        desk.report.target = side * target
        send_order(desk, configured(desk.rules.execution), an_address())
        assert desk.report.sent == side * sent
        assert math.copysign(1.0, desk.slots[0].goal) == side or desk.slots[0].goal == 0.0


def test_an_order_of_nothing_is_not_sent() -> None:
    desk = a_desk(an_asset(), risk=risk_params(no_trade_band=0.0))
    desk.report.target = 1e-12  # of 1e6 at 100: 1e-16 of equity
    send_order(desk, configured(desk.rules.execution), an_address())
    assert desk.report.sent == 0.0
