"""Play a problem whose optimum is known: Almgren and Chriss's liquidation, against TWAP.

Run it with `python examples/known_optimum.py`.
"""

import gymnasium as gym
import numpy as np

from trading_env import problems
from trading_env.policies.policy import Policy
from trading_env.problems.problem import Problem

LANES = 2000


def mean_reward(problem: Problem, policy: Policy) -> float:
    """Return the mean of the sum of rewards over one episode in each lane."""
    envs = gym.make_vec(
        problem.env_id,
        num_envs=LANES,
        vectorization_mode="vector_entry_point",
        autoreset_mode="Disabled",
        **problem.env_kwargs,
    )
    observation, info = envs.reset(seed=0)
    policy.reset(LANES)
    total, ended = np.zeros(LANES), False
    while not ended:
        observation, reward, terminated, truncated, info = envs.step(policy.act(observation, info))
        total += reward
        ended = bool(np.all(terminated | truncated))
    return float(total.mean())


def main() -> None:
    """Print how much worse TWAP is: by the closed form, and as played."""
    problem = problems.almgren_chriss(risk_aversion=1e-6)
    twap = problem.policies["twap"]
    played = mean_reward(problem, twap) / mean_reward(problem, problem.optimal_policy)
    closed = problem.reference_values["twap"] / problem.optimal_value
    print(
        f"TWAP costs {closed:.3f} times the optimum in closed form, {played:.3f} times as played."
    )


if __name__ == "__main__":
    main()
