"""Play for long, and reset, make and close environments many times: nothing may grow.

    python -m benchmarks.endurance [--steps 10000000] [--resets 10000] [--made 10000] [--out FILE]

Of each haul the memory, threads and open files of the process are read ten times. Flat means: from
the first reading, after a tenth of it, to the last the memory grows by less than 16 MiB, and
threads and open files not at all. Crises are played, so that events, exits and rejections happen.
Linux.
"""

import argparse
import gc
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

import trading_env
from benchmarks.recording import renew, stamped

MOST_MIB = 16.0
READINGS = 10
SETTINGS: dict[str, Any] = {"scenario": "random_train", "detail": "episode"}
PORTFOLIO = f"{trading_env.__name__}/Portfolio-v0"
EXECUTION = f"{trading_env.__name__}/Execution-v0"


def reading() -> dict[str, float]:
    """Read what the process holds."""
    gc.collect()
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        "mib": round(int(status["VmRSS"].split()[0]) / 1024, 1),
        "threads": int(status["Threads"]),
        "files": len(os.listdir("/proc/self/fd")),
    }


def hauled(total: int, act: Callable[[int], None]) -> dict[str, Any]:
    """Do something many times, and read what the process holds ten times."""
    readings = []
    for k in range(READINGS):
        for number in range(k * total // READINGS, (k + 1) * total // READINGS):
            act(number)
        readings.append(reading())
    first, last = readings[0], readings[-1]
    growth = {name: round(last[name] - first[name], 1) for name in first}
    return {"times": total, "growth": growth, "readings": readings, "flat": is_flat(growth)}


def is_flat(growth: dict[str, float]) -> bool:
    """Tell whether nothing grew."""
    return growth["mib"] < MOST_MIB and growth["threads"] <= 0 and growth["files"] <= 0


def steps(total: int) -> dict[str, Any]:
    """Step one environment, episode after episode."""
    env: Any = gym.make(PORTFOLIO, **SETTINGS).unwrapped
    actions = np.random.default_rng(1).uniform(-1.0, 1.0, (997, *env.action_space.shape))
    env.reset(seed=1)

    def act(number: int) -> None:
        _, _, terminated, truncated, _ = env.step(actions[number % 997])
        if terminated or truncated:
            env.reset()

    return hauled(total, act)


def resets(total: int) -> dict[str, Any]:
    """Reset one environment and step it once."""
    env: Any = gym.make(EXECUTION, **SETTINGS).unwrapped
    action = np.full(env.action_space.shape, 0.5)

    def act(number: int) -> None:
        env.reset(seed=number)
        env.step(action)

    return hauled(total, act)


def made(total: int) -> dict[str, Any]:
    """Make an environment, single or a batch, play a step, close it."""

    def act(number: int) -> None:
        name = (PORTFOLIO, EXECUTION)[number % 2]
        if number % 4 < 2:
            env: Any = gym.make(name, **SETTINGS)
        else:
            env = gym.make_vec(name, 4, vectorization_mode="vector_entry_point", **SETTINGS)
        env.reset(seed=number)
        env.step(np.zeros(env.action_space.shape))
        env.close()

    return hauled(total, act)


HAULS = {"steps": (steps, 10**7), "resets": (resets, 10**4), "made": (made, 10**4)}


def main() -> int:
    """Return 0 when nothing grew."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, (_, usual) in HAULS.items():
        parser.add_argument(f"--{name}", type=int, default=usual)
    parser.add_argument("--out", type=Path, help="write the figures to this JSON file")
    chosen = parser.parse_args()
    flat = True
    for name, (haul, _) in HAULS.items():
        total = getattr(chosen, name)
        if total < READINGS:
            continue
        begin = datetime.now(UTC)
        found = haul(total)
        flat = flat and found["flat"]
        grown = ", ".join(f"{key} {value:+g}" for key, value in found["growth"].items())
        print(f"{name}: {total:,} times: {grown}: {'flat' if found['flat'] else 'GROWN'}")
        if chosen.out:
            row = stamped("python -m benchmarks.endurance", begin, haul=name, **found)
            renew(chosen.out, "haul", row)
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main())
