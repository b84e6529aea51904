"""Machine code made ready: for environments of any kind.

Whatever the first reset and step of an environment would compile is compiled here, by the smallest
environments that do it, and kept where numba keeps it. A second time it is only loaded.
"""

import time
from typing import Any

import numpy as np

from trading_env.core.compiling import NotCompiledError, only_cached
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.envs.vector import PortfolioVectorEnv
from trading_env.step.drivers import step_lanes

SMALL: dict[str, Any] = {"generator": "multiscale", "assets": 2, "paths": 1, "bars": 80}


def play_smallest() -> None:
    """Reset and step the smallest environment, and the smallest batch."""
    one = PortfolioEnv(episode_length=2, market=SMALL)
    one.reset(seed=0)
    one.step(np.zeros(2))
    several = PortfolioVectorEnv(2, episode_length=2, market=SMALL)
    several.reset(seed=0)
    several.step(np.zeros((2, 2)))


def is_warm() -> bool:
    """Tell whether an environment would compile nothing."""
    try:
        with only_cached():
            play_smallest()
    except NotCompiledError:
        return False
    return True


def cache_folder() -> str:
    """Say where the machine code of the step is kept."""
    stats: Any = getattr(step_lanes, "stats", None)
    return str(stats.cache_path) if stats else "none: NUMBA_DISABLE_JIT is set"


def warm() -> float | None:
    """Compile what is missing; return the seconds that took, or None where nothing was."""
    if is_warm():
        return None
    began = time.monotonic()
    play_smallest()
    return round(time.monotonic() - began, 1)
