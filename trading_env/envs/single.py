"""A single environment: what both tasks share between their arguments and the batch of one."""

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from trading_env.core.arguments import choice, mapping, whole
from trading_env.core.seeds import seed_of, seeds_of
from trading_env.envs.batch import Batch, BatchFace
from trading_env.envs.info import check_detail, full_info, summary
from trading_env.envs.render import draw, print_line
from trading_env.envs.trace import EpisodeTrace
from trading_env.envs.world import Setup
from trading_env.step.drivers import DRAWN

ALL = np.array([True])


class TradingEnv(BatchFace, gym.Env[NDArray[np.float32], Any]):
    """One environment of either task over a batch of one."""

    metadata: dict[str, Any] = {  # noqa: RUF012 -- Gymnasium declares it as an instance attribute
        "render_modes": ["human", "rgb_array", "ansi"],
        "render_fps": 10,
    }

    def __init__(self, setup: Setup, detail: str, render_mode: str | None) -> None:
        self.setup = setup
        self.detail = check_detail(detail)
        if render_mode is not None:
            choice("render_mode", render_mode, self.metadata["render_modes"])
        self.render_mode = render_mode
        self._batch = Batch(self.setup, 1, keep_reports=True)
        self._trace = EpisodeTrace(self.setup)
        self.observation_space = self.layout.space()
        self.action_space = self.setup.actions.space()

    @property
    def trace(self) -> EpisodeTrace:
        """What happened in this episode; kept only with a render mode."""
        return self._trace

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin an episode: the first of `seed`, or the next one when `seed` is None.

        Raises:
            ValueError: `options` holds an unknown key, or a path or start outside the market; or
                the seed is no whole number in [0, 2**64). Nothing has changed.
        """
        path, start = self._placement({} if options is None else options)
        seed = None if seed is None else seed_of(seed)
        super().reset(seed=seed)
        seeds = None
        if seed is not None:
            seeds = seeds_of(seed, 1)
        elif not self._batch.is_started:
            seeds = self.np_random.integers(0, 2**63, size=1, dtype=np.uint64)
        self._batch.reset(seeds, ALL, path, start)
        if self.render_mode is not None:
            self._trace.begin(self._batch)
            if self.render_mode == "human":
                self.render()
        info = full_info(self._batch, 0) if self.detail == "full" else {}
        return self._batch.observations[0].copy(), info

    def _placement(self, options: dict[str, Any]) -> tuple[int, int]:
        """Read path and start from reset's options."""
        mapping("options", options, ("path", "start"))
        market, length = self.setup.market, self.setup.resolved["episode_length"]
        first = int(self.setup.world.episode["warmup"][0])
        limits = {"path": (0, market.paths - 1), "start": (first, market.bars - 1 - length)}
        for name, (low, high) in limits.items():
            whole(f"options: {name}", options.get(name, low), low, high)
        return int(options.get("path", DRAWN)), int(options.get("start", DRAWN))

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Take one decision; see the class for the rules.

        Raises:
            ValueError: NaN, infinite, wrong-shaped or wrong-typed action; nothing has changed.
            RuntimeError: the episode has not begun, or has ended.
        """
        batch = self._batch
        actions = self.setup.actions.array(action)
        if not batch.is_started or batch.lanes.accounts["done"][0] == 1:
            raise RuntimeError("step() needs an episode in progress: call reset() first")
        batch.step(actions.reshape(1, -1))
        outputs = batch.outputs
        terminated = bool(outputs.terminated[0])
        truncated = bool(outputs.truncated[0])
        if self.render_mode is not None:
            self._trace.add(batch)
            if self.render_mode == "human":
                self.render()
        info: dict[str, Any] = {}
        if self.detail == "full":
            info = full_info(batch, 0)
        elif self.detail == "episode" and (terminated or truncated):
            info = {"summary": summary(batch.lanes.logs, batch.lanes.accounts, self.layout.task, 0)}
        return (
            batch.observations[0].copy(),
            float(outputs.rewards[0]),
            terminated,
            truncated,
            info,
        )

    def set_state(
        self, state: dict[str, Any], *, reseed: int | Sequence[int] | None = None
    ) -> None:
        """Go back to a snapshot; what is drawn begins there. See `BatchFace.set_state`."""
        super().set_state(state, reseed=reseed)
        if self.render_mode is not None:
            self._trace.begin(self._batch)

    def render(self) -> Any:
        """Draw the episode so far: an RGB array, a window, or one line of text."""
        if self.render_mode is None:
            raise ValueError("render() needs render_mode='human', 'rgb_array' or 'ansi'")
        if self.render_mode == "ansi":
            return print_line(self._trace)
        return draw(self._trace, show=self.render_mode == "human")
