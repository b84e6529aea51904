"""Exponentially weighted averages of the market, by half-life in bars.

A newly listed asset has no past: its variances begin with the squared range of its first bar, some
2.8 times the variance of a diffusion (Parkinson 1980) and so on the careful side, and all bars
weigh the same in them until an older one would weigh less anyway. What stands still before a
listing and after a delisting moves none.
"""

import math

from trading_env.core.jit import kernel
from trading_env.core.records import AssetState
from trading_env.core.values import Bar

HALF_LIFE_FAST = 10.0  # bars
HALF_LIFE_SLOW = 60.0
RATE_FAST = 1.0 - 2.0 ** (-1.0 / HALF_LIFE_FAST)
RATE_SLOW = 1.0 - 2.0 ** (-1.0 / HALF_LIFE_SLOW)
MIN_VARIANCE = 1e-12  # of a bar's return: a frozen price does not make volatility zero
SETTLED = 1 + int(1.0 / RATE_SLOW)  # bars since a listing from which every weight is the usual one


@kernel
def weight_of(rate: float, listed_bars: int, variance: float) -> float:
    """Weight of the newest bar in a variance whose usual rate is given."""
    if listed_bars >= SETTLED:
        return rate
    if listed_bars == 0:
        return 0.0
    return 1.0 if variance <= MIN_VARIANCE else max(1.0 / listed_bars, rate)


@kernel
def square_of(change: float, high: float, low: float, listed_bars: int, variance: float) -> float:
    """Squared return of a bar; by its range where it is the first that a variance is taken from."""
    square = change * change
    if 0 < listed_bars < SETTLED and variance <= MIN_VARIANCE:
        square = math.log(high / low) ** 2
    return max(square, MIN_VARIANCE)


@kernel
def blend(mean: float, value: float, rate: float) -> float:
    """Move an exponentially weighted mean towards its newest value."""
    return mean + rate * (value - mean)


@kernel
def usual_volume(mean: float, volume: float) -> float:
    """Move a mean volume on; it begins with the first bar in which anything trades."""
    return volume if mean == 0.0 else blend(mean, volume, RATE_SLOW)


@kernel
def update_averages(asset: AssetState, undisturbed: float, bar: Bar, base_volume: float) -> None:
    """Move the true market's trailing averages on by one bar of trading."""
    change = undisturbed / asset.undisturbed - 1.0
    listed, slow = asset.listed_bars, asset.variance_slow
    square = square_of(change, bar.high, bar.low, listed, slow)
    asset.variance_fast = blend(asset.variance_fast, square, weight_of(RATE_FAST, listed, slow))
    asset.variance_slow = blend(slow, square, weight_of(RATE_SLOW, listed, slow))
    asset.volume_mean = usual_volume(asset.volume_mean, bar.volume)
    asset.volume_usual = usual_volume(asset.volume_usual, base_volume)
    asset.undisturbed = undisturbed
