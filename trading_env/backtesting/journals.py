"""Journals of an episode: every decision and fill by step, and the ledger of every order.

Times are those of the bar an order met; `step` counts as `info["step"]` does after that bar, from
1; money in currency, quantities in units, levels of 0 are none.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from trading_env.core.codes import SlotState
from trading_env.envs.info import (
    BOUND_BY_NAMES,
    EXECUTION_FIELDS,
    EXIT_NAMES,
    ORDER_FIELDS,
    RISK_FIELDS,
    STATUS_NAMES,
    orders_of,
)
from trading_env.envs.trace import EpisodeTrace

if TYPE_CHECKING:
    import pandas as pd

JOURNAL = (*RISK_FIELDS, *EXECUTION_FIELDS, "position")


def journal(trace: EpisodeTrace, *, episode: int) -> "pd.DataFrame":
    """Write every risk decision and fill of an episode: one row a step and asset.

    A row's time is that of the bar its order met; money in currency, quantities in units, levels
    of 0 are none. Orders that were wanted and not sent are rows too: `bound_by` says why.
    """
    import pandas as pd

    reports = trace.reports[1:]
    steps, assets = reports.shape
    columns: dict[str, Any] = {
        "time": np.repeat(trace.time[1:], assets),
        "episode": np.full(steps * assets, episode),
        "step": np.repeat(trace.begun + np.arange(1, steps + 1), assets),
        "asset": np.tile(np.array(trace.symbols, dtype=object), steps),
    }
    columns |= {name: reports[name].ravel() for name in JOURNAL}
    columns["bound_by"] = BOUND_BY_NAMES[reports["bound_by"]].ravel()
    columns["status"] = STATUS_NAMES[reports["status"]].ravel()
    columns["exit"] = EXIT_NAMES[reports["exit"]].ravel()
    return pd.DataFrame(columns)


def order_ledger(trace: EpisodeTrace, *, episode: int) -> "pd.DataFrame":
    """Write the ledger of every order: one row an order, when it ended or the episode did.

    `identity` is the step that it was sent in. Pure cancels, of quantity 0, are no orders of it.
    Delay, spread, impact, fees and opportunity are from the decision to the end; for an order that
    was not replaced they sum to its implementation shortfall (Perold 1988).
    """
    import pandas as pd

    slots = trace.slots
    state = np.swapaxes(slots["state"], 1, 2)  # rows, assets, slots
    ended = state == SlotState.DONE
    ended[-1] |= state[-1] != SlotState.EMPTY
    ended[0] = False
    ended &= np.swapaxes(slots["quantity"], 1, 2) != 0.0
    rows, assets, _ = np.nonzero(ended)
    orders = orders_of(slots)
    columns: dict[str, Any] = {
        "time": trace.time[rows],
        "episode": np.full(len(rows), episode),
        "step": trace.begun + rows,
        "asset": np.array(trace.symbols, dtype=object)[assets],
    }
    columns |= {name: orders[name][ended] for name in (*ORDER_FIELDS, "status")}
    return pd.DataFrame(columns)
