"""Machine code made ready: for single environments, and for batches.

    python -m trading_env.envs.warming single     # compile for one of `KINDS`

Whatever the first reset and step of an environment would compile is compiled here, by the smallest
environment that does it, and kept where numba keeps it. A second time it is only loaded.
"""

import subprocess
import sys
import time
from typing import Any

import numpy as np

from trading_env.core.compiling import NotCompiledError, only_cached
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.envs.vector import PortfolioVectorEnv
from trading_env.step.drivers import serial

KINDS = ("single", "batch")
SMALL: dict[str, Any] = {"generator": "multiscale", "assets": 2, "paths": 1, "bars": 80}


def play_smallest(kind: str) -> None:
    """Reset and step the smallest environment of a kind."""
    if kind == "single":
        single = PortfolioEnv(episode_length=2, market=SMALL)
        single.reset(seed=0)
        single.step(np.zeros(2))
    else:
        several = PortfolioVectorEnv(2, episode_length=2, market=SMALL)
        several.reset(seed=0)
        several.step(np.zeros((2, 2)))


def is_warm(kind: str) -> bool:
    """Tell whether an environment of a kind would compile nothing."""
    try:
        with only_cached():
            play_smallest(kind)
    except NotCompiledError:
        return False
    return True


def cache_folder() -> str:
    """Say where the machine code of the step is kept."""
    stats: Any = getattr(serial.step, "stats", None)
    return str(stats.cache_path) if stats else "none: NUMBA_DISABLE_JIT is set"


def warm() -> dict[str, float]:
    """Compile what is missing, each kind in a process of its own; return the seconds each took.

    Raises:
        OSError: one of the processes failed; what it printed says why.
    """
    began = time.monotonic()
    command = [sys.executable, "-m", "trading_env.envs.warming"]
    seconds: dict[str, float] = {}
    working = {kind: subprocess.Popen([*command, kind]) for kind in KINDS if not is_warm(kind)}
    try:
        for kind, process in working.items():
            if process.wait():
                raise OSError(f"the machine code for {kind} environments was not compiled")
            seconds[kind] = round(time.monotonic() - began, 1)
    finally:
        for process in working.values():
            process.kill()
    return seconds


if __name__ == "__main__":
    play_smallest(sys.argv[1])
