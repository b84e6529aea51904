"""The state of PPO between an update and the next rollout, as tensors and numbers.

There little is alive: weights, Adam's moments, the generators of numpy and torch, the counter of
steps, the environments, and which rows begin an episode. What a rollout gathers is used up by then.
"""

from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from stable_baselines3 import PPO
from torch import nn

from agents.checkpoint import Notes, as_bytes
from agents.rows import AssetRows
from trading_env.core.errors import UserError, clip
from trading_env.policies.adaptive import Network

MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # what Adam knows of a tensor
KEYS = 624  # words of the state of MT19937
Tensors = dict[str, NDArray[Any]]
Natural = Annotated[int, Field(ge=0)]


class PPONotes(Notes):
    """The numbers of a state; the last three are those of the snapshot of the environments."""

    steps: Natural
    updates: Natural
    numpy_position: Annotated[int, Field(ge=0, le=KEYS)]
    numpy_has_gauss: Annotated[int, Field(ge=0, le=1)]
    numpy_gauss: float
    version: int
    arguments: str
    fingerprint: str


def learned(learner: PPO) -> dict[str, torch.nn.Parameter]:
    """Return the tensors that are learned."""
    named = learner.policy.named_parameters()
    return {name: tensor for name, tensor in named if tensor.requires_grad}


def _numpy_state() -> tuple[str, NDArray[np.uint32], int, int, float]:
    """Return the state of numpy's global generator, from which the learner draws."""
    state: tuple[str, NDArray[np.uint32], int, int, float] = np.random.get_state()  # noqa: NPY002
    return state


def tensors_of(learner: PPO, envs: AssetRows) -> Tensors:
    """Copy the arrays of a state; before the first update Adam's are 0, as it begins."""
    state = learner.policy.state_dict()
    found = {f"policy.{name}": tensor.numpy().copy() for name, tensor in state.items()}
    for name, tensor in learned(learner).items():
        known = learner.policy.optimizer.state.get(tensor, {})
        for moment in MOMENTS:
            empty = torch.tensor(0.0) if moment == "step" else torch.zeros_like(tensor)
            found[f"adam.{moment}.{name}"] = known.get(moment, empty).numpy().copy()
    found["torch"] = torch.get_rng_state().numpy().copy()
    found["numpy"] = _numpy_state()[1].copy()
    found["begins"] = np.array(learner._last_episode_starts, dtype=np.bool_)
    for name, value in envs.get_state().items():
        if isinstance(value, np.ndarray):
            found[f"envs.{name}"] = as_bytes(value.tobytes())
    return found


def numbers_of(learner: PPO, envs: AssetRows) -> dict[str, Any]:
    """Return the fields of `PPONotes`, but what the training is."""
    _, _, position, has_gauss, gauss = _numpy_state()
    state = envs.get_state()
    return {
        "steps": learner.num_timesteps,
        "updates": learner._n_updates,
        "numpy_position": int(position),
        "numpy_has_gauss": int(has_gauss),
        "numpy_gauss": float(gauss),
        **{name: state[name] for name in ("version", "arguments", "fingerprint")},
    }


def begin(learner: PPO, envs: AssetRows) -> None:
    """Begin the first episodes, as `learn` would."""
    learner._last_obs = envs.reset()
    learner._last_episode_starts = np.ones(envs.num_envs, dtype=np.bool_)


def put_back(learner: PPO, envs: AssetRows, tensors: Tensors, notes: PPONotes) -> None:
    """Bring a learner and its environments, which have begun, back to a state.

    Raises:
        UserError: a generator cannot stand there.
        StateError: the snapshot of the environments is damaged, or of others.
    """
    state = envs.get_state()
    for name, value in state.items():
        if isinstance(value, np.ndarray):
            content = tensors[f"envs.{name}"].tobytes()
            state[name] = np.frombuffer(content, value.dtype).reshape(value.shape)
        else:
            state[name] = getattr(notes, name)
    learner._last_obs = envs.set_state(state)
    learner._last_episode_starts = tensors["begins"].copy()
    policy = learner.policy
    weights = {name: torch.from_numpy(tensors[f"policy.{name}"]) for name in policy.state_dict()}
    policy.load_state_dict(weights)
    for name, tensor in learned(learner).items():
        policy.optimizer.state[tensor] = {
            moment: torch.from_numpy(tensors[f"adam.{moment}.{name}"].copy()) for moment in MOMENTS
        }
    learner.num_timesteps, learner._n_updates = notes.steps, notes.updates
    gauss = notes.numpy_has_gauss, notes.numpy_gauss
    np.random.set_state(  # noqa: NPY002 -- the learner draws from it
        ("MT19937", tensors["numpy"], notes.numpy_position, *gauss)
    )
    try:
        torch.set_rng_state(torch.from_numpy(tensors["torch"].copy()))
    except RuntimeError as error:  # as torch has it
        raise UserError.at("checkpoint", "torch", clip(error, 60)) from None


def network_of(learner: PPO) -> Network:
    """Copy the policy's weights out of a learner."""
    policy = learner.policy
    extractor = policy.features_extractor
    layers = [m for m in policy.mlp_extractor.policy_net if isinstance(m, nn.Linear)]
    layers.append(policy.action_net)
    weights = {"mean": extractor.mean, "scale": extractor.scale}
    for k, layer in enumerate(layers):
        weights[f"layer_{k}.weight"] = layer.weight
        weights[f"layer_{k}.bias"] = layer.bias
    return Network({name: w.detach().cpu().numpy().copy() for name, w in weights.items()})
