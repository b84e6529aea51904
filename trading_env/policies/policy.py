"""The one interface of whatever acts in an environment, and the lanes that it plays in.

Baselines, learners, optimal policies, users' own functions and Stable-Baselines3 models are all
played through `Policy`; `policies/adapters.py` turns the last two into one.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from gymnasium.spaces import Space
from numpy.typing import NDArray

from trading_env.core.arguments import choice
from trading_env.envs.vector import ExecutionVectorEnv, PortfolioVectorEnv, TradingVectorEnv

ENVS: dict[str, type[TradingVectorEnv]] = {
    "portfolio": PortfolioVectorEnv,
    "execution": ExecutionVectorEnv,
}
Observation: TypeAlias = NDArray[np.float32]  # (num_envs, size)
Info: TypeAlias = Mapping[str, Any]  # of the same step, batched; {} where `detail` is "none"
# (num_envs, assets), or (num_envs, assets, 4) where orders have types
Action: TypeAlias = NDArray[np.float64]


class Policy(ABC):
    """Chooses the actions of a batch of environments; `reset` clears what it remembers."""

    env_overrides: Mapping[str, Any] = MappingProxyType({})
    """Arguments of the environment that the policy needs: buy-and-hold, for one, holds little
    under a risk manager that resizes it. An evaluation accepts `risk`, `account` and `action`."""
    fingerprint: str = ""
    """Names the policy's content in stored results; empty: its class and values are hashed."""

    acts_in: Space[Any] | None = None
    """The actions of one environment that it was trained to give; None: not known. An evaluation
    in an environment of others is refused."""

    def reset(self, num_envs: int) -> None:  # noqa: B027 -- most policies remember nothing
        """Begin an episode in each of `num_envs` lanes."""

    @abstractmethod
    def act(self, observation: Observation, info: Info) -> NDArray[Any]:
        """Return actions (num_envs, assets), or (num_envs, assets, 4) with `action` not "target".

        Args:
            observation: (num_envs, size); the next step may overwrite it.
            info: the environment's report of the same step.
        """


def env_class(env: str) -> type[TradingVectorEnv]:
    """Return the vector environment of a task.

    Raises:
        ConfigError: there is no such task.
    """
    return ENVS[choice("env", env, ENVS)]


def with_own(arguments: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Put a policy's own arguments before the others, setting by setting where both have some."""
    merged = {**arguments, **own}
    for name, settings in own.items():
        common = arguments.get(name)
        if isinstance(settings, Mapping) and isinstance(common, Mapping) and name != "market":
            merged[name] = {**common, **settings}
    return merged


def make_envs(
    policy: Policy,
    num_envs: int,
    env_kwargs: Mapping[str, Any],
    *,
    env: str = "portfolio",
    **cell: Any,
) -> TradingVectorEnv:
    """Build the lanes for a policy: the common arguments, its own needs, then the cell's.

    A policy that reads `info`, and lanes that are traced or recorded, need `detail="full"`.
    Observations are copies: a policy may keep what it has seen.
    """
    arguments = {"detail": "none", **with_own(env_kwargs, policy.env_overrides), **cell}
    return env_class(env)(num_envs, autoreset_mode="Disabled", **arguments)
