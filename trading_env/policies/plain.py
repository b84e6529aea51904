"""A network that answers the whole observation, as a learner without further structure trains it.

It is kept as every policy is: weights as safetensors, sizes and features as JSON. Acting needs
numpy alone, in float32, as the learner computed it.
"""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from trading_env.core.errors import PolicyError
from trading_env.envs.spaces import ObservationLayout
from trading_env.policies.adaptive import (
    DESCRIPTION,
    SATURATION,
    Description,
    Network,
    read_policy,
    write_policy,
)
from trading_env.policies.policy import Action, Info, Observation, Policy

PLAIN = ("plain", "ppo", "sac", "tqc")  # kinds: of any network, and of learners of `train.py`
WIDEST = 1e3  # of an observed value that reaches the first layer as it is


class WholeDescription(Description):
    """What a policy of the whole observation says of itself in `policy.json`."""

    env: Literal["portfolio", "execution"]
    features: list[str]


class PlainDescription(WholeDescription):
    """And what a plain one says besides."""

    kind: Literal["plain", "ppo", "sac", "tqc"]


class PlainPolicy(Policy):
    """Deterministic actions of a network.

    Raises:
        PolicyError: the network was made for other features, or for another number of assets.
    """

    description: type[WholeDescription] = PlainDescription
    made_of: type[Network] = Network

    def __init__(self, network: Network, layout: ObservationLayout) -> None:
        shape = (len(layout.features), len(layout.symbols))
        if (network.sizes[0], network.sizes[-1]) != shape:
            raise PolicyError(
                f"policy takes {network.sizes[0]} features and gives {network.sizes[-1]} actions, "
                f"the environment has {shape[0]} and takes {shape[1]}"
            )
        self.network = network
        self.names = features_of(layout)
        self.env = layout.task.name.lower()

    @classmethod
    def of(
        cls, layers: list[tuple[ArrayLike, ArrayLike]], layout: ObservationLayout
    ) -> "PlainPolicy":
        """Make a policy of weights and bias of each layer, which take the observation as it is."""
        scale = WIDEST / SATURATION
        weights: dict[str, Any] = {}
        for k, (weight, bias) in enumerate(layers):
            factor = scale if k == 0 else 1.0
            weights[f"layer_{k}.weight"] = (np.asarray(weight) * factor).astype(np.float32)
            weights[f"layer_{k}.bias"] = np.asarray(bias).astype(np.float32)
        size = weights["layer_0.weight"].shape[1]
        weights["mean"] = np.zeros(size, dtype=np.float32)
        weights["scale"] = np.full(size, scale, dtype=np.float32)
        return cls(Network(weights), layout)

    def act(self, observation: Observation, info: Info) -> Action:
        """Return the actions (num_envs, assets)."""
        return self.network(observation)

    def save(self, folder: Path, *, kind: str = "plain", **notes: Any) -> None:
        """Write weights and description; `notes` are kept in the description."""
        description = {"kind": kind, "env": self.env, "sizes": self.network.sizes}
        description |= {"features": self.names}
        write_policy(folder, self.network.weights, {**description, **notes})

    @classmethod
    def load(cls, folder: Path, layout: ObservationLayout) -> "PlainPolicy":
        """Read a saved policy; nothing in it is executed.

        Raises:
            PolicyError: a file is missing or damaged, or was made for other features.
        """
        description, weights = read_policy(folder, cls.description)
        if description.features != features_of(layout):
            reason = "other ones than the environment shows (another market?); train again"
            raise PolicyError.at(folder / DESCRIPTION, "features", reason)
        return cls(cls.made_of(weights), layout)


def features_of(layout: ObservationLayout) -> list[str]:
    """Names of all that is observed."""
    return [feature.name for feature in layout.features]
