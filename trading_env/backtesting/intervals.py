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
are drawn independently (Owen and Eckles 2012, "Bootstrapping data arrays of arbitrary order"),
which errs to the wide side.

Pairs, or clusters, are taken as independent. Episodes cut from one history overlap, so an interval
over them speaks of that history (which start, which draws), not of years nobody has seen.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
    level: float = 0.95,
) -> Interval | None:
    """Bootstrap the mean of paired differences; pairs that are not finite are left out.

    Args:
        differences: one a pair.
        generator: of the draws.
        clusters: which cluster each pair belongs to, any labels; None: each is one of its own.
        level: of the interval, in (0, 1).

    Returns:
        None when fewer than `MIN_DRAWN` pairs or clusters are left.

    Raises:
        ValueError: `level` is not in (0, 1), or `clusters` has another length.
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level = {level}: must be in (0, 1)")
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
    tail = 0.5 * (1.0 - level)
    low, high = np.quantile(means, [tail, 1.0 - tail])
    return Interval(float(values.mean()), float(low), float(high), len(values))


def crossed_interval(
    differences: ArrayLike, generator: np.random.Generator, *, level: float = 0.95
) -> Interval | None:
    """Bootstrap the mean of a table of differences over its rows and its columns.

    Args:
        differences: (trainings, paths); columns with a value that is not finite are left out.
        generator: of the draws.
        level: of the interval, in (0, 1).

    Returns:
        None when fewer than `MIN_DRAWN` columns are left.
    """
    table = np.atleast_2d(np.asarray(differences, dtype=np.float64))
    table = table[:, np.isfinite(table).all(axis=0)]
    rows, columns = table.shape
    if columns < MIN_DRAWN:
        return None
    row_weights = counts_of(generator, rows)
    column_weights = counts_of(generator, columns)
    means = np.einsum("kr,rc,kc->k", row_weights, table, column_weights, optimize=True)
    tail = 0.5 * (1.0 - level)
    low, high = np.quantile(means, [tail, 1.0 - tail])
    return Interval(float(table.mean()), float(low), float(high), table.size)


def crossed_ratio(above: ArrayLike, below: ArrayLike, *, level: float = 0.95) -> Interval:
    """Bootstrap mean(above) / mean(below) over trainings and paths, which both share.

    Args:
        above: (trainings, paths), finite.
        below: (paths,), finite, of a mean that is not near 0.
        level: of the interval, in (0, 1).
    """
    table, base = np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
    generator = np.random.default_rng(0)
    rows, columns = counts_of(generator, len(table)), counts_of(generator, len(base))
    drawn = np.einsum("kr,rc,kc->k", rows, table, columns, optimize=True) / (columns @ base)
    tail = 0.5 * (1.0 - level)
    low, high = np.quantile(drawn, [tail, 1.0 - tail])
    return Interval(float(table.mean() / base.mean()), float(low), float(high), table.size)


def counts_of(generator: np.random.Generator, size: int) -> NDArray[np.float64]:
    """Draw `size` of `size` with replacement; return each one's share, (REPLICATES, size)."""
    return generator.multinomial(size, np.full(size, 1.0 / size), REPLICATES) / size
