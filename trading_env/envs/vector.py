"""The native vector environment: a batch of lanes under one driver call.

Lane k of `reset(seed=s)` is, to the bit, the single environment after `reset(seed=s + k)`, for
any number of lanes and threads.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from trading_env.core.arguments import choice, flag, mapping, whole
from trading_env.core.codes import AutoReset, Task
from trading_env.core.errors import ConfigError, shown
from trading_env.core.seeds import seeds_of
from trading_env.envs.batch import Batch, BatchFace
from trading_env.envs.info import check_detail, full_info, summary
from trading_env.envs.world import EXECUTION_DEFAULTS, build

MOST_LANES = 10_000_000  # more is a mistake, or needs more memory than there is
MODES = {
    AutoresetMode.NEXT_STEP: AutoReset.NEXT_STEP,
    AutoresetMode.SAME_STEP: AutoReset.SAME_STEP,
    AutoresetMode.DISABLED: AutoReset.DISABLED,
}


class TradingVectorEnv(BatchFace, gym.vector.VectorEnv[NDArray[np.float32], Any, NDArray[Any]]):
    """Many environments of one task over one driver.

    Args:
        num_envs: number of lanes.
        autoreset_mode: NEXT_STEP (default), SAME_STEP or DISABLED, as Gymnasium defines them.
        detail: as in the single environment, "full" of all lanes. Whenever a lane ends, the
            episode's `summary` is in `info`, with the mask `_summary` of the lanes it is of; in
            SAME_STEP `final_obs` and `final_info` too: the last report of those lanes, at "episode"
            its summary alone, with masks as Gymnasium's own vector environments have them.
        copy: return new arrays at each call (default); without it the next step overwrites them.
        kwargs: everything else that the single environment takes. A batch is not drawn:
            `render_mode` must be None.

    Raises:
        ConfigError: an argument is unknown or invalid.
    """

    task: ClassVar[Task]
    defaults: ClassVar[dict[str, Any]] = {}

    def __init__(
        self,
        num_envs: int = 1,
        *,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        detail: str = "episode",
        copy: bool = True,
        **kwargs: Any,
    ) -> None:
        whole("num_envs", num_envs, 1, MOST_LANES)
        if not isinstance(autoreset_mode, AutoresetMode):
            choice("autoreset_mode", autoreset_mode, [mode.value for mode in AutoresetMode])
        drawn = kwargs.pop("render_mode", None)
        if drawn is not None:
            reason = "a batch is not drawn; the single environment is"
            raise ConfigError(f"render_mode = {shown(drawn)}: {reason}")
        self.setup = build(self.task, **{**self.defaults, **kwargs})
        self.num_envs = num_envs
        self.detail = check_detail(detail)
        self.copy = flag("copy", copy)
        mode = AutoresetMode(autoreset_mode)
        self.metadata = {"autoreset_mode": mode, "render_modes": []}
        self._mode = MODES[mode]
        keep = self.detail == "full"
        self._batch = Batch(
            self.setup, num_envs, keep_reports=keep, autoreset=self._mode, fresh=copy
        )
        self.single_observation_space = self.layout.space()
        self.single_action_space = self.setup.actions.space()
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    @property
    def batch(self) -> Batch:
        """State and buffers of all lanes; read it, do not write it."""
        return self._batch

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin an episode in every lane, or in those of `options["reset_mask"]`.

        A lane without a seed goes on to its next episode, or, where it has had none, draws a seed.

        Raises:
            ValueError: the mask or the list of seeds has the wrong shape or type, or a seed is no
                whole number in [0, 2**64). Nothing has changed.
        """
        mask = self._mask({} if options is None else options)
        seeds, given = self._seeds(seed)
        for lanes, theirs in ((mask & given, seeds), (mask & ~given, None)):
            if lanes.any():
                self._batch.reset(theirs, lanes)
        return self._batch.observations, self._full()

    def _mask(self, options: dict[str, Any]) -> NDArray[np.bool_]:
        """Read which lanes to reset."""
        mapping("options", options, ("reset_mask",))
        mask = options.get("reset_mask", np.ones(self.num_envs, dtype=np.bool_))
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_:
            raise ConfigError(f"options: reset_mask = {shown(mask)}: must be an array of bool")
        if mask.shape != (self.num_envs,) or not mask.any():
            raise ConfigError(f"options: reset_mask must have shape ({self.num_envs},), one True")
        if not self._batch.is_started and not mask.all():
            raise ConfigError("options: the first reset must be of all environments")
        return mask

    def _seeds(
        self, seed: int | Sequence[int | None] | None
    ) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        """Return the seeds of all lanes, and which lanes they hold for."""
        each = [None] * self.num_envs if seed is None else seed
        every = np.ones(self.num_envs, dtype=np.bool_)
        if not isinstance(each, list | tuple) or all(one is not None for one in each):
            seeds = seeds_of(seed, self.num_envs)
            if isinstance(seed, int | np.integer):
                super().reset(seed=int(seed))
            return seeds, every
        seeds = seeds_of([0 if one is None else one for one in each], self.num_envs)
        given = np.array([one is not None for one in each])
        if self._batch.is_started:
            return seeds, given
        fresh = self.np_random.integers(0, 2**63, size=self.num_envs, dtype=np.uint64)
        return np.where(given, seeds, fresh), every

    def step(
        self, actions: Any
    ) -> tuple[
        NDArray[np.float32],
        NDArray[np.float64],
        NDArray[np.bool_],
        NDArray[np.bool_],
        dict[str, Any],
    ]:
        """Step every lane.

        Raises:
            ValueError: NaN, infinite, wrong-shaped or wrong-typed actions; nothing has changed.
            RuntimeError: no reset yet; or, without autoreset, a lane's episode has ended.
        """
        batch = self._batch
        checked = self.setup.actions.array(actions, self.num_envs)
        if not batch.is_started:
            raise RuntimeError("step() needs episodes in progress: call reset() first")
        if self._mode is AutoReset.DISABLED and batch.lanes.accounts["done"].any():
            lane = int(batch.lanes.accounts["done"].argmax())
            raise RuntimeError(f"environment {lane} has ended: reset it with a reset_mask")
        self._last: dict[str, Any] = {}
        batch.step(checked, self._keep_report if self.detail == "full" else None)
        outputs = batch.outputs
        ended = outputs.terminated | outputs.truncated
        info = self._full()
        if ended.any():
            info |= self._endings(ended, info)
        rewards, terminated, truncated = outputs.rewards, outputs.terminated, outputs.truncated
        return batch.observations, rewards, terminated, truncated, info

    def _full(self) -> dict[str, Any]:
        return full_info(self._batch) if self.detail == "full" else {}

    def _keep_report(self) -> None:
        """Keep the last report of the episodes that ended: their lanes are about to begin anew."""
        self._last = full_info(self._batch)

    def _endings(self, ended: NDArray[np.bool_], info: dict[str, Any]) -> dict[str, Any]:
        """Report the episodes that ended in this step; `info` is of the state after it."""
        outputs = self._batch.outputs
        found: dict[str, Any] = {}
        if self.detail != "none":
            sums = summary(outputs.final_logs[ended], outputs.final_accounts[ended], self.task)
            now = info.get("summary", {})  # of lanes that go on
            final = {name: filled_in(now.get(name), ended, each) for name, each in sums.items()}
            found = {"summary": final, "_summary": ended.copy()}
        if self._mode is AutoReset.SAME_STEP:
            last = self._last or {name: found[name] for name in ("summary",) if name in found}
            found["final_obs"] = self._batch.final_observations.copy()
            found["_final_obs"] = ended.copy()
            found["final_info"] = masked(last, ended)
            found["_final_info"] = ended.copy()
        return found


def filled_in(
    now: NDArray[Any] | None, lanes: NDArray[np.bool_], values: NDArray[Any]
) -> NDArray[Any]:
    """Return an entry of all lanes with the values of some; what is not there `now` is 0."""
    found = np.zeros(lanes.shape, dtype=values.dtype) if now is None else now.copy()
    found[lanes] = values
    return found


def masked(info: dict[str, Any], lanes: NDArray[np.bool_]) -> dict[str, Any]:
    """Keep what is of some lanes, nothing elsewhere, each entry beside its mask `_NAME`."""
    found: dict[str, Any] = {}
    for name, value in info.items():
        if isinstance(value, dict):
            found[name] = masked(value, lanes)
        else:
            found[name] = (
                np.zeros_like(value) if value.dtype != object else np.full_like(value, None)
            )
            found[name][lanes] = value[lanes]
        found[f"_{name}"] = lanes.copy()
    return found


class PortfolioVectorEnv(TradingVectorEnv):
    """Many `trading_env/Portfolio-v0` at once; see `PortfolioEnv` for the task."""

    task = Task.PORTFOLIO


class ExecutionVectorEnv(TradingVectorEnv):
    """Many `trading_env/Execution-v0` at once; see `ExecutionEnv` for the task."""

    task = Task.EXECUTION
    defaults = EXECUTION_DEFAULTS
