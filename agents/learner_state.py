"""The state of a learner between an update and the next rollout, as tensors and numbers.

Between the two only this is needed: weights, Adam's moments, the generators of numpy and torch, the
counter of steps, the environments, which rows begin an episode, and what recurrent networks
remember. What a rollout of PPO gathers is used up by then; SAC and TQC keep what they have met, and
learn the weight of the entropy too.
"""

from typing import Annotated, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from sb3_contrib import RecurrentPPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from torch import nn

from agents.checkpoint import Notes, as_bytes
from agents.rows import AssetRows
from trading_env.core.errors import UserError, clip
from trading_env.policies.adaptive import Network
from trading_env.policies.recurrent import RecurrentNetwork

MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # what Adam knows of a tensor
KEYS = 624  # words of the state of MT19937
REPLAYED = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")
Tensors = dict[str, NDArray[Any]]
Natural = Annotated[int, Field(ge=0)]


class LearnerNotes(Notes):
    """The numbers of a state; the last three are those of the snapshot of the environments."""

    steps: Natural
    updates: Natural
    numpy_position: Annotated[int, Field(ge=0, le=KEYS)]
    numpy_has_gauss: Annotated[int, Field(ge=0, le=1)]
    numpy_gauss: float
    replay_position: Natural = 0
    replay_full: bool = False
    version: int
    arguments: str
    fingerprint: str


class Learned(NamedTuple):
    """A tensor that is learned, and what learns it."""

    tensor: torch.Tensor
    optimizer: torch.optim.Optimizer


def learned(learner: Any) -> dict[str, Learned]:
    """Return what is learned; target networks follow the critics and are left out."""
    named = dict(learner.policy.named_parameters())
    if is_off_policy(learner):
        named["log_ent_coef"] = learner.log_ent_coef
        optimizers = [learner.actor.optimizer, learner.critic.optimizer, learner.ent_coef_optimizer]
    else:
        optimizers = [learner.policy.optimizer]
    owners = {id(t): o for o in optimizers for group in o.param_groups for t in group["params"]}
    return {
        name: Learned(tensor, owners[id(tensor)])
        for name, tensor in named.items()
        if tensor.requires_grad and id(tensor) in owners
    }


def is_off_policy(learner: BaseAlgorithm) -> bool:
    """Tell whether a learner keeps what it has met."""
    return isinstance(learner, OffPolicyAlgorithm)


def _numpy_state() -> tuple[str, NDArray[np.uint32], int, int, float]:
    """Return the state of numpy's global generator, from which the learner draws."""
    state: tuple[str, NDArray[np.uint32], int, int, float] = np.random.get_state()  # noqa: NPY002
    return state


def tensors_of(learner: Any, envs: AssetRows) -> Tensors:
    """Copy the arrays of a state; before the first update Adam's are 0, as it begins."""
    state = learner.policy.state_dict()
    found = {f"policy.{name}": tensor.numpy().copy() for name, tensor in state.items()}
    for name, (tensor, optimizer) in learned(learner).items():
        known = optimizer.state.get(tensor, {})
        for moment in MOMENTS:
            empty = torch.tensor(0.0) if moment == "step" else torch.zeros_like(tensor)
            found[f"adam.{moment}.{name}"] = known.get(moment, empty).detach().numpy().copy()
    if is_off_policy(learner):
        found["log_ent_coef"] = learner.log_ent_coef.detach().numpy().copy()
        for name in REPLAYED:
            found[f"replay.{name}"] = getattr(learner.replay_buffer, name).copy()
    found |= {name: t.numpy().copy() for name, t in _remembered(learner).items()}
    found["torch"] = torch.get_rng_state().numpy().copy()
    found["numpy"] = _numpy_state()[1].copy()
    found["begins"] = np.array(learner._last_episode_starts, dtype=np.bool_)
    for name, value in envs.get_state().items():
        if isinstance(value, np.ndarray):
            found[f"envs.{name}"] = as_bytes(value.tobytes())
    return found


def numbers_of(learner: Any, envs: AssetRows) -> dict[str, Any]:
    """Return the fields of `LearnerNotes`, but what the training is."""
    _, _, position, has_gauss, gauss = _numpy_state()
    state = envs.get_state()
    return {
        "steps": learner.num_timesteps,
        "updates": learner._n_updates,
        "numpy_position": int(position),
        "numpy_has_gauss": int(has_gauss),
        "numpy_gauss": float(gauss),
        **_replay_numbers(learner),
        **{name: state[name] for name in ("version", "arguments", "fingerprint")},
    }


def _replay_numbers(learner: Any) -> dict[str, Any]:
    if not is_off_policy(learner):
        return {}
    replay = learner.replay_buffer
    return {"replay_position": int(replay.pos), "replay_full": bool(replay.full)}


def is_recurrent(learner: BaseAlgorithm) -> bool:
    """Tell whether a learner's networks have a memory."""
    return isinstance(learner, RecurrentPPO)


def _remembered(learner: Any) -> dict[str, torch.Tensor]:
    """Name the tensors that the networks of actor and critic go on with in the next rollout."""
    if not is_recurrent(learner):
        return {}
    states = learner._last_lstm_states
    owners = {"actor": states.pi, "critic": states.vf}
    return {f"memory.{o}.{k}": t for o, pair in owners.items() for k, t in enumerate(pair)}


def begin(learner: Any, envs: AssetRows) -> None:
    """Begin the first episodes, as `learn` would."""
    learner._last_obs = envs.reset()
    learner._last_episode_starts = np.ones(envs.num_envs, dtype=np.bool_)


def put_back(learner: Any, envs: AssetRows, tensors: Tensors, notes: LearnerNotes) -> None:
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
    for name, (tensor, optimizer) in learned(learner).items():
        optimizer.state[tensor] = {
            moment: torch.from_numpy(tensors[f"adam.{moment}.{name}"].copy()) for moment in MOMENTS
        }
    if is_off_policy(learner):
        learner.log_ent_coef.data.copy_(torch.from_numpy(tensors["log_ent_coef"]))
        replay = learner.replay_buffer
        for name in REPLAYED:
            getattr(replay, name)[...] = tensors[f"replay.{name}"]
        replay.pos, replay.full = notes.replay_position, notes.replay_full
    for name, tensor in _remembered(learner).items():
        tensor.copy_(torch.from_numpy(tensors[name]))
    learner.num_timesteps, learner._n_updates = notes.steps, notes.updates
    gauss = notes.numpy_has_gauss, notes.numpy_gauss
    np.random.set_state(  # noqa: NPY002 -- the learner draws from it
        ("MT19937", tensors["numpy"], notes.numpy_position, *gauss)
    )
    try:
        torch.set_rng_state(torch.from_numpy(tensors["torch"].copy()))
    except RuntimeError as error:  # as torch has it
        raise UserError.at("checkpoint", "torch", clip(error, 60)) from None


def network_of(learner: Any) -> Network:
    """Copy the network that answers the mean action out of a learner; nothing is drawn.

    That of SAC and TQC ends in a tanh: a head that changes nothing stands behind it. That of
    RecurrentPPO has a memory.
    """
    policy = learner.policy
    if is_off_policy(learner):
        extractor, hidden = policy.actor.features_extractor, policy.actor.latent_pi
        last = policy.actor.mu
    else:
        extractor, hidden = policy.features_extractor, policy.mlp_extractor.policy_net
        last = policy.action_net
    layers = [(m.weight, m.bias) for m in (*hidden, last) if isinstance(m, nn.Linear)]
    if is_off_policy(learner):
        layers.append((torch.eye(last.out_features), torch.zeros(last.out_features)))
    weights = {"mean": extractor.mean, "scale": extractor.scale}
    for k, (weight, bias) in enumerate(layers):
        weights[f"layer_{k}.weight"] = weight
        weights[f"layer_{k}.bias"] = bias
    if is_recurrent(learner):
        lstm = policy.lstm_actor
        weights["memory.of_input"] = lstm.weight_ih_l0
        weights["memory.of_itself"] = lstm.weight_hh_l0
        weights["memory.offset"] = lstm.bias_ih_l0 + lstm.bias_hh_l0
    made_of = RecurrentNetwork if is_recurrent(learner) else Network
    return made_of({name: w.detach().cpu().numpy().copy() for name, w in weights.items()})
