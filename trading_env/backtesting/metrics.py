"""Every metric of a played episode: one number each, or a reason why there is none.

Fractions, not percent; bps of the value ordered at decision prices; ledger parts as in
`docs/model.md` (Perold 1988). Those of the equity curve are in `curve_metrics.py`. Besides:

    exposure              mean over the steps of gross position over equity, after the step
    turnover              notional traded over initial equity
    shortfall_bps         implementation shortfall = delay + spread + impact + fees + opportunity,
                          each of which is `PART_bps`; a positive number costs
    parent_shortfall_bps  Execution only: of the parent orders, bps of their arrival value
    parent_cost_bps       the same less what the market's own moves added (`step/pace.py`)
    fill_ratio            filled over ordered, at the same prices
    latency_ms            mean over the orders that arrived; p50 and p95 are percentiles over them,
                          orders of one asset that arrive in one bar counting at their mean
    orders, stops, targets, margin_calls    counts
    bound_NAME            decisions (step and asset) that the limit NAME bound
    shock_cost_multiple   (spread + impact + fees) over notional traded in the steps from the first
                          to the last in which the scenario acted, over the same ratio in the same
                          steps of the same episode without the scenario
    reward, steps         of the episode

`stress/activity.py` says when a scenario acts.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from trading_env.backtesting.curve_metrics import CURVE_METRICS, NO_STEP, SHOCK_METRICS
from trading_env.backtesting.metric import (
    EVERYWHERE,
    MORE,
    REPORT,
    TERMINAL,
    Episode,
    Metric,
    Withheld,
    scored,
)
from trading_env.backtesting.rollouts import PARTS, Rollout, StepRecord
from trading_env.core.codes import BoundBy
from trading_env.core.records import Floats

FEW_ARRIVALS = 20  # below it no order is later than 95% of the others


def summed(name: str) -> Callable[[Episode], float]:
    """Return the formula of a figure that the environment sums up itself."""
    return lambda episode: episode.sums[name]


def per_order(name: str) -> Callable[[Episode], float]:
    """Return the formula of such a figure where it needs an order."""

    def formula(episode: Episode) -> float:
        if episode.sums["orders"] <= 0:
            raise Withheld("no order was sent")
        return episode.sums[name]

    return formula


def bound_by(code: BoundBy) -> Callable[[Episode], float]:
    """Return the formula that counts the decisions which one limit bound."""
    return lambda episode: float(np.count_nonzero(episode.recorded.bound_by == code))


def exposure(episode: Episode) -> float:
    """Return the mean of gross position over equity."""
    return float(episode.recorded.exposure.mean())


def of_parents(name: str) -> Callable[[Episode], float]:
    """Return the formula of a figure of the parent orders."""

    def formula(episode: Episode) -> float:
        if name not in episode.sums:
            raise Withheld("no parent orders in this task")
        return episode.sums[name]

    return formula


def latency_ms(episode: Episode) -> float:
    """Return the mean latency."""
    if episode.sums["arrivals"] <= 0:
        raise Withheld("no order arrived")
    return 1e3 * episode.sums["latency_s"]


def _latency_percentile(episode: Episode, share: float, fewest: int, reason: str) -> float:
    arrivals = episode.recorded.arrivals.ravel()
    latencies = np.repeat(episode.recorded.latency_s.ravel(), arrivals)
    if len(latencies) < fewest:
        raise Withheld(reason)
    return 1e3 * float(np.percentile(latencies, share))


def latency_p50_ms(episode: Episode) -> float:
    """Return the median latency."""
    return _latency_percentile(episode, 50.0, 1, "no order arrived")


def latency_p95_ms(episode: Episode) -> float:
    """Return the latency that one order in twenty exceeds."""
    few = f"fewer than {FEW_ARRIVALS} orders arrived"
    return _latency_percentile(episode, 95.0, FEW_ARRIVALS, few)


def shock_cost_multiple(episode: Episode) -> float:
    """Return the cost rate while the scenario acted over the twin's in the same steps."""
    first, last = episode.acting
    if episode.twin is None:
        raise Withheld("not played without the scenario")
    rates = []
    for played, which in ((episode, "with"), (episode.twin, "without")):
        traded = float(played.recorded.traded[first : last + 1].sum())
        if traded <= 0.0:
            raise Withheld(f"nothing was traded in those steps {which} the scenario")
        rates.append(float(played.recorded.cost[first : last + 1].sum()) / traded)
    if rates[1] <= 0.0:
        raise Withheld("trading was free without the scenario")
    return rates[0] / rates[1]


NO_ORDER = "not defined: no order was sent"
NO_PARENT = "not defined: no parent order"
NO_COST = "not defined: no event acted, or nothing was traded while it did"
_ALL = (
    *CURVE_METRICS,
    Metric("exposure", exposure),
    Metric("turnover", summed("turnover"), "turnover", 1.0, 2, 0, NO_STEP, (MORE,)),
    Metric(
        "shortfall_bps", per_order("shortfall_bps"), "cost bps", 1.0, 2, -1, NO_ORDER, EVERYWHERE
    ),
    *(Metric(f"{part}_bps", per_order(f"{part}_bps")) for part in PARTS),
    Metric(
        "fill_ratio", per_order("fill_ratio"), "fill %", 100.0, 1, +1, NO_ORDER, (TERMINAL, REPORT)
    ),
    Metric(
        "parent_shortfall_bps",
        of_parents("parent_shortfall_bps"),
        title="parent shortfall bps",
        better=-1,
        missing=NO_PARENT,
        shown=(TERMINAL, MORE),
    ),
    Metric(
        "parent_cost_bps",
        of_parents("parent_cost_bps"),
        title="parent cost bps",
        better=-1,
        missing=NO_PARENT,
        shown=(TERMINAL, MORE),
    ),
    Metric("latency_ms", latency_ms, "latency ms", 1.0, 0, 0, NO_ORDER, (REPORT,)),
    Metric("latency_p50_ms", latency_p50_ms),
    Metric("latency_p95_ms", latency_p95_ms),
    Metric("orders", summed("orders"), "orders", 1.0, 1, 0, NO_STEP, (MORE,)),
    Metric("stops", summed("stops"), "stops", 1.0, 1, 0, NO_STEP, (MORE,)),
    *SHOCK_METRICS,
    Metric(
        "shock_cost_multiple",
        shock_cost_multiple,
        "cost x",
        1.0,
        2,
        -1,
        NO_COST,
        (TERMINAL,),
    ),
    Metric("reward", summed("reward")),
    Metric("targets", summed("targets"), is_paired=False),
    Metric("margin_calls", summed("margin_calls"), is_paired=False),
    *(
        Metric(f"bound_{code.name.lower()}", bound_by(code), is_paired=False)
        for code in BoundBy
        if code is not BoundBy.NONE
    ),
    Metric("steps", summed("steps"), is_paired=False),
)
METRICS = {metric.name: metric for metric in _ALL}
PAIRED = tuple(metric.name for metric in _ALL if metric.is_paired)


class Scores(NamedTuple):
    """Metrics of a batch of episodes."""

    values: dict[str, Floats]  # every metric of `METRICS`, (lanes,); NaN where withheld
    reasons: tuple[dict[str, str], ...]  # a lane: metric -> why it is withheld


def score(played: Rollout, steps_per_year: float, twin: Rollout | None = None) -> Scores:
    """Return every metric of `METRICS` for every lane.

    Args:
        played: the episodes; without a record, what needs one is withheld.
        steps_per_year: steps in a year, > 0.
        twin: the same policy and seeds without the scenario, recorded.
    """
    lanes = [
        scored(
            episode_of(played, lane, steps_per_year, twin and episode_of(twin, lane)),
            METRICS.values(),
        )
        for lane in range(len(played.equity))
    ]
    values = {name: np.array([lane.values.get(name, np.nan) for lane in lanes]) for name in METRICS}
    return Scores(values, tuple(lane.withheld for lane in lanes))


def episode_of(
    played: Rollout, lane: int, steps_per_year: float = 1.0, twin: Episode | None = None
) -> Episode:
    """Take one lane out of a rollout."""
    held, record = played.held[lane], None
    if played.record is not None:
        columns: Iterable[Any] = (column[: len(held), lane] for column in played.record)
        record = StepRecord(*columns)
    return Episode(
        equity=played.equity[lane],
        steps_per_year=steps_per_year,
        held=held,
        active=None if record is None else record.is_active,
        sums={name: float(column[lane]) for name, column in played.sums.items()},
        record=record,
        twin=twin,
    )
