"""How sure a mean is: the bootstrap interval of paired differences.

Two policies that ran on the same seeds met the same markets, so the difference within each pair
has less noise than either score. The percentile bootstrap (Efron 1979) draws the pairs again with
replacement and takes the quantiles of the mean.

Pairs that share something, say the bars of a test window, are drawn together, as one cluster, and
the mean is taken over all that was drawn (cluster bootstrap: Davison and Hinkley 1997, "Bootstrap
Methods and their Application", section 3.8); otherwise playing each window more often would make
the interval as narrow as one likes.

n values of one sign give an interval without 0. Around a mean of 0 that has probability 2 / 2^n,
which is below 5% from n = 6 on: fewer values have no interval.

Several trainings that met the same paths are a table with two kinds of luck; its rows and columns
are drawn independently (Owen and Eckles 2012, "Bootstrapping data arrays of arbitrary order").
Draws of few pairs, clusters or trainings spread too little: so an interval is as lopsided as the
draws, and as wide as Student's t says, for the standard error and the degrees of freedom of what
was drawn, those of trainings and of paths together (Satterthwaite 1946). A ratio of means is drawn
as a ratio, both means with the same trainings and paths.

Pairs, or clusters, are taken as independent. Episodes cut from one history overlap, so an interval
over them speaks of that history (which start, which draws), not of years nobody has seen.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trading_env.backtesting.aggregates import TAIL, degrees_of_freedom, t_quantile

REPLICATES = 5000
MIN_DRAWN = 6  # if fewer have one sign, which for a mean of 0 happens too often, 0 is excluded


class Interval(NamedTuple):
    """A mean with its bootstrap interval, in the units of what was averaged."""

    mean: float
    low: float
    high: float
    pairs: int


def mean_interval(
    differences: ArrayLike,
    generator: np.random.Generator,
    *,
    clusters: ArrayLike | None = None,
) -> Interval | None:
    """Bootstrap the mean of paired differences; pairs that are not finite are left out.

    Args:
        differences: one a pair.
        generator: of the draws.
        clusters: which cluster each pair belongs to, any labels; None: each is one of its own.

    Returns:
        None when fewer than `MIN_DRAWN` pairs or clusters are left.

    Raises:
        ValueError: `clusters` has another length.
    """
    values = np.asarray(differences, dtype=np.float64).ravel()
    labels = np.arange(len(values)) if clusters is None else np.asarray(clusters).ravel()
    if len(labels) != len(values):
        raise ValueError(f"clusters: {len(labels)} of them for {len(values)} pairs")
    is_there = np.isfinite(values)
    values = values[is_there]
    _, member = np.unique(labels[is_there], return_inverse=True)
    sizes = np.bincount(member)
    if len(sizes) < MIN_DRAWN:
        return None
    if np.ptp(values) == 0.0:  # every draw has this mean
        return Interval(*(3 * (float(values[0]),)), len(values))
    drawn = generator.integers(0, len(sizes), size=(REPLICATES, len(sizes)))
    sums = np.bincount(member, weights=values)
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    mean = float(values.mean())
    effects = (sums - mean * sizes) / sizes.mean()
    return widened(mean, means, [effects], len(values))


def crossed_interval(
    values: ArrayLike,
    generator: np.random.Generator,
    *,
    per: ArrayLike | None = None,
) -> Interval | None:
    """Bootstrap a mean over trainings and paths, or the ratio of two.

    Args:
        values: (trainings, paths); columns with a value that is not finite are left out.
        generator: of the draws.
        per: what the mean is divided by the mean of, (trainings, paths), or (paths,) where all
            trainings share it; its mean must not be near 0. None: by nothing.

    Returns:
        None when fewer than `MIN_DRAWN` columns are left.
    """
    table = np.atleast_2d(np.asarray(values, dtype=np.float64))
    below = np.ones_like(table) if per is None else np.broadcast_to(per, table.shape)
    is_there = (np.isfinite(table) & np.isfinite(below)).all(axis=0)
    table, below = table[:, is_there], below[:, is_there]
    rows, columns = table.shape
    if columns < MIN_DRAWN:
        return None
    unit = float(below.mean())
    mean = float(table.mean()) / unit
    if np.ptp(table - mean * below) == 0.0:  # every draw has this mean
        return Interval(mean, mean, mean, table.size)
    of_rows, of_columns = counts_of(generator, rows), counts_of(generator, columns)
    over, under = (
        np.einsum("kr,rc,kc->k", of_rows, each, of_columns, optimize=True)
        for each in (table, below)
    )
    effects = (table - mean * below) / unit
    means = [effects.mean(axis=1), effects.mean(axis=0)]
    return widened(mean, over / under, means, table.size)


def widened(
    mean: float,
    drawn: NDArray[np.float64],
    effects: Sequence[NDArray[np.float64]],
    pairs: int,
) -> Interval:
    """Return the interval of a mean, as lopsided as its draws and as wide as Student's t says.

    `effects` holds, of each kind of what was drawn, what each one does to the mean (to first order,
    of a ratio); of one alone nothing is known.
    """
    low, high = (float(end) - mean for end in np.quantile(drawn, [TAIL, 1.0 - TAIL]))
    spread = [(float(e.var(ddof=1)) / len(e), len(e) - 1) for e in effects if len(e) > 1]
    error = math.sqrt(sum(variance for variance, _ in spread))
    out = 1.0
    if high > low:
        out = -2.0 * t_quantile(TAIL, degrees_of_freedom(spread)) * error / (high - low)
    return Interval(mean, mean + out * low, mean + out * high, pairs)


def counts_of(generator: np.random.Generator, size: int) -> NDArray[np.float64]:
    """Draw `size` of `size` with replacement; return each one's share, (REPLICATES, size)."""
    return generator.multinomial(size, np.full(size, 1.0 / size), REPLICATES) / size
