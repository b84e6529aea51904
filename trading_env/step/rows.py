"""Rows of the column stores: views of one lane, and blank records.

Only this file, `prefetch.py` and `drivers.py` see an environment's index. Writes happen inside
functions that are given views, never through a NamedTuple of arrays in the body of a `prange` loop:
numba drops those silently.
"""

import numpy as np

from trading_env.core.jit import array_kernel, kernel
from trading_env.core.records import (
    AccountState,
    AssetState,
    EpisodeLog,
    OrderSlot,
    Report,
    Stress,
    new_table,
)
from trading_env.core.values import Bar, Outcome
from trading_env.core.world import Lane, Lanes, Outputs
from trading_env.step.reward import Term

BLANK_ASSET = new_table(AssetState, 1)
BLANK_SLOT = new_table(OrderSlot, 1)
BLANK_LOG = new_table(EpisodeLog, 1)
BLANK_REPORT = new_table(Report, 1)


@kernel
def lanes_of(row: int, rows: int, lanes: int) -> tuple[int, int]:
    """First lane that reports to a row, and the one after the last: an even share each."""
    return row * lanes // rows, (row + 1) * lanes // rows


@array_kernel
def lane_of(lanes: Lanes, outputs: Outputs, i: int, row: int) -> Lane:
    """Views of lane i, which reports to a row."""
    return Lane(
        assets=lanes.assets[i],
        slots=lanes.slots[i],
        covariance=lanes.covariances[i],
        accounts=lanes.accounts[i : i + 1],
        logs=lanes.logs[i : i + 1],
        starts=lanes.starts[i],
        reports=outputs.reports[row],
        stresses=outputs.stresses[row],
        terms=outputs.terms[i],
        observation=outputs.observations[i],
    )


@kernel
def clear_lane(lanes: Lanes, outputs: Outputs, i: int, row: int) -> None:
    """Blank everything of lane i but its account, which keeps the episode number."""
    lanes.logs[i] = BLANK_LOG[0]
    outputs.terms[i] = 0.0
    for a in range(lanes.assets.shape[1]):
        lanes.assets[i, a] = BLANK_ASSET[0]
        outputs.reports[row, a] = BLANK_REPORT[0]
        for s in range(lanes.slots.shape[1]):
            lanes.slots[i, s, a] = BLANK_SLOT[0]


@kernel
def clear_reports(lane: Lane) -> None:
    """Blank the reports before a step writes them."""
    for a in range(lane.reports.shape[0]):
        lane.reports[a] = BLANK_REPORT[0]


@kernel
def note_bar(report: Report, bar: Bar) -> None:
    """Write a bar into a report."""
    report.open = bar.open
    report.high = bar.high
    report.low = bar.low
    report.close = bar.close
    report.volume = bar.volume


@kernel
def store_outcome(outputs: Outputs, i: int, outcome: Outcome) -> None:
    """Write what a step returned for lane i."""
    outputs.rewards[i] = outcome.reward
    outputs.terminated[i] = outcome.terminated
    outputs.truncated[i] = outcome.truncated


@kernel
def keep_final(lanes: Lanes, outputs: Outputs, i: int) -> None:
    """Copy what an episode ended with out of the way of the reset that follows."""
    outputs.final_logs[i] = lanes.logs[i]
    outputs.final_accounts[i] = lanes.accounts[i]
    for k in range(outputs.observations.shape[1]):
        outputs.final_observations[i, k] = outputs.observations[i, k]


def new_lanes(
    lanes: int, assets: int, events: int, slots: int, *, sized_together: bool = False
) -> Lanes:
    """Allocate the state of a batch; covariances only where assets are sized together."""
    related = assets if sized_together else 0
    return Lanes(
        assets=new_table(AssetState, lanes, assets),
        slots=new_table(OrderSlot, lanes, slots, assets),
        covariances=np.zeros((lanes, 2, related, related)),
        accounts=new_table(AccountState, lanes),
        logs=new_table(EpisodeLog, lanes),
        starts=np.zeros((lanes, events), dtype=np.int64),
    )


def renewed(outputs: Outputs) -> Outputs:
    """Replace by blank ones the buffers that a step writes in full and a caller may have kept."""
    return outputs._replace(
        observations=np.empty_like(outputs.observations),
        rewards=np.empty_like(outputs.rewards),
        terminated=np.empty_like(outputs.terminated),
        truncated=np.empty_like(outputs.truncated),
    )


def new_outputs(lanes: int, assets: int, size: int, report_rows: int) -> Outputs:
    """Allocate the buffers that drivers write and the Gymnasium layer copies from."""
    return Outputs(
        observations=np.zeros((lanes, size), dtype=np.float32),
        rewards=np.zeros(lanes),
        terminated=np.zeros(lanes, dtype=np.bool_),
        truncated=np.zeros(lanes, dtype=np.bool_),
        final_observations=np.zeros((lanes, size), dtype=np.float32),
        final_logs=new_table(EpisodeLog, lanes),
        final_accounts=new_table(AccountState, lanes),
        reports=new_table(Report, report_rows, assets),
        stresses=new_table(Stress, report_rows, assets),
        terms=np.zeros((lanes, len(Term))),
    )
