"""The kinds of event a scenario is made of, in a user's units, and their scaling by severity.

Times are text with a unit: "20 bars", "36 min", "8 d", and "episode" for the whole of it; a start
may also be a share of the episode, "40%". Clock time is divided by the length of a bar, so a time
may be a fraction of a bar. A day is a trading day: `bars_per_day` bars.

Severity s multiplies the *logs* of moves and multipliers, the rates of feed faults (to at most 1)
and the length of a halt. What describes a shape stays: times, the retraced share, the size of a
bad print, the mean length of a stale run. With s = 0 every size is exactly 0.

Not modelled: events that start inside a bar, correlation, fees and resilience as events.
"""

import math
import re
from abc import abstractmethod
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

MAX_NUMBER = 1e9  # of any unit of time
MAX_MULTIPLIER = 1e6
SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}
TIME = re.compile(r"(\d{1,12}(?:\.\d{1,12})?) ?(bars?|s|min|h|d|%)", re.ASCII)
ROUNDING = 1e-9  # 0.7 x 10 bars is 7 bars

Fields: TypeAlias = dict[str, float]


class Clock(NamedTuple):
    """What turns times into bars."""

    bar_seconds: float
    bars_per_day: float
    length: int  # steps of an episode

    def bars(self, time: str) -> float:
        """Convert a valid time to bars."""
        if time == "episode":
            return float(self.length)
        number, unit = parse_time(time)
        if unit == "%":
            return number / 100.0 * self.length
        if unit == "d":
            return number * self.bars_per_day
        return number * SECONDS[unit] / self.bar_seconds if unit in SECONDS else number

    def step(self, time: str) -> int:
        """Return the step whose bar a time falls in; a share of the episode lies inside it."""
        step = math.floor(self.bars(time) + ROUNDING)
        return min(step, self.length - 1) if time.endswith("%") else step


def parse_time(text: object) -> tuple[float, str]:
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
    if parse_time(value)[1] == "%":
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
    parsed = [parse_time(time) for time in times]
    units = {unit.removesuffix("s") if unit.startswith("bar") else unit for _, unit in parsed}
    if len(units) > 1:
        raise ValueError("give both ends of the range in the same unit")
    if parsed[0][0] > parsed[-1][0]:
        raise ValueError("the range ends before it begins")
    if units == {"%"} and parsed[-1][0] > 100.0:
        raise ValueError("a share of the episode is at most 100%")
    return tuple(times) if value is times else value


def check_assets(value: object) -> object:
    """Accept "all", or a list of symbols and positions."""
    if value == "all":
        return value
    if not isinstance(value, list | tuple) or not value:
        raise ValueError('give "all", or a list of symbols or positions (from 0)')
    if any(isinstance(item, bool) or not isinstance(item, int | str) for item in value):
        raise ValueError("each asset is a symbol or a position (from 0)")
    return tuple(value)


Start: TypeAlias = Annotated[Any, BeforeValidator(check_start)]  # str, or a pair of them
Span: TypeAlias = Annotated[str, BeforeValidator(check_span)]
Lasting: TypeAlias = Annotated[str, BeforeValidator(check_lasting)]
Assets: TypeAlias = Annotated[Any, BeforeValidator(check_assets)]  # str, or tuple of str, int
Rate: TypeAlias = Annotated[float, Field(ge=0.0, le=1.0)]
Multiplier: TypeAlias = Annotated[float, Field(ge=1.0 / MAX_MULTIPLIER, le=MAX_MULTIPLIER)]


def scaled_log(multiplier: float, severity: float) -> float:
    """Return the log of a multiplier times the severity, never -0."""
    return math.log(multiplier) * severity + 0.0


class Base(BaseModel):
    """What every event has: when, on what, and how well it is known."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    start: Start
    """A time, or [earliest, latest]: drawn for each episode."""
    delay: Span = "0 bars"
    """Added to the start: the order of events within a crisis."""
    assets: Assets = "all"
    status: Literal["sourced", "assumed"] = "assumed"
    source: str = Field("", validate_default=True)
    """Citation; a sourced event must have one."""

    @field_validator("source")
    @classmethod
    def _cited(cls, source: str, info: ValidationInfo) -> str:
        if info.data.get("status") == "sourced" and not source.strip():
            raise ValueError("a sourced event names its source; else status is assumed")
        return source

    def earliest_latest(self, clock: Clock) -> tuple[int, int]:
        """Return the first and last step the event may start at, without its delay."""
        times = self.start if isinstance(self.start, tuple) else (self.start, self.start)
        return clock.step(times[0]), clock.step(times[1])

    @abstractmethod
    def record(self, clock: Clock, severity: float) -> Fields:
        """Return duration and sizes as fields of an `EventRecord`; the others are 0."""


class Price(Base):
    """A move of the price: at once before an open, along a line, or there and part of it back."""

    kind: Literal["price"]
    shape: Literal["gap", "ramp", "crash_and_retrace"]
    move: float = Field(gt=-1.0, le=MAX_MULTIPLIER)
    """Signed fraction of the price: -0.06 takes 6% off."""
    duration: Span | None = Field(None, validate_default=True)
    retrace: Rate | None = Field(None, validate_default=True)
    """Share of the (log) move that is given back over `recovery`."""
    recovery: Span | None = Field(None, validate_default=True)

    @field_validator("duration")
    @classmethod
    def _lasts(cls, duration: str | None, info: ValidationInfo) -> str | None:
        shape = info.data.get("shape", "")
        if shape and (duration is None) != (shape == "gap"):
            raise ValueError("a ramp and a crash_and_retrace have one, a gap has none")
        return duration

    @field_validator("retrace", "recovery")
    @classmethod
    def _returns(cls, value: float | str | None, info: ValidationInfo) -> float | str | None:
        shape = info.data.get("shape", "")
        if shape and (value is None) == (shape == "crash_and_retrace"):
            raise ValueError("a crash_and_retrace has one, a gap and a ramp have none")
        return value

    def record(self, clock: Clock, severity: float) -> Fields:
        return {
            "duration": clock.bars(self.duration or "0 bars"),
            "move": math.log1p(self.move) * severity + 0.0,
            "retrace": self.retrace or 0.0,
            "recovery": clock.bars(self.recovery or "0 bars"),
        }


class Fading(Base):
    """An event whose multipliers last for a while and then fade, at once by default."""

    duration: Lasting
    half_life: Span = "0 bars"

    def times(self, clock: Clock) -> Fields:
        return {"duration": clock.bars(self.duration), "half_life": clock.bars(self.half_life)}


class Volatility(Fading):
    """Moves of the market's own bars are multiplied."""

    kind: Literal["volatility"]
    multiplier: Multiplier

    def record(self, clock: Clock, severity: float) -> Fields:
        return {**self.times(clock), "volatility": scaled_log(self.multiplier, severity)}


class Liquidity(Fading):
    """Spread, depth and volume change together."""

    kind: Literal["liquidity"]
    spread: Multiplier = 1.0
    depth: Multiplier = 1.0
    volume: Multiplier = 1.0

    @field_validator("depth")
    @classmethod
    def _moves_with_spread(cls, depth: float, info: ValidationInfo) -> float:
        if depth > 1.0 and info.data.get("spread", 1.0) > 1.0:
            raise ValueError("depth > 1 with spread > 1: a wider market is not a deeper one")
        return depth

    def record(self, clock: Clock, severity: float) -> Fields:
        names = ("spread", "depth", "volume")
        logs = {name: scaled_log(getattr(self, name), severity) for name in names}
        return {**self.times(clock), **logs}


class Latency(Fading):
    """Orders take longer to arrive."""

    kind: Literal["latency"]
    multiplier: Multiplier

    def record(self, clock: Clock, severity: float) -> Fields:
        return {**self.times(clock), "latency": scaled_log(self.multiplier, severity)}


class Halt(Base):
    """Nothing trades and the price stands still."""

    kind: Literal["halt"]
    duration: Lasting

    def record(self, clock: Clock, severity: float) -> Fields:
        duration = clock.bars(self.duration) * severity
        return {"duration": duration, "halted": 1 if duration > 0.0 else 0}


class Fault(Base):
    """A fault of the data feed: the market is sound, what is shown of it is not."""

    duration: Lasting
    rate: Rate
    """Chance in each bar."""

    def record(self, clock: Clock, severity: float) -> Fields:
        rate = min(self.rate * severity, 1.0)
        return {"duration": clock.bars(self.duration), **self.fault(rate)}

    @abstractmethod
    def fault(self, rate: float) -> Fields:
        """Return the scaled rate and what the fault looks like; nothing of it at rate 0."""


class Missing(Fault):
    """A bar is not delivered."""

    kind: Literal["missing"]

    def fault(self, rate: float) -> Fields:
        return {"missing_rate": rate}


class Stale(Fault):
    """The last bar is repeated, as if it were fresh, for a run of bars."""

    kind: Literal["stale"]
    mean_bars: float = Field(ge=1.0, le=MAX_MULTIPLIER)

    def fault(self, rate: float) -> Fields:
        return {"stale_rate": rate, "stale_bars": self.mean_bars if rate > 0.0 else 0.0}


class Spike(Fault):
    """A bad print."""

    kind: Literal["spike"]
    size: float = Field(gt=0.0, le=MAX_MULTIPLIER)
    """Standard deviations of a bar."""

    def fault(self, rate: float) -> Fields:
        return {"spike_rate": rate, "spike_size": self.size if rate > 0.0 else 0.0}


Event: TypeAlias = Annotated[
    Price | Volatility | Liquidity | Latency | Halt | Missing | Stale | Spike,
    Field(discriminator="kind"),
]
KINDS: dict[str, type[Base]] = {
    kind.__name__.lower(): kind
    for kind in (Price, Volatility, Liquidity, Latency, Halt, Missing, Stale, Spike)
}
