"""Play one episode with a constant conviction, and see where its money went.

Run it with `python examples/first_episode.py`.
"""

import gymnasium as gym
import numpy as np

import trading_env  # noqa: F401 -- registers the ids


def main() -> None:
    """Hold the same conviction for an episode; print the account and the parts of the cost."""
    env = gym.make("trading_env/Portfolio-v0", scenario="flash_crash_2010", detail="full")
    _, info = env.reset(seed=7)
    start = float(info["equity"])
    ended = False
    while not ended:
        action = np.full(env.action_space.shape, 0.5)  # half sure that every asset rises
        _, _, terminated, truncated, info = env.step(action)
        ended = terminated or truncated
    print(f"equity {start:,.0f} -> {float(info['equity']):,.0f} in {env.spec.id}")
    for name, value in info["summary"].items():
        print(f"  {name:24} {np.asarray(value).tolist()}")


if __name__ == "__main__":
    main()
