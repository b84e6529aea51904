"""Patience: a rule by hand for parent orders, which waits while trading is dear.

The quotes shown tell what a fill costs now, in multiples of calm:

    c = 1/4 spread multiple + 3/4 / sqrt(depth multiple)

(a quarter of a calm fill's cost is half spread, and temporary impact goes with one over the root
of the depth). The order is worked at `speed` times the even pace in calm, and at that times
(c / 1.2)^-patience beyond 1.2. What the volume cap would no longer let through before the deadline
is traded whatever it costs. A speed far above 1 is cheap under a square-root law, where a parent
order costs about the same at any pace, and leaves less to be met by a crisis.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from trading_env.core.codes import Task
from trading_env.core.errors import PolicyError
from trading_env.envs.spaces import ObservationLayout
from trading_env.policies.policy import Action, Info, Observation, Policy
from trading_env.policies.schedules import pace_of

SPREAD_SHARE = 0.25  # of a calm fill's cost
DEAR = 1.2  # multiple of the calm cost from which on it waits
SLOWEST, URGENT = -4.0, 1.1  # log speed: next to nothing; three times the even pace
TINY = 1e-9
TIME_LEFT = "time_left"
Values = NDArray[np.float64]


def multiple_of(contrast: Values) -> Values:
    """Return a / b of the contrast (a - b) / (a + b)."""
    return (1.0 + contrast) / np.maximum(1.0 - contrast, TINY)


@cache  # outside the policies, whose values name stored results
def columns_of(layout: ObservationLayout) -> dict[str, int]:
    """Return where each feature of the first asset stands, and the share of time left."""
    found = {feature.name: place for place, feature in enumerate(layout.block)}
    return found | {TIME_LEFT: layout.account_column(TIME_LEFT)}


@dataclass(frozen=True)
class Clock:
    """What an observation says about one parent order's time and quotes.

    Args:
        layout: of an environment with one asset.
        length: steps to the deadline.
        participation: share of a bar's volume that fills may take.

    Raises:
        PolicyError: the environment has no parent orders.
    """

    layout: ObservationLayout
    length: int
    participation: float = 0.1

    def __post_init__(self) -> None:
        if self.layout.task is not Task.EXECUTION:
            reason = "the policy works parent orders, and this environment has none"
            raise PolicyError(f"{reason}: play it in trading_env/Execution-v0 (env='execution')")

    def steps_left(self, observation: Observation) -> Values:
        """Return the steps to the deadline (num_envs,), at least 1."""
        left = self.shown(observation, TIME_LEFT)
        return np.maximum(np.rint(left * self.length), 1.0)

    def shown(self, observation: Observation, name: str) -> Values:
        """Return one feature of the asset, or the share of time left (num_envs,)."""
        return observation[:, columns_of(self.layout)[name]].astype(np.float64)

    def paces(self, observation: Observation, log_speed: Values) -> Action:
        """Return the paces (num_envs, 1) of speeds in multiples of the even pace."""
        left = self.steps_left(observation)
        return pace_of(np.clip(np.exp(log_speed) / left, 0.0, 1.0), left)[:, None]


@dataclass(frozen=True)
class Patience(Policy):
    """Work a parent order fast, and wait while the quotes are bad."""

    clock: Clock
    speed: float = 20.0
    """Times the even pace in calm."""
    patience: float = 16.0
    """Power of the cost multiple by which it slows down."""

    def cost(self, observation: Observation) -> Values:
        """Return what a fill costs now, in multiples of calm (num_envs,)."""
        spread = multiple_of(self.clock.shown(observation, "half_spread"))
        depth = multiple_of(self.clock.shown(observation, "depth"))
        return SPREAD_SHARE * spread + (1.0 - SPREAD_SHARE) / np.sqrt(np.maximum(depth, TINY))

    def log_speed(self, observation: Observation) -> Values:
        """Return the log of the speed in multiples of the even pace (num_envs,)."""
        beyond = np.log(np.maximum(self.cost(observation) / DEAR, 1.0))
        speed = np.clip(np.log(self.speed) - self.patience * beyond, SLOWEST, -SLOWEST)
        needed = self.clock.shown(observation, "required_rate") >= self.clock.participation
        urged: Values = np.where(needed, np.maximum(speed, URGENT), speed)
        return urged

    def act(self, observation: Observation, info: Info) -> Action:
        """Return the paces (num_envs, 1)."""
        return self.clock.paces(observation, self.log_speed(observation))
