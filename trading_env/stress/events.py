"""The kinds of event a scenario is made of, in a user's units, and their scaling by severity.

Sizes (moves, multipliers, correlations, rates) are numbers, or [first, last]: drawn for each
episode, evenly in the log where a size is a factor or a move.

Severity s multiplies the *logs* of moves and multipliers, the rates of feed faults (to at most 1)
and the length of a halt or an outage. What describes a shape stays: times, the retraced share, the
size of a bad print, the mean length of a stale run, the bars of a delay, the chance of an event.
With s = 0 every size is exactly 0.

Over 300 lines because the kinds of event are one table: a class a kind, read side by side.
"""

import hashlib
import math
from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeAlias, Union

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from trading_env.core.codes import Factor, Fault
from trading_env.core.settings import Share
from trading_env.stress.times import Clock, Lasting, Span, Start

MAX_MULTIPLIER = 1e6
MAX_CORRELATION = 0.999
LEAST_MOVE = math.nextafter(-1.0, 0.0)  # a price stays above 0

Fields: TypeAlias = dict[str | Factor | Fault, float]  # of an EventRecord
SHAPE = ("duration", "half_life", "retrace", "recovery", "sign")  # no effect by themselves
ANY_CLOCK = Clock(60.0, 390.0, 100)


def check_assets(value: object) -> object:
    """Accept "all", "one", or a list of symbols and positions."""
    if value in ("all", "one"):
        return value
    if not isinstance(value, list | tuple) or not value:
        raise ValueError('give "all", "one", or a list of symbols or positions (from 0)')
    if any(isinstance(item, bool) or not isinstance(item, int | str) for item in value):
        raise ValueError("each asset is a symbol or a position (from 0)")
    return tuple(value)


def check_number(value: object, low: float, high: float) -> float:
    """Return a finite number in [low, high], or raise ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number, or a range [first, last]")
    if isinstance(value, int) and abs(value) > 10**300:
        raise ValueError("must be a number that is not as large")
    if not math.isfinite(value):
        raise ValueError("must be finite")
    if value < low:
        least = "greater than -1" if low == LEAST_MOVE else f"greater than or equal to {low:g}"
        raise ValueError(f"must be {least}")
    if value > high:
        raise ValueError(f"must be less than or equal to {high:g}")
    return float(value)


def sized(low: float, high: float) -> BeforeValidator:
    """Make a validator of a number in [low, high], or of a pair of them."""

    def check(value: object) -> object:
        if not isinstance(value, list | tuple):
            return check_number(value, low, high)
        if len(value) != 2:
            raise ValueError("a range is [first, last]")
        return tuple(check_number(item, low, high) for item in value)

    return BeforeValidator(check)


Assets: TypeAlias = Annotated[Any, BeforeValidator(check_assets)]  # str, or tuple of str, int
# Each of these is a float, or a pair of them.
FaultRate: TypeAlias = Annotated[Any, sized(0.0, 1.0)]
Multiplier: TypeAlias = Annotated[Any, sized(1.0 / MAX_MULTIPLIER, MAX_MULTIPLIER)]
Move: TypeAlias = Annotated[Any, sized(LEAST_MOVE, MAX_MULTIPLIER)]
CommonShare: TypeAlias = Annotated[Any, sized(0.0, MAX_CORRELATION)]


def scaled_log(multiplier: float, severity: float) -> float:
    """Return the log of a multiplier times the severity, never -0."""
    return math.log(multiplier) * severity + 0.0


def ends_of(size: Any) -> tuple[float, float]:
    """Return the two ends of a size; the same twice when it is not a range."""
    return size if isinstance(size, tuple) else (size, size)


class Base(BaseModel):
    """What every event has: when, on what, how surely, and how well it is known."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )

    sizes: ClassVar[tuple[str, ...]] = ()
    """Names of the fields that may be ranges."""

    start: Start
    """A time, or `[earliest, latest]` in one unit, drawn for each episode; in the episode."""
    delay: Span = "0 bars"
    """A time added to the start: the order of events within a crisis. Past the episode's end the
    event does not happen."""
    assets: Assets = "all"
    """`"all"`, `"one"` (drawn for each episode), or a list of symbols or positions from 0."""
    chance: Share = 1.0
    """Probability that the event happens in an episode."""
    label: str = Field("", max_length=80)
    """Any text: events of one label share their draws of start, chance, sizes and asset."""
    status: Literal["sourced", "assumed"] = "assumed"
    """`"sourced"` or `"assumed"`."""
    source: str = Field("", validate_default=True)
    """Citation, required when sourced."""

    @field_validator("source")
    @classmethod
    def _cited(cls, source: str, info: ValidationInfo) -> str:
        if info.data.get("status") == "sourced" and not source.strip():
            raise ValueError("a sourced event names its source; else status is assumed")
        return source

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        """Refuse what is neutral as written: a size that was forgotten, or no time."""
        found = [self.at_end(end).record(ANY_CLOCK, 1.0) for end in (0, 1)]
        sized = any(fields[name] != 0.0 for fields in found for name in fields if name not in SHAPE)
        times = found[0]["duration"] + found[0].get("half_life", 0.0)
        if not sized or (times == 0.0 and "move" not in found[0]):
            named = " or ".join(self.sizes) or "duration"
            raise ValueError(f"does nothing as written: give {named}, and a time above 0")
        return self

    @property
    def label_code(self) -> int:
        """The label as a number of 31 bits; 0 for none."""
        digest = hashlib.sha256(self.label.encode()).digest()
        return int.from_bytes(digest[:4], "big") >> 1 if self.label else 0

    @property
    def is_drawn(self) -> bool:
        """Whether a size is a range."""
        return any(isinstance(getattr(self, name), tuple) for name in self.sizes)

    @property
    def waits_for_open(self) -> bool:
        """Whether it begins with the bar that its start falls in."""
        return False

    def at_end(self, end: int) -> Self:
        """Return the event with every size at one end of its range: 0 first, 1 last."""
        return self.model_copy(
            update={name: ends_of(getattr(self, name))[end] for name in self.sizes}
        )

    def mirrored(self) -> Self:
        """Return the event with its move of the price turned over; itself where it has none."""
        return self

    @abstractmethod
    def record(self, clock: Clock, severity: float) -> Fields:
        """Return duration and sizes as fields of an `EventRecord`; the others are 0."""


class Price(Base):
    """A move of the price: at once, along a line, or there and part of it back.

    A drawn sign takes the fraction off the price or adds it: half of the episodes are the other
    half mirrored in price, so that the mean of the price stays what it would be without the event,
    in every bar. Mirrored in log price it would rise: the mean of 1 / 1.25 and 1.25 is 1.025.
    """

    sizes = ("move",)

    kind: Literal["price"]
    shape: Literal["gap", "step", "ramp", "crash_and_retrace"]
    """`"gap"`: before the first open from its time on; `"step"`: before the open of the bar that
    its time lies in, since inside a bar a stop would be met on the way; `"ramp"`: along a line in
    log price; `"crash_and_retrace"`: there and part of it back."""
    move: Move
    """Signed fraction of the price, > -1: -0.06 takes 6% off."""
    sign: Literal["as_written", "drawn"] = "as_written"
    """`"drawn"`: each episode draws, evenly, whether the fraction, below 1, comes off or on top."""
    scale: Literal["fixed", "day"] = "fixed"
    """`"day"`: the move is one of daily bars; on shorter ones its log is multiplied by
    sqrt(bar / day), as a bar's own volatility is."""
    mirror: bool = False
    """Turns the move over: its log changes sign, or the draw of its sign does."""
    duration: Span | None = Field(None, validate_default=True)
    """Time to reach the move; not for a gap or a step."""
    retrace: Share | None = Field(None, validate_default=True)
    """Share of the log move that is given back, 0 to 1; only crash_and_retrace."""
    recovery: Span | None = Field(None, validate_default=True)
    """Time that the retrace takes; only crash_and_retrace."""

    @field_validator("sign")
    @classmethod
    def _goes_both_ways(cls, sign: str, info: ValidationInfo) -> str:
        sizes = ends_of(info.data.get("move", 0.0))
        if sign == "drawn" and max(map(abs, sizes)) >= 1.0:
            raise ValueError("a move whose sign is drawn lies between -1 and 1: it may come off")
        return sign

    @field_validator("duration")
    @classmethod
    def _lasts(cls, duration: str | None, info: ValidationInfo) -> str | None:
        shape = info.data.get("shape", "")
        if shape and (duration is None) != (shape in ("gap", "step")):
            raise ValueError("a ramp and a crash_and_retrace have one, a gap has none, nor a step")
        return duration

    @field_validator("retrace", "recovery")
    @classmethod
    def _returns(cls, value: float | str | None, info: ValidationInfo) -> float | str | None:
        shape = info.data.get("shape", "")
        if shape and (value is None) == (shape == "crash_and_retrace"):
            raise ValueError("a crash_and_retrace has one, a gap and a ramp have none, nor a step")
        return value

    @property
    def waits_for_open(self) -> bool:
        return self.shape == "gap"

    def mirrored(self) -> Self:
        return self.model_copy(update={"mirror": not self.mirror})

    def record(self, clock: Clock, severity: float) -> Fields:
        is_drawn, scale = self.sign == "drawn", clock.bar_scale if self.scale == "day" else 1.0
        log = math.log1p(-abs(self.move) if is_drawn else self.move) * scale * severity
        return {
            "duration": clock.bars(self.duration or "0 bars"),
            "move": (-log if self.mirror and not is_drawn else log) + 0.0,
            "sign": (-1 if self.mirror else 1) if is_drawn else 0,
            "retrace": self.retrace or 0.0,
            "recovery": clock.bars(self.recovery or "0 bars"),
        }


class Fading(Base):
    """An event whose sizes last for a while and then fade, at once by default."""

    duration: Lasting
    """Time, or `"episode"`."""
    half_life: Span = "0 bars"
    """Of the fading after `duration`; by default the event stops at once."""

    def record(self, clock: Clock, severity: float) -> Fields:
        half_life = clock.bars(self.half_life)
        return {
            "duration": clock.bars(self.duration),
            "half_life": half_life,
            **self.logs(severity),
        }

    @abstractmethod
    def logs(self, severity: float) -> Fields:
        """Return the logs of the multipliers."""


class Multiplied(Fading):
    """One multiplier, of what the kind is named after."""

    sizes = ("multiplier",)

    multiplier: Multiplier
    """The factor."""

    def logs(self, severity: float) -> Fields:
        factor = Factor[type(self).__name__.upper()]
        return {factor: scaled_log(self.multiplier, severity)}


class Volatility(Multiplied):
    """The moves of the market's own bars are multiplied."""

    kind: Literal["volatility"]


class Latency(Multiplied):
    """Orders take longer to arrive."""

    kind: Literal["latency"]


class Fees(Multiplied):
    """What each fill adds to an order's fee is multiplied."""

    kind: Literal["fees"]


class Resilience(Multiplied):
    """The account's own transient impact decays at another speed, at least a tenth of the usual."""

    kind: Literal["resilience"]


class Correlation(Fading):
    """A common shock takes over a share of each asset's variance, which stays as it is."""

    sizes = ("correlation",)

    kind: Literal["correlation"]
    correlation: CommonShare
    """The share c, 0 to 0.999: a pair's correlation rises from r to about c + (1 - c) r."""

    def logs(self, severity: float) -> Fields:
        return {Factor.OWN: math.log1p(-self.correlation) * severity + 0.0}


class Liquidity(Fading):
    """Spread, depth and volume change together; spread > 1 with depth > 1 is refused."""

    sizes = ("spread", "depth", "volume")

    kind: Literal["liquidity"]
    spread: Multiplier = 1.0
    """Factor on the half spread."""
    depth: Multiplier = 1.0
    """Factor on the depth that impact is divided by."""
    volume: Multiplier = 1.0
    """Factor on the bar's volume."""

    @field_validator("depth")
    @classmethod
    def _moves_with_spread(cls, depth: Any, info: ValidationInfo) -> Any:
        spread = info.data.get("spread", 1.0)
        for wide, deep in zip(ends_of(spread), ends_of(depth), strict=True):
            if deep > 1.0 and wide > 1.0:
                raise ValueError("depth > 1 with spread > 1: a wider market is not a deeper one")
        return depth

    def logs(self, severity: float) -> Fields:
        return {
            Factor[name.upper()]: scaled_log(getattr(self, name), severity) for name in self.sizes
        }


class Stop(Base):
    """An event that is on or off; severity scales how long."""

    flag: ClassVar[str]

    duration: Lasting
    """Time, or `"episode"`; scaled by severity."""

    def record(self, clock: Clock, severity: float) -> Fields:
        duration = clock.bars(self.duration) * severity
        return {"duration": duration, self.flag: 1 if duration > 0.0 else 0}


class Halt(Stop):
    """Nothing trades and the price stands still, in bars of which it covers at least half."""

    flag = "halted"

    kind: Literal["halt"]


class Outage(Stop):
    """Orders sent while it lasts leave when it ends; orders in flight or resting are unaffected."""

    flag = "outage"

    kind: Literal["outage"]

    @property
    def waits_for_open(self) -> bool:
        return True


class FeedFault(Base):
    """A fault of the data feed: the market is sound, what is shown of it is not."""

    sizes = ("rate",)

    duration: Lasting
    """Time, or `"episode"`."""
    rate: FaultRate
    """Chance in each bar."""

    def record(self, clock: Clock, severity: float) -> Fields:
        rate = min(self.rate * severity, 1.0)
        fault = Fault[type(self).__name__.upper()]
        looks = self.looks() if rate > 0.0 else {}
        return {"duration": clock.bars(self.duration), fault: rate, **looks}

    def looks(self) -> Fields:
        """Return what the fault looks like."""
        return {}


class Missing(FeedFault):
    """A bar is not delivered."""

    kind: Literal["missing"]


class Duplicate(FeedFault):
    """The bar before is delivered once more, as if it were new."""

    kind: Literal["duplicate"]


class Late(FeedFault):
    """A bar is delivered late, with its age; until then nothing is, and bars between are lost."""

    kind: Literal["late"]
    bars: int = Field(ge=1, le=1000)
    """How many bars late, 1 to 1000."""

    def looks(self) -> Fields:
        return {"late_bars": self.bars}


class Stale(FeedFault):
    """The last bar is repeated, as if it were fresh, for a run of bars."""

    kind: Literal["stale"]
    mean_bars: float = Field(ge=1.0, le=MAX_MULTIPLIER)
    """Mean length of the run, >= 1."""

    def looks(self) -> Fields:
        return {"stale_bars": self.mean_bars}


class Spike(FeedFault):
    """A bad print: the close that is shown is off for one bar."""

    kind: Literal["spike"]
    size: float = Field(gt=0.0, le=MAX_MULTIPLIER)
    """How far off, in standard deviations of a bar."""

    def looks(self) -> Fields:
        return {"spike_size": self.size}


def event_classes(kind: type[Base]) -> list[type[Base]]:
    """Return the classes below one that are kinds of event, in the order of the file."""
    if "kind" in kind.model_fields:
        return [kind]
    return [leaf for child in kind.__subclasses__() for leaf in event_classes(child)]


KINDS = {kind.__name__.lower(): kind for kind in event_classes(Base)}  # type: ignore[type-abstract]
if TYPE_CHECKING:
    Event = Base
else:
    Event = Annotated[Union[tuple(KINDS.values())], Field(discriminator="kind")]  # noqa: UP007
