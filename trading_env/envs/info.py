"""`info`: what a step reports in addition to the observation, at three levels of detail.

`none`: nothing. `episode`: a summary when an episode ends. `full`: the same keys at every step,
all finite, of shape (assets,) or scalar in the single environment and with a leading axis of
environments in the vector one. No seed, no future, no NaN.
"""

from enum import IntEnum
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from trading_env.core.codes import (
    BoundBy,
    Exit,
    Factor,
    Fault,
    SlotState,
    Status,
    Task,
    names_of,
)
from trading_env.core.errors import shown
from trading_env.core.records import Floats, Table
from trading_env.envs.batch import Batch
from trading_env.step.reward import Term

Detail = Literal["none", "episode", "full"]
BPS_PER_UNIT = 1e4
TINY = 1e-300  # a lane whose episode has not ended divides by this, and is masked

RISK_FIELDS = (
    "signal",
    "confidence",
    "win_probability",
    "kelly_fraction",
    "wished_fraction",
    "target_fraction",
    "target",
    "stop_distance",
    "target_distance",
    "stop_loss",
    "take_profit",
)
EXECUTION_FIELDS = (
    "decision_price",
    "intended",
    "sent",
    "filled",
    "working",
    "price",
    "latency_s",
    "delay",
    "spread",
    "impact",
    "impact_permanent",
    "impact_transient",
    "fees",
    "opportunity",
    "shortfall",
    "financing",
)
ORDER_FIELDS = (
    "identity",
    "quantity",
    "filled",
    "left",
    "decision_price",
    "arrival_price",
    "limit",
    "notional",
    "latency_s",
    "delay",
    "spread",
    "impact",
    "fees",
    "opportunity",
)
SHAPE_FIELDS = ("halted", "gap", "drift", "outage")  # of Stress, in addition to its factors


def labels(codes: type[IntEnum]) -> NDArray[np.object_]:
    """Return the names of a code, to be indexed by it."""
    return np.array(names_of(codes), dtype=object)


BOUND_BY_NAMES = labels(BoundBy)
STATUS_NAMES = labels(Status)
EXIT_NAMES = labels(Exit)
SLOT_NAMES = labels(SlotState)
FAULT_NAMES = labels(Fault)


def check_detail(detail: str) -> Detail:
    """Return the level of detail, or raise ValueError."""
    if detail not in get_args(Detail):
        raise ValueError(f"detail = {shown(detail)}: must be one of {', '.join(get_args(Detail))}")
    return detail  # type: ignore[return-value]


def full_info(batch: Batch) -> dict[str, Any]:
    """Return the whole report of the last step; every value has a leading axis of lanes."""
    accounts, reports = batch.lanes.accounts, batch.outputs.reports
    risk = {name: reports[name].copy() for name in RISK_FIELDS}
    risk["bound_by"] = BOUND_BY_NAMES[reports["bound_by"]]
    execution = {name: reports[name].copy() for name in EXECUTION_FIELDS}
    execution["status"] = STATUS_NAMES[reports["status"]]
    execution["exit"] = EXIT_NAMES[reports["exit"]]
    stresses = batch.outputs.stresses
    events = {name: stresses[name].copy() for name in SHAPE_FIELDS}
    events |= {f.name.lower(): stresses["factor"][..., f].copy() for f in Factor}
    events["feed_fault"] = FAULT_NAMES[reports["feed_fault"]]
    return {
        "equity": accounts["equity"].copy(),
        "cash": accounts["cash"].copy(),
        "position": batch.lanes.assets["position"].copy(),
        "mark": batch.lanes.assets["value"].copy(),
        "fees_paid": accounts["fees_paid"].copy(),
        "financing_paid": accounts["financing_paid"].copy(),
        "step": accounts["step"].copy(),
        "risk": risk,
        "execution": execution,
        "orders": orders_of(batch.lanes.slots),
        "events": events,
        "reward_terms": {t.name.lower(): batch.outputs.terms[:, t].copy() for t in Term},
        "summary": summary(batch.lanes.logs, accounts, batch.setup.layout.task),
    }


def orders_of(slots: Table) -> dict[str, Any]:
    """Return every order slot with its own ledger, shape (lanes, assets, slots).

    An order keeps its slot through the step in which it ends; `status` is then its outcome. The
    parts of an order's ledger are from its decision to its end, in currency.
    """
    slots = np.swapaxes(slots, 1, 2)
    orders = {name: slots[name].copy() for name in ORDER_FIELDS}
    ended = slots["state"] == SlotState.DONE
    orders["status"] = np.where(ended, STATUS_NAMES[slots["outcome"]], SLOT_NAMES[slots["state"]])
    return orders


def summary(logs: Table, accounts: Table, task: Task) -> dict[str, Floats]:
    """Sum an episode up from its log; a rate with a zero denominator is 0 (check its count)."""
    shortfall = sum(logs[name] for name in ("delay", "spread", "impact", "fees", "opportunity"))
    ordered = np.maximum(logs["ordered"], TINY)
    initial = np.maximum(accounts["initial_equity"], TINY)
    arrival = np.maximum(accounts["arrival_value"], TINY)
    cost = logs["parent_shortfall"].copy()
    parents = {"parent_shortfall": cost, "parent_shortfall_bps": BPS_PER_UNIT * cost / arrival}
    return {
        **(parents if task is Task.EXECUTION else {}),
        "reward": logs["reward"].copy(),
        "steps": logs["steps"].copy(),
        "return": accounts["equity"] / initial - 1.0,
        "max_drawdown": logs["max_drawdown"].copy(),
        "orders": logs["orders"].copy(),
        "shortfall": shortfall,
        "shortfall_bps": BPS_PER_UNIT * np.where(logs["orders"] > 0, shortfall / ordered, 0.0),
        "turnover": logs["traded"] / initial,
        "fill_ratio": np.where(logs["orders"] > 0, logs["filled"] / ordered, 0.0),
        "latency_s": logs["latency"] / np.maximum(logs["arrivals"], 1),
        "stops": logs["stops"].copy(),
        "targets": logs["targets"].copy(),
        "time_stops": logs["time_stops"].copy(),
        "margin_calls": logs["margin_calls"].copy(),
        **{f"bound_{by.name.lower()}": logs["bound"][..., by].copy() for by in BoundBy if by},
    }


def lane_of_info(info: dict[str, Any], lane: int) -> dict[str, Any]:
    """Take one lane out of a batched info; scalars become Python numbers."""
    taken: dict[str, Any] = {}
    for name, value in info.items():
        if isinstance(value, dict):
            taken[name] = lane_of_info(value, lane)
        else:
            item = value[lane]
            taken[name] = item if isinstance(item, np.ndarray) else item.item()
    return taken
