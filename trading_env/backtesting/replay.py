"""An episode as data for a page: an `EpisodeTrace` as JSON.

`evaluation/replay.json` is a list of them. Numbers keep seven digits, enough for a picture; the
journal holds them in full.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_env.backtesting.twin import own_impact
from trading_env.core.records import Flags
from trading_env.envs.info import BOUND_BY_NAMES, EXIT_NAMES, STATUS_NAMES
from trading_env.envs.trace import EpisodeTrace
from trading_env.stress.activity import is_active

DIGITS = 7
REPLAYED = (
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
CODED = {"bound_by": BOUND_BY_NAMES, "status": STATUS_NAMES, "exit": EXIT_NAMES}


def replay(trace: EpisodeTrace, *, policy: str, scenario: str, severity: float) -> dict[str, Any]:
    """Return an episode as a JSON-able dict; every list has one value a row of the trace.

    Row 0 is the state after reset. Levels of 0 are none. `own_impact_bps` is the close against
    that of the twin without orders; `events` and `halts` are spans [first, last] of rows.
    """
    reports, stresses = trace.reports, trace.stresses
    impact = own_impact(trace)
    assets = [
        {
            "symbol": symbol,
            **{name: _plain(reports[name][:, a]) for name in REPLAYED},
            **{name: names[reports[name][:, a]].tolist() for name, names in CODED.items()},
            "own_impact_bps": _plain(impact[:, a]),
            "events": spans(is_active(stresses[:, a])),
            "halts": spans(stresses["halted"][:, a] == 1),
        }
        for a, symbol in enumerate(trace.symbols)
    ]
    return {
        "policy": policy,
        "scenario": scenario,
        "severity": severity,
        "seed": trace.seed,
        "time": trace.labels,
        "equity": _plain(trace.equity),
        "assets": assets,
    }


def spans(flags: Flags) -> list[list[int]]:
    """Return each run of set rows as [first, last]."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [[int(first), int(after) - 1] for first, after in edges.reshape(-1, 2)]


def _plain(values: NDArray[Any]) -> list[float]:
    """Round to `DIGITS` significant digits; -0 is 0."""
    return [float(f"{value:.{DIGITS}g}") + 0.0 for value in values.tolist()]
