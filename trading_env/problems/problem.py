"""A problem with a known optimum: what to make, how to act in it, and what that is worth."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Policy = Callable[[NDArray[np.float32], Mapping[str, Any]], NDArray[np.float64]]
"""(observation, info) -> action; both may have a leading axis of environments."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """An environment whose optimum is known in closed form or by dynamic programming."""

    env_id: str
    env_kwargs: Mapping[str, Any]
    """Arguments of `gymnasium.make` and `make_vec`; JSON-able."""
    optimal_policy: Policy
    optimal_value: float
    """In the unit that the problem's function names."""
    reference_values: Mapping[str, float]
    """What other policies are worth, and other figures of the closed form."""
    policies: Mapping[str, Policy]
    """Those other policies, by the same names where they have one."""


def pace_of(share: NDArray[np.float64], steps_left: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the pace that asks for a share of what is left; the inverse of `pace.share_of`."""
    even = 1.0 / steps_left
    fast = np.where(steps_left > 1.0, 1.0 - even, 1.0)
    return np.where(share <= even, share / even - 1.0, (share - even) / fast)


@dataclass(frozen=True)
class Schedule:
    """Work one parent order by a fixed list of child orders, in units or in proportions.

    The step is read off the observation's last feature, the share of time left.
    """

    slices: tuple[float, ...]

    @classmethod
    def of(cls, slices: ArrayLike) -> "Schedule":
        """Take a schedule from an array; its sign and scale do not matter."""
        return cls(tuple(float(n) for n in np.asarray(slices)))

    def __call__(
        self, observation: NDArray[np.float32], info: Mapping[str, Any]
    ) -> NDArray[np.float64]:
        """Return the paces, one column for each asset of the action."""
        slices = np.array(self.slices)
        left = np.cumsum(slices[::-1])[::-1]
        share = np.divide(slices, left, out=np.ones_like(slices), where=left != 0.0)
        time_left = np.asarray(observation, dtype=np.float64)[..., -1]
        steps_left = np.maximum(np.rint(time_left * len(slices)), 1.0)
        step = len(slices) - steps_left.astype(np.int64)
        return pace_of(share[step], steps_left)[..., None]
