"""One environment to be timed against others, in a process and an interpreter of its own.

    python -m benchmarks.contenders NAME     # answers each line of its input with one of figures

It imports the environment that it is asked for and numpy, nothing else, so that each peer can live
in the environment that its own requirements ask for. Actions are drawn beforehand. A line of
figures holds the environment's steps, the seconds by the clock and the seconds of the processor: a
process that got less of the processor than the clock went by had a neighbour.

What each does in one step is said beside it in `CONTENDERS`; rates of different rules are no race.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

LEAST_S = 0.5  # of one figure
BARS = 5_000
Stepper = Callable[[int], None]  # take the k-th step


def walk(seed: int = 0) -> Any:
    """Return bars of a random walk."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, BARS)))
    opened = np.concatenate([[100.0], close[:-1]])
    index = pd.date_range("2015-01-01", periods=BARS, freq="D")
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close) * 1.002,
            "low": np.minimum(opened, close) * 0.998,
            "close": close,
            "volume": rng.uniform(1e5, 1e6, BARS),
        },
        index=index,
    )


def single(env: Any) -> tuple[Stepper, int]:
    """Step a Gymnasium environment with drawn actions; begin anew where an episode ends."""
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(256)]
    env.reset(seed=0)

    def step(k: int) -> None:
        _, _, terminated, truncated, _ = env.step(actions[k & 255])
        if terminated or truncated:
            env.reset()

    return step, 1


def batch(envs: Any, lanes: int) -> tuple[Stepper, int]:
    """Step a vector environment with drawn actions; it begins anew by itself."""
    envs.action_space.seed(0)
    actions = [envs.action_space.sample() for _ in range(16)]
    envs.reset(seed=0)

    def step(k: int) -> None:
        envs.step(actions[k & 15])

    return step, lanes


def ours(lanes: int, assets: int) -> tuple[Stepper, int]:
    """Make this project's portfolio, without a scenario."""
    import gymnasium as gym
    import numba

    import trading_env  # noqa: F401

    numba.set_num_threads(1)
    market = {"generator": "multiscale", "assets": assets}
    if lanes == 1:
        return single(gym.make("trading_env/Portfolio-v0", market=market))
    made = gym.make_vec(
        "trading_env/Portfolio-v0", lanes, vectorization_mode="vector_entry_point", market=market
    )
    return batch(made, lanes)


def sekai(lanes: int, assets: int) -> tuple[Stepper, int]:
    """Make sekai's portfolio; its spaces draw no batch of actions, so they are drawn here."""
    import sekai as peer

    envs = peer.make_vec("Portfolio-v0", num_envs=lanes, n_assets=assets, allow_short=True)
    rng = np.random.default_rng(0)
    actions = [rng.uniform(-1.0, 1.0, (lanes, assets)).astype(np.float32) for _ in range(16)]
    envs.reset(seed=0)

    def step(k: int) -> None:
        envs.step(actions[k & 15])

    return step, lanes


def gym_anytrading() -> tuple[Stepper, int]:
    """Make gym-anytrading's `stocks-v0`."""
    from gym_anytrading.envs import StocksEnv

    frame = walk().rename(columns=str.capitalize)
    return single(StocksEnv(df=frame, window_size=10, frame_bound=(10, BARS)))


def gym_trading_env() -> tuple[Stepper, int]:
    """Make gym-trading-env's `TradingEnv` with three positions and four features."""
    from gym_trading_env.environments import TradingEnv

    frame = walk()
    for name in ("open", "high", "low", "close"):
        frame[f"feature_{name}"] = frame[name] / frame["close"].shift(1)
    made = TradingEnv(df=frame.dropna(), positions=[-1, 0, 1], trading_fees=1e-4, verbose=0)
    return single(made)


def cartpole(lanes: int) -> tuple[Stepper, int]:
    """Make Gymnasium's own CartPole."""
    import gymnasium as gym

    if lanes == 1:
        return single(gym.make("CartPole-v1"))
    return batch(gym.make_vec("CartPole-v1", lanes, vectorization_mode="vector_entry_point"), lanes)


Maker = Callable[[], tuple[Stepper, int]]
BOUND = "weights to target at the close, cost by turnover, 30 returns of each asset shown"
EVERYTHING = "risk manager, stops, latency, spread, impact, partial fills, financing, ledger, feed"
CONTENDERS: dict[str, tuple[Maker, str]] = {
    "trading_env 1 x 5": (lambda: ours(1, 5), EVERYTHING),
    "trading_env 1,024 x 1": (lambda: ours(1024, 1), EVERYTHING),
    "trading_env 1,024 x 10": (lambda: ours(1024, 10), EVERYTHING),
    "sekai 1,024 x 1": (lambda: sekai(1024, 1), BOUND),
    "sekai 1,024 x 10": (lambda: sekai(1024, 10), BOUND),
    "gym-anytrading 1 x 1": (gym_anytrading, "a flag to buy or sell, a slice shown; no execution"),
    "gym-trading-env 1 x 1": (gym_trading_env, "target position, fee, interest, a row of history"),
    "CartPole 1": (lambda: cartpole(1), "four numbers of a pole; Gymnasium's own cost"),
    "CartPole 1,024": (lambda: cartpole(1024), "the same in numpy, all poles at once"),
}


def timed(step: Stepper, size: int) -> dict[str, float]:
    """Step for LEAST_S seconds, or a little more."""
    done, clock, used = 0, time.perf_counter(), time.process_time()
    while True:
        step(done)
        done += 1
        if done % 8 == 0 and time.perf_counter() - clock >= LEAST_S:
            break
    return {
        "steps": done * size,
        "seconds": time.perf_counter() - clock,
        "processor_s": time.process_time() - used,
    }


def main() -> int:
    """Make one environment, warm it up, and time it whenever a line asks for it."""
    step, size = CONTENDERS[sys.argv[1]][0]()
    for k in range(300 if size == 1 else 20):
        step(k)
    print("ready", flush=True)
    for _ in sys.stdin:
        print(json.dumps(timed(step, size)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
