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


class AutoReset(IntEnum):
    """What a driver does with a lane whose episode has ended."""

    DISABLED = 0
    NEXT_STEP = 1
    SAME_STEP = 2
