"""How sure a mean is: the bootstrap interval of paired differences.

Two policies that ran on the same seeds met the same markets, so the difference within each pair
has less noise than either score. The percentile bootstrap (Efron 1979) draws the pairs again with
replacement and takes the quantiles of the mean.

The pairs are taken as independent. Episodes cut from one history overlap, so an interval over
them speaks of that history (which start, which draws), not of years nobody has seen.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

REPLICATES = 5000


class Interval(NamedTuple):
    """A mean with its bootstrap interval, in the units of what was averaged."""

    mean: float
    low: float
    high: float
    pairs: int


def mean_interval(
    differences: ArrayLike, generator: np.random.Generator, *, level: float = 0.95
) -> Interval | None:
    """Bootstrap the mean of paired differences; pairs that are not finite are left out.

    Returns:
        None when fewer than two pairs are left: there is nothing to draw again.

    Raises:
        ValueError: `level` is not in (0, 1).
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level = {level}: must be in (0, 1)")
    values = np.asarray(differences, dtype=np.float64).ravel()
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return None
    if np.ptp(values) == 0.0:  # every draw has this mean
        return Interval(*(3 * (float(values[0]),)), len(values))
    drawn = generator.integers(0, len(values), size=(REPLICATES, len(values)))
    tail = 0.5 * (1.0 - level)
    low, high = np.quantile(values[drawn].mean(axis=1), [tail, 1.0 - tail])
    return Interval(float(values.mean()), float(low), float(high), len(values))
