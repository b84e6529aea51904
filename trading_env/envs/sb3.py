"""Stable-Baselines3's `VecEnv` over the native vector environment.

SB3 wants same-step reset, rewards in float32, one info dict a lane, `terminal_observation` where
an episode ended and `TimeLimit.truncated` where it was cut. Gymnasium's SAME_STEP mode gives the
first; this adapter translates the rest, and is the only place that does.
"""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from trading_env.core.arguments import choice, mapping
from trading_env.core.errors import ConfigError, clip, shown
from trading_env.envs.vector import ExecutionVectorEnv, PortfolioVectorEnv, TradingVectorEnv

TASKS: dict[str, type[TradingVectorEnv]] = {
    "trading_env/Portfolio-v0": PortfolioVectorEnv,
    "trading_env/Execution-v0": ExecutionVectorEnv,
    "trading_env/AdaptiveExecution-v0": ExecutionVectorEnv,
}


class BatchVecEnv(VecEnv):
    """What adapters of a batch answer alike: `native` is the batch, its lanes are no objects."""

    native: TradingVectorEnv

    def close(self) -> None:
        """Close the native environment."""
        self.native.close()

    def get_state(self) -> dict[str, Any]:
        """Return a snapshot of the native environment."""
        return self.native.get_state()

    def set_state(self, state: dict[str, Any]) -> NDArray[np.float32]:
        """Go back to a snapshot that was taken between two steps; return what was observed then.

        Raises:
            StateError: it is damaged, or of other environments.
        """
        self.native.set_state(state)
        return self.native.batch.observations.copy()

    def set_options(self, options: list[dict[str, Any]] | dict[str, Any] | None = None) -> None:
        """Refuse options of the next reset: Stable-Baselines3 resets every lane, and that is all.

        Raises:
            ConfigError: there is one.
        """
        given = options if isinstance(options, list | tuple) else [options or {}]
        for each in given:
            for name, value in mapping("options", each).items():
                reason = "not taken here: Stable-Baselines3 resets every lane"
                raise ConfigError(f"options: {clip(name)} = {shown(value)}: {reason}")

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return an attribute of the native environment, once for each lane asked for."""
        return [getattr(self.native, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refuse: lanes share one configuration."""
        raise AttributeError(f"cannot set {attr_name!r}: the lanes share one configuration")

    def env_method(
        self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any
    ) -> list[Any]:
        """Refuse: lanes are rows of one batch, not objects with methods."""
        raise AttributeError(f"no method {method_name!r}: lanes are rows of one batch")

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        """No lane is wrapped."""
        return [False for _ in self._get_indices(indices)]

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """Batches are not drawn; use `PortfolioEnv(render_mode=...)`."""
        return [None] * self.num_envs


class SB3VecEnv(BatchVecEnv):
    """`PPO("MlpPolicy", SB3VecEnv(64, scenario="price_shock"))`.

    Args:
        num_envs: number of lanes.
        seed: of lane 0 at the first reset; lane k gets seed + k. None takes the learner's, or
            draws one.
        env_id: the task.
        kwargs: those of its vector environment but `copy` and `autoreset_mode`. An `info` holds no
            more than the summary of an episode that ended: "full" counts as "episode".

    Raises:
        ConfigError: an argument is unknown or invalid, or one of those two.
    """

    def __init__(
        self,
        num_envs: int,
        *,
        seed: int | None = None,
        env_id: str = "trading_env/Portfolio-v0",
        **kwargs: Any,
    ) -> None:
        choice("env_id", env_id, TASKS)
        for name in ("copy", "autoreset_mode"):
            if name in kwargs:
                reason = "Stable-Baselines3 needs copies, and lanes that begin anew"
                raise ConfigError(f"{name} = {shown(kwargs[name])}: not taken here: {reason}")
        arguments = {**gymnasium.spec(env_id).kwargs, **kwargs}
        if arguments.get("detail") == "full":
            arguments["detail"] = "episode"
        native = TASKS[env_id](num_envs, autoreset_mode=AutoresetMode.SAME_STEP, **arguments)
        self.native = native
        self.render_mode = None
        self._first_seed = seed
        self._actions: NDArray[Any] = np.zeros(0)
        super().__init__(
            num_envs, self.native.single_observation_space, self.native.single_action_space
        )

    def reset(self) -> NDArray[np.float32]:
        """Begin an episode in every lane; seeds given by `seed()` are used once."""
        seed = self._seeds[0] if self._first_seed is None else self._first_seed
        self._first_seed = None
        observations, _ = self.native.reset(seed=seed)
        self._reset_seeds()
        self._reset_options()
        return observations

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keep the actions until `step_wait`."""
        self._actions = actions

    def step_wait(
        self,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Step every lane."""
        observations, rewards, terminated, truncated, info = self.native.step(self._actions)
        done = terminated | truncated
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for i in np.flatnonzero(done):
            infos[i]["terminal_observation"] = info["final_obs"][i]
            infos[i]["TimeLimit.truncated"] = bool(truncated[i])
            summary = info["final_info"].get("summary", {})
            if summary:
                infos[i]["summary"] = {
                    name: float(v[i]) for name, v in summary.items() if not name.startswith("_")
                }
                infos[i]["episode"] = {
                    "r": float(summary["reward"][i]),
                    "l": int(summary["steps"][i]),
                    "t": 0.0,
                }
        return observations, rewards.astype(np.float32), done, infos
