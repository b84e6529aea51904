"""Train the adaptive agent's network with PPO (Schulman et al. 2017) on the native batch.

Large batches, few epochs, a short discount: a daily return is almost all noise, and its gradient
needs many lanes more than it needs many passes. Each episode draws one of the training scenarios.
Observations are standardised with the mean and the deviation they have under random signals on
the training band; both are fixed before training and travel with the weights. The network that
is kept is the one with the highest mean reward on the validation band (early stopping); the test
band is not touched.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from trading_env.backtesting.interruption import stop_if_interrupted
from trading_env.backtesting.rollouts import rollout
from trading_env.envs.sb3 import SB3VecEnv
from trading_env.envs.spaces import ObservationLayout
from trading_env.envs.vector import PortfolioVectorEnv
from trading_env.policies.adaptive import SATURATION, AdaptivePolicy, Network

CALIBRATION_STEPS = 256


@dataclass(frozen=True)
class Training:
    """Settings of PPO."""

    lanes: int = 64
    """Environments stepped together."""
    steps: int = 128
    """Steps of each lane between updates."""
    batch_size: int = 2048
    epochs: int = 4
    learning_rate: float = 5e-4
    """Falls straight to 0 over the run."""
    discount: float = 0.97
    gae_lambda: float = 0.9
    log_deviation: float = -1.0
    """Log standard deviation of the first policy's signals."""
    hidden: tuple[int, ...] = (32, 32)
    threads: int = 1
    """Torch threads; more do not help a network this small."""
    judgements: int = 12
    """How often the network is tried on the validation band."""


class Trained(NamedTuple):
    """The best network on the validation band, its mean episode reward there, and its step."""

    network: Network
    layout: ObservationLayout
    validation_reward: float
    step: int


class Standardise(BaseFeaturesExtractor):
    """Subtract a fixed mean, divide by a fixed scale, saturate."""

    def __init__(self, observation_space: spaces.Box, mean: Any, scale: Any) -> None:
        super().__init__(observation_space, features_dim=int(observation_space.shape[0]))
        self.register_buffer("mean", torch.as_tensor(mean, dtype=torch.float32))
        self.register_buffer("scale", torch.as_tensor(scale, dtype=torch.float32))

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """Return standardised features, (batch, size)."""
        return torch.clamp((observations - self.mean) / self.scale, -SATURATION, SATURATION)


class Watch(BaseCallback):
    """Report progress and keep the best network on the validation band.

    A single history is quickly overfitted, so the last network is rarely the best.
    """

    def __init__(
        self, advance: Callable[[int], None], judge: Callable[[Network], float], every: int
    ) -> None:
        super().__init__()
        self.advance = advance
        self.judge = judge
        self.every = every
        self.best: Network | None = None
        self.best_score = -np.inf
        self.best_step = 0
        self.last = 0

    def _on_step(self) -> bool:
        stop_if_interrupted()
        self.advance(self.training_env.num_envs)
        return True

    def _on_rollout_start(self) -> None:
        if self.num_timesteps - self.last >= self.every:
            self.consider()

    def _on_training_end(self) -> None:
        self.consider()

    def consider(self) -> None:
        """Judge the present network."""
        self.last = self.num_timesteps
        network = network_of(self.model)
        score = self.judge(network)
        self.logger.record("validation/reward", score)
        if score > self.best_score:
            self.best, self.best_score, self.best_step = network, score, self.num_timesteps


def fit(
    env_kwargs: dict[str, Any],
    *,
    timesteps: int,
    seed: int,
    advance: Callable[[int], None],
    tensorboard: Path | None = None,
    training: Training | None = None,
) -> Trained:
    """Train PPO and return the network that did best on the validation band.

    Args:
        env_kwargs: of the training environment, without `num_envs`.
        timesteps: decisions over all lanes; rounded up to whole rollouts.
        seed: of the learner and of the first episodes.
        advance: called with the number of new steps, for a progress bar.
        tensorboard: folder of the learning curves.
        training: settings of PPO.
    """
    settings = training or Training()
    torch.set_num_threads(settings.threads)
    mean, scale = observation_moments(env_kwargs, lanes=settings.lanes, seed=seed)
    envs = SB3VecEnv(settings.lanes, seed=seed, **env_kwargs)
    learner = PPO(
        "MlpPolicy",
        envs,
        n_steps=settings.steps,
        batch_size=settings.batch_size,
        n_epochs=settings.epochs,
        learning_rate=lambda left: settings.learning_rate * left,
        gamma=settings.discount,
        gae_lambda=settings.gae_lambda,
        policy_kwargs={
            "net_arch": list(settings.hidden),
            "log_std_init": settings.log_deviation,
            "features_extractor_class": Standardise,
            "features_extractor_kwargs": {"mean": mean, "scale": scale},
        },
        seed=seed,
        device="cpu",
        tensorboard_log=None if tensorboard is None else str(tensorboard),
    )
    judge = ValidationReward(env_kwargs, seed=seed)
    watch = Watch(advance, judge, timesteps // settings.judgements)
    learner.learn(timesteps, callback=watch, tb_log_name="ppo")
    envs.close()
    assert watch.best is not None  # judged at the latest when training ended
    return Trained(watch.best, judge.envs.layout, watch.best_score, watch.best_step)


class ValidationReward:
    """Mean episode reward of a network on the validation band, always on the same episodes."""

    def __init__(self, env_kwargs: dict[str, Any], *, seed: int, episodes: int = 128) -> None:
        arguments = {**env_kwargs, "seed_band": "validation"}
        self.envs = PortfolioVectorEnv(
            episodes, autoreset_mode="Disabled", detail="none", copy=False, **arguments
        )
        self.seed = seed

    def __call__(self, network: Network) -> float:
        """Play the episodes."""
        policy = AdaptivePolicy(network, self.envs.layout, calibrate=False)
        return float(rollout(policy, self.envs, self.seed).sums["reward"].mean())


def observation_moments(
    env_kwargs: dict[str, Any], *, lanes: int, seed: int
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return mean and deviation of each feature under random signals, both (size,)."""
    envs = SB3VecEnv(lanes, seed=seed, **env_kwargs)
    generator = np.random.default_rng(seed)
    shape = (lanes, int(envs.action_space.shape[0]))
    seen = [envs.reset()]
    for _ in range(CALIBRATION_STEPS):
        signals = generator.uniform(-1.0, 1.0, shape).astype(np.float32)
        seen.append(envs.step(signals)[0])
    envs.close()
    table = np.concatenate(seen).astype(np.float64)
    deviation = table.std(axis=0)
    return table.mean(axis=0), np.where(deviation > 1e-6, deviation, 1.0)


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
