"""How much of a Sharpe ratio is left when the search for it is counted.

The best of N worthless strategies has a Sharpe ratio above 0: about

    SR0 = sqrt(V) ((1 - g) z(1 - 1/N) + g z(1 - 1/(N e)))

with V the variance of the N ratios, g Euler's constant and z the normal quantile. The deflated
Sharpe ratio is the probability that the true ratio exceeds SR0 (Bailey and Lopez de Prado 2014,
"The deflated Sharpe ratio", equations 1 and 2), where the error of an estimate knows the skewness
and kurtosis of returns.

The probability of backtest overfitting is measured by combinatorially symmetric cross-validation
(Bailey, Borwein, Lopez de Prado and Zhu 2017, "The probability of backtest overfitting", section
3): returns of N strategies are cut into S blocks of time; for each choice of S/2 of them the
strategy that was best there is ranked on the others, and the probability is the share of choices in
which it is below their median. At the median, as the middle one of an odd number or a copy of all
the others, it counts one half (the paper counts it whole). Where nothing can be known, the
probability is one half, for any number of strategies.

Ratios are those of one step, not of a year. Returns are taken as independent in time, and the
variance of the ratios as that of what was tried: a number of trials that is not disclosed cannot be
counted.
"""

import math
from collections.abc import Mapping
from itertools import combinations
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

BLOCK_STEPS = 20  # of a block, at least, where the number of blocks is not given
MOST_BLOCKS = 16
STILL = 1e-12  # standard deviation of returns that are rounding, as those of cash with interest
EULER = 0.5772156649015329
Values = NDArray[np.float64]


class Overfitting(NamedTuple):
    """What the choices of blocks show."""

    probability: float  # that the best in sample is below the median out of sample; at it: half
    logits: Values  # ln(rank / (N + 1 - rank)) out of sample, one a choice


class Choice(NamedTuple):
    """The best of several policies by Sharpe ratio, and what of it may be luck."""

    best: str
    trials: int  # policies that moved at all
    steps: int
    deflated: float  # probability that its ratio is above that of the best of so many without skill
    overfitting: float  # `Overfitting.probability`


def choice_among(returns: Mapping[str, Values]) -> Choice | None:
    """Judge the choice of the best of several policies.

    Args:
        returns: policy -> its returns step by step; one that lacks steps of others is left out.

    Returns:
        None where fewer than two policies move, or there are fewer than four blocks of steps.
    """
    steps = max(map(len, returns.values()), default=0)
    whole = {name: values for name, values in returns.items() if len(values) == steps}
    moving = {name: values for name, values in whole.items() if steps and np.std(values) > STILL}
    blocks = min(steps // BLOCK_STEPS // 2 * 2, MOST_BLOCKS)
    if len(moving) < 2 or blocks < 4:
        return None
    table = np.column_stack(list(moving.values()))
    ratios = table.mean(axis=0) / table.std(axis=0)
    first = int(ratios.argmax())
    z = (table[:, first] - table[:, first].mean()) / table[:, first].std()
    deflated = deflated_sharpe(
        float(ratios[first]),
        steps,
        len(moving),
        float(ratios.var(ddof=1)),
        float((z**3).mean()),
        float((z**4).mean()),
    )
    shared = backtest_overfitting(table, blocks).probability
    return Choice(list(moving)[first], len(moving), steps, deflated, shared)


def probabilistic_sharpe(
    sharpe: float, target: float, steps: int, skewness: float = 0.0, kurtosis: float = 3.0
) -> float:
    """Return the probability that the true Sharpe ratio exceeds a target.

    Args:
        sharpe: measured, of one step.
        target: of one step.
        steps: that it was measured over, >= 2.
        skewness: of the returns.
        kurtosis: of the returns, 3 for a normal law.

    Raises:
        ValueError: too few steps, or moments that no law has together with this ratio.
    """
    if steps < 2:
        raise ValueError(f"steps = {steps}: must be >= 2")
    variance = 1.0 - skewness * sharpe + 0.25 * (kurtosis - 1.0) * sharpe**2
    if not variance > 0.0:
        raise ValueError(f"skewness = {skewness}, kurtosis = {kurtosis}: no law has both")
    return NormalDist().cdf((sharpe - target) * math.sqrt((steps - 1.0) / variance))


def expected_best_sharpe(trials: int, variance: float) -> float:
    """Return the Sharpe ratio that the best of so many worthless trials is expected to have.

    Args:
        trials: independent ones, >= 1; one has no choice, and 0 is expected.
        variance: of their Sharpe ratios.

    Raises:
        ValueError: an argument is out of its range.
    """
    if trials < 1 or not variance >= 0.0:
        raise ValueError(f"trials = {trials}, variance = {variance}: must be >= 1 and >= 0")
    if trials == 1:
        return 0.0
    z = NormalDist().inv_cdf
    spread = (1.0 - EULER) * z(1.0 - 1.0 / trials) + EULER * z(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(variance) * spread


def deflated_sharpe(
    sharpe: float,
    steps: int,
    trials: int,
    variance: float,
    skewness: float = 0.0,
    kurtosis: float = 3.0,
) -> float:
    """Return the probability that a Sharpe ratio, the best of several trials, is more than luck."""
    target = expected_best_sharpe(trials, variance)
    return probabilistic_sharpe(sharpe, target, steps, skewness, kurtosis)


def backtest_overfitting(returns: ArrayLike, blocks: int = 16) -> Overfitting:
    """Measure the probability of backtest overfitting.

    A choice whose best is exactly at the median out of sample (logit 0) counts one half.

    Args:
        returns: (steps, strategies), finite; steps that fill no whole block are left out.
        blocks: S, even, from 2 to 20.

    Raises:
        ValueError: an argument is out of its range, or a block has fewer than two steps.
    """
    table = np.asarray(returns, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2 or not np.isfinite(table).all():
        raise ValueError("returns: must be finite, (steps, strategies), of two strategies or more")
    if blocks % 2 or not 2 <= blocks <= 20:
        raise ValueError(f"blocks = {blocks}: must be even, from 2 to 20")
    size = len(table) // blocks
    if size < 2:
        raise ValueError(f"returns: {len(table)} steps are too few for {blocks} blocks")
    strategies = table.shape[1]
    cut = table[: size * blocks].reshape(blocks, size, strategies)
    sums, squares = cut.sum(axis=1), (cut**2).sum(axis=1)
    chosen = np.zeros((math.comb(blocks, blocks // 2), blocks))
    for row, members in enumerate(combinations(range(blocks), blocks // 2)):
        chosen[row, list(members)] = 1.0
    half = size * blocks // 2
    inside = _sharpe(chosen @ sums, chosen @ squares, half)
    outside = _sharpe((1.0 - chosen) @ sums, (1.0 - chosen) @ squares, half)
    best = np.take_along_axis(outside, inside.argmax(axis=1)[:, None], axis=1)
    rank = (outside < best).sum(axis=1) + 0.5 * ((outside == best).sum(axis=1) + 1)
    logits = np.log(rank / (strategies + 1.0 - rank))
    below = (logits < 0.0) + 0.5 * (logits == 0.0)
    return Overfitting(float(below.mean()), logits)


def _sharpe(total: Values, squares: Values, steps: int) -> Values:
    """Return mean over deviation, 0 where nothing moved."""
    mean = total / steps
    variance = np.maximum(squares / steps - mean**2, 0.0)
    deviation = np.sqrt(variance)
    found: Values = np.divide(mean, deviation, out=np.zeros_like(mean), where=deviation > 1e-15)
    return found
