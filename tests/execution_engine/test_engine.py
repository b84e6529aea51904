"""The engine as a user calls it: limits, the ledger, the history and its averages."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trading_env import ExecutionConfig, ExecutionEngine, PortfolioEnv
from trading_env.core.errors import ConfigError
from trading_env.execution_engine.engine import Feedback, MarketState, Order

RISEN = MarketState(price=100.0, open=100.0, high=103.0, low=98.0, close=102.0)


@pytest.mark.proof
def test_an_order_s_ledger_says_where_it_was_decided_and_met_the_market() -> None:
    report = ExecutionEngine(
        {"latency_ms": 21_600_000.0, "latency_log_sd": 0.0}
    ).simulate_execution(Order(1000.0, decision_price=99.5), RISEN)
    assert report.decision_price == 99.5
    assert report.arrival_price != RISEN.open  # a quarter of the day later
    assert RISEN.low <= report.arrival_price <= RISEN.high
    assert report.delay == pytest.approx(1000.0 * (report.arrival_price - 99.5))
    paid = report.price * report.filled + report.fees - 99.5 * report.filled
    assert report.shortfall == pytest.approx(paid, rel=1e-12)
    assert 0.0 < report.impact_permanent < report.impact
    assert report.impact_transient == 0.0


@pytest.mark.proof
@pytest.mark.parametrize("limit", [98.5, 99.999, 100.02])
def test_a_limit_order_fills_at_its_limit_or_better(limit: float) -> None:
    report = ExecutionEngine("default").simulate_execution(Order(1000.0, None, limit), RISEN)
    assert report.filled > 0.0
    assert report.price <= limit


def test_a_limit_out_of_reach_is_not_filled() -> None:
    report = ExecutionEngine().simulate_execution(Order(1000.0, None, 97.0), RISEN)
    assert (report.filled, report.left, report.status) == (0.0, 1000.0, "working")


def test_a_stop_order_waits_for_its_trigger_and_pays_no_less() -> None:
    above = 0.5 * (RISEN.price + RISEN.high)
    engine = ExecutionEngine("default")
    report = engine.simulate_execution(Order(1000.0, stop_price=above), RISEN)
    assert report.filled > 0.0
    assert report.arrival_price == above
    assert report.price > above
    report = engine.simulate_execution(Order(1000.0, stop_price=2.0 * RISEN.high), RISEN)
    assert (report.filled, report.left, report.status) == (0.0, 1000.0, "working")
    with pytest.raises(ConfigError, match="limit_price and stop_price: give one"):
        engine.simulate_execution(Order(1.0, limit_price=9.0, stop_price=9.0), RISEN)


@pytest.mark.parametrize("market", [{"halted": True}, {"volume": 0.0}, {"mean_volume": 0.0}])
def test_nothing_fills_where_the_environment_fills_nothing(market: dict[str, Any]) -> None:
    report = ExecutionEngine("zero").simulate_execution(Order(10.0), MarketState(**market))
    assert (report.filled, report.left, report.fees) == (0.0, 10.0, 0.0)


@pytest.mark.parametrize("kind", [int, np.int64, np.float32])
def test_a_number_of_any_kind_is_that_number(kind: Any) -> None:
    state = {"price": 50, "open": 50, "high": 52, "low": 49, "close": 51, "volume": 900}
    state |= {"mean_volume": 800, "volatility_change": 2, "bar_seconds": 3600, "bars_per_day": 7}
    as_floats, as_given = (
        MarketState(**{name: to(value) for name, value in state.items()}) for to in (float, kind)
    )
    order = Order(kind(100), kind(50), kind(51))
    found = ExecutionEngine(seed=1).simulate_execution(order, as_given)
    assert found == ExecutionEngine(seed=1).simulate_execution(Order(100.0, 50.0, 51.0), as_floats)


@pytest.mark.parametrize("limit", [0.0, -1.0, math.nan, math.inf])
def test_a_limit_that_cannot_be_is_refused(limit: float) -> None:
    with pytest.raises(ConfigError, match=r"order\.limit_price"):
        ExecutionEngine().simulate_execution(Order(1.0, None, limit))


@pytest.mark.parametrize("asked", [150.0, 199.9, -150.0])
def test_an_order_is_cut_to_whole_lots_as_the_environment_sends_it(asked: float) -> None:
    report = ExecutionEngine({"lot": 100.0}, seed=1).simulate_execution(Order(asked))
    whole = math.copysign(100.0, asked)
    assert (report.quantity, report.filled, report.left, report.status) == (
        (whole, whole, 0.0, "filled")
    )
    assert report == ExecutionEngine({"lot": 100.0}, seed=1).simulate_execution(Order(whole))


@pytest.mark.parametrize(
    ("config", "order"),
    [
        ({"lot": 100.0}, Order(99.0)),
        ({"lot": 100.0}, Order(-99.0)),
        ({"minimum_notional": 5000.0}, Order(49.0)),
        ({"lot": 30.0, "minimum_notional": 5000.0}, Order(59.0)),
        ("crypto_spot", Order(0.01, limit_price=101.0)),
    ],
)
@pytest.mark.parametrize("halted", [False, True])
def test_an_order_of_no_lot_or_worth_too_little_is_rejected(
    config: Any, order: Order, halted: bool
) -> None:
    engine = ExecutionEngine(config, seed=1)
    report = engine.simulate_execution(order, RISEN._replace(halted=halted))
    assert report.status == "rejected"
    assert (report.quantity, report.filled, report.left, report.arrivals) == (0.0, 0.0, 0.0, 0)
    assert (report.shortfall, report.latency_s, report.price) == (0.0, 0.0, RISEN.price)
    assert math.copysign(1.0, report.quantity) == 1.0
    engine.record_execution_feedback("one", report)
    start = Feedback(slippage=0.1, latency_s=7.0, fill_ratio=0.5)
    assert engine.feedback(1.0, start) == start  # the environment counts none that was not sent
    second = engine.simulate_execution(Order(1000.0), RISEN)
    later = ExecutionEngine(config, seed=1)
    later.simulate_execution(Order(1000.0), RISEN)
    assert second == later.simulate_execution(Order(1000.0), RISEN)


def test_a_trade_id_is_recorded_once_and_the_oldest_goes_first(tmp_path: Path) -> None:
    engine = ExecutionEngine(capacity=2)
    for name in ("a", "b", "c"):
        engine.record_execution_feedback(name, engine.simulate_execution())
    with pytest.raises(ConfigError, match="'c': already recorded"):
        engine.record_execution_feedback("c", engine.simulate_execution())
    assert engine.history.index.tolist() == ["b", "c"]
    engine.export_history(tmp_path / "history.parquet")
    assert (tmp_path / "history.parquet").stat().st_size > 0


def recorded_steps(env: PortfolioEnv, engine: ExecutionEngine) -> Any:
    """Trade at random and record every step's order; return the asset's own averages after it."""
    rng = np.random.default_rng(3)
    for step in range(60):
        info = env.step(rng.uniform(-1.0, 1.0, 1))[4]
        metrics = {name: float(value[0]) for name, value in info["execution"].items()
                   if name not in ("status", "exit")}  # fmt: skip
        metrics["quantity"], metrics["arrivals"] = metrics["sent"], 1.0
        if metrics["sent"] != 0.0:
            engine.record_execution_feedback(f"step {step}", metrics)
    return env.get_state()["assets"][0, 0]


def test_recorded_feedback_and_the_step_s_averages_agree() -> None:
    """One order a step, which arrives in its bar and lapses with it, so that records are whole."""
    env = PortfolioEnv(
        market={"generator": "gbm", "assets": 1, "paths": 1, "bars": 400},
        risk={"preset": "raw", "feedback_rate": 0.2},
        execution={"time_in_force": "bar", "participation_cap": 0.02, "latency": "retail"},
        account={"account_share": 0.05},
        episode_length=100,
        detail="full",
    )
    env.reset(seed=5)
    begun = env.get_state()["assets"][0, 0]
    start = Feedback(begun["slippage"], begun["latency"], begun["fill_ratio"])
    engine = ExecutionEngine()
    asset = recorded_steps(env, engine)
    assert len(engine.history) > 50
    assert (engine.history["filled"] != engine.history["quantity"]).any()
    found = engine.feedback(0.2, start)
    assert found == pytest.approx(
        (asset["slippage"], asset["latency"], asset["fill_ratio"]), rel=1e-12
    )
    assert found.slippage != pytest.approx(engine.feedback(0.1, start).slippage, rel=1e-3)


def recorded(config: dict[str, Any], order: Order, volume: float) -> Feedback:
    """Averages after one trade, with the newest alone counted."""
    engine = ExecutionEngine({"latency_log_sd": 0.0, "time_in_force": "bar", **config})
    report = engine.simulate_execution(order, MarketState(volume=volume))
    engine.record_execution_feedback("one", report)
    return engine.feedback(1.0, Feedback(slippage=0.0, latency_s=7.0, fill_ratio=0.5))


def test_what_expires_was_asked_for() -> None:
    """A tenth of the order fits in the bar: what lapses with it was not filled."""
    part = recorded({"latency_ms": 0.0, "participation_cap": 0.1}, Order(1000.0), 1000.0)
    assert part.fill_ratio == pytest.approx(0.1)
    none = recorded({"latency_ms": 0.0}, Order(1000.0, limit_price=50.0), 1000.0)
    assert (none.fill_ratio, none.slippage) == (0.0, 0.0)


def test_the_latency_of_an_order_that_has_not_arrived_is_not_known() -> None:
    flying = recorded({"latency_ms": 1e9}, Order(10.0), 1e6)
    assert (flying.latency_s, flying.fill_ratio) == (7.0, 0.0)
    assert recorded({"latency_ms": 500.0}, Order(10.0), 1e6).latency_s == 0.5


def test_feedback_refuses_records_without_what_it_averages() -> None:
    engine = ExecutionEngine()
    engine.record_execution_feedback("x", {"status": "by hand"})
    with pytest.raises(ConfigError, match="has no spread"):
        engine.feedback()
    with pytest.raises(ConfigError, match="rate = 0"):
        engine.feedback(0.0)
    with pytest.raises(ConfigError, match=r"metrics\.spread = 'abc': must be"):
        engine.record_execution_feedback("y", {"spread": "abc", "status": "filled"})


@pytest.mark.parametrize("change", [0.5, 1.0, 2.0])
def test_the_half_spread_widens_with_volatility(change: float) -> None:
    """By its exponent of fast over slow volatility, as in the environment's step."""
    config = ExecutionConfig(half_spread_bps=2.0, spread_exponent=0.7, temporary_impact=0.0)
    engine = ExecutionEngine(config, seed=1)
    report = engine.simulate_execution(Order(100.0), MarketState(volatility_change=change))
    notional = report.arrival_price * report.filled
    assert report.spread == pytest.approx(2e-4 * change**0.7 * notional, rel=1e-3)
