"""Train a plain PPO of Stable-Baselines3 on the batch: what the adaptive agents are compared with.

One network sees all assets at once, its reward is the environment's, its settings are those that
Stable-Baselines3 comes with, over many lanes. Everything else is the adaptive portfolio's: fixed
standardisation of the features, the network with the best mean reward on the validation band,
checkpoints that go on to the bit, an end where a number is not finite.

Left out: SAC and TQC, whose state holds a buffer of all that they have met, and RecurrentPPO, whose
network is not the one that saved policies hold.
"""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from agents.checkpoint import Checkpoints, described
from agents.execution_run import ExecutionRun
from agents.portfolio import Trained, Training, learn, learner_of, moments
from agents.portfolio_run import CALM, PortfolioRun
from trading_env.backtesting.rollouts import rollout
from trading_env.backtesting.run_folder import RunFolder
from trading_env.envs.sb3 import SB3VecEnv
from trading_env.policies.adaptive import Network
from trading_env.policies.plain import PlainPolicy
from trading_env.policies.policy import env_class

AGENT = "ppo"
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
)


class Lanes(SB3VecEnv):
    """The batch as Stable-Baselines3 sees it."""

    assets = 1  # rows of a lane


def fit_plain(
    env: str,
    env_kwargs: dict[str, Any],
    *,
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
        timesteps: decisions over all lanes; rounded up to whole rollouts.
        seed: of the learner and of the first episodes.
        advance: called with the number of new steps, for a progress bar.
        tensorboard: folder of the learning curves.
        checkpoints: where one is kept after each update; training goes on from the newest.

    Raises:
        DivergedError: a reward, loss, gradient, weight or score is not finite.
    """
    torch.set_num_threads(SETTINGS.threads)
    where = {"env_id": f"trading_env/{env.title()}-v0", "seed": seed, "seed_band": "train"}
    seen = moments(Lanes(SETTINGS.lanes, **where, **env_kwargs), seed)
    envs = Lanes(SETTINGS.lanes, **where, **env_kwargs)
    layout = envs.native.layout
    learner = learner_of(envs, seen, SETTINGS, seed, tensorboard)
    validation = env_class(env)(
        EPISODES,
        autoreset_mode="Disabled",
        detail="none",
        copy=False,
        seed_band="validation",
        **env_kwargs,
    )

    def judge(network: Network) -> float:
        played = rollout(PlainPolicy(network, layout), validation, seed)
        return float(np.mean(played.sums["reward"]))

    known = {"agent": AGENT, "timesteps": timesteps, "seed": seed, "settings": asdict(SETTINGS)}
    of = described(**known, train=envs.native, validation=validation)
    watch = learn(learner, envs, judge, timesteps, SETTINGS, advance, checkpoints, of)
    assert watch.best is not None  # judged at the latest when training ended
    return Trained(watch.best, layout, watch.best_score, watch.best_step)


class PlainRun:
    """What both tasks do with a plain learner, in place of the adaptive one."""

    agent = AGENT
    unit = "timesteps"
    usual = (1_000_000, 256)
    little = (100_000, 32)
    learners = (AGENT,)
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
        with tqdm(total=run.effort, desc=run.env, unit=" steps", mininterval=1.0) as bar:
            trained = fit_plain(
                run.env,
                arguments,
                timesteps=run.effort,
                seed=seed,
                advance=bar.update,
                tensorboard=folder / "tensorboard",
                checkpoints=Checkpoints(folder, AGENT),
            )
        name = {"crises": "crises_train"}.get(self.trained_on, self.trained_on)
        notes = {"scenarios": [name], "kept_step": trained.step}
        notes |= {"validation_reward": trained.validation_utility}
        PlainPolicy(trained.network, trained.layout).save(folder / "policy", kind=AGENT, **notes)
        run_folder.note(training=notes)


class PlainPortfolio(PlainRun, PortfolioRun):
    """A portfolio."""

    trained_on = CALM


class PlainExecution(PlainRun, ExecutionRun):
    """Parent orders."""

    trained_on = "crises"
