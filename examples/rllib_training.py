"""Train PPO of RLlib on the registered environments: two iterations of each.

RLlib pins a Gymnasium of its own, so it wants an environment apart:
`pip install execution-gym "ray[rllib]" torch`, then `python examples/rllib_training.py`.
"""

from typing import Any

import ray
from ray.rllib.algorithms.ppo import PPOConfig
from ray.tune.registry import register_env

ARGUMENTS: dict[str, dict[str, Any]] = {
    "trading_env/Portfolio-v0": {"market": "us_indices", "episode_length": 60},
    "trading_env/Execution-v0": {"episode_length": 40},
}


def make(config: dict[str, Any]) -> Any:
    """Make an environment, in whatever process RLlib steps it."""
    import gymnasium as gym

    import trading_env  # noqa: F401 -- registers the ids

    return gym.make(config["id"], **ARGUMENTS[config["id"]])


def train(env_id: str, iterations: int) -> list[float]:
    """Train; return the mean return of an episode after each iteration."""
    register_env("trading", make)
    config = (
        PPOConfig()
        .environment("trading", env_config={"id": env_id})
        # A first step may have to be compiled, which a minute (the default) can be too short for.
        .env_runners(num_env_runners=1, num_envs_per_env_runner=4, sample_timeout_s=600.0)
        .training(train_batch_size_per_learner=1000, minibatch_size=250, num_epochs=4)
        .debugging(seed=0)
    )
    algorithm = config.build_algo()
    found = [algorithm.train()["env_runners"] for _ in range(iterations)]
    algorithm.stop()
    return [float(each["episode_return_mean"]) for each in found]


def main() -> None:
    """Train on each id."""
    ray.init(address="local", num_cpus=2, include_dashboard=False, logging_level="error")
    for env_id in ARGUMENTS:
        for number, mean in enumerate(train(env_id, 2), start=1):
            print(f"{env_id}, iteration {number}: mean return of an episode {mean:.4f}")
    ray.shutdown()


if __name__ == "__main__":
    main()
