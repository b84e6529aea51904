"""Compiled draws of the generators that work on whole arrays: normals, lows, blocks, regimes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trading_env.core.bridge import draw_low
from trading_env.core.jit import driver, kernel
from trading_env.core.noise import Stream, normal, uniform, uniforms
from trading_env.core.records import Floats
from trading_env.core.sources import source_digest

RowNumbers = NDArray[np.int64]  # (paths, bars)
FARTHEST = 8.0  # standard deviations of a bar that a low lies below open and close, at most
_KEY = source_digest(Path(__file__))


@kernel
def chosen(cumulative: Floats, draw: float) -> int:
    """Number of the first chance that a uniform draw falls below."""
    for k in range(len(cumulative) - 1):
        if draw < cumulative[k]:
            return k
    return len(cumulative) - 1


def _normals(key: str) -> Callable[[Floats, np.uint64, int], None]:
    """Compile the normals; the key in the closure is part of numba's cache key."""

    @driver
    def fill(out: Floats, seed: np.uint64, stream: int) -> None:
        _ = key
        for path in range(out.shape[0]):
            for bar in range(out.shape[1]):
                for i in range(out.shape[2]):
                    out[path, bar, i] = normal(seed, path, bar, i, stream)

    return fill


def _lows(key: str) -> Callable[[Floats, Floats, Floats, Floats, Floats], None]:
    """Compile the lowest points of bridges whose highest are known.

    `low` holds uniform draws on entry; all are (paths, bars, assets), but `variance` is (assets,).
    """

    @driver
    def fill(low: Floats, opened: Floats, high: Floats, closed: Floats, variance: Floats) -> None:
        _ = key
        for path in range(low.shape[0]):
            for bar in range(low.shape[1]):
                for i in range(low.shape[2]):
                    o, c, h = opened[path, bar, i], closed[path, bar, i], high[path, bar, i]
                    bottom = min(o, c) - FARTHEST * np.sqrt(variance[i])
                    low[path, bar, i] = draw_low(o, c, bottom, h, variance[i], low[path, bar, i])

    return fill


def _blocks(key: str) -> Callable[[RowNumbers, int, float, np.uint64], None]:
    """Compile the rows of `count` that blocks take, which end with the same chance at each bar."""

    @driver
    def fill(rows: RowNumbers, count: int, chance: float, seed: np.uint64) -> None:
        _ = key
        for path in range(rows.shape[0]):
            row = 0
            for bar in range(rows.shape[1]):
                first, second = uniforms(seed, path, bar, 0, Stream.MARKET_SHOCK)
                begins = bar == 0 or first < chance
                row = int(second * count) if begins else (row + 1) % count
                rows[path, bar] = row

    return fill


def _regimes(key: str) -> Callable[[RowNumbers, Floats, Floats, np.uint64], None]:
    """Compile a Markov chain from the cumulative chances of its first and of its next regime."""

    @driver
    def fill(regimes: RowNumbers, start: Floats, following: Floats, seed: np.uint64) -> None:
        _ = key
        for path in range(regimes.shape[0]):
            state = chosen(start, uniform(seed, path, 0, 0, Stream.MARKET_FACTOR))
            for bar in range(regimes.shape[1]):
                regimes[path, bar] = state
                drawn = uniform(seed, path, bar + 1, 0, Stream.MARKET_FACTOR)
                state = chosen(following[state], drawn)

    return fill


fill_normals = _normals(_KEY)
fill_lows = _lows(_KEY)
fill_blocks = _blocks(_KEY)
fill_regimes = _regimes(_KEY)
