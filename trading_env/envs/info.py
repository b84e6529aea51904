"""`info`: what a step reports in addition to the observation, at three levels of detail.

`none`: nothing. `episode`: a summary when an episode ends. `full`: the same keys at every step,
all finite, of shape (assets,) or scalar in the single environment and with a leading axis of
environments in the vector one. No seed, no future, no NaN. Over 300 lines because the lists of
fields are part of it.
"""

from enum import IntEnum
from typing import Any, Literal, NamedTuple, cast, get_args

import numpy as np
from numpy.typing import NDArray

from trading_env.core.arguments import choice
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
    "trigger",
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
    "parent_luck",
    "max_drawdown",
)


class Words(NamedTuple):
    """Fields of one kind in a layout, where they are, and the names they are shown by."""

    kind: type  # np.float64 or np.int64
    names: tuple[str, ...]
    places: NDArray[np.intp]  # among the words of eight bytes that a record is made of


def words_of(layout: type, *names: str, **arrays: type[IntEnum]) -> tuple[Words, ...]:
    """Find fields by name; elements of an array field by the code that numbers them."""
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


class Reader:
    """Copies fields of a table, of all lanes or of one, as often as asked.

    Fields of one kind are copied together: what `read` returns are parts of one array, or numbers
    where no axis is left. `swapped` exchanges the table's last two axes.
    """

    def __init__(
        self,
        table: Table,
        wanted: tuple[Words, ...],
        lane: int | None = None,
        *,
        swapped: bool = False,
    ) -> None:
        self._parts: list[tuple[tuple[str, ...], NDArray[Any], NDArray[np.intp]]] = []
        for kind, names, places in wanted:
            count = table.dtype.itemsize // WORD
            words: NDArray[Any] = table.view(kind).reshape(*table.shape, count)
            self._parts.append((names, words if lane is None else words[lane], places))
        axes = list(range(self._parts[0][1].ndim - 1))
        if swapped:
            axes[-2:] = reversed(axes[-2:])
        self._axes = (-1, *axes)

    def read(self) -> dict[str, Any]:
        """Return the fields as they are now, by name."""
        found: dict[str, Any] = {}
        for names, words, places in self._parts:
            copied = words.take(places, axis=-1)
            fields: Any = copied.tolist() if copied.ndim == 1 else copied.transpose(self._axes)
            found.update(zip(names, fields, strict=True))
        return found


def labels(codes: type[IntEnum]) -> NDArray[np.object_]:
    """Return the names of a code, to be indexed by it."""
    return np.array(names_of(codes), dtype=object)


CODES = ("bound_by", "status", "exit", "feed_fault")
REPORT = words_of(Report, *RISK_FIELDS, *EXECUTION_FIELDS, *CODES)
EVENTS = words_of(Stress, *SHAPE_FIELDS, factor=Factor)
ORDERS = words_of(OrderSlot, *ORDER_FIELDS, "state", "outcome")
ACCOUNT = words_of(AccountState, *ACCOUNT_FIELDS)
HOLDING = words_of(AssetState, "position", "value")
BEGINNING = words_of(AccountState, "initial_equity", "arrival_value", "equity")
COUNTS = words_of(EpisodeLog, bound=BoundBy)[0]  # the first of them counts what nothing bound
BOUND = Words(COUNTS.kind, tuple(f"bound_{n}" for n in COUNTS.names[1:]), COUNTS.places[1:])
LOG = (*words_of(EpisodeLog, *LOG_FIELDS), BOUND)
TERM_NAMES = names_of(Term)
BOUND_BY_NAMES = labels(BoundBy)
STATUS_NAMES = labels(Status)
EXIT_NAMES = labels(Exit)
ORDER_NAMES = np.repeat(labels(SlotState)[:, None], len(Status), axis=1)  # while an order lives
ORDER_NAMES[SlotState.DONE] = STATUS_NAMES  # by its outcome, once it has ended
ORDER_NAMES[SlotState.DONE, Status.NONE] = "took_back"  # a pure cancel has arrived
FAULT_NAMES = labels(Fault)


def check_detail(detail: str) -> Detail:
    """Return the level of detail, or raise ConfigError."""
    return cast(Detail, choice("detail", detail, get_args(Detail)))


class Readers(NamedTuple):
    """What is read of a batch for its whole report."""

    reports: Reader
    stresses: Reader
    orders: Reader
    holding: Reader
    account: Reader
    log: Reader
    beginning: Reader


def readers_of(batch: Batch, lane: int | None) -> Readers:
    """Return the readers of all lanes (a leading axis) or of one; they are made once."""
    if lane not in batch.readers:
        lanes, outputs = batch.lanes, batch.outputs
        batch.readers[lane] = Readers(
            reports=Reader(outputs.reports, REPORT, lane),
            stresses=Reader(outputs.stresses, EVENTS, lane),
            orders=Reader(lanes.slots, ORDERS, lane, swapped=True),
            holding=Reader(lanes.assets, HOLDING, lane),
            account=Reader(lanes.accounts, ACCOUNT, lane),
            log=Reader(lanes.logs, LOG, lane),
            beginning=Reader(lanes.accounts, BEGINNING, lane),
        )
    found: Readers = batch.readers[lane]
    return found


def full_info(batch: Batch, lane: int | None = None) -> dict[str, Any]:
    """Return the whole report of the last step, of all lanes (a leading axis) or of one."""
    readers, terms = readers_of(batch, lane), batch.outputs.terms
    report = readers.reports.read()
    risk = {name: report[name] for name in RISK_FIELDS}
    risk["bound_by"] = BOUND_BY_NAMES[report["bound_by"]]
    execution = {name: report[name] for name in EXECUTION_FIELDS}
    execution["status"] = STATUS_NAMES[report["status"]]
    execution["exit"] = EXIT_NAMES[report["exit"]]
    events = readers.stresses.read()
    events["feed_fault"] = FAULT_NAMES[report["feed_fault"]]
    holding = readers.holding.read()
    shown = terms.T.copy() if lane is None else terms[lane].tolist()
    task = batch.setup.layout.task
    return {
        **readers.account.read(),
        "position": holding["position"],
        "mark": holding["value"],
        "risk": risk,
        "execution": execution,
        "orders": with_status(readers.orders.read()),
        "events": events,
        "reward_terms": dict(zip(TERM_NAMES, shown, strict=True)),
        "summary": summed_up(readers.log, readers.beginning, task),
    }


def orders_of(slots: Table) -> dict[str, Any]:
    """Return every order slot with its own ledger, shape (lanes, assets, slots).

    An order keeps its slot through the step in which it ends; `status` is then its outcome. The
    parts of an order's ledger are from its decision to its end, in currency.
    """
    return with_status(Reader(slots, ORDERS, swapped=True).read())


def with_status(orders: dict[str, Any]) -> dict[str, Any]:
    """Turn what was read of orders into what is told of them."""
    orders["status"] = ORDER_NAMES[orders.pop("state"), orders.pop("outcome")]
    return orders


def summary(logs: Table, accounts: Table, task: Task, lane: int | None = None) -> dict[str, Any]:
    """Sum an episode up from its log, of all lanes (arrays) or of one (numbers)."""
    return summed_up(Reader(logs, LOG, lane), Reader(accounts, BEGINNING, lane), task)


def summed_up(logs: Reader, beginning: Reader, task: Task) -> dict[str, Any]:
    """Sum an episode up; a rate with a zero denominator is 0 (check its count)."""
    log, account = logs.read(), beginning.read()
    shortfall = log["delay"] + log["spread"] + log["impact"] + log["fees"] + log["opportunity"]
    ordered, any_order = log["ordered"] + TINY, log["orders"] > 0
    initial, arrival = account["initial_equity"] + TINY, account["arrival_value"] + TINY
    cost = log["parent_shortfall"]
    parents = {"parent_shortfall": cost, "parent_shortfall_bps": BPS_PER_UNIT * cost / arrival}
    parents["parent_cost_bps"] = BPS_PER_UNIT * (cost - log["parent_luck"]) / arrival
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
        **{name: log[name] for name in BOUND.names},
    }
