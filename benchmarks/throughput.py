"""Environment steps a second, after parity has been checked.

    python -m benchmarks.throughput [--quick] [--out FILE]

The workload has everything on: risk manager with stops, latency, spread, impact, partial fills,
financing, a scenario drawn from all presets in every episode, rewards and observations, and
random actions (nearly every asset sends an order at nearly every step). The same without a
scenario stands beside it. One thread; best and
median of several repetitions; the first calls, which compile, are not timed. Single environments
go through `gym.make`, batches through `gym.make_vec`. Step and reset times are given apart. Beside
a batch stands how many times its floor it takes (`benchmarks/floor.py`: draws, elementary functions
and observation alone).
"""

import argparse
import platform
import statistics
import sys
import time
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import gymnasium as gym
import numba
import numpy as np

import trading_env
from benchmarks.floor import floor_ns
from benchmarks.recording import save, stamped
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.envs.vector import PortfolioVectorEnv
from trading_env.stress.scenario import preset_names

ENV_ID = "trading_env/Portfolio-v0"
SCENARIO = {"one_of": preset_names()}  # each episode draws one of all presets
BATCH = 1024


def arguments(assets: int, scenario: Any = SCENARIO) -> dict[str, Any]:
    """Environment arguments of the workload."""
    return {"market": {"generator": "multiscale", "assets": assets}, "scenario": scenario}


def assert_parity(assets: int) -> None:
    """Refuse to measure unless three lanes are three single environments, bit for bit."""
    kwargs = arguments(assets) | {"episode_length": 20}
    envs = PortfolioVectorEnv(3, autoreset_mode="Disabled", **kwargs)
    singles = [PortfolioEnv(**kwargs) for _ in range(3)]
    rng = np.random.default_rng(assets)
    observations, _ = envs.reset(seed=5)
    for k, single in enumerate(singles):
        assert np.array_equal(observations[k], single.reset(seed=5 + k)[0])
    for _ in range(20):
        actions = rng.uniform(-1.0, 1.0, (3, assets))
        observations, rewards, *_ = envs.step(actions)
        for k, single in enumerate(singles):
            observation, reward, *_ = single.step(actions[k])
            assert np.array_equal(observations[k], observation)
            assert rewards[k] == reward


def time_single(assets: int, scenario: Any, steps: int) -> tuple[float, float]:
    """Steps a second and seconds a reset of one environment through `gym.make`."""
    env = gym.make(ENV_ID, **arguments(assets, scenario))
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(256)]
    env.reset(seed=0)
    stepping = resetting = 0.0
    resets = 0
    begin = time.perf_counter()
    for i in range(steps):
        _, _, terminated, truncated, _ = env.step(actions[i & 255])
        if terminated or truncated:
            pause = time.perf_counter()
            env.reset()
            resetting += time.perf_counter() - pause
            resets += 1
    stepping = time.perf_counter() - begin - resetting
    return steps / stepping, resetting / max(resets, 1)


def time_batch(assets: int, scenario: Any, calls: int) -> tuple[float, float]:
    """Env-steps a second of a batch, resets included; seconds a whole reset takes per lane."""
    envs = gym.make_vec(
        ENV_ID, BATCH, vectorization_mode="vector_entry_point", **arguments(assets, scenario)
    )
    envs.action_space.seed(0)
    actions = [envs.action_space.sample() for _ in range(16)]
    envs.reset(seed=0)
    begin = time.perf_counter()
    envs.reset()
    resetting = (time.perf_counter() - begin) / BATCH
    begin = time.perf_counter()
    for i in range(calls):
        envs.step(actions[i & 15])
    return BATCH * calls / (time.perf_counter() - begin), resetting


def over_floor(kind: str, assets: int, rate: float) -> float | None:
    """Times that a batch's step takes of its floor, best against best."""
    if kind == "single":
        return None
    features = len(PortfolioEnv(**arguments(assets, None)).layout.features) // assets
    return round(1e9 / rate / floor_ns(BATCH, assets, features, runs=5), 2)


def measure(assets: int, repetitions: int, effort: float) -> list[dict[str, Any]]:
    """Both figures for one number of assets."""
    assert_parity(assets)
    rows = []
    timers = {
        "single": (time_single, int(20_000 * effort)),
        "batch": (time_batch, int(300 * effort)),
    }
    for (kind, (timer, amount)), scenario in product(timers.items(), (SCENARIO, None)):
        timer(assets, scenario, 260)  # compile, touch memory
        runs = [timer(assets, scenario, amount) for _ in range(repetitions)]
        rates = [rate for rate, _ in runs]
        rows.append(
            {
                "kind": kind,
                "lanes": 1 if kind == "single" else BATCH,
                "assets": assets,
                "scenario": "drawn" if scenario else "none",
                "best": round(max(rates)),
                "median": round(statistics.median(rates)),
                "slowest": round(min(rates)),
                "reset_us": round(1e6 * min(reset for _, reset in runs), 2),
                "over_floor": over_floor(kind, assets, max(rates)),
            }
        )
    return rows


def main() -> int:
    """Measure, print a table, and write the raw figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few repetitions, for a look")
    parser.add_argument("--out", type=Path, help="write the figures to this JSON file")
    chosen, begin = parser.parse_args(), datetime.now(UTC)
    numba.set_num_threads(1)
    repetitions, effort = (2, 1.0) if chosen.quick else (7, 1.0)
    rows = [row for assets in (1, 5, 10) for row in measure(assets, repetitions, effort)]
    result = stamped(
        "python -m benchmarks.throughput" + (" --quick" if chosen.quick else ""),
        begin,
        threads=1,
        scenario=SCENARIO,
        versions={
            "trading_env": trading_env.__version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "numba": numba.__version__,
            "gymnasium": gym.__version__,
        },
        rows=rows,
    )
    heads = f"{'best':>12} {'median':>12} {'slowest':>12} {'reset us':>9} {'over floor':>10}"
    print(f"{'lanes':>6} {'assets':>6} {'scenario':>8} {heads}")
    for row in rows:
        print(
            f"{row['lanes']:>6} {row['assets']:>6} {row['scenario']:>8} {row['best']:>12,} "
            f"{row['median']:>12,} {row['slowest']:>12,} {row['reset_us']:>9} "
            f"{row['over_floor'] or '':>10}"
        )
    if chosen.out:
        save(result, chosen.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
