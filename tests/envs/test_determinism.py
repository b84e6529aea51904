"""The same seed and actions give the same episode to the bit, wherever and however it is played.

Digests of trajectories are equal over two instances, other processes, hash seeds, thread counts,
time zones, locales and working folders, and after snapshots that went through a pickle.

    python -m tests.envs.test_determinism SEEDS STEPS      a digest of each id
"""

import hashlib
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import trading_env
from tests.figures import figure

ROOT = Path(__file__).parents[2]
IDS = sorted(name for name in gym.registry if name.startswith(f"{trading_env.__name__}/"))
LANES = 7
SCENARIOS = ("random_train", "flash_crash_2010", "bad_data", "liquidity_drought")
SEEDS, STEPS = 20, 10_000  # of each seed, over all its episodes


def made(name: str, seed: int) -> Any:
    return gym.make(name, scenario=SCENARIOS[seed % len(SCENARIOS)], detail="full").unwrapped


def single(name: str, seed: int, steps: int, snapshots: Iterable[int] = ()) -> str:
    """Digest observations, rewards, flags and info of an environment, episode after episode."""
    env, digest = made(name, seed), hashlib.sha256()
    draw = np.random.default_rng(seed)
    taken = set(snapshots)
    digest.update(env.reset(seed=seed)[0].tobytes())
    for step in range(steps):
        if step in taken:
            state, env = pickle.dumps(env.get_state()), made(name, seed)
            env.set_state(pickle.loads(state))
        action = draw.uniform(-1.0, 1.0, env.action_space.shape)
        observation, reward, terminated, truncated, info = env.step(action)
        digest.update(observation.tobytes())
        digest.update(np.array([reward, terminated, truncated, info["equity"]]).tobytes())
        if terminated or truncated:
            digest.update(env.reset()[0].tobytes())
    return digest.hexdigest()


def batch(name: str, seed: int, steps: int) -> str:
    """Digest what a batch returns."""
    scenario = SCENARIOS[seed % len(SCENARIOS)]
    mode = "vector_entry_point"
    env = gym.make_vec(name, num_envs=LANES, vectorization_mode=mode, scenario=scenario)
    draw, digest = np.random.default_rng(seed), hashlib.sha256()
    digest.update(env.reset(seed=seed)[0].tobytes())
    for _ in range(steps):
        returned = env.step(draw.uniform(-1.0, 1.0, env.action_space.shape))
        for part in returned[:4]:
            digest.update(np.asarray(part).tobytes())
    env.close()
    return digest.hexdigest()


def digests(seeds: int, steps: int) -> dict[str, str]:
    """Digest every id, alone and as a batch."""
    found = {}
    for name in IDS:
        whole = hashlib.sha256()
        for seed in range(seeds):
            whole.update(single(name, seed, steps).encode())
            whole.update(batch(name, seed, steps // LANES).encode())
        found[name] = whole.hexdigest()
    return found


ELSEWHERE = {
    "hash seed 0, one thread": {"PYTHONHASHSEED": "0", "NUMBA_NUM_THREADS": "1"},
    "hash seed 1, two threads, Kathmandu": {
        **{"PYTHONHASHSEED": "1", "NUMBA_NUM_THREADS": "2", "TZ": "Asia/Kathmandu"},
    },
    "New York, C locale, one torch thread": {
        **{"TZ": "America/New_York", "LC_ALL": "C", "OMP_NUM_THREADS": "1", "PYTHONUTF8": "0"},
    },
}


def in_another_process(
    settings: dict[str, str], folder: Path, seeds: int, steps: int
) -> dict[str, str]:
    command = [sys.executable, "-m", "tests.envs.test_determinism", str(seeds), str(steps)]
    path = os.pathsep.join([str(ROOT), *sys.path])
    env = {**os.environ, "PYTHONPATH": path, **settings}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.proof
@pytest.mark.parametrize("where", ELSEWHERE)
def test_another_process_elsewhere_plays_the_same_episodes(where: str, tmp_path: Path) -> None:
    assert in_another_process(ELSEWHERE[where], tmp_path, 2, 600) == digests(2, 600)


@pytest.mark.proof
@pytest.mark.parametrize("name", IDS)
def test_snapshots_at_random_steps_change_nothing(name: str) -> None:
    steps = 400
    at = np.random.default_rng(3).choice(steps, 20, replace=False).tolist()
    assert single(name, 5, steps, at) == single(name, 5, steps)


@pytest.mark.proof
@pytest.mark.parametrize("name", IDS)
def test_two_instances_agree_and_another_seed_does_not(name: str) -> None:
    assert single(name, 1, 150) == single(name, 1, 150) != single(name, 5, 150)


@pytest.mark.slow
def test_twenty_seeds_of_ten_thousand_steps_in_three_other_processes(tmp_path: Path) -> None:
    here = digests(SEEDS, STEPS)
    for settings in ELSEWHERE.values():
        assert in_another_process(settings, tmp_path, SEEDS, STEPS) == here
    figure(f"{SEEDS} seeds of {STEPS} steps of each of {len(here)} ids, in 4 processes: equal")


if __name__ == "__main__":
    print(json.dumps(digests(int(sys.argv[1]), int(sys.argv[2]))))
