"""Compile the drivers into numba's cache, so that no process of the tests has to.

    python -m tests.compiled serial      # for single environments
    python -m tests.compiled parallel    # for batches

With the cache as it should be this takes the time of its imports.
"""

import sys

import numpy as np

from trading_env.envs.portfolio import PortfolioEnv
from trading_env.envs.vector import PortfolioVectorEnv

SMALL = {"market": {"generator": "multiscale", "assets": 2, "paths": 1, "bars": 80}}


def main(name: str) -> None:
    """Reset and step the smallest environment that uses the driver."""
    if name == "serial":
        single = PortfolioEnv(episode_length=2, **SMALL)
        single.reset(seed=0)
        single.step(np.zeros(2))
    else:
        several = PortfolioVectorEnv(2, episode_length=2, **SMALL)
        several.reset(seed=0)
        several.step(np.zeros((2, 2)))


if __name__ == "__main__":
    main(sys.argv[1])
