"""What is evaluated: policies, and the lanes they play in."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from trading_env.core.errors import ConfigError, shown
from trading_env.envs.spaces import ObservationLayout
from trading_env.envs.vector import ExecutionVectorEnv, PortfolioVectorEnv, TradingVectorEnv

ENVS: dict[str, type[TradingVectorEnv]] = {
    "portfolio": PortfolioVectorEnv,
    "execution": ExecutionVectorEnv,
}


@runtime_checkable
class Policy(Protocol):
    """What is evaluated: a function of observations, with a memory that `reset` clears.

    It may have an attribute `env_overrides`, a dict of environment arguments that the policy
    needs to be itself: buy-and-hold holds nothing much under a risk manager that resizes it. In
    an evaluation these may be `risk` and `account`; anything else is refused.
    """

    def reset(self, num_envs: int) -> None:
        """Begin an episode in each of `num_envs` lanes."""

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """Return actions (num_envs, assets) for observations (num_envs, size)."""


PolicyFactory: TypeAlias = Callable[[ObservationLayout], Policy]
PolicySpec: TypeAlias = Policy | PolicyFactory


def build_policy(spec: PolicySpec, layout: ObservationLayout) -> Policy:
    """Return a policy: as it is, or made for an observation layout."""
    if not isinstance(spec, type) and isinstance(spec, Policy):
        return spec
    return spec(layout)


def env_class(env: str) -> type[TradingVectorEnv]:
    """Return the vector environment of a task.

    Raises:
        ConfigError: there is no such task.
    """
    if env not in ENVS:
        raise ConfigError(f"env = {shown(env)}: must be one of {', '.join(ENVS)}")
    return ENVS[env]


def make_envs(
    policy: Policy,
    num_envs: int,
    env_kwargs: Mapping[str, Any],
    *,
    env: str = "portfolio",
    **cell: Any,
) -> TradingVectorEnv:
    """Build the lanes for a policy: the common arguments, its own needs, then the cell's.

    Lanes that are to be traced or recorded need `detail="full"`.
    """
    overrides = dict(getattr(policy, "env_overrides", {}))
    arguments = {"detail": "none", **env_kwargs, **overrides, **cell}
    return env_class(env)(num_envs, autoreset_mode="Disabled", copy=False, **arguments)
