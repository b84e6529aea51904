"""Negative controls: the reference of a track, without what it knows.

What ranks as high as the reference while it looks at nothing, or at another episode, shows that a
track measures something else than it says.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_env.policies.policy import Info, Observation, Policy


class Shuffled(Policy):
    """A policy that sees an observation of this step or an earlier one, of a lane drawn at random.

    Whatever it answers is an answer that it gives somewhere; only what it answers to is wrong.
    """

    def __init__(self, policy: Policy, seed: int = 0) -> None:
        self.policy = policy
        self.env_overrides = policy.env_overrides
        self.acts_in = policy.acts_in
        self.seed = seed
        self.reset(1)

    def reset(self, num_envs: int) -> None:
        """Forget what was seen."""
        self.policy.reset(num_envs)
        self.generator = np.random.default_rng(self.seed)
        self.seen: list[Observation] = []

    def act(self, observation: Observation, info: Info) -> NDArray[Any]:
        """Return what the policy answers to something else."""
        self.seen.append(observation.copy())
        lanes = len(observation)
        steps = self.generator.integers(0, len(self.seen), lanes)
        others = self.generator.permutation(lanes)
        mixed = np.stack([self.seen[k][i] for k, i in zip(steps, others, strict=True)])
        return self.policy.act(mixed, info)


CONTROLS: dict[str, Callable[[Policy], Policy]] = {"shuffled": Shuffled}
