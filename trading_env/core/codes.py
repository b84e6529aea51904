"""Codes of a step: what state, reason or mode an integer in a record stands for."""

from enum import IntEnum


class Task(IntEnum):
    """What an episode is about: what an action asks for, the reward, and when it ends."""

    PORTFOLIO = 0
    EXECUTION = 1


class RiskMode(IntEnum):
    """How a signal becomes a target."""

    KELLY = 0  # confidence -> win probability -> fractional Kelly -> caps
    LINEAR = 1  # signal x max_weight -> caps
    RAW = 2  # signal x max_weight, no caps (ablation)
    VOLATILITY_TARGET = 3  # signal x target over shown volatility -> caps


class ActionKind(IntEnum):
    """What an action says of each asset."""

    TARGET = 0  # a signal; orders are of the configured type
    TARGET_AND_TYPE = 1  # a signal, and how the order for it is worked
    ORDERS = 2  # an order of its own; without one nothing is sent


class OrderType(IntEnum):
    """What an order waits for; the last is none, and takes back what works."""

    MARKET = 0
    LIMIT = 1  # a price at least as good
    STOP = 2  # the price's coming to its trigger; from there on it is a market order
    CANCEL = 3


class Covariance(IntEnum):
    """How assets are sized: each by itself, or together by their shrunk shown covariance."""

    NONE = 0
    SHRUNK = 1


class BoundBy(IntEnum):
    """What decided the size of a target or kept an order from being sent."""

    NONE = 0
    RISK_TOLERANCE = 1
    MAX_WEIGHT = 2
    MAX_LEVERAGE = 3
    PARTICIPATION = 4
    DRAWDOWN = 5
    MARGIN = 6
    NO_TRADE_BAND = 7
    EXIT_PENDING = 8
    ORDER_SLOTS = 9
    LOT_SIZE = 10
    EXECUTION_FEEDBACK = 11


class Status(IntEnum):
    """What became of an asset's orders in a step."""

    NONE = 0  # nothing was live
    FILLED = 1
    PARTIAL = 2  # some filled, the rest works on
    WORKING = 3  # arrived, nothing filled yet
    IN_FLIGHT = 4  # sent, not yet arrived
    CANCELLED = 5
    EXPIRED = 6  # time in force ended before it was filled
    REJECTED = 7
    HALTED = 8  # arrived during a halt


class Exit(IntEnum):
    """Why a position is being, or has just been, closed without the agent's order."""

    NONE = 0
    STOP_LOSS = 1
    TAKE_PROFIT = 2
    MARGIN_CALL = 3
    TIME_STOP = 4
    DELISTED = 5


class SlotState(IntEnum):
    """Where one order is."""

    EMPTY = 0
    IN_FLIGHT = 1
    WORKING = 2
    DONE = 3  # filled, cancelled or expired in the last step; its ledger can still be read


class TimeInForce(IntEnum):
    """When the unfilled rest of an order lapses."""

    BAR = 0  # at the end of the bar it arrived in
    EPISODE = 1  # never before the episode ends


class ImpactReference(IntEnum):
    """The price that fractional impact is turned into currency with."""

    CURRENT = 0
    FIRST = 1  # the episode's first mark: the arithmetic closed forms


class Listing(IntEnum):
    """Whether an asset can be traded in a bar."""

    LISTED = 0
    NOT_YET = 1
    NO_MORE = 2


class Rate(IntEnum):
    """A yearly rate that positions pay: simple interest on their value at the mark."""

    FUNDING = 0  # longs pay it to shorts
    BORROW = 1  # shorts pay it


class AutoReset(IntEnum):
    """What a driver does with a lane whose episode has ended."""

    DISABLED = 0
    NEXT_STEP = 1
    SAME_STEP = 2


class Factor(IntEnum):
    """What a scenario multiplies; 1 is neutral."""

    VOLATILITY = 0  # the base bar's simple returns
    SPREAD = 1  # the half spread
    DEPTH = 2  # what temporary impact is divided by
    VOLUME = 3  # the bar's volume
    LATENCY = 4  # of an order
    FEES = 5  # what each fill adds to an order's fee
    RESILIENCE = 6  # the speed at which own transient impact decays
    OWN = 7  # the share of the base returns' variance that stays the asset's own


class Fault(IntEnum):
    """What is wrong with a bar as the feed shows it."""

    NONE = 0
    MISSING = 1
    STALE = 2
    SPIKE = 3
    DUPLICATE = 4
    LATE = 5


def names_of(codes: type[IntEnum]) -> tuple[str, ...]:
    """Return the lower-case names of a code, in its order."""
    return tuple(code.name.lower() for code in codes)
