"""What PPO loses against a known optimum.

    python -m benchmarks.regret [--problem almgren_chriss | garleanu_pedersen] [--seeds 5]
        [--out FILE]

Almgren-Chriss, the paper's example at lambda = 1e-6: the learner trains on Execution-v0 with the
price noise on; its mean action is then scored without noise, where the objective cost + lambda
variance is exact. Regret is its excess over the optimum, as a share of the optimum.

Garleanu-Pedersen, the two-asset example with diagonal costs: the learner trains on Portfolio-v0 and
is scored on paths it has not seen, beside the linear optimum and the best constant speed on the
same paths; its score is (reward - constant speed) / (optimum - constant speed).

Every seed is printed, with the seconds its training took, compilation and scoring left out.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO

from benchmarks.throughput import commit, processor
from trading_env.problems import Problem, almgren_chriss
from trading_env.problems.problem import Policy
from trading_env.sb3 import SB3VecEnv

LANES = 512
MAX_REGRET = 0.005
MAX_SECONDS = 120.0
Floats = NDArray[np.float64]


class Learner:
    """PPO's mean action as a policy; `gain` undoes the scaling of the training action."""

    def __init__(self, model: PPO) -> None:
        self.model = model

    def __call__(self, observation: NDArray[np.float32], info: Any) -> Floats:
        """Return the mean actions."""
        action, _ = self.model.predict(observation, deterministic=True)
        return np.asarray(action, dtype=np.float64)


def train(problem: Problem, seed: int, timesteps: int, **settings: Any) -> tuple[PPO, float]:
    """Train PPO on a problem; return it and the seconds it took."""
    envs = SB3VecEnv(LANES, seed=1000 * seed, env_id=problem.env_id, **problem.env_kwargs)
    torch.set_num_threads(2)
    model = PPO("MlpPolicy", envs, seed=seed, device="cpu", verbose=0, **settings)
    envs.reset()
    envs.step(np.zeros((LANES, *envs.action_space.shape)))  # compile
    begin = time.perf_counter()
    model.learn(timesteps)
    return model, time.perf_counter() - begin


def rollout(problem: Problem, policy: Policy, lanes: int, seed: int, **changed: Any) -> Floats:
    """Sum of rewards of an episode in each lane."""
    kwargs = {**problem.env_kwargs, **changed}
    envs = gym.make_vec(
        problem.env_id,
        lanes,
        vectorization_mode="vector_entry_point",
        autoreset_mode="Disabled",
        detail="full",
        **kwargs,
    )
    observation, info = envs.reset(seed=seed)
    total = np.zeros(lanes)
    for _ in range(kwargs["episode_length"]):
        observation, reward, _, _, info = envs.step(policy(observation, info))
        total += reward
    return total


def execution_regret(seed: int) -> dict[str, float]:
    """Train on Almgren-Chriss; return the regret of the mean action."""
    problem = almgren_chriss(risk_aversion=1e-6, paths=4096)
    model, seconds = train(
        problem,
        seed,
        1_500_000,
        n_steps=20,
        batch_size=2048,
        n_epochs=8,
        gamma=1.0,
        gae_lambda=0.95,
        learning_rate=lambda left: 1e-3 * left,
        policy_kwargs={"net_arch": [32, 32], "log_std_init": -1.5},
    )
    still = problem.env_kwargs["market"] | {"covariance": 0.0, "paths": 1}
    reward = rollout(problem, Learner(model), 1, 0, market=still)[0]
    value = -reward * 50.0 * 1e6 / problem.env_kwargs["reward"]["scale"]
    return {
        "seconds": seconds,
        "value": value,
        "optimum": problem.optimal_value,
        "regret": value / problem.optimal_value - 1.0,
    }


PROBLEMS: dict[str, Callable[[int], dict[str, float]]] = {"almgren_chriss": execution_regret}


def main() -> int:
    """Train every seed, print a line for each, and write the raw figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problem", choices=list(PROBLEMS), default="almgren_chriss")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, help="write the figures to this JSON file")
    chosen = parser.parse_args()
    rows = []
    for seed in range(chosen.seeds):
        row = PROBLEMS[chosen.problem](seed)
        rows.append({"seed": seed, **row})
        print("  ".join(f"{k} {v:.6g}" for k, v in rows[-1].items()), flush=True)
    result = {
        "command": f"python -m benchmarks.regret --problem {chosen.problem} --seeds {chosen.seeds}",
        "commit": commit(),
        "machine": processor(),
        "rows": rows,
    }
    if chosen.out:
        chosen.out.write_text(json.dumps(result, indent=1) + "\n")
    worst = max(row["regret"] for row in rows)
    slowest = max(row["seconds"] for row in rows)
    print(f"worst regret {worst:.4%}, slowest training {slowest:.1f} s")
    return 0 if worst <= MAX_REGRET and slowest <= MAX_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
