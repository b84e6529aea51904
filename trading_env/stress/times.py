"""Times of a scenario: text with a unit, checked on reading and turned into bars.

"20 bars", "36 min", "8 d", and "episode" for the whole of it; a start may also be a share of the
episode, "40%". Clock time is divided by the length of a bar, so a time may be a fraction of a bar.
A day is a trading day: `bars_per_day` bars.
"""

import math
import re
from typing import Annotated, Any, NamedTuple, TypeAlias

from pydantic import BeforeValidator

MAX_NUMBER = 1e9  # of any unit of time
SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}
TIME = re.compile(r"(\d{1,12}(?:\.\d{1,12})?) ?(bars?|s|min|h|d|%)", re.ASCII)
_ROUNDING = 1e-9  # 0.7 x 10 bars is 7 bars


class Clock(NamedTuple):
    """What turns times into bars."""

    bar_seconds: float
    bars_per_day: float
    length: int  # steps of an episode

    def bars(self, time: str) -> float:
        """Convert a valid time to bars."""
        if time == "episode":
            return float(self.length)
        number, unit = split_time(time)
        if unit == "%":
            return number / 100.0 * self.length
        if unit == "d":
            return number * self.bars_per_day
        return number * SECONDS[unit] / self.bar_seconds if unit in SECONDS else number

    @property
    def bar_scale(self) -> float:
        """What a bar moves where a day moves 1: the square root of its share of it, at most 1."""
        return min(1.0 / math.sqrt(self.bars_per_day), 1.0)

    def step(self, time: str) -> int:
        """Return the step whose bar a time falls in; a share of the episode lies inside it."""
        step = math.floor(self.bars(time) + _ROUNDING)
        return min(step, self.length - 1) if time.endswith("%") else step

    def begin(self, start: str, delay: str) -> tuple[int, float]:
        """Return the bar that start + delay falls in, and the share of it that has passed by then.

        A share of the episode begins with its bar.
        """
        bars = float(self.step(start)) if start.endswith("%") else self.bars(start)
        bars += self.bars(delay)
        step = math.floor(bars + _ROUNDING)
        offset = bars - step
        return step, offset if offset > _ROUNDING else 0.0


def split_time(text: object) -> tuple[float, str]:
    """Split a time into number and unit; ValueError when it is none."""
    match = TIME.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError('write a number and a unit (bars, s, min, h or d), as in "36 min"')
    number = float(match[1])
    if number >= MAX_NUMBER:
        raise ValueError(f"must be below {MAX_NUMBER:g}")
    return number, match[2]


def check_span(value: object) -> object:
    """Accept a time that is not a share of the episode."""
    if split_time(value)[1] == "%":
        raise ValueError("only a start can be a share of the episode; use bars, s, min, h or d")
    return value


def check_lasting(value: object) -> object:
    """Accept a span, or the whole episode."""
    return value if value == "episode" else check_span(value)


def check_start(value: object) -> object:
    """Accept a time or a pair of times in the same unit; a share is at most 100%."""
    times = value if isinstance(value, list | tuple) else [value]
    if value is times and len(times) != 2:
        raise ValueError("a range is [earliest, latest]")
    parsed = [split_time(time) for time in times]
    units = {unit.removesuffix("s") if unit.startswith("bar") else unit for _, unit in parsed}
    if len(units) > 1:
        raise ValueError("give both ends of the range in the same unit")
    if parsed[0][0] > parsed[-1][0]:
        raise ValueError("the range ends before it begins")
    if units == {"%"} and parsed[-1][0] > 100.0:
        raise ValueError("a share of the episode is at most 100%")
    return tuple(times) if value is times else value


Start: TypeAlias = Annotated[Any, BeforeValidator(check_start)]  # str, or a pair of them
Span: TypeAlias = Annotated[str, BeforeValidator(check_span)]
Lasting: TypeAlias = Annotated[str, BeforeValidator(check_lasting)]
