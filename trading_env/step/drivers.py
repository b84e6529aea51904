"""Drivers: fan a transition out over environments. Nothing about trading happens here.

Lanes are dealt out evenly to the rows of reports, and a driver plays the lanes of some rows: where
every lane keeps its report there are as many rows as lanes, else some for each thread, each
overwritten by its lanes in turn. Threads share a batch by its rows (`sharing.py`); one environment
is the batch of one.

A driver closes over a digest of the kernel sources: the closure is part of numba's cache key, which
otherwise does not see an edit in a callee.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trading_env.core.codes import AutoReset
from trading_env.core.jit import driver
from trading_env.core.records import Floats
from trading_env.core.sources import source_digest
from trading_env.core.values import Opening, Outcome
from trading_env.core.world import Lanes, Outputs, World
from trading_env.step.prefetch import prefetch_lane
from trading_env.step.rows import clear_lane, keep_final, lane_of, lanes_of, store_outcome
from trading_env.step.start import begin_episode
from trading_env.step.transition import transition

Seeds = NDArray[np.uint64]
Choice = NDArray[np.int64]
Step = Callable[[World, Lanes, Outputs, Floats, Seeds, int, int, int], int]
Reset = Callable[[World, Lanes, Outputs, Seeds, Choice, int, int], int]

DIGEST = source_digest(Path(__file__))  # of all that is compiled into a driver
DRAWN = -1  # a path or a start that the seed decides
ALL_FINITE = -1  # returned by a step driver that ran


def _build(key: str) -> tuple[Step, Reset]:
    """Make the two loops over lanes, which close over the key of the machine code."""

    @driver
    def step_lanes(
        world: World,
        lanes: Lanes,
        outputs: Outputs,
        actions: Floats,
        seeds: Seeds,
        autoreset: int,
        first_row: int,
        after_row: int,
    ) -> int:
        """Step the lanes of rows from `first_row` on, to before `after_row`.

        Return the flat index of the first action that is not finite, of any lane, and step none;
        or -1.
        """
        _ = key
        flat = actions.ravel()
        for j in range(flat.shape[0]):
            if not np.isfinite(flat[j]):
                return j
        for row in range(first_row, after_row):
            first, after = lanes_of(row, outputs.reports.shape[0], seeds.shape[0])
            for i in range(first, after):
                lane = lane_of(lanes, outputs, i, row)
                prefetch_lane(lanes, i + 1)
                if autoreset == AutoReset.NEXT_STEP and lane.accounts[0].done == 1:
                    clear_lane(lanes, outputs, i, row)
                    begin_episode(
                        world, lane, seeds[i], Opening(lane.accounts[0].episode + 1, DRAWN, DRAWN)
                    )
                    store_outcome(outputs, i, Outcome(0.0, False, False))
                else:
                    outcome = transition(world, lane, actions[i], seeds[i])
                    store_outcome(outputs, i, outcome)
                    if outcome.terminated or outcome.truncated:
                        keep_final(lanes, outputs, i)
                        if autoreset == AutoReset.SAME_STEP:
                            clear_lane(lanes, outputs, i, row)
                            following = lane.accounts[0].episode + 1
                            begin_episode(world, lane, seeds[i], Opening(following, DRAWN, DRAWN))
        return ALL_FINITE

    @driver
    def reset_lanes(
        world: World,
        lanes: Lanes,
        outputs: Outputs,
        seeds: Seeds,
        choice: Choice,
        first_row: int,
        after_row: int,
    ) -> int:
        """Begin an episode in each lane of some rows whose `choice` asks for it.

        A row of `choice` is (episode, path, start). An episode below 0 leaves the lane alone; path
        and start are drawn when negative.
        """
        _ = key
        for row in range(first_row, after_row):
            first, after = lanes_of(row, outputs.reports.shape[0], seeds.shape[0])
            for i in range(first, after):
                if choice[i, 0] >= 0:
                    clear_lane(lanes, outputs, i, row)
                    lane = lane_of(lanes, outputs, i, row)
                    opening = Opening(choice[i, 0], choice[i, 1], choice[i, 2])
                    begin_episode(world, lane, seeds[i], opening)
        return 0

    return step_lanes, reset_lanes


step_lanes, reset_lanes = _build(DIGEST)
