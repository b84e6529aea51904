"""Train the portfolio's adaptive agent with PPO (Schulman et al. 2017), a row for each asset.

One network answers for every asset, and each asset is credited with its own part of the result
(`agents/rows.py`): a daily return is almost all noise, and a network that saw all assets at once
and one reward for all of them found next to nothing (`benchmarks/credit.py`). Many rows, large
batches, a short discount, and exploration that stays as wide as it began; a linear layer, because
what little the bars tell about the next one is soon lost in a larger network's noise.

Features are standardised with the mean and the deviation they have under random convictions on the
training band; both are fixed before training and travel with the weights. The network that is kept
is the one with the highest utility on the validation band,

    sum over steps of r - lambda / 2 r^2,  r the account's return in a step

(early stopping), of the present one and of the mean over the networks of all updates so far but the
first quarter's, which is less noisy than any of them; the test band is not touched. Weights decay
fast: of some thirty features two carry the signal, and what noise leaves on the weights of the
others costs more than decay takes from those two.

A number that is not finite ends training. After each update all that the next rollout depends on is
kept (`agents/checkpoint.py`).
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from sb3_contrib import RecurrentPPO
from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecEnv

from agents.checkpoint import Checkpoints, described
from agents.learner_state import begin
from agents.rows import SCALE, AssetRows
from agents.watch import Watch
from trading_env.backtesting.rollouts import rollout
from trading_env.core.records import Floats
from trading_env.core.seeds import first_seed
from trading_env.envs.spaces import ObservationLayout
from trading_env.envs.vector import PortfolioVectorEnv
from trading_env.policies.adaptive import RATE_FLOOR, SATURATION, AdaptivePolicy, Network
from trading_env.policies.policy import Policy, with_own

MOMENT_STEPS = 200  # of random convictions, from which features are standardised
TINY = 1e-300  # so that a ruined account divides nothing by 0


@dataclass(frozen=True)
class Judging:
    """What is judged, and how often."""

    judgements: int = 12
    """How often the network is tried on the validation band."""
    averaged_from: float = 1.0
    """Share of the training after which the networks of all updates are averaged; 1 for none."""


@dataclass(frozen=True)
class Training(Judging):
    """Settings of the learner."""

    lanes: int = 512
    """Portfolios stepped together."""
    steps: int = 63
    """Steps of each lane between updates."""
    batch_size: int = 4032
    epochs: int = 4
    learning_rate: float = 2e-3
    """Falls straight to 0 over the run."""
    weight_decay: float = 5.0
    """Share of the weights that AdamW (Loshchilov and Hutter 2019) takes off an update, over the
    learning rate: what rewards do not hold up falls to 0."""
    discount: float = 0.9
    gae_lambda: float = 0.9
    log_deviation: float = -1.5
    """Log standard deviation of the convictions that are tried, at the beginning."""
    learns_deviation: bool = False
    """Whether it is learned."""
    hidden: tuple[int, ...] = ()
    """Sizes of tanh layers before the linear one."""
    memory: int = 0
    """Cells of an LSTM before those, which RecurrentPPO trains; 0 for none."""
    risk_aversion: float = 50.0
    """Lambda: of the account's squared return in a step."""
    threads: int = 1
    """Torch threads; more do not help a network this small."""
    averaged_from: float = 0.25


class Trained(NamedTuple):
    """The best network on the validation band, its score there in the judge's unit, its step."""

    network: Network
    layout: ObservationLayout
    validation_score: float
    step: int


class Moments(NamedTuple):
    """Of each feature, both (features,)."""

    mean: Floats
    scale: Floats  # its deviation, 1 where it does not vary


class Standardise(BaseFeaturesExtractor):
    """Subtract a fixed mean, divide by a fixed scale, saturate."""

    def __init__(self, observation_space: spaces.Box, mean: Any, scale: Any) -> None:
        super().__init__(observation_space, features_dim=int(observation_space.shape[0]))
        self.register_buffer("mean", torch.as_tensor(mean, dtype=torch.float32))
        self.register_buffer("scale", torch.as_tensor(scale, dtype=torch.float32))

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """Return standardised features, (batch, size)."""
        return torch.clamp((observations - self.mean) / self.scale, -SATURATION, SATURATION)


def fit(
    env_kwargs: dict[str, Any],
    *,
    timesteps: int,
    seed: int,
    advance: Callable[[int], None],
    tensorboard: Path | None = None,
    training: Training | None = None,
    checkpoints: Checkpoints | None = None,
) -> Trained:
    """Train PPO and return the network that did best on the validation band.

    Args:
        env_kwargs: of the training environment, without `num_envs` and `seed_band`.
        timesteps: decisions of whole portfolios over all lanes; rounded up to whole rollouts.
        seed: of the learner and of the episodes.
        advance: called with the number of new steps, for a progress bar.
        tensorboard: folder of the learning curves.
        training: settings of the learner.
        checkpoints: where one is kept after each update; training goes on from the newest.

    Raises:
        DivergedError: a reward, loss, gradient, weight or utility is not finite.
    """
    settings = training or Training()
    torch.set_num_threads(settings.threads)
    env_kwargs = with_own(env_kwargs, {"risk": {"execution_floor": RATE_FLOOR}})  # as it will act
    first = first_seed(seed)
    common: dict[str, Any] = {"risk_aversion": settings.risk_aversion, "seed": first}
    train_band: dict[str, Any] = {**env_kwargs, "seed_band": "train"}
    seen = moments(AssetRows(settings.lanes, **common, **train_band), seed)
    envs = AssetRows(settings.lanes, **common, **train_band)
    learner = learner_of(envs, seen, settings, seed, tensorboard)
    validation = Validation(env_kwargs, seed=first)

    def judge(network: Network) -> float:
        policy = AdaptivePolicy(network, envs.layout)
        return utility(validation.returns(policy), settings.risk_aversion)

    settings_of = {"timesteps": timesteps, "seed": seed, "settings": asdict(settings)}
    of = described(**settings_of, train=envs.native, validation=validation.envs)
    watch = learn(learner, envs, judge, timesteps, settings, advance, checkpoints, of)
    assert watch.best is not None  # judged at the latest when training ended
    return Trained(watch.best, envs.layout, watch.best_score, watch.best_step)


def learn(
    learner: BaseAlgorithm,
    envs: Any,
    judge: Callable[[Network], float],
    timesteps: int,
    settings: Judging,
    advance: Callable[[int], None],
    checkpoints: Checkpoints | None,
    of: dict[str, Any],
) -> Watch:
    """Train a learner under a watch, from the newest checkpoint of the same training on."""
    begin(learner, envs)
    rows = timesteps * envs.assets
    every, averaged_from = rows // settings.judgements, int(settings.averaged_from * rows)
    if settings.averaged_from == 1.0:
        averaged_from = sys.maxsize
    watch = Watch(learner, envs, advance, judge, every, averaged_from)
    if checkpoints is not None:
        watch.keep_in(checkpoints, of)
    left, name = rows - learner.num_timesteps, type(learner).__name__.lower()
    if left > 0:
        learner.learn(left, callback=watch, tb_log_name=name, reset_num_timesteps=False)
    envs.close()
    return watch


def learner_of(
    envs: VecEnv, seen: Moments, settings: Training, seed: int, tensorboard: Path | None = None
) -> PPO:
    """Make the learner of some environments, whose features have these moments."""
    more: dict[str, Any] = {}
    kind, policy = PPO, "MlpPolicy"
    if settings.memory:
        kind, policy, more = RecurrentPPO, "MlpLstmPolicy", {"lstm_hidden_size": settings.memory}
    learner = kind(
        policy,
        envs,
        n_steps=settings.steps,
        batch_size=settings.batch_size,
        n_epochs=settings.epochs,
        # a last rollout that overshoots `timesteps` must not be learned from backwards
        learning_rate=lambda left: settings.learning_rate * max(left, 0.0),
        gamma=settings.discount,
        gae_lambda=settings.gae_lambda,
        policy_kwargs={
            "net_arch": list(settings.hidden),
            "log_std_init": settings.log_deviation,
            "optimizer_class": torch.optim.AdamW,
            "optimizer_kwargs": {"eps": 1e-5, "weight_decay": settings.weight_decay},
            "features_extractor_class": Standardise,
            "features_extractor_kwargs": seen._asdict(),
            **more,
        },
        seed=seed,
        device="cpu",
        tensorboard_log=None if tensorboard is None else str(tensorboard),
    )
    learner.policy.log_std.requires_grad_(settings.learns_deviation)
    if tensorboard is None:  # else Stable-Baselines3 makes a folder in that of temporary files
        learner.set_logger(Logger(None, []))
    return learner


class Validation:
    """Episodes of the validation band, always the same ones."""

    def __init__(self, env_kwargs: dict[str, Any], *, seed: int, episodes: int = 256) -> None:
        arguments = {**env_kwargs, "seed_band": "validation"}
        self.envs = PortfolioVectorEnv(
            episodes, autoreset_mode="Disabled", detail="none", copy=False, **arguments
        )
        self.seed = seed

    def returns(self, policy: Policy) -> list[Floats]:
        """Play one episode in each lane; return the account's returns by step, a lane each."""
        curves = rollout(policy, self.envs, self.seed).equity
        return [np.diff(curve) / np.maximum(curve[:-1], TINY) for curve in curves]


def utility(returns: Sequence[Floats], risk_aversion: float) -> float:
    """Mean over episodes of the sum of r - lambda / 2 r^2, percent."""
    sums = [float(np.sum(r - 0.5 * risk_aversion * r**2)) for r in returns]
    return SCALE * float(np.mean(sums))


def moments(envs: VecEnv, seed: int) -> Moments:
    """Return the moments of each feature under random convictions; the environments are closed."""
    generator = np.random.default_rng(seed)
    shape = (envs.num_envs, *(envs.action_space.shape or ()))
    seen: list[Any] = [envs.reset()]
    for _ in range(MOMENT_STEPS):
        convictions = generator.uniform(-1.0, 1.0, shape).astype(np.float32)
        seen.append(envs.step(convictions)[0])
    envs.close()
    table = np.concatenate(seen).astype(np.float64)
    deviation = table.std(axis=0)
    return Moments(table.mean(axis=0), np.where(deviation > 1e-6, deviation, 1.0))
