"""Watch a learner: its progress, its best network, its numbers; and keep checkpoints.

Between an update and the next rollout the losses and the weights are looked at, then the network is
judged where that is due, then a checkpoint is kept: so none is kept of a run that has diverged. A
rollout of SAC and TQC is a single step, and their checkpoints hold all that they have met: one is
kept when the network has been judged.

Judged are the present network and, after a share of the training where one is given, the mean of
those of all updates since (Polyak and Juditsky 1992): an update follows the noise of its own
rollout, the mean less; of few updates the mean is late.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback

from agents.checkpoint import Checkpoints, check_finite
from agents.learner_state import (
    LearnerNotes,
    is_off_policy,
    learned,
    network_of,
    numbers_of,
    put_back,
    tensors_of,
)
from agents.rows import AssetRows
from trading_env.backtesting.interruption import stop_if_interrupted
from trading_env.core.records import Floats
from trading_env.policies.adaptive import Network

LOSSES = ("loss", "value_loss", "policy_gradient_loss", "entropy_loss")
LOSSES += ("actor_loss", "critic_loss", "ent_coef_loss")


class WatchNotes(LearnerNotes):
    """What a checkpoint holds beside its tensors."""

    last: int
    best_score: float | None
    best_step: int
    averaged: int


class Watch(BaseCallback):
    """Report progress, keep the best network on the validation band, and keep checkpoints.

    A single history is quickly overfitted, so the last network is rarely the best.
    """

    def __init__(
        self,
        learner: BaseAlgorithm,
        envs: AssetRows,
        advance: Callable[[int], None],
        judge: Callable[[Network], float],
        every: int,
        averaged_from: int,
    ) -> None:
        super().__init__()
        self.model = learner
        self.envs = envs
        self.advance = advance
        self.judge = judge
        self.every = every
        self.averaged_from = averaged_from
        self.averaged = 0
        self.averaged_at = -1
        self.means: dict[str, Floats] = {}
        self.assets = envs.assets
        self.checkpoints: Checkpoints | None = None
        self.best: Network | None = None
        self.best_score = -np.inf
        self.best_step = 0
        self.last = 0

    def _init_callback(self) -> None:
        for name, (tensor, _) in learned(self.model).items():
            tensor.register_post_accumulate_grad_hook(partial(self._check_gradient, name))

    def _on_step(self) -> bool:
        stop_if_interrupted()
        self._check("reward", self.locals["rewards"])
        self.advance(self.envs.num_envs // self.assets)
        return True

    def _on_rollout_start(self) -> None:
        self._check_update()
        self._average()
        due = self.num_timesteps - self.last >= self.every
        if due:
            self.consider()
        if due or not is_off_policy(self.model):
            self.save()

    def _on_training_end(self) -> None:
        self._check_update()
        self._average()
        self.consider()
        self.save()

    def _average(self) -> None:
        """Add the network that the last update has left to the mean, once."""
        if self.averaged_at < self.num_timesteps >= self.averaged_from:
            self.averaged += 1
            for name, weights in network_of(self.model).weights.items():
                mean = self.means.setdefault(name, np.zeros(weights.shape))
                mean += (weights - mean) / self.averaged
        self.averaged_at = self.num_timesteps

    def networks(self) -> list[Network]:
        """Return the present network, and the mean so far where there is one."""
        now = network_of(self.model)
        if self.averaged == 0:
            return [now]
        means = {name: self.means[name].astype(w.dtype) for name, w in now.weights.items()}
        return [now, type(now)(means)]

    def consider(self) -> None:
        """Judge the networks."""
        self.last = self.num_timesteps
        for network in self.networks():
            score = self.judge(network)
            self._check("validation utility", score)
            self.logger.record("validation/utility", score)
            if score > self.best_score:
                self.best, self.best_score = network, score
                self.best_step = self.num_timesteps // self.assets

    def _check(self, what: str, values: Any) -> None:
        check_finite(what, values, self.num_timesteps // self.assets, "step")

    def _check_gradient(self, name: str, tensor: torch.Tensor) -> None:
        self._check(f"gradient of {name}", tensor.grad)

    def _check_update(self) -> None:
        """Look at what the last update has left."""
        for name in LOSSES:
            self._check(name, self.logger.name_to_value.get(f"train/{name}", 0.0))
        for name, tensor in self.model.policy.state_dict().items():
            self._check(f"weight {name}", tensor)

    def tensors(self) -> dict[str, Any]:
        """Return the arrays of a checkpoint; until a network is the best, the present one is."""
        now = network_of(self.model).weights
        best = now if self.best is None else self.best.weights
        kept = {f"best.{name}": weights for name, weights in best.items()}
        kept |= {f"mean.{n}": self.means.get(n, np.zeros(w.shape)) for n, w in now.items()}
        return kept | tensors_of(self.model, self.envs)

    def save(self) -> None:
        """Keep a checkpoint."""
        if self.checkpoints is None:
            return
        numbers = {"of": self.of, "last": self.last, "best_step": self.best_step}
        numbers["averaged"] = self.averaged
        numbers["best_score"] = None if self.best is None else float(self.best_score)
        notes = WatchNotes(**numbers, **numbers_of(self.model, self.envs))
        self.checkpoints.write(self.num_timesteps, self.tensors(), notes)

    def keep_in(self, checkpoints: Checkpoints, of: dict[str, Any]) -> None:
        """Keep checkpoints from now on, and go on from the newest valid one, if there is one."""
        self.checkpoints, self.of = checkpoints, of
        found = checkpoints.newest(self.tensors(), WatchNotes, of)
        if found is None:
            return
        tensors, notes = found
        put_back(self.model, self.envs, tensors, notes)
        self.advance(notes.steps // self.assets)
        self.last, self.best_step = notes.last, notes.best_step
        self.averaged, self.averaged_at = notes.averaged, notes.steps
        now = network_of(self.model)
        if notes.averaged:
            self.means = {name: tensors[f"mean.{name}"] for name in now.weights}
        if notes.best_score is not None:
            self.best = type(now)({name: tensors[f"best.{name}"] for name in now.weights})
            self.best_score = notes.best_score
