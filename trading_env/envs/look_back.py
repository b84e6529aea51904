"""`window` and `frames`: their arguments, and the arrays of a batch that looks back.

How many bars warm up before the first decision: WARMUP, and with a window or frames so many that
the oldest bar of the window has WARMUP before it, and about MIN_COMPLETE bars of each frame are
complete (by the market's clock: a day has as many bars as it has on average).
So no window is padded. Where a market is too short for that, the error says what is missing.
"""

import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from trading_env.core.arguments import whole
from trading_env.core.errors import ConfigError, shown
from trading_env.core.records import AssetState, Ints, Table, new_table
from trading_env.core.world import Lanes, World
from trading_env.markets import Market
from trading_env.step.look_back import Do, FrameState, Scratch, look_back
from trading_env.step.observation import NUM_ASSET_FEATURES
from trading_env.step.sharing import bound

WARMUP = 64  # bars before the first decision, so that no feature starts cold
MIN_COMPLETE = 8  # coarse bars before it
LONGEST_WINDOW = 4096
MOST_FRAMES = 8
LENGTH = re.compile(r"([1-9]\d{0,3})(min|h|d|w)", re.ASCII)
SECONDS = {"min": 60, "h": 3_600, "d": 86_400, "w": 604_800}
DAY = 86_400
DAYS_A_YEAR = 365.25
MONDAY = 3 * DAY  # the epoch is a Thursday


class Past(NamedTuple):
    """What an environment shows of earlier bars."""

    window: int = 0  # bars; 0: none
    frames: tuple[str, ...] = ()

    @classmethod
    def of(cls, window: Any, frames: Any, market: Market) -> Self:
        """Read the arguments; None shows nothing of it.

        Raises:
            ConfigError: no whole number, or a length that is none or no coarser than a bar.
        """
        bars = 0 if window is None else whole("window", window, 1, LONGEST_WINDOW)
        found = () if frames is None else frames
        if isinstance(found, str) or not isinstance(found, Sequence):
            raise ConfigError(f'frames = {shown(frames)}: give a list of lengths, as ["4h", "1d"]')
        if len(found) > MOST_FRAMES or len({str(each) for each in found}) < len(found):
            raise ConfigError(f"frames = {shown(frames)}: give at most {MOST_FRAMES}, each once")
        for each in found:
            if seconds_of(each) <= market.bar_seconds:
                bar = f"a bar of {market.bar_seconds:g} s"
                raise ConfigError(f"frames: {shown(each)}: must be longer than {bar}")
        return cls(bars, tuple(found))

    def warmup(self, market: Market) -> int:
        """Bars before the first decision."""
        bars = WARMUP + max(self.window - 1, 0)
        for each in self.frames:
            days = seconds_of(each) / DAY
            of_each = max(market.bars_per_day, market.bars_per_year * days / DAYS_A_YEAR)
            if days < 1.0:
                of_each = seconds_of(each) / market.bar_seconds
            bars = max(bars, math.ceil(round((MIN_COMPLETE + 1) * of_each, 6)))
        return bars

    def as_dict(self) -> dict[str, Any]:
        """Return what is shown, JSON-able; nothing where nothing is."""
        window = {"window": self.window} if self.window else {}
        return {**window, **({"frames": list(self.frames)} if self.frames else {})}

    def periods(self, market: Market) -> Ints:
        """Period of each frame that each bar lies in, (paths x bars, frames)."""
        found = [
            (market.time + MONDAY * each.endswith("w")) // seconds_of(each) for each in self.frames
        ]
        rows = np.array(found, dtype=np.int64).reshape(len(found), market.bars).T
        return np.ascontiguousarray(np.tile(rows, (market.paths, 1)))


def seconds_of(frame: Any) -> int:
    """Return the length of a frame.

    Raises:
        ConfigError: it is not written as a length.
    """
    match = LENGTH.fullmatch(frame) if isinstance(frame, str) else None
    if match is None:
        reason = "must be a length, as 15min, 4h, 1d or 1w"
        raise ConfigError(f"frames: {shown(frame)}: {reason}")
    return int(match[1]) * SECONDS[match[2]]


class Looking:
    """The arrays of a batch that looks back, and the calls that fill them."""

    def __init__(self, past: Past, market: Market, world: World, lanes: int, size: int) -> None:
        assets = world.bars.shape[1]
        self.window = past.window
        self.frames: Table = new_table(FrameState, lanes, assets, len(past.frames))
        self.observations = np.zeros((lanes, size), dtype=np.float32)
        self._periods = past.periods(market)
        block = np.zeros(NUM_ASSET_FEATURES + world.signals.shape[2], dtype=np.float32)
        self._scratch = Scratch(new_table(AssetState, 1), block)
        self._call: Any = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is bound to these buffers."""
        return {**vars(self), "_call": None}

    def look(
        self,
        world: World,
        lanes: Lanes,
        shown: NDArray[np.float32],
        todo: NDArray[np.int8],
        *,
        fresh: bool,
    ) -> None:
        """Write the whole observations; into new buffers where earlier ones may be kept."""
        out = np.empty_like(self.observations) if fresh else self.observations
        rows = lanes.accounts["row"].copy()
        given = (
            *(world, lanes.assets, rows, shown, self.observations, out),
            *(self.frames, self._periods, self._scratch, todo, self.window),
        )
        if self._call is None:
            self._call = bound(look_back, *given)
        self._call(*given)
        self.observations = out

    def begin(
        self,
        world: World,
        lanes: Lanes,
        shown: NDArray[np.float32],
        mask: NDArray[np.bool_],
        *,
        fresh: bool,
    ) -> None:
        """Write the first observation of the marked lanes."""
        todo = np.where(mask, Do.BEGIN, Do.KEEP).astype(np.int8)
        self.look(world, lanes, shown, todo, fresh=fresh)

    def step(self, world: World, lanes: Lanes, shown: NDArray[np.float32], *, fresh: bool) -> None:
        """Write the observations after a step; a lane at step 0 has begun anew in it."""
        todo = np.where(lanes.accounts["step"] == 0, Do.BEGIN, Do.STEP).astype(np.int8)
        self.look(world, lanes, shown, todo, fresh=fresh)
