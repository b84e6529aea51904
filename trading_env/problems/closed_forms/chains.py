"""Markov chains on a grid: a normal step's transitions, the stationary law under a policy."""

import math

import numpy as np
from numpy.typing import NDArray

from trading_env.core.records import Floats

SETTLED = 1e-12  # mass that still moves when the law counts as stationary


def normal_transitions(points: Floats, means: Floats, deviation: float) -> Floats:
    """Return the chance of each cell after a normal step from each, shape (cells, cells).

    Args:
        points: the cells' centres, increasing, shape (cells,); the outer cells reach to infinity.
        means: of the step's end, from each cell, shape (cells,).
        deviation: of the step, > 0.
    """
    edges = 0.5 * (points[1:] + points[:-1])
    scores = (edges - means[:, None]) / (deviation * math.sqrt(2.0))
    below = np.pad(0.5 + 0.5 * np.vectorize(math.erf)(scores), ((0, 0), (1, 1)))
    below[:, -1] = 1.0
    chances: Floats = np.diff(below, axis=1)
    return chances


def stationary_mass(chances: Floats, columns: NDArray[np.int64]) -> Floats:
    """Return the chances of the states under a policy, shape (cells, columns), sum 1.

    The state is (cell, column). The policy moves the column at once, the chain then moves the
    cell. Begun in the middle of both.

    Args:
        chances: of the next cell from each, shape (cells, cells).
        columns: the column that the policy goes to from each state, shape (cells, columns).
    """
    cells, width = columns.shape
    targets = (np.arange(cells)[:, None] * width + columns).ravel()
    mass: Floats = np.zeros((cells, width))
    mass[cells // 2, width // 2] = 1.0
    while True:
        moved = np.bincount(targets, mass.ravel(), mass.size).reshape(mass.shape)
        # Half of the mass waits: the stationary law is the same, and no cycle goes on for ever.
        updated: Floats = 0.5 * (mass + chances.T @ moved)
        if np.abs(updated - mass).sum() <= SETTLED:
            return updated
        mass = updated
