"""Drivers: fan a transition out over environments. Nothing about trading happens here.

Lanes are dealt out evenly to the rows of reports, and threads take rows: where every lane keeps
its report there are as many rows as lanes, else as many as threads, each overwritten by its lanes
in turn.

One builder makes the serial driver (one environment, or anything that may fork) and the parallel
one (batches). Each closes over a digest of the kernel sources and its own flag: the closure is
part of numba's cache key, which otherwise sees neither an edit in a callee nor `parallel`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
from numba import prange
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
typeof: Any = numba.typeof  # it has no types
F = TypeVar("F", bound=Callable[..., object])
Step = Callable[[World, Lanes, Outputs, Floats, Seeds, int], int]
Reset = Callable[[World, Lanes, Outputs, Seeds, Choice], None]

DIGEST = source_digest(Path(__file__))  # of all that is compiled into a driver
DRAWN = -1  # a path or a start that the seed decides
ALL_FINITE = -1  # returned by a step driver that ran


def bound(function: F, *arguments: Any) -> F:
    """Return a driver's machine code for arguments of these types.

    Numba looks up a call's types anew each time, which takes longer than one environment's step.
    Whoever calls what is returned answers for the types: nothing looks at them any more. A driver
    that is not compiled (`NUMBA_DISABLE_JIT`) is returned as it is.
    """
    compile_for = getattr(function, "compile", None)
    if compile_for is None:
        return function
    return cast(F, compile_for(tuple(typeof(argument) for argument in arguments)))


class Drivers(NamedTuple):
    """The two loops over lanes."""

    step: Step
    reset: Reset
    key: str


def _build(*, parallel: bool) -> Drivers:
    key = f"parallel={parallel} {DIGEST}"

    @driver(parallel=parallel)
    def step_lanes(
        world: World,
        lanes: Lanes,
        outputs: Outputs,
        actions: Floats,
        seeds: Seeds,
        autoreset: int,
    ) -> int:
        """Step every lane; return the flat index of the first action that is not finite, or -1."""
        _ = key
        flat = actions.ravel()
        for j in range(flat.shape[0]):
            if not np.isfinite(flat[j]):
                return j
        rows = outputs.reports.shape[0]
        for c in prange(rows):
            row: Any = np.int64(c)  # numba counts parallel loops in unsigned integers
            first, after = lanes_of(row, rows, seeds.shape[0])
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

    @driver(parallel=parallel)
    def reset_lanes(
        world: World, lanes: Lanes, outputs: Outputs, seeds: Seeds, choice: Choice
    ) -> None:
        """Begin an episode in each lane whose row of `choice` (episode, path, start) asks for it.

        An episode below 0 leaves the lane alone; path and start are drawn when negative.
        """
        _ = key
        rows = outputs.reports.shape[0]
        for c in prange(rows):
            row: Any = np.int64(c)
            first, after = lanes_of(row, rows, seeds.shape[0])
            for i in range(first, after):
                if choice[i, 0] >= 0:
                    clear_lane(lanes, outputs, i, row)
                    lane = lane_of(lanes, outputs, i, row)
                    opening = Opening(choice[i, 0], choice[i, 1], choice[i, 2])
                    begin_episode(world, lane, seeds[i], opening)

    return Drivers(step=step_lanes, reset=reset_lanes, key=key)


serial = _build(parallel=False)  # safe under fork; used for one environment
parallel = _build(parallel=True)
