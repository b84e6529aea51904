"""True bar -> what the agent is shown, with an age and a validity channel.

- missing: the bar is not delivered; the last price stands, age grows, validity is 0.
- stale: the feed repeats its last price as if it were fresh for a run of bars (geometric length);
  nothing flags it.
- spike: a bad print: the close is off by `spike_size` standard deviations for one bar, and so is
  the high or the low. Nothing trades there: fills use the true bar.
- duplicate: the bar before is delivered once more under a new time: no return, the same volume;
  nothing flags it.
- late: the bar is delivered `late_bars` bars later. Until then nothing is: age grows, validity is
  0. Then that older bar is shown, with its age; the bars between are never shown.

A bar comes with the quotes at its close, half spread and depth. All of the agent's market averages
are computed from what was shown. A missing bar changes none of them. Nothing shown is ever NaN.
Not modelled: bars that arrive in the wrong order, corrections.
"""

import math

from trading_env.core.averages import (
    RATE_FAST,
    RATE_SLOW,
    blend,
    square_of,
    usual_volume,
    weight_of,
)
from trading_env.core.codes import Fault
from trading_env.core.jit import kernel, rare_kernel
from trading_env.core.noise import Stream, uniforms
from trading_env.core.records import AssetState, Report, Stress
from trading_env.core.values import Address, Shown

TREND_HALF_LIVES = (5.0, 20.0, 60.0)  # bars
CALM_BAND = 1.5  # quotes that far off the calm ones, as a factor, are a crisis's
TREND_RATES = tuple(1.0 - 2.0 ** (-1.0 / half_life) for half_life in TREND_HALF_LIVES)


@kernel
def show_bar(asset: AssetState, shown: Shown) -> None:
    """Show the agent a bar and move its averages on."""
    same_prices = shown.close == asset.seen_close and shown.high == asset.seen_high
    same = same_prices and shown.low == asset.seen_low and shown.volume == asset.seen_volume
    asset.is_new = 0 if same else 1
    if not same:
        asset.seen_earlier = asset.seen_before
        asset.seen_before = asset.seen_close
    change = shown.close / asset.seen_close - 1.0
    asset.seen_return = change
    listed, slow = asset.listed_bars, asset.seen_variance_slow
    square = square_of(change, shown.high, shown.low, listed, slow)
    fast = blend(asset.seen_variance_fast, square, weight_of(RATE_FAST, listed, slow))
    asset.seen_variance_fast = fast
    asset.seen_variance_slow = blend(slow, square, weight_of(RATE_SLOW, listed, slow))
    asset.seen_volume_mean = usual_volume(asset.seen_volume_mean, shown.volume)
    for k in range(len(TREND_RATES)):
        asset.trend[k] += TREND_RATES[k] * (change - asset.trend[k])
    asset.seen_high = shown.high
    asset.seen_low = shown.low
    asset.seen_close = shown.close
    asset.seen_volume = shown.volume
    asset.seen_half_spread = shown.half_spread
    asset.seen_depth = shown.depth
    asset.age = 0
    asset.valid = 1


@kernel
def show_nothing(asset: AssetState) -> None:
    """No bar arrives: the last one stands, and grows older."""
    asset.age += 1
    asset.valid = 0
    asset.is_new = 0
    asset.seen_return = 0.0


@kernel
def fault_of(asset: AssetState, stress: Stress, address: Address) -> tuple[int, float]:
    """Return which fault, if any, hits this bar, and a uniform for its direction.

    Nothing else interrupts a late bar on its way or a stale run.
    """
    if asset.late_left > 0:
        return Fault.LATE.value, 0.0
    if asset.stale_left > 0:
        asset.stale_left -= 1
        return Fault.STALE.value, 0.0
    total = 0.0
    for fault in range(stress.rate.shape[0]):
        total += stress.rate[fault]
    if total == 0.0:
        return Fault.NONE.value, 0.0
    return draw_fault(asset, stress, address)


@rare_kernel
def draw_fault(asset: AssetState, stress: Stress, address: Address) -> tuple[int, float]:
    """Draw which fault begins, if any, and a uniform for its direction.

    The faults exclude each other, so one draw decides: it falls into the share of the missing, of
    the stale, of the spikes, of the duplicates, of the late (whose rates are cut where they exceed
    1 together), or beyond.
    """
    seed, episode, step, a = address
    drawn, detail = uniforms(seed, episode, step, a, Stream.FEED_FAULT.value)
    for fault in range(1, stress.rate.shape[0]):
        if drawn < stress.rate[fault]:
            if fault == Fault.STALE:
                asset.stale_left = geometric(detail, stress.stale_bars) - 1
            return fault, detail
        drawn -= stress.rate[fault]
    return Fault.NONE.value, 0.0


@rare_kernel
def delay(asset: AssetState, bar: Shown, bars: int) -> None:
    """Keep a bar back, or deliver one that was kept back long enough."""
    if asset.late_left == 0:
        asset.late_left = bars + 1
        asset.late_age = bars
        asset.late_close = bar.close
        asset.late_high = bar.high
        asset.late_low = bar.low
        asset.late_volume = bar.volume
        asset.late_half_spread = bar.half_spread
        asset.late_depth = bar.depth
    asset.late_left -= 1
    if asset.late_left > 0:
        show_nothing(asset)
        return
    kept = Shown(
        asset.late_high,
        asset.late_low,
        asset.late_close,
        asset.late_volume,
        asset.late_half_spread,
        asset.late_depth,
    )
    show_bar(asset, kept)
    asset.age = asset.late_age


@rare_kernel
def geometric(u: float, mean: float) -> int:
    """Return a geometric length of at least 1 with the given mean, from a uniform."""
    if mean <= 1.0:
        return 1
    return 1 + int(math.log(1.0 - u) / math.log(1.0 - 1.0 / mean))


@kernel
def last_shown(asset: AssetState) -> Shown:
    """Return what the feed delivered last."""
    return Shown(
        asset.seen_high,
        asset.seen_low,
        asset.seen_close,
        asset.seen_volume,
        asset.seen_half_spread,
        asset.seen_depth,
    )


@kernel
def deliver(
    asset: AssetState, report: Report, bar: Shown, stress: Stress, address: Address
) -> None:
    """Pass the true bar and its quotes through the feed."""
    fault, direction = fault_of(asset, stress, address)
    report.feed_fault = fault
    if fault == Fault.MISSING:
        show_nothing(asset)
    elif fault == Fault.STALE or fault == Fault.DUPLICATE:
        show_bar(asset, last_shown(asset))
    elif fault == Fault.LATE:
        delay(asset, bar, stress.late_bars)
    elif fault == Fault.SPIKE:
        size = min(stress.spike_size * math.sqrt(asset.seen_variance_slow), 1.0)
        close = bar.close * math.exp(size if direction < 0.5 else -size)
        high, low = max(bar.high, close), min(bar.low, close)
        show_bar(asset, Shown(high, low, close, bar.volume, bar.half_spread, bar.depth))
    else:
        show_bar(asset, bar)


@kernel
def count_crisis(asset: AssetState, calm: float) -> None:
    """Count the bars since the quotes shown left the band around the calm half spread and depth."""
    is_wide = asset.seen_half_spread > CALM_BAND * calm
    is_thin = asset.seen_depth * CALM_BAND < 1.0
    asset.crisis_bars = asset.crisis_bars + 1 if is_wide or is_thin else 0
