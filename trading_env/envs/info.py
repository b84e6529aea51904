"""`info`: what a step reports in addition to the observation, at three levels of detail.

`none`: nothing. `episode`: a summary when an episode ends. `full`: the same keys at every step,
all finite, of shape (assets,) or scalar in the single environment and with a leading axis of
environments in the vector one. No seed, no future, no NaN.
"""

from enum import IntEnum
from typing import Any, Literal, NamedTuple, get_args

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
from trading_env.core.records import (
    AccountState,
    AssetState,
    EpisodeLog,
    OrderSlot,
    Report,
    Stress,
    Table,
    record_dtype,
)
from trading_env.envs.batch import Batch
from trading_env.step.reward import Term

Detail = Literal["none", "episode", "full"]
BPS_PER_UNIT = 1e4
TINY = 1e-300  # so that nothing is divided by 0; it changes no other number
WORD = 8  # bytes of every field

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
ACCOUNT_FIELDS = ("equity", "cash", "fees_paid", "financing_paid", "step")
LOG_FIELDS = (
    "reward",
    "steps",
    "traded",
    "delay",
    "spread",
    "impact",
    "fees",
    "opportunity",
    "ordered",
    "filled",
    "orders",
    "arrivals",
    "latency",
    "stops",
    "targets",
    "time_stops",
    "margin_calls",
    "parent_shortfall",
    "max_drawdown",
)


class Words(NamedTuple):
    """Fields of one kind in a layout, where they are, and the names they are shown by."""

    kind: type  # np.float64 or np.int64
    names: tuple[str, ...]
    places: NDArray[np.intp]  # among the words of eight bytes that a record is made of


def words_of(layout: type, *names: str, **arrays: type[IntEnum]) -> tuple[Words, ...]:
    """Find fields in a layout; of an array field that a code numbers, its elements."""
    fields = dict(record_dtype(layout).fields or {})
    found: dict[type, dict[str, int]] = {}
    for name in names:
        part, offset = fields[name][:2]
        found.setdefault(part.base.type, {})[name] = offset // WORD
    for name, codes in arrays.items():
        part, offset = fields[name][:2]
        kind = found.setdefault(part.base.type, {})
        kind |= {element: offset // WORD + k for k, element in enumerate(names_of(codes))}
    return tuple(Words(kind, tuple(k), np.array(list(k.values()))) for kind, k in found.items())


def read(
    table: Table, wanted: tuple[Words, ...], lane: int | None = None, *, swapped: bool = False
) -> dict[str, Any]:
    """Copy fields of a table, of all lanes or of one; numbers where no axis is left.

    Fields of one kind are copied together: what is returned are parts of one array. `swapped`
    exchanges the table's last two axes.
    """
    words = table.view(np.int64).reshape(*table.shape, table.dtype.itemsize // WORD)
    if lane is not None:
        words = words[lane]
    found: dict[str, Any] = {}
    for kind, names, places in wanted:
        block: NDArray[Any] = words.take(places, axis=-1).view(kind)
        if block.ndim == 1:
            found.update(zip(names, block.tolist(), strict=True))
            continue
        rows = block.transpose(-1, *range(block.ndim - 1))
        found.update(zip(names, rows.swapaxes(-1, -2) if swapped else rows, strict=True))
    return found


def labels(codes: type[IntEnum]) -> NDArray[np.object_]:
    """Return the names of a code, to be indexed by it."""
    return np.array(names_of(codes), dtype=object)


RISK = words_of(Report, *RISK_FIELDS)
EXECUTION = words_of(Report, *EXECUTION_FIELDS)
CODES = words_of(Report, "bound_by", "status", "exit", "feed_fault")
EVENTS = words_of(Stress, *SHAPE_FIELDS, factor=Factor)
ORDERS = words_of(OrderSlot, *ORDER_FIELDS, "state", "outcome")
ACCOUNT = words_of(AccountState, *ACCOUNT_FIELDS)
HOLDING = words_of(AssetState, "position", "value")
BEGINNING = words_of(AccountState, "initial_equity", "arrival_value", "equity")
LOG = words_of(EpisodeLog, *LOG_FIELDS)
COUNTS = words_of(EpisodeLog, bound=BoundBy)[0]
BOUND = (Words(COUNTS.kind, tuple(f"bound_{n}" for n in COUNTS.names[1:]), COUNTS.places[1:]),)
TERM_NAMES = names_of(Term)
BOUND_BY_NAMES = labels(BoundBy)
STATUS_NAMES = labels(Status)
EXIT_NAMES = labels(Exit)
SLOT_NAMES = labels(SlotState)
ORDER_NAMES = np.concatenate([SLOT_NAMES, STATUS_NAMES])  # while it lives, and how it ended
FAULT_NAMES = labels(Fault)


def check_detail(detail: str) -> Detail:
    """Return the level of detail, or raise ValueError."""
    if detail not in get_args(Detail):
        raise ValueError(f"detail = {shown(detail)}: must be one of {', '.join(get_args(Detail))}")
    return detail  # type: ignore[return-value]


def full_info(batch: Batch, lane: int | None = None) -> dict[str, Any]:
    """Return the whole report of the last step, of all lanes (a leading axis) or of one."""
    lanes, outputs = batch.lanes, batch.outputs
    codes = read(outputs.reports, CODES, lane)
    risk = read(outputs.reports, RISK, lane)
    risk["bound_by"] = BOUND_BY_NAMES[codes["bound_by"]]
    execution = read(outputs.reports, EXECUTION, lane)
    execution["status"] = STATUS_NAMES[codes["status"]]
    execution["exit"] = EXIT_NAMES[codes["exit"]]
    events = read(outputs.stresses, EVENTS, lane)
    events["feed_fault"] = FAULT_NAMES[codes["feed_fault"]]
    holding = read(lanes.assets, HOLDING, lane)
    terms = outputs.terms.T.copy() if lane is None else outputs.terms[lane].tolist()
    return {
        **read(lanes.accounts, ACCOUNT, lane),
        "position": holding["position"],
        "mark": holding["value"],
        "risk": risk,
        "execution": execution,
        "orders": orders_of(lanes.slots, lane),
        "events": events,
        "reward_terms": dict(zip(TERM_NAMES, terms, strict=True)),
        "summary": summary(lanes.logs, lanes.accounts, batch.setup.layout.task, lane),
    }


def orders_of(slots: Table, lane: int | None = None) -> dict[str, Any]:
    """Return every order slot with its own ledger, shape (lanes, assets, slots).

    An order keeps its slot through the step in which it ends; `status` is then its outcome. The
    parts of an order's ledger are from its decision to its end, in currency.
    """
    orders = read(slots, ORDERS, lane, swapped=True)
    state, outcome = orders.pop("state"), orders.pop("outcome")
    ended = state == SlotState.DONE
    orders["status"] = ORDER_NAMES[np.where(ended, len(SLOT_NAMES) + outcome, state)]
    return orders


def summary(logs: Table, accounts: Table, task: Task, lane: int | None = None) -> dict[str, Any]:
    """Sum an episode up from its log; a rate with a zero denominator is 0 (check its count).

    Of all lanes (arrays) or of one (numbers): the same arithmetic on either.
    """
    log, account = read(logs, LOG, lane), read(accounts, BEGINNING, lane)
    shortfall = sum(log[name] for name in ("delay", "spread", "impact", "fees", "opportunity"))
    ordered, any_order = log["ordered"] + TINY, log["orders"] > 0
    initial, arrival = account["initial_equity"] + TINY, account["arrival_value"] + TINY
    cost = log["parent_shortfall"]
    parents = {"parent_shortfall": cost, "parent_shortfall_bps": BPS_PER_UNIT * cost / arrival}
    return {
        **(parents if task is Task.EXECUTION else {}),
        "reward": log["reward"],
        "steps": log["steps"],
        "return": account["equity"] / initial - 1.0,
        "max_drawdown": log["max_drawdown"],
        "orders": log["orders"],
        "shortfall": shortfall,
        "shortfall_bps": BPS_PER_UNIT * (any_order * shortfall / ordered + 0.0),  # no -0.0
        "turnover": log["traded"] / initial,
        "fill_ratio": any_order * log["filled"] / ordered,
        "latency_s": log["latency"] / (log["arrivals"] + (log["arrivals"] == 0)),
        "stops": log["stops"],
        "targets": log["targets"],
        "time_stops": log["time_stops"],
        "margin_calls": log["margin_calls"],
        **read(logs, BOUND, lane),
    }
