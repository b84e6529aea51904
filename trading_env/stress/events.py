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
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from trading_env.stress.times import Clock, Lasting, Span, Start

MAX_MULTIPLIER = 1e6
MAX_CORRELATION = 0.999
LEAST_MOVE = math.nextafter(-1.0, 0.0)  # a price stays above 0

Fields: TypeAlias = dict[str, float]


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
Share: TypeAlias = Annotated[float, Field(ge=0.0, le=1.0)]
Rate: TypeAlias = Annotated[Any, sized(0.0, 1.0)]  # float, or a pair of them; so are the next three
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

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    sizes: ClassVar[tuple[str, ...]] = ()
    """Names of the fields that may be ranges."""

    start: Start
    """A time, or [earliest, latest]: drawn for each episode."""
    delay: Span = "0 bars"
    """Added to the start: the order of events within a crisis."""
    assets: Assets = "all"
    chance: Share = 1.0
    """Probability that the event happens in an episode."""
    label: str = Field("", max_length=80)
    """Events of one label share their draws: start, chance, sizes and asset."""
    status: Literal["sourced", "assumed"] = "assumed"
    source: str = Field("", validate_default=True)
    """Citation; a sourced event must have one."""

    @field_validator("source")
    @classmethod
    def _cited(cls, source: str, info: ValidationInfo) -> str:
        if info.data.get("status") == "sourced" and not source.strip():
            raise ValueError("a sourced event names its source; else status is assumed")
        return source

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

    @abstractmethod
    def record(self, clock: Clock, severity: float) -> Fields:
        """Return duration and sizes as fields of an `EventRecord`; the others are 0."""


class Price(Base):
    """A move of the price: at once, along a line, or there and part of it back."""

    sizes = ("move",)

    kind: Literal["price"]
    shape: Literal["gap", "step", "ramp", "crash_and_retrace"]
    move: Move
    """Signed fraction of the price: -0.06 takes 6% off."""
    duration: Span | None = Field(None, validate_default=True)
    retrace: Share | None = Field(None, validate_default=True)
    """Share of the (log) move that is given back over `recovery`."""
    recovery: Span | None = Field(None, validate_default=True)

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

    def record(self, clock: Clock, severity: float) -> Fields:
        return {
            "duration": clock.bars(self.duration or "0 bars"),
            "move": math.log1p(self.move) * severity + 0.0,
            "retrace": self.retrace or 0.0,
            "recovery": clock.bars(self.recovery or "0 bars"),
        }


class Fading(Base):
    """An event whose sizes last for a while and then fade, at once by default."""

    duration: Lasting
    half_life: Span = "0 bars"

    def record(self, clock: Clock, severity: float) -> Fields:
        times = {"duration": clock.bars(self.duration), "half_life": clock.bars(self.half_life)}
        return {**times, **self.logs(severity)}

    @abstractmethod
    def logs(self, severity: float) -> Fields:
        """Return the logs of the multipliers."""


class Multiplied(Fading):
    """One multiplier, of what the kind is named after."""

    sizes = ("multiplier",)

    multiplier: Multiplier

    def logs(self, severity: float) -> Fields:
        return {type(self).__name__.lower(): scaled_log(self.multiplier, severity)}


class Volatility(Multiplied):
    """Moves of the market's own bars are multiplied."""

    kind: Literal["volatility"]


class Latency(Multiplied):
    """Orders take longer to arrive."""

    kind: Literal["latency"]


class Fees(Multiplied):
    """What each fill adds to an order's fee is multiplied."""

    kind: Literal["fees"]


class Resilience(Multiplied):
    """The account's own transient impact decays at another speed: below 1 the book refills late."""

    kind: Literal["resilience"]


class Correlation(Fading):
    """A common shock takes over this share of each asset's variance."""

    sizes = ("correlation",)

    kind: Literal["correlation"]
    correlation: CommonShare

    def logs(self, severity: float) -> Fields:
        return {"own": math.log1p(-self.correlation) * severity + 0.0}


class Liquidity(Fading):
    """Spread, depth and volume change together."""

    sizes = ("spread", "depth", "volume")

    kind: Literal["liquidity"]
    spread: Multiplier = 1.0
    depth: Multiplier = 1.0
    volume: Multiplier = 1.0

    @field_validator("depth")
    @classmethod
    def _moves_with_spread(cls, depth: Any, info: ValidationInfo) -> Any:
        spread = info.data.get("spread", 1.0)
        for wide, deep in zip(ends_of(spread), ends_of(depth), strict=True):
            if deep > 1.0 and wide > 1.0:
                raise ValueError("depth > 1 with spread > 1: a wider market is not a deeper one")
        return depth

    def logs(self, severity: float) -> Fields:
        return {name: scaled_log(getattr(self, name), severity) for name in self.sizes}


class Stop(Base):
    """An event that is on or off; severity scales how long."""

    flag: ClassVar[str]

    duration: Lasting

    def record(self, clock: Clock, severity: float) -> Fields:
        duration = clock.bars(self.duration) * severity
        return {"duration": duration, self.flag: 1 if duration > 0.0 else 0}


class Halt(Stop):
    """Nothing trades and the price stands still."""

    flag = "halted"

    kind: Literal["halt"]


class Outage(Stop):
    """Orders sent while it lasts leave when it is over; what rests at the venue trades on."""

    flag = "outage"

    kind: Literal["outage"]

    @property
    def waits_for_open(self) -> bool:
        return True


class Fault(Base):
    """A fault of the data feed: the market is sound, what is shown of it is not."""

    sizes = ("rate",)

    duration: Lasting
    rate: Rate
    """Chance in each bar."""

    def record(self, clock: Clock, severity: float) -> Fields:
        rate = min(self.rate * severity, 1.0)
        name = type(self).__name__.lower()
        looks = self.looks() if rate > 0.0 else {}
        return {"duration": clock.bars(self.duration), f"{name}_rate": rate, **looks}

    def looks(self) -> Fields:
        """Return what the fault looks like."""
        return {}


class Missing(Fault):
    """A bar is not delivered."""

    kind: Literal["missing"]


class Duplicate(Fault):
    """The bar before is delivered once more, under a new time."""

    kind: Literal["duplicate"]


class Late(Fault):
    """A bar is delivered bars later, and nothing until then."""

    kind: Literal["late"]
    bars: int = Field(ge=1, le=1000)

    def looks(self) -> Fields:
        return {"late_bars": self.bars}


class Stale(Fault):
    """The last bar is repeated, as if it were fresh, for a run of bars."""

    kind: Literal["stale"]
    mean_bars: float = Field(ge=1.0, le=MAX_MULTIPLIER)

    def looks(self) -> Fields:
        return {"stale_bars": self.mean_bars}


class Spike(Fault):
    """A bad print."""

    kind: Literal["spike"]
    size: float = Field(gt=0.0, le=MAX_MULTIPLIER)
    """Standard deviations of a bar."""

    def looks(self) -> Fields:
        return {"spike_size": self.size}


MARKET_KINDS = (
    *(Price, Volatility, Liquidity, Correlation, Latency),
    *(Fees, Resilience, Halt, Outage),
)
FEED_KINDS = (Missing, Stale, Spike, Duplicate, Late)

Event: TypeAlias = Annotated[
    Price
    | Volatility
    | Liquidity
    | Correlation
    | Latency
    | Fees
    | Resilience
    | Halt
    | Outage
    | Missing
    | Stale
    | Spike
    | Duplicate
    | Late,
    Field(discriminator="kind"),
]
KINDS: dict[str, type[Base]] = {
    kind.__name__.lower(): kind for kind in (*MARKET_KINDS, *FEED_KINDS)
}
