"""A batch of environments: buffers, seeds, and calls of a driver.

Both Gymnasium classes are thin layers over this one: the single environment is the batch of one.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_env.core.codes import AutoReset
from trading_env.core.errors import ConfigError
from trading_env.core.jit import MAX_THREADS
from trading_env.core.records import SLOTS, Floats, new_table
from trading_env.core.seeds import seeds_of
from trading_env.core.showing import as_table, number, one_line
from trading_env.envs.look_back import Looking, Past
from trading_env.envs.own_reward import OwnReward
from trading_env.envs.snapshot import (
    Snapshot,
    arguments_of,
    checked_snapshot,
    report_state,
    snapshot_of,
)
from trading_env.envs.spaces import ObservationLayout
from trading_env.envs.world import Setup
from trading_env.step.drivers import ALL_FINITE, DRAWN, reset_lanes, step_lanes
from trading_env.step.look_back import FrameState
from trading_env.step.rows import new_lanes, new_outputs, renewed
from trading_env.step.sharing import ROWS_A_THREAD, Call, on_all_rows

NOTHING = np.zeros(0)
NO_FRAMES = new_table(FrameState, 0)


class Batch:
    """State of `lanes` environments and the buffers that a step writes.

    Without `keep_reports` there are a few rows of reports for each thread, overwritten in turn: a
    third less memory to move. With `fresh` no call writes to observations, rewards or flags that
    an earlier one left: each has new buffers, which is cheaper than copying.
    """

    def __init__(
        self,
        setup: Setup,
        lanes: int,
        *,
        keep_reports: bool,
        autoreset: AutoReset = AutoReset.DISABLED,
        fresh: bool = False,
    ) -> None:
        world = setup.world
        self.setup = setup
        self.autoreset = autoreset
        self.count = lanes
        self.assets = world.hits.shape[1]
        size = setup.layout.now
        together = bool(world.risk["covariance"][0]) and self.assets > 1
        self.lanes = new_lanes(
            lanes, self.assets, world.events.shape[0], SLOTS, sized_together=together
        )
        self.rows = lanes if keep_reports else min(lanes, ROWS_A_THREAD * MAX_THREADS)
        self.keeps_reports = self.rows == lanes
        self.outputs = new_outputs(lanes, self.assets, size, self.rows)
        self.past: Looking | None = None
        if setup.past != Past():
            size = len(setup.layout.features)
            self.past = Looking(setup.past, setup.market, world, lanes, size)
        # SAME_STEP is played here, after the step, where the step's own reset would lose what is
        # needed: the terms of the last reward, the bars before the last observation, or the report.
        needs = keep_reports or setup.own_reward is not None or self.past is not None
        self._resets_late = needs and autoreset is AutoReset.SAME_STEP
        played = AutoReset.DISABLED if self._resets_late else autoreset
        self._autoreset = int(played)  # of the driver
        self._final = np.zeros((lanes, size), dtype=np.float32)  # where SAME_STEP reset
        self.seeds = np.zeros(lanes, dtype=np.uint64)
        self.is_started = False
        self._fresh = fresh
        self._step: Call | None = None
        self._reset: Call | None = None
        self.readers: dict[int | None, Any] = {}  # of these buffers, for `info`

    @property
    def observations(self) -> NDArray[np.float32]:
        """What was last observed, (lanes, features)."""
        return self.outputs.observations if self.past is None else self.past.observations

    @property
    def final_observations(self) -> NDArray[np.float32]:
        """What SAME_STEP observed last of the episodes that ended in this step."""
        return self._final if self._resets_late else self.outputs.final_observations

    def about(self) -> dict[str, Any]:
        """Say in a few words what was built, and of a single environment where it is."""
        found = self.setup.about()
        if self.count > 1:
            return {"environments": self.count, **found}
        if self.is_started:
            account = self.lanes.accounts[0]
            found |= {"step": int(account["step"]), "equity": number(float(account["equity"]))}
        return found

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is bound to these buffers: a copy binds its own."""
        return {**vars(self), "_step": None, "_reset": None, "readers": {}}

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
        self._begin(choice)

    def _begin(self, choice: NDArray[np.int64]) -> None:
        """Begin an episode in the lanes of which `choice` names one."""
        world, shown = self.setup.world, self.outputs.observations
        given = (world, self.lanes, self.outputs, self.seeds, choice)
        if self._reset is None:
            self._reset = on_all_rows(reset_lanes, given, self.rows)
        self._reset(given)
        if self.past is not None:
            self.past.begin(world, self.lanes, shown, choice[:, 0] >= 0, fresh=self._fresh)

    def step(self, actions: Floats, at_ends: Callable[[], None] | None = None) -> None:
        """Step every lane.

        Args:
            actions: (lanes, numbers) as `Actions.array` returned them.
            at_ends: with `keep_reports` called in SAME_STEP where lanes have ended, before they
                begin anew.

        Raises:
            ValueError: an action is not finite; nothing has changed.
        """
        outputs = renewed(self.outputs) if self._fresh else self.outputs
        own = self.setup.own_reward
        summed = self.lanes.logs["reward"].copy() if own else NOTHING
        given = (self.setup.world, self.lanes, outputs, actions, self.seeds, self._autoreset)
        if self._step is None:
            self._step = on_all_rows(step_lanes, given, self.rows)
        bad = self._step(given)
        if bad != ALL_FINITE:
            lane, column = divmod(bad, actions.shape[1])
            where = self.setup.actions.place_of(column)
            if self.count > 1:
                where += f" in environment {lane}"
            raise ConfigError(
                f"{where} is {actions[lane, column]}: must be finite (has the policy diverged?)"
            )
        self.outputs = outputs
        if self.past is not None:
            world, shown_now = self.setup.world, outputs.observations
            self.past.step(world, self.lanes, shown_now, fresh=self._fresh)
        try:
            if own is not None:
                self._reward(own, summed)
        finally:  # the step has been taken, whatever the user's function made of it
            if self._resets_late:
                self._begin_anew(at_ends)

    def _reward(self, own: OwnReward, summed: Floats) -> None:
        """Put the user's reward in place of the step's own, in what is returned and in the sums."""
        outputs, lanes = self.outputs, self.lanes
        played = lanes.accounts["step"] > 0
        outputs.rewards[:] = own.score(outputs.terms, played)
        lanes.logs["reward"] = np.where(played, summed + outputs.rewards, 0.0)
        ended = outputs.terminated | outputs.truncated
        outputs.final_logs[ended] = lanes.logs[ended]

    def _begin_anew(self, at_ends: Callable[[], None] | None) -> None:
        """Begin an episode in the lanes whose last one ended, as SAME_STEP does inside the step."""
        outputs, lanes = self.outputs, self.lanes
        ended = outputs.terminated | outputs.truncated
        if not ended.any():
            return
        self._final[ended] = self.observations[ended]
        outputs.final_accounts[ended] = lanes.accounts[ended]
        outputs.final_logs[ended] = lanes.logs[ended]
        if at_ends is not None:
            at_ends()
        choice = np.full((self.count, 3), DRAWN, dtype=np.int64)
        choice[ended, 0] = lanes.accounts["episode"][ended] + 1
        self._begin(choice)

    @cached_property
    def _arguments(self) -> str:
        return arguments_of(self.setup, self.count, self.autoreset)

    def _now(self) -> Snapshot:
        frames = NO_FRAMES if self.past is None else self.past.frames
        return Snapshot(self.lanes, self.seeds, self.observations, frames)

    def get_state(self) -> dict[str, Any]:
        """Return copies of all that the future depends on; see `envs/snapshot.py`.

        Raises:
            RuntimeError: no episode has begun.
        """
        if not self.is_started:
            raise RuntimeError("get_state() needs an episode: call reset() first")
        return snapshot_of(self._now(), self._arguments)

    def set_state(self, state: dict[str, Any], *, reseed: Any = None) -> None:
        """Go back to a snapshot, or branch off it into the future of another seed.

        Raises:
            StateError: the snapshot is damaged or of other arguments; nothing has changed.
            SeedError: `reseed` is no seed; nothing has changed.
        """
        now = self._now()
        found = checked_snapshot(state, now, self._arguments, self.setup.world, self.autoreset)
        seeds = found.seeds if reseed is None else seeds_of(reseed, self.count)
        for own, given in zip(now.lanes, found.lanes, strict=True):
            own[...] = given
        self.seeds[...] = seeds
        now.frames[...] = found.frames
        size = self.setup.layout.now
        base = np.ascontiguousarray(found.observations[:, :size])
        if self.past is not None:
            self.past.observations = found.observations
            self.outputs = self.outputs._replace(observations=base)
        elif self._fresh:  # what an earlier call returned stays as it is
            self.outputs = self.outputs._replace(observations=base)
        else:
            now.observations[...] = found.observations
        if self.keeps_reports:
            report_state(self.outputs, self.lanes)
        self.is_started = True


class BatchFace:
    """What one environment and a vector of them share: words about them, layout and snapshots."""

    setup: Setup
    _batch: Batch

    def __repr__(self) -> str:
        """Say what was built, and where it is."""
        return one_line(type(self).__name__, self._batch.about())

    __str__ = __repr__  # what Gymnasium's wrappers show

    def _repr_html_(self) -> str:
        return as_table(type(self).__name__, self._batch.about())

    @property
    def layout(self) -> ObservationLayout:
        """Where each feature stands in the observation."""
        return self.setup.layout

    def get_state(self) -> dict[str, Any]:
        """Return an exact, picklable snapshot: state, seeds and arguments.

        It tells the future, so a policy must not read it.

        Raises:
            RuntimeError: no episode has begun.
        """
        return self._batch.get_state()

    def set_state(
        self, state: dict[str, Any], *, reseed: int | Sequence[int] | None = None
    ) -> None:
        """Go back to a snapshot of an environment with the same arguments, in any process.

        The episode goes on exactly as it would have there, whatever seed this one had. With
        `reseed` it branches: what has happened stays, later draws are those of the new seed (plus
        the lane), or of a list.

        Raises:
            ValueError: the snapshot is damaged, or of other arguments (the message names which); or
                `reseed` is no seed. Nothing has changed.
        """
        self._batch.set_state(state, reseed=reseed)
