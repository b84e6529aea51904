"""Train PPO, SAC, TQC or RecurrentPPO as they come: what the adaptive agents are compared with.

One network sees all assets at once, its reward is the environment's, its settings are those that
Stable-Baselines3 and sb3-contrib come with, over many lanes. Everything else is the adaptive
portfolio's: fixed standardisation of the features, the network with the best mean reward on the
validation band, checkpoints that go on to the bit, an end where a number is not finite. SAC
(Haarnoja et al. 2018) and TQC (Kuznetsov et al. 2020) act by their policy from the first step on.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from sb3_contrib import TQC
from stable_baselines3 import SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import Logger
from tqdm import tqdm

from agents.checkpoint import Checkpoints, described
from agents.execution_run import ExecutionRun
from agents.portfolio import (
    Judging,
    Moments,
    Standardise,
    Trained,
    Training,
    learn,
    learner_of,
    moments,
)
from agents.portfolio_run import CALM, PortfolioRun
from agents.run import TrainingRun
from trading_env.backtesting.rollouts import rollout
from trading_env.backtesting.run_folder import RunFolder
from trading_env.core.seeds import first_seed
from trading_env.envs.sb3 import SB3VecEnv
from trading_env.envs.spaces import ObservationLayout
from trading_env.policies.adaptive import Network
from trading_env.policies.plain import PlainPolicy
from trading_env.policies.policy import env_class
from trading_env.policies.recurrent import RecurrentNetwork, RecurrentPolicy

EPISODES = 256  # of a judgement
SETTINGS = Training(
    lanes=64,
    steps=128,
    batch_size=512,
    epochs=10,
    learning_rate=3e-4,
    discount=0.99,
    gae_lambda=0.95,
    log_deviation=0.0,
    learns_deviation=True,
    hidden=(64, 64),
    averaged_from=1.0,
)


@dataclass(frozen=True)
class OffPolicy(Judging):
    """Settings of a learner that keeps what it has met."""

    lanes: int = 16
    updates: int = 4
    """After each step of all lanes."""
    kept: int = 50_000
    """Steps that are kept, of all lanes together."""
    batch_size: int = 256
    learning_rate: float = 3e-4
    discount: float = 0.99
    hidden: tuple[int, ...] = (64, 64)
    threads: int = 1


REPLAYING = OffPolicy()
REPLAYERS: dict[str, type[SAC]] = {"sac": SAC, "tqc": TQC}  # TQC has SAC's interface
ON_POLICY = {
    "ppo": SETTINGS,
    "recurrent_ppo": replace(SETTINGS, memory=64, hidden=(64,)),
}
AGENTS = (*ON_POLICY, *REPLAYERS)


def replayer_of(
    agent: str, envs: SB3VecEnv, seen: Moments, seed: int, tensorboard: Path | None
) -> BaseAlgorithm:
    """Make SAC or TQC for some environments, whose features have these moments."""
    learner = REPLAYERS[agent](
        "MlpPolicy",
        envs,
        learning_rate=REPLAYING.learning_rate,
        buffer_size=REPLAYING.kept,
        learning_starts=0,
        batch_size=REPLAYING.batch_size,
        gamma=REPLAYING.discount,
        train_freq=1,
        gradient_steps=REPLAYING.updates,
        policy_kwargs={
            "net_arch": list(REPLAYING.hidden),
            "activation_fn": torch.nn.Tanh,
            "features_extractor_class": Standardise,
            "features_extractor_kwargs": seen._asdict(),
        },
        seed=seed,
        device="cpu",
        tensorboard_log=None if tensorboard is None else str(tensorboard),
    )
    if tensorboard is None:
        learner.set_logger(Logger(None, []))
    return learner


class Lanes(SB3VecEnv):
    """The batch as Stable-Baselines3 sees it."""

    assets = 1  # rows of a lane


def fit_plain(
    env: str,
    env_kwargs: dict[str, Any],
    validation_kwargs: dict[str, Any],
    *,
    agent: str = "ppo",
    timesteps: int,
    seed: int,
    advance: Callable[[int], None],
    tensorboard: Path | None = None,
    checkpoints: Checkpoints | None = None,
) -> Trained:
    """Train and return the network with the best mean reward of an episode on the validation band.

    Args:
        env: the task.
        env_kwargs: of the training environment, without `num_envs` and `seed_band`.
        validation_kwargs: of the environment that networks are judged in, likewise.
        agent: of AGENTS.
        timesteps: decisions over all lanes; rounded up to whole rollouts.
        seed: of the learner and of the episodes.
        advance: called with the number of new steps, for a progress bar.
        tensorboard: folder of the learning curves.
        checkpoints: where one is kept after each update, of SAC and TQC after each judgement;
            training goes on from the newest.

    Raises:
        DivergedError: a reward, loss, gradient, weight or score is not finite.
    """
    settings = REPLAYING if agent in REPLAYERS else ON_POLICY[agent]
    torch.set_num_threads(settings.threads)
    first = first_seed(seed)
    where = {"env_id": f"trading_env/{env.title()}-v0", "seed": first, "seed_band": "train"}
    seen = moments(Lanes(settings.lanes, **where, **env_kwargs), seed)
    envs = Lanes(settings.lanes, **where, **env_kwargs)
    layout = envs.native.layout
    learner: BaseAlgorithm
    if agent in REPLAYERS:
        learner = replayer_of(agent, envs, seen, seed, tensorboard)
    else:
        learner = learner_of(envs, seen, ON_POLICY[agent], seed, tensorboard)
    validation = env_class(env)(
        EPISODES,
        autoreset_mode="Disabled",
        detail="none",
        copy=False,
        seed_band="validation",
        **validation_kwargs,
    )

    def judge(network: Network) -> float:
        played = rollout(policy_of(network, layout), validation, first)
        return float(np.mean(played.sums["reward"]))

    known = {"agent": agent, "timesteps": timesteps, "seed": seed, "settings": asdict(settings)}
    of = described(**known, train=envs.native, validation=validation)
    watch = learn(learner, envs, judge, timesteps, settings, advance, checkpoints, of)
    assert watch.best is not None  # judged at the latest when training ended
    return Trained(watch.best, layout, watch.best_score, watch.best_step)


def policy_of(network: Network, layout: ObservationLayout) -> PlainPolicy:
    """Return what acts by a network."""
    made = RecurrentPolicy if isinstance(network, RecurrentNetwork) else PlainPolicy
    return made(network, layout)


class PlainRun:
    """What both tasks do with a plain learner, in place of the adaptive one."""

    agent: str
    unit = "timesteps"
    trained_on: str  # a scenario

    def train(self, seed: int, folder: Path, run_folder: RunFolder) -> None:
        """Train the network, and write it."""
        run: Any = self
        arguments = {
            "market": run.market,
            "episode_length": run.length,
            "scenario": self.trained_on,
        }
        arguments |= run.terms.arguments(run.env)
        with tqdm(total=run.effort, desc=run.env, unit=" steps", disable=None) as bar:
            trained = fit_plain(
                run.env,
                arguments,
                arguments,
                agent=self.agent,
                timesteps=run.effort,
                seed=seed,
                advance=bar.update,
                tensorboard=folder / "tensorboard",
                checkpoints=Checkpoints(folder, self.agent),
            )
        name = {"crises": "crises_train"}.get(self.trained_on, self.trained_on)
        notes = {"scenarios": [name], "kept_step": trained.step}
        notes |= {"validation_reward": trained.validation_score}
        policy = policy_of(trained.network, trained.layout)
        policy.save(folder / "policy", kind=self.agent, **notes)
        run_folder.note(training=notes)


TASKS: dict[str, tuple[type[TrainingRun], str]] = {
    "portfolio": (PortfolioRun, CALM),
    "execution": (ExecutionRun, "crises"),
}
USUAL = {"ppo": (1_000_000, 256)}  # decisions, and episodes of a cell
LITTLE = {"ppo": (100_000, 32)}


def run_of(agent: str, env: str) -> type[TrainingRun]:
    """Return the run of a plain learner on a task."""
    task, trained_on = TASKS[env]
    fields = {
        "agent": agent,
        "learners": (agent,),
        "trained_on": trained_on,
        "usual": USUAL.get(agent, (200_000, 256)),
        "little": LITTLE.get(agent, (4_000, 32)),
    }
    return cast(type[TrainingRun], type(f"{agent}_{env}", (PlainRun, task), fields))
