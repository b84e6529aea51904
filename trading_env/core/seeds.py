"""Seeds: one rule for the single environment, the vector one and everything else that draws.

A seed is a whole number >= 0, as Gymnasium has it, and below 2**64: it is the key of the draws
(`core/noise.py`). True and 1.0 are none. Lane k of a batch gets seed + k, or seed k of a list.
"""

from collections.abc import Sequence

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from trading_env.core.errors import ConfigError, shown

LARGEST_SEED = 2**64 - 1


class SeedError(ConfigError, gym.error.Error):
    """A seed is no whole number in [0, 2**64)."""


def seed_of(seed: object, lanes: int = 1) -> int:
    """Return the seed of lane 0; that of the last lane must be a seed too.

    Raises:
        SeedError: it is none.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise SeedError(
            f"seed = {shown(seed)}: must be a whole number, not a {type(seed).__name__}"
        )
    if not 0 <= seed <= LARGEST_SEED - (lanes - 1):
        last = f"2**64 - {lanes}, so that lane {lanes - 1} has one" if lanes > 1 else "2**64 - 1"
        raise SeedError(f"seed = {shown(seed)}: must be in [0, {last}]")
    return int(seed)


def first_seed(training: int) -> int:
    """Return the seed of lane 0 of a training, so that no two trainings share episodes.

    Lane k has this + k: with the trainings' own seeds 0, 1, 2, ... nearly all lanes of two
    trainings would be the same.
    """
    drawn = np.random.SeedSequence(seed_of(training)).generate_state(1, np.uint64)
    return int(drawn[0] >> np.uint64(1))  # room for the lanes after it


def seeds_of(seed: object, lanes: int) -> NDArray[np.uint64]:
    """Return the seeds of all lanes, from the first or from a list of all.

    Raises:
        SeedError: one is no seed, or the list has another length.
    """
    if isinstance(seed, str | bytes) or not isinstance(seed, Sequence | np.ndarray):
        return np.uint64(seed_of(seed, lanes)) + np.arange(lanes, dtype=np.uint64)
    if len(seed) != lanes:
        raise SeedError(f"seed: a list must hold {lanes} whole numbers, not {len(seed)}")
    return np.array([seed_of(each) for each in seed], dtype=np.uint64)
