"""The path inside a bar: parts make up the whole, and their law is that of a Brownian path.

The law is checked on paths of a Brownian motion of variance 1, each known by its four prices
alone: what a split says of a moment must agree with the paths themselves. Paths have 1,000
steps, each with the high and the low of its own bridge.
"""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from tests.helpers import an_address, bars
from trading_env.core.values import Address, Bar
from trading_env.execution_engine.bar_path import (
    LEAST,
    MOST,
    joined,
    rest_after,
    split,
    whole_bar,
)

PATHS, STEPS = 12_000, 1_000
COARSE = 1e-3  # deviations of a bar: cells and halvings that a split draws from


@pytest.mark.proof
@given(
    bars(),
    st.floats(0.01, 0.99),
    st.floats(0.01, 0.99),
    st.floats(LEAST, MOST),
    st.integers(0, 2**63 - 1),
)
def test_the_parts_of_a_bar_make_up_the_bar(
    bar: Bar, u: float, v: float, share: float, seed: int
) -> None:
    whole, variance = whole_bar(bar), share * math.log(bar.high / bar.low) ** 2
    first, second = split(whole, u, variance, an_address(seed), 0)
    at = second.begin + v * (second.end - second.begin)
    middle, last = split(second, at, variance, an_address(seed), 1)
    for one, other in ((first, second), (middle, last)):
        assert one.close == other.open
        assert one.end == other.begin
        for part in (one, other):
            assert part.low <= min(part.open, part.close)
            assert part.high >= max(part.open, part.close)
    again = joined(first, joined(middle, last))
    assert again == pytest.approx(whole, rel=1e-9)


def test_a_bar_that_stands_still_has_one_price() -> None:
    still = Bar(5.0, 5.0, 5.0, 5.0, 1.0)
    for part in split(whole_bar(still), 0.3, 0.0, an_address(), 0):
        assert part[2:] == (5.0, 5.0, 5.0, 5.0)


@njit
def split_all(bars_: Any, u: float, out: Any) -> None:
    for i in range(bars_.shape[0]):
        opened, high, low, close = bars_[i]
        bar = Bar(opened, high, low, close, 1.0)
        first, second = split(whole_bar(bar), u, 1.0, Address(np.uint64(3), i, 0, 0), 0)
        out[i] = (first.close, first.high, first.low, second.high, second.low)


def compared(u: float) -> tuple[Any, Any, Any]:
    """Return what splits say, what the paths did, and where they ended; in log price."""
    rng = np.random.default_rng(5)
    steps = rng.standard_normal((PATHS, STEPS)) / math.sqrt(STEPS)
    path = np.concatenate([np.zeros((PATHS, 1)), np.cumsum(steps, axis=1)], axis=1)
    middle, size = path[:, :-1] + path[:, 1:], steps**2
    tops, bottoms = (
        0.5 * (middle + side * np.sqrt(size + 2.0 / STEPS * rng.exponential(size=steps.shape)))
        for side in (1.0, -1.0)
    )
    ends = np.column_stack([path[:, 0], tops.max(1), bottoms.min(1), path[:, -1]])
    out = np.empty((PATHS, 5))
    split_all(np.exp(ends), u, out)
    k = round(u * STEPS)
    truth = np.column_stack(
        [
            path[:, k],
            tops[:, :k].max(1),
            bottoms[:, :k].min(1),
            tops[:, k:].max(1),
            bottoms[:, k:].min(1),
        ]
    )
    return np.log(out), truth, path[:, -1]


@pytest.mark.proof
@pytest.mark.parametrize("u", [0.1, 0.5, 0.9])
def test_a_split_has_the_law_of_the_paths(u: float) -> None:
    said, truth, _ = compared(u)
    error = np.sqrt((said.var(0) + truth.var(0)) / PATHS)
    assert (np.abs(said.mean(0) - truth.mean(0)) < 4.0 * error + COARSE).all()
    assert (np.abs(said.std(0) / truth.std(0) - 1.0) < 0.1).all()


@pytest.mark.proof
@pytest.mark.parametrize("u", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("level", [-0.3, -1.0, 0.3, 1.0])
def test_nobody_gains_by_waiting_for_a_level_after_a_late_arrival(u: float, level: float) -> None:
    """Where the price is met after u, what follows is on average nothing."""
    said, _, close = compared(u)
    at, high, low = said[:, 0], said[:, 3], said[:, 4]
    met = (at > level) & (low <= level) if level < 0.0 else (at < level) & (high >= level)
    gain = np.where(met, close - level, 0.0)
    assert abs(gain.mean()) < 4.0 * gain.std() / math.sqrt(PATHS) + COARSE


def test_the_rest_after_a_level_starts_there_and_forgets_the_way() -> None:
    piece = whole_bar(Bar(100.0, 104.0, 95.0, 99.0, 1.0))
    tail = piece._replace(begin=1.0, end=1.0)
    rest = rest_after(piece, 97.0, tail)
    assert (rest.open, rest.high, rest.low, rest.close) == (97.0, 99.0, 95.0, 99.0)
