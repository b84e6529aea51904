"""Episodes as data for a page: an `EpisodeTrace` as JSON, and equity curves of many episodes.

`evaluation/replay.json` is a list of episodes, `evaluation/equity.json` the curves of all policies
in one scenario. Numbers keep seven digits: they are to be looked at; what is computed with stands
in the journal.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_env.backtesting.twin import own_impact
from trading_env.core.records import Flags, Floats
from trading_env.envs.info import BOUND_BY_NAMES, EXIT_NAMES, STATUS_NAMES
from trading_env.envs.render import is_stressed
from trading_env.envs.trace import EpisodeTrace

DIGITS = 7
FIELDS = (
    "close",
    "seen_close",
    "decision_price",
    "signal",
    "confidence",
    "target",
    "intended",
    "sent",
    "filled",
    "price",
    "working",
    "latency_s",
    "position",
    "stop_loss",
    "take_profit",
    "delay",
    "spread",
    "impact",
    "fees",
    "opportunity",
    "shortfall",
)
NAMED = {"bound_by": BOUND_BY_NAMES, "status": STATUS_NAMES, "exit": EXIT_NAMES}


def replay(trace: EpisodeTrace, *, policy: str, scenario: str) -> dict[str, Any]:
    """Return an episode as a JSON-able dict; every list has one value a row of the trace.

    Row 0 is the state after reset. Levels of 0 are none. `own_impact_bps` is the close against
    that of the twin without orders; `events` and `halts` are spans [first, last] of rows.
    """
    reports, stresses = trace.reports, trace.stresses
    impact = own_impact(trace)
    assets = [
        {
            "symbol": symbol,
            **{name: _plain(reports[name][:, a]) for name in FIELDS},
            **{name: names[reports[name][:, a]].tolist() for name, names in NAMED.items()},
            "own_impact_bps": _plain(impact[:, a]),
            "events": spans(is_stressed(stresses[:, a])),
            "halts": spans(stresses["halted"][:, a] == 1),
        }
        for a, symbol in enumerate(trace.symbols)
    ]
    return {
        "policy": policy,
        "scenario": scenario,
        "seed": trace.seed,
        "time": trace.labels,
        "equity": _plain(trace.equity),
        "assets": assets,
    }


def equity_curves(
    curves: Mapping[str, Sequence[Floats]], traces: Sequence[EpisodeTrace], *, scenario: str
) -> dict[str, Any]:
    """Summarise equity curves by step: median and middle half, percent, with drawdown.

    Args:
        curves: policy -> equity of its episodes, each (steps + 1,); one that ended early stays
            where it ended.
        traces: episodes of the same scenario, from which `stressed` is taken: the share of them
            in which a step met an event.
        scenario: its name.
    """
    longest = max(len(curve) for each in curves.values() for curve in each)
    policies = {}
    for name, each in curves.items():
        equity = np.stack([np.pad(c, (0, longest - len(c)), mode="edge") for c in each])
        peak = np.maximum.accumulate(equity, axis=1)
        policies[name] = {
            "episodes": len(equity),
            "equity": _quartiles(100.0 * (equity / equity[:, :1] - 1.0)),
            "drawdown": _quartiles(100.0 * (equity / peak - 1.0)),
        }
    shocked: list[Flags] = [np.any(is_stressed(t.stresses), axis=1) for t in traces]
    padded = [np.pad(s, (0, longest - len(s))) for s in shocked]
    stressed = np.mean(padded, axis=0) if padded else np.zeros(longest)
    return {"scenario": scenario, "stressed": _plain(stressed), "policies": policies}


def spans(flags: Flags) -> list[list[int]]:
    """Return each run of set rows as [first, last]."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [[int(first), int(after) - 1] for first, after in edges.reshape(-1, 2)]


def _quartiles(values: Floats) -> dict[str, list[float]]:
    """Median and middle half over episodes, by step."""
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
    return {"median": _plain(median), "low": _plain(low), "high": _plain(high)}


def _plain(values: NDArray[Any]) -> list[float]:
    """Round to `DIGITS` significant digits; -0 is 0."""
    return [float(f"{value:.{DIGITS}g}") + 0.0 for value in values.tolist()]
