"""What looking back costs: a step with a window and frames over one without, in one process.

    python -m benchmarks.look_back [--steps 200]

Both play the same bars with the same actions on 1,024 lanes and on one, in turns of a few steps, so
that what else the machine does meets both alike. Printed are the medians of the turns and their
ratio; nothing is recorded. Two figures of one turn are worth little on a busy machine.
"""

import argparse
import statistics
import time
from typing import Any

import numpy as np

from trading_env.envs.vector import PortfolioVectorEnv

MARKET = {"generator": "multiscale", "preset": "btc_hourly", "assets": 5, "bars": 2048}
PAST = {"window": 32, "frames": ["4h", "1d"]}
TURN = 10  # steps


def seconds(envs: PortfolioVectorEnv, actions: Any) -> float:
    """Time a turn, for each step of each lane."""
    began = time.perf_counter()
    for action in actions:
        envs.step(action)
    return (time.perf_counter() - began) / (len(actions) * envs.num_envs)


def measure(lanes: int, steps: int) -> tuple[float, float]:
    """Return the median seconds of a lane's step: without and with a look back."""
    common: dict[str, Any] = {"market": MARKET, "scenario": "price_shock", "detail": "none"}
    both = [PortfolioVectorEnv(lanes, **common, **past) for past in ({}, PAST)]
    rng = np.random.default_rng(0)
    found: list[list[float]] = [[], []]
    for envs in both:
        envs.reset(seed=1)
        seconds(envs, rng.uniform(-1.0, 1.0, (TURN, lanes, 5)))  # the first call may compile
    for _ in range(steps // TURN):
        actions = rng.uniform(-1.0, 1.0, (TURN, lanes, 5))
        for times, envs in zip(found, both, strict=True):
            times.append(seconds(envs, actions))
    return statistics.median(found[0]), statistics.median(found[1])


def main() -> None:
    """Print both ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=200)
    steps = parser.parse_args().steps
    for lanes in (1024, 1):
        without, looking = measure(lanes, steps)
        print(
            f"{lanes:5d} lanes: {1e6 * without:.2f} us a step without, {1e6 * looking:.2f} us with "
            f"{PAST}: {looking / without:.2f} x"
        )


if __name__ == "__main__":
    main()
