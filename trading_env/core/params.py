"""Constants that a step reads, as records in the units of the kernels.

Settings that kernels read as the user gave them have no class here: `RiskConfig` and
`AccountConfig` are their own records (`core/settings.py`).
"""

from typing import Annotated

from trading_env.core.records import DECAYS, Floats


class ExecutionParams:
    """Constants of the execution engine."""

    latency_median_s: float
    latency_log_sd: float
    half_spread: float  # fraction
    spread_exponent: float
    temporary: float  # fraction at a participation of 1
    felt: float  # what a fill pays over that: its own pressure in the bar it trades in included
    exponent: float
    volatility_scaled: int  # 1: impact coefficients multiply the day's volatility
    permanent: float  # fraction of the price at one day's volume (turnover factor included)
    transient_weight: Annotated[Floats, DECAYS]  # pressure that stays and decays so
    transient_rate: Annotated[Floats, DECAYS]  # of the decay, 1 / seconds
    transient_decay: Annotated[Floats, DECAYS]  # share left after one bar
    transient_mean: Annotated[Floats, DECAYS]  # mean share felt over one bar
    participation: float  # cap, share of a bar's volume
    fee: float  # fraction of notional
    fee_per_unit: float
    maker_fee: float  # fraction of notional, of resting targets and limit orders
    fee_minimum: float  # per order
    fee_maximum: float  # per order, fraction of its notional
    tick: float  # prices of fills and levels are multiples of it; 0: any
    lot: float  # units: orders and their fills are multiples of it; 0: any
    minimum_notional: float  # currency: smaller orders are not sent
    limit_orders: int  # 1: orders carry a limit
    limit_offset: float  # from the shown price, fraction; > 0 is away from the market
    time_in_force: int
    impact_reference: int


class EpisodeParams:
    """Constants of the task and of the market table."""

    paths: int
    bars: int  # of one path
    bar_seconds: float
    bars_per_day: float
    warmup: int
    length: int  # steps
    groups: int  # scenarios to draw from
    task: int  # Task
    action: int  # ActionKind
    bar_volatility: float  # sd of a bar over the arrival price; 0: as shown (Execution)
    scale: float


class ParentParams:
    """One asset's parent order: fixed, or drawn at the start of an episode."""

    drawn: int  # 1: side and size are drawn, and `quantity` is not used
    quantity: float  # units, signed
    side: float  # +1 buys, -1 sells, 0: drawn
    smallest: float  # share of the volume to be expected over the horizon
    largest: float
