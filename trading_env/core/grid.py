"""Ticks and lots: prices and quantities on their grids.

Prices are rounded to ticks against whoever asks, quantities are cut towards 0 to lots, and a grid
of 0 is none.
"""

import math

import numpy as np

from trading_env.core.jit import kernel

GRID_SLACK = 1e-9  # of a tick or a lot: rounding that does not count


@kernel
def whole_lots(quantity: float, lot: float) -> float:
    """Cut a quantity towards 0 to a multiple of the lot."""
    if lot <= 0.0:
        return quantity
    return math.copysign(np.floor(abs(quantity) / lot + GRID_SLACK) * lot, quantity)


@kernel
def tick_above(price: float, tick: float) -> float:
    """Lowest multiple of the tick that is at least a price; below one tick the price itself."""
    if tick <= 0.0 or price / tick + GRID_SLACK < 1.0:
        return price
    return float(max(np.ceil(price / tick - GRID_SLACK), 1.0) * tick)


@kernel
def tick_below(price: float, tick: float) -> float:
    """Highest multiple of the tick that is at most a price; below one tick the price itself."""
    if tick <= 0.0:
        return price
    ticks = np.floor(price / tick + GRID_SLACK)  # np: math.floor, compiled, is an int of 64 bits
    return float(ticks * tick) if ticks >= 1.0 else price
