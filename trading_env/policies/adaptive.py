"""The adaptive agent: a trained network says how sure it is, a calibrator corrects it online.

The network is a small tanh perceptron on standardised observations; `agents/training.py` trains it.
Acting needs numpy alone, so that a saved policy answers the same wherever it is loaded. It is kept
as `policy.safetensors` (weights) and `policy.json` (sizes, observation layout, calibrator): data,
never code.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from safetensors import SafetensorError
from safetensors import numpy as tensors

from trading_env.core.doors import Loose, read_file, read_json
from trading_env.core.errors import PolicyError, clip, unknown
from trading_env.core.files import write_bytes, write_json
from trading_env.envs.spaces import ObservationLayout
from trading_env.policies.calibrator import ConfidenceCalibrator
from trading_env.policies.policy import Action, Info, Observation, Policy

FORMAT = "trading-env policy 1"
WEIGHTS, DESCRIPTION = "policy.safetensors", "policy.json"
SATURATION = 5.0  # standardised observations saturate here

Weights = dict[str, NDArray[np.float32]]
Size = Annotated[int, Field(ge=1, le=2**20)]


class Description(Loose):
    """What every saved policy says of itself in `policy.json`."""

    format: Literal["trading-env policy 1"]
    kind: str
    sizes: Annotated[list[Size], Field(min_length=2, max_length=100)]
    scenarios: list[str] = Field([])


class AdaptiveDescription(Description):
    """And what an adaptive policy says besides."""

    symbols: Annotated[list[str], Field(min_length=1)]
    signal_names: list[str]
    features: list[str]
    calibrate: bool


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
    check_weights(path, weights, description.sizes)
    return description, weights


def check_weights(path: Path, weights: Weights, sizes: list[int]) -> None:
    """Refuse tensors that are not those of a `Network` of these sizes, or that are not finite.

    Raises:
        PolicyError: names the file and the tensor.
    """
    wanted: dict[str, tuple[int, ...]] = {"mean": (sizes[0],), "scale": (sizes[0],)}
    for k in range(len(sizes) - 1):
        wanted[f"layer_{k}.weight"] = (sizes[k + 1], sizes[k])
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
        """Return signals (num_envs, assets) for observations (num_envs, size)."""
        weights = self.weights
        x = (observations - weights["mean"]) / weights["scale"]
        x = np.clip(x, -SATURATION, SATURATION)
        for k in range(self.layers - 1):
            x = np.tanh(x @ weights[f"layer_{k}.weight"].T + weights[f"layer_{k}.bias"])
        head = self.layers - 1
        x = x @ weights[f"layer_{head}.weight"].T + weights[f"layer_{head}.bias"]
        signals: NDArray[np.float64] = np.clip(x, -1.0, 1.0).astype(np.float64)
        return signals


class AdaptivePolicy(Policy):
    """Deterministic actions of a network, scaled by the calibrator; `calibrate=False` ablates it.

    Raises:
        PolicyError: the network was made for another observation.
    """

    def __init__(
        self, network: Network, layout: ObservationLayout, *, calibrate: bool = True
    ) -> None:
        if network.sizes[0] != len(layout.features):
            raise PolicyError(
                f"policy takes {network.sizes[0]} features, the environment has "
                f"{len(layout.features)} (another market?)"
            )
        self.network = network
        self.layout = layout
        self.calibrator = ConfidenceCalibrator(layout) if calibrate else None

    def reset(self, num_envs: int) -> None:
        """Forget the last episode's fills."""
        if self.calibrator is not None:
            self.calibrator.reset(num_envs)

    def act(self, observation: Observation, info: Info) -> Action:
        """Return signals (num_envs, assets)."""
        signals = self.network(observation)
        if self.calibrator is None:
            return signals
        scaled: Action = signals * self.calibrator.update(observation)
        return scaled

    def save(self, folder: Path, **notes: Any) -> None:
        """Write weights and description; `notes` are kept in the description."""
        calibrator = self.calibrator
        description = {
            "kind": "adaptive" if calibrator else "ppo",
            "sizes": self.network.sizes,
            "activation": "tanh",
            "action": "Box(-1, 1), the head's output, clipped",
            "symbols": list(self.layout.symbols),
            "signal_names": list(self.layout.signal_names),
            "features": [feature.name for feature in self.layout.features],
            "calibrate": calibrator is not None,
            **notes,
        }
        write_policy(folder, self.network.weights, description)

    @classmethod
    def load(
        cls,
        folder: Path,
        layout: ObservationLayout | None = None,
        *,
        calibrate: bool | None = None,
    ) -> "AdaptivePolicy":
        """Read a saved policy; nothing in it is executed.

        Args:
            folder: where it was saved.
            layout: of the environment; None takes the saved one.
            calibrate: None takes what was saved.

        Raises:
            PolicyError: a file is missing or damaged, or does not fit `layout`.
        """
        description, weights = read_policy(folder, AdaptiveDescription)
        saved = ObservationLayout(tuple(description.symbols), tuple(description.signal_names))
        if [feature.name for feature in saved.features] != description.features:
            raise PolicyError.at(folder / DESCRIPTION, "features", "of other ones; train again")
        if description.sizes[-1] != len(saved.symbols):
            raise PolicyError.at(folder / DESCRIPTION, "sizes", "must end with one output an asset")
        network = Network(weights)
        if calibrate is None:
            calibrate = description.calibrate
        return cls(network, layout or saved, calibrate=calibrate)
