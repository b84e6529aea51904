"""The adaptive agent of Execution-v0: how fast to work a parent order, from what trading costs.

The hand rule `Patience` says a speed, and a trained layer corrects it: with u in [-1, 1] its
output, the log of the speed in multiples of the even pace is

    log speed = log of the hand rule's + REACH u

Without feedback, the ablation, it sees neither quotes nor the agent's own fills, and
corrects a constant speed instead of the hand rule. What either sees is in `SEEN` and `FEEDBACK`;
contrasts, rates and counts are turned into logs, so that a multiple is one distance wherever it
stands. Acting needs numpy alone.
"""

import math
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from trading_env.core.errors import PolicyError
from trading_env.envs.spaces import ObservationLayout
from trading_env.policies.adaptive import (
    DESCRIPTION,
    Description,
    Network,
    Size,
    read_policy,
    write_policy,
)
from trading_env.policies.patience import TIME_LEFT, Clock, Patience, multiple_of
from trading_env.policies.policy import Action, Info, Observation, Policy

KIND, BLIND = "pace", "pace_without_feedback"
REACH = 3.0  # log speed that the network may add or take off
FAST = math.log(20.0)  # log speed, in multiples of the even pace
TINY = 1e-4
SEEN = ("volatility", "volatility_change", "volume", "left", "working", "required_rate")
FEEDBACK = (
    *("half_spread", "depth", "crisis", "cost_level", "cost_deviation", "last_cost"),
    *("slippage", "surprise", "latency", "fill_ratio", "own_impact"),
)
Values = NDArray[np.float64]


class PaceDescription(Description):
    """What a pace says of itself in `policy.json`."""

    kind: Literal["pace", "pace_without_feedback"]
    inputs: list[str]
    length: Size
    participation: Annotated[float, Field(gt=0.0, le=1.0)]


class PaceInputs:
    """What the network sees of an observation.

    Args:
        clock: of the environment.
        feedback: whether quotes and own fills are seen.
    """

    def __init__(self, clock: Clock, *, feedback: bool) -> None:
        self.clock = clock
        self.names = (*SEEN, *(FEEDBACK if feedback else ()), TIME_LEFT)
        self.rule = Patience(clock) if feedback else None

    def __call__(self, observation: Observation) -> Values:
        """Return the inputs before they are standardised (num_envs, inputs)."""
        shown = [self._of(name, self.clock.shown(observation, name)) for name in self.names]
        return np.stack(shown, axis=1)

    def _of(self, name: str, value: Values) -> Values:
        """Return a feature, as a log where it is a multiple, a rate or a count."""
        if name in ("half_spread", "depth"):
            return np.log(np.maximum(multiple_of(value), TINY))
        if name == "required_rate":
            return np.log(np.maximum(value / self.clock.participation, TINY))
        if name == "crisis":
            return np.log1p(10.0 * value / (1.0 - value))
        return value

    def log_speed(self, observation: Observation) -> Values:
        """Return the log speed that the network corrects (num_envs,)."""
        if self.rule is None:
            return np.full(len(observation), FAST)
        return self.rule.log_speed(observation)


class PacePolicy(Policy):
    """Deterministic paces of a network over the hand rule.

    Raises:
        PolicyError: the network was made for other inputs.
    """

    def __init__(self, network: Network, clock: Clock, *, feedback: bool = True) -> None:
        self.inputs = PaceInputs(clock, feedback=feedback)
        if network.sizes[0] != len(self.inputs.names):
            raise PolicyError(
                f"policy takes {network.sizes[0]} inputs, {len(self.inputs.names)} are known"
            )
        self.network = network
        self.clock = clock
        self.feedback = feedback

    def act(self, observation: Observation, info: Info) -> Action:
        """Return the paces (num_envs, 1)."""
        return self.clock.paces(observation, self.log_speed(observation))

    def log_speed(self, observation: Observation) -> Values:
        """Return the log of the speed in multiples of the even pace (num_envs,)."""
        turned = REACH * self.network(self.inputs(observation).astype(np.float32))[:, 0]
        return self.inputs.log_speed(observation) + turned

    def save(self, folder: Path, **notes: Any) -> None:
        """Write weights and description; `notes` are kept in the description."""
        description = {
            "kind": KIND if self.feedback else BLIND,
            "sizes": self.network.sizes,
            "inputs": list(self.inputs.names),
            "length": self.clock.length,
            "participation": self.clock.participation,
            **notes,
        }
        write_policy(folder, self.network.weights, description)

    @classmethod
    def load(cls, folder: Path, layout: ObservationLayout) -> "PacePolicy":
        """Read a saved policy; nothing in it is executed.

        Raises:
            PolicyError: a file is missing or damaged, or was made for other inputs.
        """
        description, weights = read_policy(folder, PaceDescription)
        if description.sizes[-1] != 1:
            raise PolicyError.at(folder / DESCRIPTION, "sizes", "must end with one output")
        clock = Clock(layout, description.length, description.participation)
        policy = cls(Network(weights), clock, feedback=description.kind == KIND)
        if list(policy.inputs.names) != description.inputs:
            raise PolicyError.at(folder / DESCRIPTION, "inputs", "of other ones; train again")
        return policy
