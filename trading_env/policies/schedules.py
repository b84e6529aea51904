"""Paces of parent orders: what to ask for to trade a share of what is left, and fixed schedules."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trading_env.policies.policy import Action, Info, Observation, Policy
from trading_env.step.observation import NUM_ASSET_FEATURES, AccountFeature

TIME_COLUMN = NUM_ASSET_FEATURES + AccountFeature.TIME_LEFT  # windows and frames follow it


def pace_of(share: NDArray[np.float64], steps_left: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the pace that asks for a share of what is left; the inverse of `pace.share_of`."""
    even = 1.0 / steps_left
    fast = np.where(steps_left > 1.0, 1.0 - even, 1.0)
    return np.where(share <= even, share / even - 1.0, (share - even) / fast)


@dataclass(frozen=True)
class Schedule(Policy):
    """Work one parent order by a fixed list of child orders, in units or in proportions.

    The step is read off the share of time left, in the observation of one asset without signals.
    """

    slices: tuple[float, ...]

    @classmethod
    def of(cls, slices: ArrayLike) -> "Schedule":
        """Take a schedule from an array; its sign and scale do not matter."""
        return cls(tuple(float(n) for n in np.asarray(slices)))

    def act(self, observation: Observation, info: Info) -> Action:
        """Return the paces (num_envs, 1); of a single observation (size,), one pace (1,)."""
        slices = np.array(self.slices)
        left = np.cumsum(slices[::-1])[::-1]
        share = np.divide(slices, left, out=np.ones_like(slices), where=left != 0.0)
        time_left = np.asarray(observation, dtype=np.float64)[..., TIME_COLUMN]
        steps_left = np.maximum(np.rint(time_left * len(slices)), 1.0)
        step = len(slices) - steps_left.astype(np.int64)
        return pace_of(share[step], steps_left)[..., None]
