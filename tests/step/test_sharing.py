"""Threads of a batch: none takes a processor while it waits, and how it waits can be said."""

import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

from trading_env.envs.vector import PortfolioVectorEnv
from trading_env.step.sharing import kinds_of

ROOT = Path(__file__).parents[2]
SAYS = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
SCRIPT = """
import os
import time

import numpy as np
{first}
from trading_env.envs.vector import PortfolioVectorEnv

envs = PortfolioVectorEnv(64, market={{"generator": "gbm", "assets": 2}})
envs.reset(seed=0)
used = []
for _ in range(20):
    envs.step(np.zeros(envs.action_space.shape, dtype=np.float32))
    begin = time.process_time()  # of all threads
    time.sleep(0.01)
    used.append(time.process_time() - begin)
print(os.environ.get("GOMP_SPINCOUNT", "none"), np.median(used))
"""


def waited(first: str = "", **said: str) -> tuple[str, float]:
    """Return how often a thread asks, and the seconds of a processor in a pause of 10 ms."""
    environment = {name: value for name, value in os.environ.items() if name not in SAYS}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(first=first)],
        cwd=ROOT,
        env=environment | said,
        capture_output=True,
        text=True,
        check=True,
    )
    spins, used = done.stdout.split()
    return spins, float(used)


@pytest.mark.proof
@pytest.mark.skipif(sys.platform != "linux", reason="GNU's OpenMP is Linux'")
@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="needs two threads")
@pytest.mark.parametrize("first", ["", "import agents.plain", "import trading_env, torch"])
def test_a_thread_that_waits_leaves_the_processor_to_others(first: str) -> None:
    """Some 30 us of a processor in a pause; asking all the time takes 1,000 to 5,000 (measured)."""
    assert waited(first)[1] < 3e-4


@pytest.mark.proof
@pytest.mark.parametrize(
    ("said", "spins"),
    [({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, "none")],
)
def test_what_the_user_says_about_waiting_stands(said: dict[str, str], spins: str) -> None:
    """A library that changes it would take it from torch as well."""
    assert waited(**said)[0] == spins


@pytest.mark.parametrize("lanes", [1, 3])
def test_the_compilers_types_are_those_that_it_finds_itself(lanes: int) -> None:
    batch = PortfolioVectorEnv(lanes, market={"generator": "gbm", "assets": 2}).batch
    fixed = np.zeros((2, 3))
    fixed.flags.writeable = False
    others = (fixed, np.zeros((4, 3)).T, np.zeros((4, 3))[:, :2], np.array(1.0), 3, 1.5, True)
    given = (batch.setup.world, batch.lanes, batch.outputs, batch.seeds, others)
    assert kinds_of(given) == tuple(numba.typeof(value) for value in given)
