"""The adaptive agent of Portfolio-v0: one network answers for every asset, fills set its pace.

The network sees the features of one asset and says its conviction; each asset of each lane is a
row of its own. So the answer does not depend on the order of the assets, and a policy that was
trained on five of them trades any number. `agents/portfolio.py` trains it.

What fills teach acts through the risk manager: under its `execution_floor` a position moves more
slowly towards its target while the cost model of the step says that fills are dear
(`risk_manager/rate.py`). Without `rate`, the ablation, it trades at once whatever fills cost.

Acting needs numpy alone, so that a saved policy answers the same wherever it is loaded. It is kept
as `policy.safetensors` (weights) and `policy.json` (sizes, features): data, never code.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from safetensors import SafetensorError
from safetensors import numpy as tensors

from trading_env.core.doors import Checked, Loose, read_file, read_json
from trading_env.core.errors import PolicyError, clip, unknown
from trading_env.core.files import write_bytes, write_json
from trading_env.envs.spaces import ObservationLayout
from trading_env.policies.policy import Action, Info, Observation, Policy

FORMAT = "trading-env policy 1"
KIND = "adaptive"
WEIGHTS, DESCRIPTION = "policy.safetensors", "policy.json"
SATURATION = 5.0  # standardised observations saturate here
RATE_FLOOR = 0.25  # least share of the way to its target that a position moves in a step

Weights = dict[str, NDArray[np.float32]]
Size = Annotated[int, Field(ge=1, le=2**20)]


class Description(Loose):
    """What every saved policy says of itself in `policy.json`."""

    format: Literal["trading-env policy 1"]
    kind: str
    sizes: Annotated[list[Size], Field(min_length=2, max_length=100)]
    scenarios: list[str] = Field([])

    @property
    def cells(self) -> int:
        """Numbers that a memory before the layers holds; 0 where there is none."""
        return 0


class Rule(Checked):
    """The two numbers of a `SignalRule`."""

    aim: float
    keep: float


class AdaptiveDescription(Description):
    """And what an adaptive policy says besides."""

    features: list[str]
    signal_rule: Rule | None = None


D = TypeVar("D", bound=Description)


def write_policy(folder: Path, weights: Weights, description: dict[str, Any]) -> None:
    """Write weights and what they are."""
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / WEIGHTS, tensors.save(weights))
    write_json(folder / DESCRIPTION, {"format": FORMAT, **description})


def read_policy(folder: Path, kind: type[D]) -> tuple[D, Weights]:
    """Return description and weights of a saved policy; nothing in it is executed.

    Raises:
        PolicyError: a file is missing or damaged, or the weights are not those of such a network.
    """
    description = read_json(folder / DESCRIPTION, kind, PolicyError)
    path = folder / WEIGHTS
    content = read_file(path, PolicyError)
    try:
        weights = tensors.load(content)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:  # as its reader has it
        raise PolicyError.at(path, "", f"not safetensors: {clip(error, 60)}") from None
    check_weights(path, weights, description.sizes, description.cells)
    return description, weights


def check_weights(path: Path, weights: Weights, sizes: list[int], memory: int = 0) -> None:
    """Refuse tensors that are not those of a `Network` of these sizes, or that are not finite.

    With a `memory` they are those of a `RecurrentNetwork`.

    Raises:
        PolicyError: names the file and the tensor.
    """
    wanted: dict[str, tuple[int, ...]] = {"mean": (sizes[0],), "scale": (sizes[0],)}
    widths = [memory or sizes[0], *sizes[1:]]
    if memory:
        wanted |= {
            "memory.of_input": (4 * memory, sizes[0]),
            "memory.of_itself": (4 * memory, memory),
        }
        wanted["memory.offset"] = (4 * memory,)
    for k in range(len(sizes) - 1):
        wanted[f"layer_{k}.weight"] = (widths[k + 1], widths[k])
        wanted[f"layer_{k}.bias"] = (sizes[k + 1],)
    for name in weights:
        if name not in wanted:
            raise PolicyError.at(path, "", unknown("tensor", name, wanted))
    for name, shape in wanted.items():
        if name not in weights:
            raise PolicyError.at(path, name, "is missing")
        tensor = weights[name]
        if tensor.dtype != np.float32 or tensor.shape != shape:
            reason = f"is {tensor.dtype} of shape {tensor.shape}: must be float32 of {shape}"
            raise PolicyError.at(path, name, reason)
        if not np.isfinite(tensor).all():
            raise PolicyError.at(path, name, "holds a value that is not finite")
    if not (weights["scale"] > 0.0).all():
        raise PolicyError.at(path, "scale", "holds a value that is not > 0")


@dataclass(frozen=True)
class Network:
    """Standardise, any number of tanh layers, a linear head clipped to [-1, 1].

    `weights` holds `mean` and `scale` (inputs,), and `layer_K.weight` (outputs, inputs) and
    `layer_K.bias` for K = 0, 1, ...; the last layer is the head.
    """

    weights: Weights

    @property
    def sizes(self) -> list[int]:
        """Inputs, hidden sizes, outputs."""
        hidden = [len(self.weights[f"layer_{k}.bias"]) for k in range(self.layers)]
        return [len(self.weights["mean"]), *hidden]

    @property
    def layers(self) -> int:
        """Number of layers, head included."""
        return sum(name.endswith(".bias") for name in self.weights)

    def __call__(self, observations: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the clipped outputs (rows, outputs) for inputs (rows, inputs)."""
        return self.answer(self.standardised(observations))

    def standardised(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return inputs less their mean, over their scale, saturated."""
        x = (observations - self.weights["mean"]) / self.weights["scale"]
        saturated: NDArray[np.float32] = np.clip(x, -SATURATION, SATURATION)
        return saturated

    def answer(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the clipped outputs for what reaches the first layer."""
        weights = self.weights
        for k in range(self.layers - 1):
            x = np.tanh(x @ weights[f"layer_{k}.weight"].T + weights[f"layer_{k}.bias"])
        head = self.layers - 1
        x = x @ weights[f"layer_{head}.weight"].T + weights[f"layer_{head}.bias"]
        signals: NDArray[np.float64] = np.clip(x, -1.0, 1.0).astype(np.float64)
        return signals


class AdaptivePolicy(Policy):
    """Deterministic convictions of a network that is shared by all assets.

    Raises:
        PolicyError: the network was made for other features.
    """

    def __init__(self, network: Network, layout: ObservationLayout, *, rate: bool = True) -> None:
        names = features_of(layout)
        if (network.sizes[0], network.sizes[-1]) != (len(names), 1):
            raise PolicyError(
                f"policy takes {network.sizes[0]} features of an asset and gives "
                f"{network.sizes[-1]}, the environment has {len(names)} and takes 1 (a market with "
                "other signals?)"
            )
        self.network = network
        self.layout = layout
        self.env_overrides = {"risk": {"execution_floor": RATE_FLOOR}} if rate else {}

    def act(self, observation: Observation, info: Info) -> Action:
        """Return convictions (num_envs, assets)."""
        answers = self.network(asset_rows(observation, self.layout))
        return answers.reshape(len(observation), len(self.layout.symbols))

    def save(self, folder: Path, **notes: Any) -> None:
        """Write weights and description; `notes` are kept in the description."""
        description = {
            "kind": KIND,
            "sizes": self.network.sizes,
            "activation": "tanh",
            "action": "Box(-1, 1) of one asset, the head's output, clipped",
            "features": list(features_of(self.layout)),
            **notes,
        }
        write_policy(folder, self.network.weights, description)

    @classmethod
    def load(
        cls, folder: Path, layout: ObservationLayout, *, rate: bool = True
    ) -> "AdaptivePolicy":
        """Read a saved policy; nothing in it is executed.

        Raises:
            PolicyError: a file is missing or damaged, or was made for other features.
        """
        description, weights = read_policy(folder, AdaptiveDescription)
        if description.features != list(features_of(layout)):
            reason = "other ones than the environment shows (other signals?); train again"
            raise PolicyError.at(folder / DESCRIPTION, "features", reason)
        if description.sizes[-1] != 1:
            raise PolicyError.at(folder / DESCRIPTION, "sizes", "must end with one output")
        return cls(Network(weights), layout, rate=rate)


def features_of(layout: ObservationLayout) -> tuple[str, ...]:
    """Names of what the network sees of one asset."""
    return tuple(feature.name for feature in layout.block)


def asset_rows(observation: Observation, layout: ObservationLayout) -> Observation:
    """Return the features of each asset in a row of its own, copied: (num_envs x assets, features).

    Row i x assets + k is asset k of lane i.
    """
    assets, size = len(layout.symbols), len(layout.block)
    return observation[:, : assets * size].copy().reshape(len(observation) * assets, size)
