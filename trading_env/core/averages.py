"""Exponentially weighted averages of the market, by half-life in bars."""

from trading_env.core.jit import kernel
from trading_env.core.records import AssetState

HALF_LIFE_FAST = 10.0  # bars
HALF_LIFE_SLOW = 60.0
RATE_FAST = 1.0 - 2.0 ** (-1.0 / HALF_LIFE_FAST)
RATE_SLOW = 1.0 - 2.0 ** (-1.0 / HALF_LIFE_SLOW)
MIN_VARIANCE = 1e-12  # of a bar's return: a frozen price does not make volatility zero


@kernel
def blend(mean: float, value: float, rate: float) -> float:
    """Move an exponentially weighted mean towards its newest value."""
    return mean + rate * (value - mean)


@kernel
def usual_volume(mean: float, volume: float) -> float:
    """Move a mean volume on; it begins with the first bar in which anything trades."""
    return volume if mean == 0.0 else blend(mean, volume, RATE_SLOW)


@kernel
def update_averages(
    asset: AssetState, undisturbed: float, volume: float, base_volume: float
) -> None:
    """Move the true market's trailing averages on by one bar of trading."""
    change = undisturbed / asset.undisturbed - 1.0
    square = max(change * change, MIN_VARIANCE)
    asset.variance_fast += RATE_FAST * (square - asset.variance_fast)
    asset.variance_slow += RATE_SLOW * (square - asset.variance_slow)
    asset.volume_mean = usual_volume(asset.volume_mean, volume)
    asset.volume_usual = usual_volume(asset.volume_usual, base_volume)
    asset.undisturbed = undisturbed
