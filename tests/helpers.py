"""Records for tests of the kernels: a quiet market, a flat account, round numbers.

A bar lasts 100 seconds, so that an order due after 30 arrives at fraction 0.3 of it.
"""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.kept import KEPT
from trading_env.core.averages import SETTLED
from trading_env.core.codes import Factor, Fault, SlotState, TimeInForce
from trading_env.core.params import EpisodeParams, ExecutionParams
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
from trading_env.core.world import Lane
from trading_env.execution_engine.feedback import PRIOR
from trading_env.execution_engine.funds import AccountConfig
from trading_env.execution_engine.pricing import permanent_of
from trading_env.risk_manager.config import RiskConfig
from trading_env.risk_manager.desk import Desk, Rulebook, Rules
from trading_env.step.observation import AccountFeature, AssetFeature
from trading_env.step.rows import lane_of, new_lanes, new_outputs
from trading_env.stress.composition import NEUTRAL

SECONDS = 100.0
FREE = Terms(0.0, 0.0, 0.0, 1.0, 0.0, 0.0)
FLAT_BAR = Bar(100.0, 100.0, 100.0, 100.0, 1000.0)


def off_grid(value: Any, unit: float) -> Any:
    """Distance from the nearest multiple, in multiples."""
    return np.abs(value / unit - np.round(value / unit))


def record(layout: type, defaults: dict[str, Any], given: dict[str, Any]) -> Any:
    return filled(new_table(layout, 1)[0], {**defaults, **given})


def filled(made: Any, fields: dict[str, Any]) -> Any:
    """Write fields into a record; a factor and a fault's rate go by their own names."""
    for name, value in fields.items():
        if name.upper() in Factor.__members__ and "factor" in made.dtype.names:
            made.factor[Factor[name.upper()]] = value
        elif name.endswith("_rate") and "rate" in made.dtype.names:
            made.rate[Fault[name.removesuffix("_rate").upper()]] = value
        else:
            setattr(made, name, value)
    return made


def flat(records: Any) -> SimpleNamespace:
    """Read a record, or a table of them, by name: factors and faults' rates too."""
    found = {name: records[name] for name in records.dtype.names}
    factors, rates = found.pop("factor"), found.pop("rate")
    found |= {f.name.lower(): factors[..., f] for f in Factor}
    return SimpleNamespace(**found, **{f"{f.name.lower()}_rate": rates[..., f] for f in Fault})


def an_asset(mark: float = 100.0, **fields: Any) -> Any:
    """An asset without position in a market that has always looked the same."""
    shown = {f"seen_{name}": mark for name in ("close", "before", "earlier", "high", "low")}
    averages = {"variance_fast": 1e-4, "variance_slow": 1e-4, "volume_mean": 1000.0}
    seen = {f"seen_{name}": value for name, value in averages.items()}
    own = {
        "volume_usual": 1000.0,
        "mark": mark,
        "value": mark,
        "undisturbed": mark,
        "widening": 1.0,
        "listed_bars": SETTLED,
        "reference_price": mark,
        "displacement": 1.0,
        "seen_volume": 1000.0,
        "seen_depth": 1.0,
        "valid": 1,
        "is_new": 1,
    }
    feedback = {"slippage": 1e-3, "expected_slippage": 1e-3, "fill_ratio": 1.0}
    model = {"cost_variance": PRIOR}
    return record(AssetState, {**shown, **averages, **seen, **own, **feedback, **model}, fields)


def held(position: float, entry: float = 100.0, **fields: Any) -> Any:
    """An asset with a position."""
    return an_asset(**{"position": position, "entry_price": entry, **fields})


def an_account(cash: float = 1e6, **fields: Any) -> Any:
    shown = ("seen_equity", "seen_equity_before", "seen_peak")
    equity = dict.fromkeys(("initial_equity", "equity", "peak_equity", *shown), cash)
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
        "transient_weight": (0.5, 0.3, 0.2),
        "transient_decay": (0.1, 0.5, 0.9),
        "transient_mean": (0.4, 0.7, 0.95),
        "felt": 1.0,
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
        "scale": 1.0,
    }
    return record(EpisodeParams, defaults, fields)


def risk_params(**fields: Any) -> Any:
    """Kelly sizing whose caps are far away."""
    far = {
        "horizon_bars": 4.0,
        "risk_tolerance": 10.0,
        "max_weight": 100.0,
        "max_leverage": 100.0,
        "participation_bars": 1e9,
        "max_drawdown": 1.0,
        "initial_margin": 0.001,
        "no_trade_band": 0.0,
    }
    return filled(RiskConfig().record()[0], {**far, **fields})


def account_params(**fields: Any) -> Any:
    free = dict.fromkeys(AccountConfig.layout().names or (), 0.0)
    may = {"short_selling": 1, "borrowing": 1}
    return filled(AccountConfig().record()[0], {**free, **may, "initial_cash": 1e6, **fields})


def boxed(record: Any) -> Any:
    """Put a record into a table of one row."""
    table = np.zeros(1, dtype=record.dtype)
    table[0] = record
    return table.view(record.dtype)


def an_event(**fields: Any) -> Any:
    return record(EventRecord, {}, fields)


def a_stress(**fields: Any) -> Any:
    """A neutral stress but for the fields given."""
    return filled(NEUTRAL.copy()[0], fields)


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
        "goal": math.copysign(1e300, quantity),
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


def a_desk(
    asset: Any = None,
    slots: Any = None,
    *,
    account: Any = None,
    report: Any = None,
    stress: Any = None,
    risk: Any = None,
    execution: Any = None,
    episode: Any = None,
    funds: Any = None,
) -> Desk:
    """The records of one asset; what is left out is quiet, flat and free."""
    return Desk(
        an_asset() if asset is None else asset,
        some_slots() if slots is None else slots,
        an_account() if account is None else account,
        a_report() if report is None else report,
        a_stress() if stress is None else stress,
        Rules(
            risk_params() if risk is None else risk,
            execution_params() if execution is None else execution,
            episode_params() if episode is None else episode,
            account_params() if funds is None else funds,
        ),
    )


def some_rules(**records: Any) -> Rules:
    """The constants of a quiet world but for the records given."""
    return a_desk(**records).rules


def some_rulebook(**records: Any) -> Rulebook:
    """The same, as the constants of a world of up to 32 assets."""
    rules = some_rules(**records)
    executions = boxed(rules.execution).repeat(32).view(rules.execution.dtype)
    return Rulebook(rules.risk, executions, rules.episode, rules.funds)


def a_lane(assets: Any, account: Any = None, covariance: Any = None) -> Lane:
    """A lane of some assets, with a covariance where they are sized together."""
    count = len(assets)
    size = count * len(AssetFeature) + len(AccountFeature)
    lanes = new_lanes(1, count, 0, SLOTS, sized_together=covariance is not None)
    views: Any = lane_of  # uncompiled, so that its records know their fields as attributes
    lane: Lane = views.py_func(lanes, new_outputs(1, count, size, 1), 0, 0)
    for a, asset in enumerate(assets):
        lane.assets[a] = asset
    lane.accounts[0] = an_account() if account is None else account
    if covariance is not None:
        lane.covariance[0] = covariance
    return lane


def trade(
    asset: Any,
    slots: Any,
    bar: Bar = FLAT_BAR,
    *,
    terms: Terms = FREE,
    execution: Any = None,
    account: Any = None,
    known: float = math.inf,
    seed: int = 7,
) -> Any:
    """Work an asset through one bar, up to and including its ledger; return the report.

    `known` units were to be expected to fit under the cap.
    """
    asset.slots_used = SLOTS
    report = a_report(live=sum(slot.claim for slot in slots))
    desk = a_desk(asset, slots, account=account, report=report, execution=execution)
    params = desk.rules.execution
    capacity = params.participation * bar.volume
    session = Session(bar, terms, capacity, min(capacity, known), SECONDS)
    KEPT.trade_bar(desk, session, an_address(seed), SECONDS)
    return report


def step(asset: Any, slots: Any, bar: Bar, target: float, *, number: int = 0, **fields: Any) -> Any:
    """Take one asset through a whole step whose base bar continues at the mark.

    `fields` are the records of `a_desk`, and fields of the report.
    """
    rooms = ("account", "stress", "risk", "execution")
    records = {name: fields.pop(name) for name in rooms if name in fields}
    report = a_report(target=target, **fields)
    asset.slots_used = SLOTS
    asset.base_close = asset.mark
    base = record(BarRecord, {"path_scale": 1.0}, bar._asdict())
    desk = a_desk(asset, slots, report=report, **records)
    if asset.permanent_unit == 0.0:
        asset.permanent_unit = permanent_of(asset, desk.rules)
    KEPT.step_asset(desk, base, an_address(step=number))
    return report


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
