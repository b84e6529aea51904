"""The path inside a bar: parts make up the whole, and their law is that of a Brownian path.

The law is checked on paths of a Brownian motion of variance 1 in 1,000 steps, each known by its
four prices alone: what a split says of a moment must agree with the paths themselves. A bar's
variance is taken from its four prices, so means agree within BIAS, in standard deviations of a bar
(measured: at most 0.011 over splits at 0.2, 0.5 and 0.9), on top of four standard errors.
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
from trading_env.execution_engine.bar_path import joined, rest_after, split, stay, whole_bar

PATHS, STEPS = 12_000, 1_000
BIAS = 0.02


@pytest.mark.proof
@given(bars(), st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.integers(0, 2**63 - 1))
def test_the_parts_of_a_bar_make_up_the_bar(bar: Bar, u: float, v: float, seed: int) -> None:
    whole = whole_bar(bar)
    first, second = split(whole, u, bar, an_address(seed), 0)
    at = second.begin + v * (second.end - second.begin)
    middle, last = split(second, at, bar, an_address(seed), 1)
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
    for part in split(whole_bar(still), 0.3, still, an_address(), 0):
        assert part[2:] == (5.0, 5.0, 5.0, 5.0)


@given(st.floats(0.05, 0.95), st.floats(0.05, 0.95), st.floats(0.5, 2.0), st.floats(0.02, 0.5))
def test_the_chance_to_stay_has_the_derivatives_it_says(
    x: float, y: float, width: float, share: float
) -> None:
    """Against differences of the chance itself, between barriers at 0 and `width`.

    A bar's variance is at most half of its squared width.
    """
    x, y, step, variance = x * width, y * width, 1e-5 * width, share * width**2

    def inside(low: float, high: float) -> float:
        k = np.arange(-9, 10)[:, None]
        span = high - low
        kept = np.exp(-2.0 / variance * k * span * (k * span + x - y))
        lost = np.exp(-2.0 / variance * (high - x + k * span) * (high - y + k * span))
        return float((kept - lost).sum())

    found = stay(x, y, 0.0, width, variance)
    slack = 5e-3 / width  # of the first terms left out, e^-9 at most, and their slopes
    assert found.inside == pytest.approx(max(inside(0.0, width), 0.0), abs=3e-4)
    by_high = (inside(0.0, width + step) - inside(0.0, width - step)) / (2.0 * step)
    by_low = (inside(-step, width) - inside(step, width)) / (2.0 * step)
    assert found.high == pytest.approx(by_high, abs=slack, rel=1e-2)
    assert found.low == pytest.approx(by_low, abs=slack, rel=1e-2)


@njit
def split_all(bars_: Any, u: float, out: Any) -> None:
    for i in range(bars_.shape[0]):
        opened, high, low, close = bars_[i]
        bar = Bar(opened, high, low, close, 1.0)
        first, second = split(whole_bar(bar), u, bar, Address(np.uint64(3), i, 0, 0), 0)
        out[i] = (first.close, first.high, first.low, second.high, second.low)


def compared(u: float) -> tuple[Any, Any, Any]:
    """Return what splits say, what the paths did, and where they ended; in log price."""
    rng = np.random.default_rng(5)
    steps = rng.standard_normal((PATHS, STEPS)) / math.sqrt(STEPS)
    path = np.concatenate([np.zeros((PATHS, 1)), np.cumsum(steps, axis=1)], axis=1)
    ends = np.column_stack([path[:, 0], path.max(1), path.min(1), path[:, -1]])
    out = np.empty((PATHS, 5))
    split_all(np.exp(ends), u, out)
    k = round(u * STEPS)
    before, after = path[:, : k + 1], path[:, k:]
    truth = np.column_stack([path[:, k], before.max(1), before.min(1), after.max(1), after.min(1)])
    return np.log(out), truth, path[:, -1]


@pytest.mark.proof
@pytest.mark.parametrize("u", [0.1, 0.5, 0.9])
def test_a_split_has_the_law_of_the_paths(u: float) -> None:
    said, truth, _ = compared(u)
    error = np.sqrt((said.var(0) + truth.var(0)) / PATHS)
    assert (np.abs(said.mean(0) - truth.mean(0)) < 4.0 * error + BIAS).all()
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
    assert abs(gain.mean()) < 4.0 * gain.std() / math.sqrt(PATHS) + BIAS


def test_the_rest_after_a_level_starts_there_and_forgets_the_way() -> None:
    piece = whole_bar(Bar(100.0, 104.0, 95.0, 99.0, 1.0))
    tail = piece._replace(begin=1.0, end=1.0)
    rest = rest_after(piece, 97.0, tail)
    assert (rest.open, rest.high, rest.low, rest.close) == (97.0, 99.0, 95.0, 99.0)
