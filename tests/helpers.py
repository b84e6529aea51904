"""Records for tests of the kernels: a quiet market, a flat account, round numbers.

A bar lasts 100 seconds, so that an order due after 30 arrives at fraction 0.3 of it.
"""

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from trading_env.core.codes import SlotState, TimeInForce
from trading_env.core.params import AccountParams, EpisodeParams, ExecutionParams, RiskParams
from trading_env.core.records import (
    SLOTS,
    AccountState,
    AssetState,
    BarRecord,
    EventRecord,
    OrderSlot,
    Report,
    new_table,
)
from trading_env.core.values import Address, Bar, Session, Terms
from trading_env.execution_engine.inside_bar import close_bar, trade_bar
from trading_env.step.transition import close_ledger, step_asset
from trading_env.stress.composition import CALM

SECONDS = 100.0
FREE = Terms(0.0, 0.0, 0.0, 1.0, 0.0, 0.0)
FLAT_BAR = Bar(100.0, 100.0, 100.0, 100.0, 1000.0)


def record(layout: type, defaults: dict[str, Any], given: dict[str, Any]) -> Any:
    made = new_table(layout, 1)[0]
    for name, value in {**defaults, **given}.items():
        setattr(made, name, value)
    return made


def an_asset(mark: float = 100.0, **fields: Any) -> Any:
    """An asset without position in a market that has always looked the same."""
    shown = {f"seen_{name}": mark for name in ("close", "high", "low")}
    averages = {"variance_fast": 1e-4, "variance_slow": 1e-4, "volume_mean": 1000.0}
    seen = {f"seen_{name}": value for name, value in averages.items()}
    own = {
        "mark": mark,
        "undisturbed": mark,
        "reference_price": mark,
        "displacement": 1.0,
        "seen_volume": 1000.0,
        "valid": 1,
    }
    feedback = {"slippage": 1e-3, "expected_slippage": 1e-3, "fill_ratio": 1.0}
    return record(AssetState, {**shown, **averages, **seen, **own, **feedback}, fields)


def held(position: float, entry: float = 100.0, **fields: Any) -> Any:
    """An asset with a position."""
    return an_asset(**{"position": position, "entry_price": entry, **fields})


def an_account(cash: float = 1e6, **fields: Any) -> Any:
    equity = dict.fromkeys(
        ("initial_equity", "equity", "peak_equity", "seen_equity", "seen_peak"), cash
    )
    return record(AccountState, {"cash": cash, **equity}, fields)


def execution_params(**fields: Any) -> Any:
    """No latency and no cost, but a cap of 10% of volume."""
    defaults = {
        "exponent": 1.0,
        "participation": 0.1,
        "maker_fee": fields.get("fee", 0.0),
        "fee_minimum": -math.inf,
        "fee_maximum": 1e300,
        "time_in_force": TimeInForce.EPISODE,
        "transient_weight_0": 0.5,
        "transient_weight_1": 0.3,
        "transient_weight_2": 0.2,
        "transient_decay_0": 0.1,
        "transient_decay_1": 0.5,
        "transient_decay_2": 0.9,
        "transient_mean_0": 0.4,
        "transient_mean_1": 0.7,
        "transient_mean_2": 0.95,
    }
    return record(ExecutionParams, defaults, fields)


def costly(**fields: Any) -> Any:
    """Every kind of cost at once, in the shape of Almgren et al. 2005."""
    costs = {
        "half_spread": 2e-4,
        "spread_exponent": 0.7,
        "temporary": 0.142,
        "exponent": 0.6,
        "volatility_scaled": 1,
        "permanent": 0.314,
        "fee": 5e-5,
    }
    return execution_params(**{**costs, **fields})


def episode_params(**fields: Any) -> Any:
    defaults = {
        "paths": 1,
        "bars": 60,
        "bar_seconds": SECONDS,
        "bars_per_day": 1.0,
        "warmup": 5,
        "length": 20,
        "groups": 1,
        "growth": 1.0,
        "scale": 1.0,
    }
    return record(EpisodeParams, defaults, fields)


def risk_params(**fields: Any) -> Any:
    """Kelly sizing whose caps are far away."""
    defaults = {
        "stops": 1,
        "kelly_multiplier": 0.25,
        "max_win_probability": 0.55,
        "stop_width": 2.0,
        "stop_confidence_slope": 0.5,
        "reward_to_risk": 1.5,
        "horizon_bars": 4.0,
        "risk_tolerance": 10.0,
        "max_weight": 100.0,
        "max_leverage": 100.0,
        "participation_bars": 1e9,
        "max_drawdown": 1.0,
        "initial_margin": 0.001,
        "target_volatility": 0.005,
        "covariance_shrinkage": 0.2,
        "execution_floor": 1.0,
        "feedback_rate": 0.1,
    }
    return record(RiskParams, defaults, fields)


def account_params(**fields: Any) -> Any:
    return record(AccountParams, {"initial_cash": 1e6}, fields)


def an_event(**fields: Any) -> Any:
    return record(EventRecord, {}, fields)


def a_stress(**fields: Any) -> Any:
    """A neutral stress but for the fields given."""
    made = CALM.copy()[0]
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def a_report(**fields: Any) -> Any:
    return record(Report, {}, fields)


def an_order(quantity: float, due: float | None = None, **fields: Any) -> dict[str, Any]:
    """Fields of an order: working, or in flight when it has a due time."""
    state = SlotState.WORKING if due is None else SlotState.IN_FLIGHT
    defaults = {
        "state": state,
        "identity": 1,
        "quantity": quantity,
        "left": quantity,
        "claim": quantity,
        "due_s": due or 0.0,
        "latency_s": due or 0.0,
    }
    return {**defaults, **fields}


def some_slots(*orders: dict[str, Any]) -> Any:
    """A full row of slots, the first ones taken."""
    slots = new_table(OrderSlot, SLOTS)
    for slot, fields in zip(slots, orders, strict=False):
        for name, value in fields.items():
            setattr(slot, name, value)
    return slots


def an_address(seed: int = 7, step: int = 0, episode: int = 0, asset: int = 0) -> Address:
    return Address(np.uint64(seed), episode, step, asset)


def trade(
    asset: Any,
    slots: Any,
    bar: Bar = FLAT_BAR,
    *,
    terms: Terms = FREE,
    execution: Any = None,
    account: Any = None,
) -> Any:
    """Work an asset through one bar, up to and including its ledger; return the report."""
    execution = execution_params() if execution is None else execution
    account = an_account() if account is None else account
    asset.slots_used = SLOTS
    report = a_report(live=sum(slot.claim for slot in slots))
    session = Session(bar, terms, execution.participation * bar.volume, SECONDS)
    trade_bar(asset, slots, account, report, session, execution)
    close_bar(slots, report, execution, SECONDS)
    close_ledger(asset, slots, report, bar.close)
    return report


def step(
    asset: Any,
    slots: Any,
    bar: Bar,
    target: float,
    *,
    account: Any = None,
    stress: Any = None,
    risk: Any = None,
    execution: Any = None,
    number: int = 0,
    **report: Any,
) -> Any:
    """Take one asset through a whole step whose base bar continues at the mark."""
    made = a_report(target=target, **report)
    asset.slots_used = SLOTS
    asset.base_close = asset.mark
    base = record(BarRecord, {}, bar._asdict())
    step_asset(
        asset,
        slots,
        made,
        a_stress() if stress is None else stress,
        an_account() if account is None else account,
        base,
        risk_params() if risk is None else risk,
        execution_params() if execution is None else execution,
        episode_params(),
        an_address(step=number),
    )
    return made


def ledger(report: Any) -> float:
    """Sum of the five parts."""
    parts = (report.delay, report.spread, report.impact, report.fees, report.opportunity)
    return float(sum(parts))


@st.composite
def bars(draw: st.DrawFn, near: float = 100.0) -> Bar:
    """Bars that are sound: low <= open, close <= high, volume > 0."""
    moves = st.floats(-0.2, 0.2)
    open_, close = (near * math.exp(draw(moves)) for _ in range(2))
    above, below = (math.exp(draw(st.floats(0.0, 0.1))) for _ in range(2))
    high, low = max(open_, close) * above, min(open_, close) / below
    return Bar(open_, high, low, close, draw(st.floats(10.0, 1e4)))
