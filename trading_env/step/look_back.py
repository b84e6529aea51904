"""What the policy sees of earlier bars: the last n of them, and bars of coarser frames.

Both stand behind the features of `observation.py`, and are made from what the feed has shown alone.

Window. For each of the last n shown bars, oldest first, and for each asset, the features of
`WindowFeature` as they were observed then, and the signals. Decision k sees bars k - n + 1 to k.
The bars before the first decision are shown as they are, as they are to the averages.

Frames. A coarse bar holds the shown bars whose stamps lie in one period of its length, counted from
1970-01-01 UTC (weeks from a Monday). It is complete when the first bar of another period is shown:
until then it is known only by how far the price has gone since the last complete one (`move`). Its
averages are those of complete bars: means over all of them until they are as old as a half-life of
20 bars (5 for the trend) makes them, exponentially weighted from then on. A bar that the feed does
not deliver adds nothing, and one that comes late belongs to the period of its own stamp: nothing
has been shown since. A split or a dividend rebases what a frame holds, as all that was shown.

Over 300 lines because the two are written by one loop over lanes, and read together.

Not modelled: sessions and holidays. A day is a day of UTC, and one without bars is left out.
"""

import math
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_env.core.averages import MIN_VARIANCE
from trading_env.core.jit import driver, kernel
from trading_env.core.records import (
    AssetState,
    Count,
    Ints,
    NotNegative,
    Table,
    Within,
    new_table,
)
from trading_env.core.sources import source_digest
from trading_env.core.world import World
from trading_env.step.observation import (
    LIMIT,
    NUM_ASSET_FEATURES,
    SIGNAL_LIMIT,
    AssetFeature,
    Block,
    Feature,
    contrast,
    observe_market,
    saturated,
)
from trading_env.step.rows import BLANK_ASSET
from trading_env.step.start import begin_shown, warm_up

RATE = 1.0 - 2.0 ** (-1.0 / 20.0)  # of a coarse bar's averages
TREND_RATE = 1.0 - 2.0 ** (-1.0 / 5.0)
PER_TREND_SD = math.sqrt((2.0 - TREND_RATE) / TREND_RATE)
DIGEST = source_digest(Path(__file__))


class WindowFeature(Feature):
    """What is kept of each bar in a window, for each asset; the features of the same names."""

    RETURN = -LIMIT, LIMIT, "shown return, in slow sd"
    RANGE = 0.0, LIMIT, "high less low over close, in slow sd"
    VOLUME = -1.0, 1.0, "contrast of shown volume and its mean"
    VALID = 0.0, 1.0, "1 when the bar was delivered"


class FrameFeature(Feature):
    """Features of one coarser frame, for each asset; all 0 before two of its bars are complete."""

    RETURN = -LIMIT, LIMIT, "return of the last complete bar, in sd of such bars"
    TREND = -LIMIT, LIMIT, "mean return, half-life 5 bars, in its own sd"
    MOVE = -LIMIT, LIMIT, "shown price over that bar's close, in sd of such bars"
    RANGE = 0.0, LIMIT, "high less low over close of the last complete bar, in sd"
    VOLUME = -1.0, 1.0, "contrast of its volume and the mean"


OF_A_BAR, OF_A_FRAME = len(WindowFeature), len(FrameFeature)


class FrameState:
    """One frame of one asset: the coarse bar that is being made, and averages of complete ones."""

    period: Annotated[int, Within(-(2**62), 2**62)]  # that the bar is of
    bars: Count  # complete ones
    high: NotNegative  # of the bar that is being made; 0 before the first
    low: NotNegative
    close: NotNegative
    volume: NotNegative
    last_close: NotNegative  # of the last complete bar; 0 before the first
    last_return: float
    last_range: NotNegative
    last_volume: NotNegative
    trend: float
    variance: NotNegative
    volume_mean: NotNegative


class Do(IntEnum):
    """What is done with a lane: nothing, a step, or the first observation of an episode."""

    KEEP = 0
    STEP = 1
    BEGIN = 2


class Scratch(NamedTuple):
    """Where the bars before an episode are worked through."""

    asset: Table  # AssetState (1,)
    block: Block  # (features of an asset,)


BLANK_FRAME = new_table(FrameState, 1)


@kernel
def complete_bar(frame: FrameState) -> None:
    """End the coarse bar that is being made."""
    if frame.last_close > 0.0:
        change = frame.close / frame.last_close - 1.0
        rate = max(1.0 / frame.bars, RATE)
        frame.variance += rate * (max(change * change, MIN_VARIANCE) - frame.variance)
        frame.volume_mean += rate * (frame.volume - frame.volume_mean)
        frame.trend += max(1.0 / frame.bars, TREND_RATE) * (change - frame.trend)
        frame.last_return = change
    frame.last_range = (frame.high - frame.low) / frame.close
    frame.last_volume = frame.volume
    frame.last_close = frame.close
    frame.bars += 1


@kernel
def add_bar(
    frame: FrameState, high: float, low: float, close: float, volume: float, p: int
) -> None:
    """Add a shown bar of period `p`."""
    if frame.close == 0.0 or p != frame.period:
        if frame.close > 0.0:
            complete_bar(frame)
        frame.period = p
        frame.high = high
        frame.low = low
        frame.volume = 0.0
    frame.high = max(frame.high, high)
    frame.low = min(frame.low, low)
    frame.close = close
    frame.volume += volume


@kernel
def rebase_frames(frames: Table, units: float, factor: float) -> None:
    """Multiply the prices of an asset's frames by `factor`, and their volumes by `units`."""
    for f in range(frames.shape[0]):
        frame: FrameState = frames[f]
        frame.high *= factor
        frame.low *= factor
        frame.close *= factor
        frame.last_close *= factor
        frame.volume *= units
        frame.last_volume *= units
        frame.volume_mean *= units


@kernel
def observe_frame(out: Block, frame: FrameState) -> None:
    """Write the features of one frame of one asset."""
    out[:] = 0.0
    if frame.bars < 2:
        return
    unit = 1.0 / math.sqrt(frame.variance)
    move = frame.close / frame.last_close - 1.0
    out[FrameFeature.RETURN] = saturated(frame.last_return * unit, -LIMIT, LIMIT)
    out[FrameFeature.TREND] = saturated(frame.trend * unit * PER_TREND_SD, -LIMIT, LIMIT)
    out[FrameFeature.MOVE] = saturated(move * unit, -LIMIT, LIMIT)
    out[FrameFeature.RANGE] = saturated(frame.last_range * unit, 0.0, LIMIT)
    out[FrameFeature.VOLUME] = contrast(frame.last_volume, frame.volume_mean)


@kernel
def keep_bar(out: Block, block: Block) -> None:
    """Copy what a window keeps of one asset's features in one bar."""
    out[WindowFeature.RETURN] = block[AssetFeature.RETURN]
    out[WindowFeature.RANGE] = block[AssetFeature.RANGE]
    out[WindowFeature.VOLUME] = block[AssetFeature.VOLUME]
    out[WindowFeature.VALID] = block[AssetFeature.VALID]
    for s in range(out.shape[0] - OF_A_BAR):
        out[OF_A_BAR + s] = block[NUM_ASSET_FEATURES + s]


@kernel
def begin_look(
    world: World,
    out: Block,
    frames: Table,
    periods: Ints,
    scratch: Scratch,
    row: int,
    window: int,
) -> None:
    """Work through the bars before the first decision: fill the window and the frames."""
    warmup, assets = world.episode[0].warmup, world.bars.shape[1]
    kept = OF_A_BAR + world.signals.shape[2]
    asset: AssetState = scratch.asset[0]
    for a in range(assets):
        scratch.asset[0] = BLANK_ASSET[0]
        for f in range(frames.shape[1]):
            frames[a, f] = BLANK_FRAME[0]
        begin_shown(world, asset, row, a)
        for k in range(row - warmup + 1, row + 1):
            bar = world.bars[k, a]
            if world.notices.shape[0] > 0:
                notice = world.notices[k, a]
                rebase_frames(frames[a], notice.units, notice.kept / notice.units)
            warm_up(world, asset, k, a)
            for f in range(frames.shape[1]):
                add_bar(frames[a, f], bar.high, bar.low, bar.close, bar.volume, periods[k, f])
            place = k - (row + 1 - window)
            if place >= 0:
                slow = math.sqrt(asset.seen_variance_slow)
                observe_market(scratch.block, asset, slow, 1.0 / slow)
                scratch.block[AssetFeature.VALID] = 1.0
                for s in range(world.signals.shape[2]):
                    signal = saturated(world.signals[k, a, s], -SIGNAL_LIMIT, SIGNAL_LIMIT)
                    scratch.block[NUM_ASSET_FEATURES + s] = signal
                at = (place * assets + a) * kept
                keep_bar(out[at : at + kept], scratch.block)


@kernel
def step_look(
    world: World,
    out: Block,
    before: Block,
    shown: Block,
    assets: Table,
    frames: Table,
    periods: Ints,
    row: int,
    window: int,
) -> None:
    """Move the window on by a bar, and add the bar to the frames."""
    count = assets.shape[0]
    kept = OF_A_BAR + world.signals.shape[2]
    features = NUM_ASSET_FEATURES + world.signals.shape[2]
    bar = count * kept
    if window > 0:
        for j in range((window - 1) * bar):
            out[j] = before[j + bar]
    for a in range(count):
        if window > 0:
            at = (window - 1) * bar + a * kept
            keep_bar(out[at : at + kept], shown[a * features : (a + 1) * features])
        if world.notices.shape[0] > 0:
            notice = world.notices[row, a]
            rebase_frames(frames[a], notice.units, notice.kept / notice.units)
        if assets[a].valid == 1:
            own_row = row - assets[a].age  # a late bar is of its own period
            high, low, close = assets[a].seen_high, assets[a].seen_low, assets[a].seen_close
            for f in range(frames.shape[1]):
                volume = assets[a].seen_volume
                add_bar(frames[a, f], high, low, close, volume, periods[own_row, f])


@kernel
def observe_frames(out: Block, frames: Table) -> None:
    """Write the features of every frame of every asset."""
    size = OF_A_FRAME
    for a in range(frames.shape[0]):
        for f in range(frames.shape[1]):
            at = (a * frames.shape[1] + f) * size
            observe_frame(out[at : at + size], frames[a, f])


Look = Callable[..., None]


def _build() -> Look:
    key = DIGEST

    @driver
    def look_back(
        world: World,
        assets: Table,
        rows: Ints,
        shown: NDArray[np.float32],
        before: NDArray[np.float32],
        out: NDArray[np.float32],
        frames: Table,
        periods: Ints,
        scratch: Scratch,
        todo: NDArray[np.int8],
        window: int,
    ) -> None:
        """Write the whole observation of every lane: what is `shown` now, and what was before."""
        _ = key
        size = shown.shape[1]
        wide = out.shape[1] - frames.shape[1] * frames.shape[2] * OF_A_FRAME
        for i in range(shown.shape[0]):
            out[i, :size] = shown[i]
            if todo[i] == Do.KEEP:
                out[i, size:] = before[i, size:]
                continue
            inside = out[i, size:wide]
            if todo[i] == Do.BEGIN:
                begin_look(world, inside, frames[i], periods, scratch, rows[i], window)
            else:
                step_look(
                    world,
                    inside,
                    before[i, size:wide],
                    shown[i],
                    assets[i],
                    frames[i],
                    periods,
                    rows[i],
                    window,
                )
            observe_frames(out[i, wide:], frames[i])

    return look_back


look_back = _build()
