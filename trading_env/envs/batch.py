"""A batch of environments: buffers, seeds, and calls of a driver.

Both Gymnasium classes are thin layers over this one: the single environment is the batch of one.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from trading_env.core.codes import AutoReset
from trading_env.core.errors import shown
from trading_env.core.records import SLOTS, Floats
from trading_env.core.world import Lanes
from trading_env.envs.world import Setup
from trading_env.step.drivers import ALL_FINITE, DRAWN, Drivers, Step, bound, parallel, serial
from trading_env.step.rows import new_lanes, new_outputs, renewed

STATE_VERSION = 2
MAX_THREADS = int(vars(numba.config)["NUMBA_NUM_THREADS"])  # the most that can be set later


class Batch:
    """State of `lanes` environments and the buffers that a step writes.

    Without `keep_reports` there are as many rows of reports as threads, overwritten in turn: a
    third less memory to move. With `fresh` no call writes to observations, rewards or flags that
    an earlier one left: each has new buffers, which is cheaper than copying.
    """

    def __init__(
        self, setup: Setup, lanes: int, *, keep_reports: bool, fresh: bool = False
    ) -> None:
        world = setup.world
        self.setup = setup
        self.count = lanes
        self.assets = world.hits.shape[1]
        size = len(setup.layout.features)
        together = bool(world.risk["covariance"][0]) and self.assets > 1
        self.lanes = new_lanes(
            lanes, self.assets, world.events.shape[0], SLOTS, sized_together=together
        )
        self.keeps_reports = keep_reports or lanes <= MAX_THREADS
        rows = lanes if self.keeps_reports else MAX_THREADS
        self.outputs = new_outputs(lanes, self.assets, size, rows)
        self.seeds = np.zeros(lanes, dtype=np.uint64)
        self.is_started = False
        self._fresh = fresh
        self._step: Step | None = None
        self.readers: dict[int | None, Any] = {}  # of these buffers, for `info`

    @property
    def _drivers(self) -> Drivers:
        """One lane is stepped serially, which is safe under fork; a batch by threads."""
        return serial if self.count == 1 else parallel

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is bound to these buffers: a copy binds its own."""
        return {**vars(self), "_step": None, "readers": {}}

    def reset(
        self,
        seeds: NDArray[np.uint64] | None,
        mask: NDArray[np.bool_],
        path: int = DRAWN,
        start: int = DRAWN,
    ) -> None:
        """Begin an episode in each marked lane: episode 0 with new seeds, else the next one."""
        choice = np.full((self.count, 3), DRAWN, dtype=np.int64)
        continues = seeds is None and self.is_started
        choice[mask, 0] = self.lanes.accounts["episode"][mask] + 1 if continues else 0
        choice[:, 1] = path
        choice[:, 2] = start
        if seeds is not None:
            self.seeds[mask] = seeds[mask]
        self.is_started = True
        if self._fresh:  # lanes that continue keep theirs
            kept = self.outputs.observations.copy()
            self.outputs = self.outputs._replace(observations=kept)
        self._drivers.reset(self.setup.world, self.lanes, self.outputs, self.seeds, choice)

    def step(self, actions: Floats, autoreset: AutoReset) -> None:
        """Step every lane; actions are those that `check_actions` returned.

        Raises:
            ValueError: an action is not finite; nothing has changed.
        """
        outputs = renewed(self.outputs) if self._fresh else self.outputs
        given = (self.setup.world, self.lanes, outputs, actions, self.seeds, autoreset.value)
        if self._step is None:
            self._step = bound(self._drivers.step, *given)
        bad = self._step(*given)
        if bad != ALL_FINITE:
            lane, asset = divmod(bad, self.assets)
            where = f"action for {self.setup.layout.symbols[asset]!r}"
            if self.count > 1:
                where += f" in environment {lane}"
            raise ValueError(
                f"{where} is {actions[lane, asset]}: must be finite (has the policy diverged?)"
            )
        self.outputs = outputs

    def check_actions(self, actions: Any, shape: tuple[int, ...]) -> Floats:
        """Return actions as a float64 array of `shape`, unrounded.

        Raises:
            ValueError: wrong shape, or not numbers.
        """
        try:
            given = np.asarray(actions)
        except (TypeError, ValueError):
            raise ValueError(f"action {shown(actions)} is not an array of numbers") from None
        if given.dtype.kind not in "fiu":
            raise ValueError(f"action has type {given.dtype}: must be float32 or float64")
        if given.shape != shape:
            symbols = ", ".join(self.setup.layout.symbols)
            raise ValueError(
                f"action has shape {given.shape}: must be {shape}, one for each of {symbols:.80}"
            )
        checked = np.ascontiguousarray(given, dtype=np.float64)
        return checked if checked.flags.aligned else checked.copy()

    def get_state(self) -> dict[str, Any]:
        """Return copies of all that the future depends on, but the seeds."""
        state: dict[str, Any] = {"version": STATE_VERSION}
        for name, array in self.lanes._asdict().items():
            state[name] = array.copy()
        return state

    def set_state(self, state: dict[str, Any]) -> None:
        """Go back to a snapshot.

        Raises:
            ValueError: the snapshot is of another version or another shape.
        """
        if state.get("version") != STATE_VERSION:
            raise ValueError(f"state version {state.get('version')!r}: must be {STATE_VERSION}")
        for name in Lanes._fields:
            own = getattr(self.lanes, name)
            if state[name].shape != own.shape or state[name].dtype != own.dtype:
                raise ValueError(f"state of {name} has shape {state[name].shape}: {own.shape} here")
        for name in Lanes._fields:
            getattr(self.lanes, name)[...] = state[name]
        self.is_started = True
