"""A bridge between two barriers: the chance to stay and its derivatives, and what extremes follow.

The chance is compared with the long sum of reflections in extended precision, and its derivatives
with differences of that.
"""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from trading_env.core.bridge import NARROW, draw_high, draw_low, stay

REFLECTIONS = 30
DIFFERENCE = 1e-4  # of the width
PATHS, STEPS = 10_000, 400

inside = st.floats(0.05, 0.95)


def chance(x: float, y: float, low: Any, high: Any, variance: float) -> Any:
    """The chance to stay, by reflection; numbers of 80 bits."""
    k = np.arange(-REFLECTIONS, REFLECTIONS + 1, dtype=np.longdouble)
    span = np.longdouble(high) - np.longdouble(low)
    kept = np.exp(-2.0 / np.longdouble(variance) * k * span * (k * span + x - y))
    lost = np.exp(-2.0 / np.longdouble(variance) * (high - x + k * span) * (high - y + k * span))
    return (kept - lost).sum()


@given(inside, inside, st.floats(0.01, 100.0), st.floats(0.02, 2.0))
def test_the_chance_to_stay_and_its_derivatives(
    x: float, y: float, width: float, share: float
) -> None:
    x, y, step, variance = x * width, y * width, DIFFERENCE * width, share * width**2

    def at(down: int, up: int) -> Any:
        low, high = np.longdouble(-down * step), np.longdouble(width) + up * step
        return chance(x, y, low, high, variance)

    found = stay(x, y, 0.0, width, variance)
    assert found.inside == pytest.approx(float(at(0, 0)), rel=1e-6, abs=1e-14)
    by_high = (at(0, 1) - at(0, -1)) / (2.0 * step)
    by_low = (at(1, 0) - at(-1, 0)) / (2.0 * step)
    both = (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / (4.0 * step**2)
    size = (found.inside + (found.high + found.low) * width + found.both * width**2) * 1e-3
    assert found.high * width == pytest.approx(float(by_high) * width, abs=size)
    assert found.low * width == pytest.approx(float(by_low) * width, abs=size)
    assert found.both * width**2 == pytest.approx(float(both) * width**2, abs=size)


@given(inside, inside)
def test_both_sums_agree_where_one_takes_over_from_the_other(x: float, y: float) -> None:
    below, above = (stay(x, y, 0.0, 1.0, NARROW * part) for part in (1.0, 1.0 + 1e-12))
    assert above == pytest.approx(below, rel=1e-6, abs=1e-12)


@given(inside, inside, st.floats(2.0, 8.0))
def test_close_barriers_are_hardly_ever_kept_to(x: float, y: float, share: float) -> None:
    """Where every other wave has died out the first is all there is, and no rounding shows."""
    first = math.cos(math.pi * (x - y)) - math.cos(math.pi * (x + y))
    level = math.sqrt(2.0 * math.pi * share) * math.exp((x - y) ** 2 / (2.0 * share))
    wanted = level * math.exp(-(math.pi**2) * share / 2.0) * first
    assert stay(x, y, 0.0, 1.0, share).inside == pytest.approx(wanted, rel=1e-5)


@njit
def draw_pairs(ends: Any, highs: Any, draws: Any, out: Any) -> None:
    for i in range(len(ends)):
        bottom, top = min(0.0, ends[i]) - 8.0, max(0.0, ends[i]) + 8.0
        if highs[i] == 0.0:
            highs[i] = draw_high(0.0, ends[i], bottom, top, 1.0, False, draws[i, 0])
        out[i] = draw_low(0.0, ends[i], bottom, highs[i], 1.0, draws[i, 1])


@pytest.mark.proof
def test_extremes_have_the_law_of_a_path() -> None:
    """High alone, low given high, and their sum, whose variance shows how they belong together.

    Paths have 400 steps, each with the high and the low of its own bridge, drawn apart.
    """
    rng = np.random.default_rng(2)
    steps = rng.standard_normal((PATHS, STEPS)) / math.sqrt(STEPS)
    path = np.concatenate([np.zeros((PATHS, 1)), np.cumsum(steps, axis=1)], axis=1)
    noise = steps**2 + 2.0 / STEPS * rng.exponential(size=(2, *steps.shape))
    middle, spread = path[:, :-1] + path[:, 1:], np.sqrt(noise)
    high = 0.5 * (middle + spread[0]).max(axis=1)
    low = 0.5 * (middle - spread[1]).min(axis=1)
    ends, drawn, found = path[:, -1].copy(), np.zeros(PATHS), np.empty(PATHS)
    draw_pairs(ends, drawn, rng.random((PATHS, 2)), found)
    for said, true in ((drawn, high), (found, low), (drawn - found, high - low)):
        error = math.sqrt((said.var() + true.var()) / PATHS)
        assert abs(said.mean() - true.mean()) < 4.0 * error
        assert abs(said.std() / true.std() - 1.0) < 4.0 / math.sqrt(PATHS)
