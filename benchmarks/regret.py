"""What PPO loses against the optimum of Almgren and Chriss.

    python -m benchmarks.regret [--seeds 5] [--out FILE]

The paper's example at lambda = 1e-6: the learner trains on Execution-v0 with the price noise on;
its mean action is then scored without noise, where the objective cost + lambda variance is exact.
Regret is its excess over the optimum, as a share of the optimum. Every seed is printed, with the
seconds its training took, compilation and scoring left out.
"""

import argparse
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.logger import Logger

from benchmarks.recording import save, stamped
from trading_env.envs.sb3 import SB3VecEnv
from trading_env.problems import Problem, almgren_chriss

LANES = 512
TIMESTEPS = 1_500_000
WIDE = -0.7  # log of the actions' deviation where the price's noise hides what they cost: kept
NARROW = -1.5  # where there is none: learned
MAX_REGRET = 0.005
MAX_SECONDS = 120.0


def train(problem: Problem, seed: int) -> tuple[PPO, float]:
    """Train PPO on a problem; return it and the seconds it took."""
    is_noisy = bool(np.any(problem.env_kwargs["market"].get("covariance", 0.0)))
    envs = SB3VecEnv(LANES, seed=1000 * seed, env_id=problem.env_id, **problem.env_kwargs)
    torch.set_num_threads(1)  # two wait for each other longer than they work
    model = PPO(
        "MlpPolicy",
        envs,
        seed=seed,
        device="cpu",
        n_steps=20,
        batch_size=2048,
        n_epochs=8,
        gamma=1.0,
        gae_lambda=0.95,
        learning_rate=lambda left: 1e-3 * left,
        policy_kwargs={"net_arch": [32, 32], "log_std_init": WIDE if is_noisy else NARROW},
    )
    model.policy.log_std.requires_grad_(not is_noisy)
    envs.reset()
    envs.step(np.zeros((LANES, *envs.action_space.shape)))  # compile
    model.set_logger(Logger(None, []))  # without a folder of its own
    begin = time.perf_counter()
    model.learn(TIMESTEPS)
    return model, time.perf_counter() - begin


def objective(problem: Problem, model: PPO) -> float:
    """Cost + lambda variance of the mean action, currency, on a price that stands still."""
    kwargs = dict(problem.env_kwargs)
    kwargs["market"] = kwargs["market"] | {"covariance": 0.0, "paths": 1}
    env = gym.make(problem.env_id, **kwargs)
    observation, _ = env.reset(seed=0)
    total, ended = 0.0, False
    while not ended:
        action, _ = model.predict(observation, deterministic=True)
        observation, reward, ended, _, _ = env.step(action)
        total += float(reward)
    value = abs(kwargs["parent"]["quantity"][0]) * kwargs["market"]["price"]
    return -total * value / float(kwargs["reward"]["scale"])


def main() -> int:
    """Train every seed, print a line for each, and write the raw figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, help="write the figures to this JSON file")
    chosen, begin = parser.parse_args(), datetime.now(UTC)
    problem = almgren_chriss(risk_aversion=1e-6, paths=4096)
    rows = []
    for seed in range(chosen.seeds):
        model, seconds = train(problem, seed)
        value = objective(problem, model)
        regret = value / problem.optimal_value - 1.0
        rows.append({"seed": seed, "seconds": seconds, "value": value, "regret": regret})
        print(f"seed {seed}  {seconds:.1f} s  value {value:,.0f}  regret {regret:.4%}", flush=True)
    command = f"python -m benchmarks.regret --seeds {chosen.seeds}"
    if chosen.out:
        save(stamped(command, begin, optimum=problem.optimal_value, rows=rows), chosen.out)
    worst = max(row["regret"] for row in rows)
    slowest = max(row["seconds"] for row in rows)
    print(f"worst regret {worst:.4%}, slowest training {slowest:.1f} s")
    return 0 if worst <= MAX_REGRET and slowest <= MAX_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
