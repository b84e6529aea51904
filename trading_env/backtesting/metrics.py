"""Metrics of played episodes: one number each, or a reason why there is none.

Fractions, not percent; bps of the value ordered at decision prices; ledger parts as in
`docs/model.md` (Perold 1988). From the equity curve (`curve_metrics.py` has the formulas):
return, cagr, volatility, sharpe, sortino, calmar, max_drawdown, drawdown_steps, cvar, win_rate,
profit_factor. Besides:

    exposure              mean over the steps of gross position over equity, after the step
    turnover              notional traded over initial equity
    shortfall_bps         implementation shortfall = delay + spread + impact + fees + opportunity,
                          each of which is `PART_bps`; a positive number costs
    parent_shortfall_bps  Execution only: of the parent orders, bps of their arrival value
    fill_ratio            filled over ordered, at the same prices
    latency_ms            mean over the orders that arrived; p50 and p95 are percentiles over them,
                          orders of one asset that arrive in one bar counting at their mean
    orders, stops, targets, margin_calls    counts
    bound_NAME            decisions (step and asset) that the limit NAME bound
    shock_drawdown        max drawdown while the scenario acted
    shock_recovery_steps  from that drawdown's trough until its peak is regained
    shock_cost_multiple   (spread + impact + fees) over notional traded in those steps, over the
                          same ratio in the same steps of the same episode without the scenario
    reward, steps         of the episode

A scenario acts from the first to the last step in which it changes the bar, its liquidity, the
latency or the feed; the tail of a fading multiplier within 5% of 1 is left out.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_env.backtesting.curve_metrics import portfolio_metrics, shock_metrics
from trading_env.backtesting.rollouts import PARTS, Rollout, StepRecord
from trading_env.core.records import Floats
from trading_env.envs.info import BOUND_BY_NAMES

CURVE_METRICS = (  # and their names in `PortfolioMetrics`
    ("return", "total_return"),
    ("cagr", "cagr"),
    ("volatility", "annual_volatility"),
    ("sharpe", "sharpe"),
    ("sortino", "sortino"),
    ("calmar", "calmar"),
    ("max_drawdown", "max_drawdown"),
    ("drawdown_steps", "drawdown_steps"),
    ("cvar", "cvar"),
    ("win_rate", "win_rate"),
    ("profit_factor", "profit_factor"),
)
PER_ORDER = ("shortfall_bps", *(f"{name}_bps" for name in PARTS), "fill_ratio")
COUNTS = ("orders", "stops", "targets", "margin_calls")
BOUND = tuple(f"bound_{name}" for name in BOUND_BY_NAMES[1:])
LATENCIES = ("latency_ms", "latency_p50_ms", "latency_p95_ms")
SHOCK = ("shock_drawdown", "shock_recovery_steps", "shock_cost_multiple")
COMPARED = (  # the metrics whose paired differences are taken
    *(name for name, _ in CURVE_METRICS),
    "exposure",
    "turnover",
    *PER_ORDER,
    "parent_shortfall_bps",
    *LATENCIES,
    "orders",
    "stops",
    *SHOCK,
    "reward",
)
METRICS = (*COMPARED, "targets", "margin_calls", *BOUND, "steps")
FEW_ARRIVALS = 20  # below it no order is later than 95% of the others

Reasons = dict[str, str]  # metric -> why it is withheld


class Scores(NamedTuple):
    """Metrics of a batch of episodes."""

    values: dict[str, Floats]  # every metric of `METRICS`, (lanes,); NaN where withheld
    reasons: tuple[Reasons, ...]  # a lane


def score(played: Rollout, steps_per_year: float, twin: Rollout | None = None) -> Scores:
    """Return every metric of `METRICS` for every lane.

    Args:
        played: the episodes; without a record, what needs one is withheld.
        steps_per_year: steps in a year, > 0.
        twin: the same policy and seeds without the scenario, recorded.
    """
    lanes = [_lane(played, twin, lane, steps_per_year) for lane in range(len(played.equity))]
    values = {name: np.array([lane[0].get(name, np.nan) for lane in lanes]) for name in METRICS}
    return Scores(values, tuple(reasons for _, reasons in lanes))


def _lane(
    played: Rollout, twin: Rollout | None, lane: int, steps_per_year: float
) -> tuple[dict[str, float], Reasons]:
    """Score one episode."""
    sums = {name: float(column[lane]) for name, column in played.sums.items()}
    values = {name: sums[name] for name in (*COUNTS, "turnover", "reward", "steps")}
    reasons: Reasons = {}
    curve = portfolio_metrics(played.equity[lane], steps_per_year, played.held[lane])
    for name, field in CURVE_METRICS:
        _put(name, getattr(curve, field), curve.withheld.get(field, ""), values, reasons)
    is_ordered = sums["orders"] > 0
    for name in PER_ORDER:
        _put(name, sums[name] if is_ordered else None, "no order was sent", values, reasons)
    parent = sums.get("parent_shortfall_bps")
    _put("parent_shortfall_bps", parent, "no parent orders in this task", values, reasons)
    arrived = 1e3 * sums["latency_s"] if sums["arrivals"] > 0 else None
    _put("latency_ms", arrived, "no order arrived", values, reasons)
    if played.record is None:
        recorded = ("exposure", *LATENCIES[1:], *BOUND, *SHOCK)
        reasons.update(dict.fromkeys(recorded, "steps were not recorded"))
    else:
        steps = slice(0, len(played.held[lane]))
        _recorded(played.record, steps, lane, values, reasons)
        _shock(played, twin, lane, values, reasons)
    return values, reasons


def _put(
    name: str, value: float | None, reason: str, values: dict[str, float], reasons: Reasons
) -> None:
    """Keep a metric, or why it is withheld."""
    if value is None:
        reasons[name] = reason
    else:
        values[name] = float(value)


def _recorded(
    record: StepRecord, steps: slice, lane: int, values: dict[str, float], reasons: Reasons
) -> None:
    """Exposure, counts of binding limits and percentiles of latency."""
    values["exposure"] = float(record.exposure[steps, lane].mean())
    counts = np.bincount(record.bound_by[steps, lane].ravel(), minlength=len(BOUND) + 1)
    values.update(zip(BOUND, map(float, counts[1:]), strict=True))
    arrivals = record.arrivals[steps, lane].ravel()
    latency = np.repeat(record.latency_s[steps, lane].ravel(), arrivals)
    if len(latency):
        values["latency_p50_ms"] = 1e3 * float(np.percentile(latency, 50))
    else:
        reasons["latency_p50_ms"] = "no order arrived"
    if len(latency) >= FEW_ARRIVALS:
        values["latency_p95_ms"] = 1e3 * float(np.percentile(latency, 95))
    else:
        reasons["latency_p95_ms"] = f"fewer than {FEW_ARRIVALS} orders arrived"


def _shock(
    played: Rollout, twin: Rollout | None, lane: int, values: dict[str, float], reasons: Reasons
) -> None:
    """What the scenario did while it acted."""
    assert played.record is not None
    active = played.record.is_active[: len(played.held[lane]), lane]
    found = shock_metrics(played.equity[lane], active)
    for name in ("drawdown", "recovery_steps"):
        reason = found.withheld.get(name, "")
        _put(f"shock_{name}", getattr(found, name), reason, values, reasons)
    if not active.any():
        reasons["shock_cost_multiple"] = "no event of the scenario was active"
        return
    multiple, reason = _cost_multiple(played, twin, lane, active)
    _put("shock_cost_multiple", multiple, reason, values, reasons)


def _cost_multiple(
    played: Rollout, twin: Rollout | None, lane: int, active: NDArray[np.bool_]
) -> tuple[float | None, str]:
    """Cost rate while the scenario acted, over the twin's in the same steps."""
    if twin is None or twin.record is None:
        return None, "not played without the scenario"
    steps = np.flatnonzero(active)
    window = slice(int(steps[0]), int(steps[-1]) + 1)
    rates = []
    for rollout, which in ((played, "with"), (twin, "without")):
        assert rollout.record is not None
        within = slice(window.start, min(window.stop, len(rollout.held[lane])))
        traded = float(rollout.record.traded[within, lane].sum())
        if traded <= 0.0:
            return None, f"nothing was traded in those steps {which} the scenario"
        rates.append(float(rollout.record.cost[within, lane].sum()) / traded)
    if rates[1] <= 0.0:
        return None, "trading was free without the scenario"
    return rates[0] / rates[1], ""
