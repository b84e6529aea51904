"""What several trainings on several tracks show together: aggregates, intervals, ranks.

A policy's results on one track are a table (trainings, paths); a training's value is its mean over
the paths. Scores are put on one scale by two policies that met the same paths,

    score = (value - zero's) / (reference's - zero's)

so that 0 is as good as `zero` and 1 as good as the reference. Aggregates over the trainings of all
tracks follow Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical
precipice": the interquartile mean (the middle half of all values), the optimality gap (how far
values stay below the target, what exceeds it not counting), the performance profile (the share of
values above each threshold) and the probability of improvement (Mann and Whitney 1947).

Intervals are stratified: in each track trainings and paths are drawn with replacement, apart from
each other (Owen and Eckles 2012, "Bootstrapping data arrays of arbitrary order"); both ends of the
scale are drawn with the same paths. For interquartile means of ten trainings, quantiles of the
draws hold the truth as often as they say. For means of so few they are too narrow and are taken
further out, as the t distribution is wider than the normal (Hesterberg 2015, "What teachers should
know about the bootstrap", section 5.2, without his factor sqrt(n / (n - 1))), with the degrees of
freedom that the spread among trainings and among paths give together (Satterthwaite 1946).

Who lies wholly above whom decides the ranks: 1 + the number of policies whose interval begins above
the end of one's own. Policies whose intervals overlap tie.

Not seen: a choice among several trainings or settings before the table was made (`overfitting.py`).
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

REPLICATES = 2000
TAIL = 0.5 * (1.0 - 0.95)  # beyond either end of an interval
Values = NDArray[np.float64]


class Estimate(NamedTuple):
    """A figure with its interval."""

    value: float
    low: float
    high: float


class Draws(NamedTuple):
    """The values of trainings, as they are and drawn again."""

    values: Values  # (trainings,)
    drawn: Values  # (REPLICATES, trainings)
    spread: tuple[tuple[float, int], ...]  # variance of the mean by its sources, degrees of freedom


def interquartile_mean(values: ArrayLike) -> Values:
    """Average the middle half along the last axis: floor(n / 4) values go at either end."""
    ordered = np.sort(np.asarray(values, dtype=np.float64), axis=-1)
    cut = ordered.shape[-1] // 4
    return np.asarray(ordered[..., cut : ordered.shape[-1] - cut].mean(axis=-1))


def optimality_gap(values: ArrayLike) -> Values:
    """Return 1 - mean of min(value, 1) along the last axis."""
    return np.asarray(1.0 - np.minimum(np.asarray(values, np.float64), 1.0).mean(axis=-1))


def performance_profile(values: ArrayLike, thresholds: ArrayLike) -> Values:
    """Return the share of values above each threshold, (thresholds,)."""
    found = np.asarray(values, dtype=np.float64).ravel()
    above = found[None, :] > np.asarray(thresholds, dtype=np.float64)[:, None]
    return np.asarray(above.mean(axis=1))


def probability_of_improvement(values: ArrayLike, others: ArrayLike) -> Values:
    """Return P(a value > one of the others) along the last axes; equal ones count half."""
    mine = np.asarray(values, dtype=np.float64)[..., :, None]
    theirs = np.asarray(others, dtype=np.float64)[..., None, :]
    return np.asarray(((mine > theirs) + 0.5 * (mine == theirs)).mean(axis=(-2, -1)))


def scores_of(table: ArrayLike, zero: ArrayLike, reference: ArrayLike) -> Draws:
    """Put a policy's results on a track on the scale from `zero` to the reference.

    All policies on as many paths are drawn with the same.

    Args:
        table: (trainings, paths), finite.
        zero: (paths,), what stands for 0, on the same paths; a number stands for all of them.
        reference: (paths,), what stands for 1.
    """
    values = np.atleast_2d(np.asarray(table, dtype=np.float64))
    trainings, paths = values.shape
    low, high = (np.broadcast_to(np.asarray(end, np.float64), paths) for end in (zero, reference))
    scale = float(high.mean() - low.mean())
    columns = _path_weights(paths)
    rows = np.random.default_rng([0, 1]).integers(0, trainings, (REPLICATES, trainings))
    of_paths = (values @ columns.T - columns @ low) / (columns @ high - columns @ low)
    each = (values.mean(axis=1) - low.mean()) / scale
    # What a path does to the mean score, its part in the scale included (first order).
    on_path = (values.mean(axis=0) - low) - each.mean() * (high - low)
    spread = [(float(each.var(ddof=1)) / trainings, trainings - 1)] if trainings > 1 else []
    if paths > 1:
        spread.append((float(on_path.var(ddof=1)) / paths / scale**2, paths - 1))
    return Draws(each, np.take_along_axis(of_paths.T, rows, axis=1), tuple(spread))


@lru_cache(maxsize=8)
def _path_weights(paths: int) -> Values:
    """Draw paths with replacement; return the share of each, (REPLICATES, paths)."""
    generator = np.random.default_rng([0, 0])
    counts = generator.multinomial(paths, np.full(paths, 1.0 / paths), REPLICATES)
    return np.asarray(counts / paths)


def aggregate(tracks: Sequence[Draws]) -> Estimate:
    """Return the interquartile mean over the trainings of all tracks, with its interval."""
    values = np.concatenate([track.values for track in tracks])
    drawn = interquartile_mean(np.concatenate([track.drawn for track in tracks], axis=1))
    return estimate(float(interquartile_mean(values)), drawn, ())


def gap(tracks: Sequence[Draws]) -> Estimate:
    """Return the optimality gap over the trainings of all tracks, with its interval."""
    values = np.concatenate([track.values for track in tracks])
    drawn = optimality_gap(np.concatenate([track.drawn for track in tracks], axis=1))
    spread = [part for track in tracks for part in track.spread]
    return estimate(float(optimality_gap(values)), drawn, spread)


def improvement(tracks: Sequence[Draws], others: Sequence[Draws]) -> Estimate:
    """Return the mean over tracks of the probability that a training beats one of the others'."""
    pairs = list(zip(tracks, others, strict=True))
    value = np.mean([probability_of_improvement(a.values, b.values) for a, b in pairs])
    drawn = np.mean([probability_of_improvement(a.drawn, b.drawn) for a, b in pairs], axis=0)
    spread = [part for pair in pairs for track in pair for part in track.spread]
    return estimate(float(value), drawn, spread)


def difference(table: ArrayLike, other: ArrayLike) -> Estimate:
    """Return the mean paired difference of two tables (trainings, paths), with its interval.

    The other's trainings are averaged: of two learners, `improvement` compares trainings.
    """
    values = np.atleast_2d(np.asarray(table, dtype=np.float64))
    paired = values - np.atleast_2d(np.asarray(other, dtype=np.float64)).mean(axis=0)
    draws = scores_of(paired, 0.0, 1.0)
    return estimate(float(draws.values.mean()), draws.drawn.mean(axis=1), draws.spread)


def estimate(value: float, drawn: Values, spread: Sequence[tuple[float, int]]) -> Estimate:
    """Return a figure with the interval of its draws.

    Args:
        value: of what was measured.
        drawn: the same figure of each draw.
        spread: variance of the mean by its sources, with the degrees of freedom of each; empty
            takes the quantiles of the draws as they are.
    """
    tail = expanded_tail(TAIL, degrees_of_freedom(spread))
    low, high = np.quantile(drawn, [tail, 1.0 - tail])
    return Estimate(value, float(low), float(high))


def degrees_of_freedom(spread: Sequence[tuple[float, int]]) -> float:
    """Return Satterthwaite's degrees of freedom of a sum of variances; infinite without any."""
    total = sum(variance for variance, _ in spread)
    parts = sum(variance**2 / freedom for variance, freedom in spread)
    return total**2 / parts if parts > 0.0 else math.inf


def expanded_tail(tail: float, freedom: float) -> float:
    """Return the share of draws that lies beyond the normal score that is t's quantile."""
    return tail if math.isinf(freedom) else NormalDist().cdf(t_quantile(tail, freedom))


def t_quantile(share: float, freedom: float) -> float:
    """Return a quantile of Student's t by Fisher's expansion (Abramowitz and Stegun, 26.7.5).

    It is good to a percent from 3 degrees of freedom on. Below, the quantile is that of 2 or of 1,
    whichever is not more, which have closed forms.
    """
    if freedom < 2.0:
        return math.tan(math.pi * (share - 0.5))
    if freedom < 3.0:
        return (share - 0.5) * math.sqrt(2.0 / (share * (1.0 - share)))
    z = NormalDist().inv_cdf(share)
    terms = (
        (z**3 + z) / 4.0,
        (5.0 * z**5 + 16.0 * z**3 + 3.0 * z) / 96.0,
        (3.0 * z**7 + 19.0 * z**5 + 17.0 * z**3 - 15.0 * z) / 384.0,
    )
    return z + sum(term / freedom ** (k + 1) for k, term in enumerate(terms))


def ranks(estimates: Sequence[Estimate | None]) -> list[int]:
    """Rank policies, 1 the best: who overlaps ties, who has no figure stands behind all others."""
    there = [found for found in estimates if found is not None]
    return [
        len(there) + 1 if own is None else 1 + sum(other.low > own.high for other in there)
        for own in estimates
    ]
