"""Every value that flows through a step: unit, sign and shape.

Two kinds of type live here. *Values* are NamedTuples of scalars that kernels take and return.
*Records* declare one row of a column store: an annotated class names the fields, and
`record_dtype` turns it into the numpy structured type that holds it (float -> float64,
int -> int64). Kernels read and write records by name (`asset.position`), compiled or not.

Units: money in the account's currency, quantities in units of the asset (signed, + is long or
buy), prices in currency per unit, fractions of a price or of equity as pure numbers, time in
seconds or bars where the name says so. A level of 0 means "no such level": nothing here is NaN.

Longer than a room should be, on purpose: it is the one list of what the rooms exchange.
"""

from enum import IntEnum
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

SLOTS = 4  # live orders an asset can have; one more is rejected by name, never lost

Table: TypeAlias = NDArray[Any]  # an array of records
Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]


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


# --------------------------------------------------------------------------- values


class Bar(NamedTuple):
    """One bar: prices in currency per unit, volume in units."""

    open: float
    high: float
    low: float
    close: float
    volume: float


class Stake(NamedTuple):
    """A signed share of equity and what decided its size."""

    fraction: float
    kelly_fraction: float  # the growth-optimal share, before multiplier and caps; >= 0
    bound_by: int


class Distances(NamedTuple):
    """Distances from entry, in log price; both > 0."""

    stop: float
    target: float


class Terms(NamedTuple):
    """What an order meets in one bar; fractions are of `reference`."""

    reference: float  # currency per unit; 0: the arrival price itself
    half_spread: float  # fraction, widened and stressed
    temporary: float  # fraction at a participation of 1
    exponent: float
    permanent: float  # fraction per unit traded
    transient: float  # fraction, signed: displacement left by the account's earlier trades
    fees: float = 1.0  # the scenario's factor on fees
    resilience: float = 1.0  # its factor on the speed at which displacement decays


class Session(NamedTuple):
    """One bar as a place to trade."""

    bar: Bar
    terms: Terms
    capacity: float  # units that all fills together may take
    seconds: float  # length of the bar


class Address(NamedTuple):
    """Where a random draw lives, but for its stream."""

    seed: np.uint64
    episode: int
    step: int
    asset: int


class Quote(NamedTuple):
    """The price of one fill, by parts; half_spread and impact in currency per unit."""

    price: float
    half_spread: float  # paid, >= 0
    impact: float  # paid per unit traded; negative where earlier own impact favours the fill
    permanent: float  # the permanent part of it
    transient: float  # the part that earlier trades left
    temporary: float  # the temporary part alone, as a fraction


class Outcome(NamedTuple):
    """What a step returns beside the state it wrote."""

    reward: float
    terminated: bool
    truncated: bool


# --------------------------------------------------------------------------- records


class BarRecord:
    """A row of a market table; see `Bar`."""

    open: float
    high: float
    low: float
    close: float
    volume: float


class AssetState:
    """Everything one asset of one environment carries from step to step."""

    # the market as it is
    mark: float  # true close, own lasting impact included, own transient impact not
    base_close: float  # of the market table's last bar
    undisturbed: float  # the same without the account's own impact
    displacement: float  # factor by which the scenario has moved the price off the base table
    permanent: float  # own lasting impact: log, or fraction of `reference_price` (FIRST)
    transient_0: float  # own decaying impact, fraction, one for each decay time
    transient_1: float
    transient_2: float
    reference_price: float  # first mark of the episode
    variance_fast: float  # of a bar's undisturbed return: own impact does not feed on itself
    variance_slow: float
    volume_mean: float  # units a bar, trailing
    # the account's holding
    position: float  # units
    entry_price: float  # average, 0 when flat
    stop_loss: float  # price level, 0 for none
    take_profit: float  # price level, 0 for none
    stop_distance: float  # log, that the stop was last set with
    trailing: int  # 1: the stop follows the price, and no addition loosens it
    holding_bars: int  # bars that have ended since the position was opened or flipped
    exit_pending: int  # Exit code; while set, the agent's orders are refused
    exit_notional: float  # traded by the present exit, for its fee
    exit_units: float
    exit_fees: float  # before the scenario's factor
    slots_used: int  # order slots from here on are empty
    # the parent order (Execution)
    parent: float  # units, signed
    goal: float  # position in which it is done
    # execution feedback: exponentially weighted means over fills
    slippage: float  # realised cost, fraction of notional
    expected_slippage: float  # what the risk manager expected to pay
    latency: float  # seconds
    fill_ratio: float  # filled share of what was live
    # what the feed has shown
    seen_close: float
    seen_high: float
    seen_low: float
    seen_volume: float
    seen_return: float
    seen_variance_fast: float
    seen_variance_slow: float
    seen_volume_mean: float
    trend_0: float  # exponentially weighted mean of seen returns, one for each half-life
    trend_1: float
    trend_2: float
    age: int  # bars since the last delivered bar
    valid: int  # 1: this bar was delivered
    stale_left: int  # bars that a stale run still lasts
    late_left: int  # bars until a late bar is delivered
    late_age: int  # its age then
    late_close: float
    late_high: float
    late_low: float
    late_volume: float


class OrderSlot:
    """One live order, with its own ledger in currency."""

    state: int  # SlotState
    identity: int  # numbered from 1 in each episode and asset
    quantity: float  # units, signed; 0 is a pure cancel
    left: float  # units, signed
    decision_price: float  # mark when the decision was taken
    arrival_price: float  # where it met the market; 0 until it has
    limit: float  # worst price it may trade at, currency per unit; 0 for a market order
    latency_s: float
    due_s: float  # seconds from the next bar's open until it arrives
    replaces: int  # 1: cancels the orders it was sent to replace when it arrives
    replaced: int  # 1: a newer order is on its way to cancel it
    stop_distance: float  # log, set on the position when the fill opens or adds to it
    target_distance: float
    outcome: int  # Status it ended with, once DONE
    claim: float  # units it stood for when this step began; 0 once a newer order replaces it
    step_filled: float  # units filled in this step
    filled: float  # units, signed
    notional: float  # currency filled so far
    proportional: float  # the part of its fee that goes by notional, currency
    delay: float
    spread: float
    impact: float
    fees: float
    opportunity: float


class AccountState:
    """What one environment carries from step to step, beside its assets."""

    cash: float
    fees_paid: float  # cumulative
    financing_paid: float  # cumulative; negative is income
    initial_equity: float
    equity: float  # at the last mark
    peak_equity: float
    seen_equity: float  # marked at the prices shown
    seen_peak: float  # highest that two consecutive shown values reached
    arrival_value: float  # sum of |parent| x arrival price (Execution)
    step: int
    episode: int
    row: int  # of the market table: the bar the last decision could see
    group: int  # scenario drawn for this episode
    done: int  # 1: the episode has ended


class EpisodeLog:
    """Sums over an episode; what `info["episode"]` is made from."""

    reward: float
    steps: int
    traded: float  # notional
    delay: float
    spread: float
    impact: float
    fees: float
    opportunity: float
    ordered: float  # orders sent, at their decision prices, currency
    filled: float  # what was filled of them, at the same prices (exits not counted)
    orders: int
    arrivals: int
    latency: float  # sum over arrivals, seconds
    stops: int  # bars in which a stop was worked
    targets: int
    time_stops: int
    margin_calls: int
    parent_shortfall: float  # implementation shortfall of the parent orders (Execution)
    max_drawdown: float
    # decisions by what bound them, one for each asset and step; the rest were bound by nothing
    bound_risk_tolerance: int
    bound_max_weight: int
    bound_max_leverage: int
    bound_participation: int
    bound_drawdown: int
    bound_margin: int
    bound_no_trade_band: int
    bound_exit_pending: int
    bound_order_slots: int
    bound_lot_size: int
    bound_execution_feedback: int


class Report:
    """What happened to one asset in the last step; overwritten each step."""

    # the decision
    signal: float
    confidence: float
    win_probability: float  # that the confidence stands for; 0 in Execution
    kelly_fraction: float
    wished_fraction: float  # before every cap
    target_fraction: float  # after them
    target: float  # units
    bound_by: int
    stop_distance: float  # log
    target_distance: float
    stop_loss: float  # level in force after the step, 0 for none
    take_profit: float
    # the order
    decision_price: float
    live: float  # units outstanding after the decision, new order included
    intended: float  # target minus position, units
    sent: float  # units of the new order
    # the fills: agent's orders and exits together
    filled: float  # units, signed
    order_filled: float  # of which agent's orders
    order_value: float  # those fills at their orders' decision prices, currency, absolute
    traded: float  # units, absolute
    notional: float  # currency, absolute
    cash_flow: float  # -sum(quantity x price)
    price: float  # average fill price, or the mark when nothing was filled
    latency_s: float  # mean over the orders that arrived in this bar, 0 when none did
    arrivals: int
    status: int
    exit: int  # Exit code of an exit that was due in this step
    exit_claim: float  # units it should have traded, signed
    exit_reference: float  # the price it is measured against
    working: float  # units still outstanding at the end of the step
    pressure: float  # sum of quantity x temporary impact as a fraction, signed
    rested: float  # units, absolute, filled as resting limits and targets: no temporary impact
    ordered: float  # units newly asked for: what a replacing order repeats is not counted again
    # the ledger, currency; the five sum to `shortfall`
    delay: float
    spread: float
    impact: float  # temporary, permanent and transient
    impact_permanent: float
    impact_transient: float
    fees: float
    opportunity: float
    shortfall: float
    # the bar as it was
    open: float
    high: float
    low: float
    close: float
    volume: float
    seen_close: float  # what the feed showed
    position: float  # units, after the step
    financing: float  # borrow fee of a short position, and funding
    # the feed
    feed_fault: int  # 0 none, 1 missing, 2 stale, 3 spike, 4 duplicate, 5 late


class Stress:
    """What the scenario's active events do to one asset in the last bar; neutral without any."""

    gap: float  # log jump before the open
    drift: float  # log move from open to close
    low_excursion: float  # <= 0: deepest point of the injected path, log, from the open
    high_excursion: float  # >= 0: its highest point
    volatility: float  # multiplier of the base bar's simple returns
    spread: float  # multiplier of the half spread
    depth: float  # multiplier of the depth that temporary impact is divided by
    volume: float  # multiplier of the bar's volume
    latency: float  # multiplier of an order's latency
    fees: float  # multiplier of fees
    resilience: float  # multiplier of the speed at which own transient impact decays
    own: float  # share of the base returns' variance that stays the asset's own
    common: float  # simple return that the common shock adds from close to close
    outage: float  # bars until an order sent now can leave
    halted: int  # 1: no fill, the price stands still
    missing_rate: float  # chance that the bar is not delivered
    stale_rate: float  # chance that a stale run begins
    stale_bars: float  # mean length of a stale run
    spike_rate: float  # chance of a bad print
    spike_size: float  # its size in standard deviations of a bar
    duplicate_rate: float  # chance that the last bar is delivered once more
    late_rate: float  # chance that the bar is delivered late
    late_bars: int  # how many bars late


class RewardTerms:
    """The named terms of the last reward, before weights."""

    growth: float
    shortfall: float
    risk: float
    turnover: float


class EventRecord:
    """One event of a scenario, scaled by severity; times in bars, sizes as logs.

    Multipliers are active from start to start + duration and then fade with `half_life`
    (0: at once). `asset` hits are in a table of their own. An event with sizes to be drawn has
    them at one end of their ranges here, and at the other in `World.ends`.
    """

    group: int  # the scenario it belongs to
    label: int  # events of one group and label share their draws
    chance: float  # that it happens in an episode
    drawn: int  # 1: sizes are drawn between two ends
    one: int  # 1: hits one asset, drawn
    earliest: int  # first and last step it may start at
    latest: int
    offset: float  # where in that bar it starts, [0, 1)
    duration: float
    half_life: float
    move: float  # log price move reached after `duration`
    retrace: float  # share of the move given back
    recovery: float  # bars the retrace takes
    volatility: float  # logs of multipliers
    spread: float
    depth: float
    volume: float
    latency: float
    fees: float
    resilience: float
    own: float  # log of the share of variance that stays the asset's own, <= 0
    halted: int
    outage: int
    missing_rate: float
    stale_rate: float
    stale_bars: float
    spike_rate: float
    spike_size: float
    duplicate_rate: float
    late_rate: float
    late_bars: int


class RiskParams:
    """Constants of the risk manager."""

    mode: int
    stops: int  # 1: positions carry stop and target
    trailing: int  # 1: stops follow the price
    max_holding_bars: int  # 0: no time stop
    covariance: int  # 1: assets are sized together
    covariance_shrinkage: float  # share taken off the correlations
    edge_noise: float  # one over the bars the edge was estimated from; 0: it is known
    target_volatility: float  # standard deviation of a bar's return at full confidence
    kelly_multiplier: float
    max_win_probability: float
    stop_width: float  # standard deviations over the horizon, at zero confidence
    stop_confidence_slope: float  # the width grows by this share at full confidence
    reward_to_risk: float  # target distance over stop distance
    horizon_bars: float
    risk_tolerance: float  # loss at the stop over balance
    max_weight: float
    max_leverage: float  # gross exposure over equity
    participation_bars: float  # a position grows by at most what this many bars can fill
    max_drawdown: float  # 1: no throttle
    initial_margin: float
    execution_floor: float  # smallest multiplier of size for costly fills; 1: none
    no_trade_band: float  # share of equity
    feedback_rate: float  # weight of the newest fill in the feedback means


class ExecutionParams:
    """Constants of the execution engine."""

    latency_median_s: float
    latency_log_sd: float
    half_spread: float  # fraction
    spread_exponent: float
    temporary: float
    exponent: float
    volatility_scaled: int  # 1: impact coefficients multiply the day's volatility
    permanent: float  # fraction of the price at one day's volume (turnover factor included)
    transient_weight_0: float
    transient_weight_1: float
    transient_weight_2: float
    transient_decay_0: float  # share left after one bar
    transient_decay_1: float
    transient_decay_2: float
    transient_mean_0: float  # mean share felt over one bar
    transient_mean_1: float
    transient_mean_2: float
    participation: float  # cap, share of a bar's volume
    fee: float  # fraction of notional
    fee_per_unit: float
    maker_fee: float  # fraction of notional, of resting targets and limit orders
    fee_minimum: float  # per order
    fee_maximum: float  # per order, fraction of its notional
    tick: float  # prices of fills and levels are multiples of it; 0: any
    lot: float  # units: orders and their fills are multiples of it; 0: any
    limit_orders: int  # 1: orders carry a limit
    limit_offset: float  # from the shown price, fraction; > 0 is away from the market
    time_in_force: int
    impact_reference: int


class AccountParams:
    """Constants of the account; rates a year of 365.25 days, continuous but for the last two."""

    initial_cash: float  # 0: from `account_share`
    account_share: float  # initial cash over the mean daily traded value of an asset
    cash_rate: float
    margin_rate: float
    borrow_rate: float  # simple, on short positions
    funding_rate: float  # simple, paid by longs to shorts
    maintenance_margin: float  # equity over gross exposure


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
    bar_volatility: float  # sd of a bar over the arrival price; 0: as shown (Execution)
    growth: float  # weights of the reward's terms
    shortfall: float
    risk: float
    turnover: float
    scale: float


class ParentParams:
    """One asset's parent order: fixed, or drawn at the start of an episode."""

    drawn: int  # 1: side and size are drawn, and `quantity` is not used
    quantity: float  # units, signed
    side: float  # +1 buys, -1 sells, 0: drawn
    smallest: float  # share of the volume to be expected over the horizon
    largest: float


def record_dtype(layout: type) -> np.dtype[Any]:
    """Return the structured type of a record class; items know their fields as attributes."""
    kinds = {float: np.float64, int: np.int64}
    fields = [(name, kinds[kind]) for name, kind in layout.__annotations__.items()]
    return np.dtype((np.record, np.dtype(fields)))


def new_table(layout: type, *shape: int) -> Table:
    """Return zeroed records of a layout."""
    return np.zeros(shape, dtype=record_dtype(layout))


class World(NamedTuple):
    """All that a step reads and never writes; shared by the lanes."""

    bars: Table  # BarRecord (rows, assets)
    signals: Floats  # (rows, assets, signals)
    elapsed_s: Floats  # (rows,) seconds since the bar before
    events: Table  # EventRecord (events,)
    ends: Table  # EventRecord (events,): the same at the other end of what is drawn
    hits: NDArray[np.int8]  # (events, assets)
    risk: Table  # RiskParams (1,)
    execution: Table  # ExecutionParams (1,)
    account: Table  # AccountParams (1,)
    episode: Table  # EpisodeParams (1,)
    parents: Table  # ParentParams (assets,)


class Lane(NamedTuple):
    """Views of one environment's rows, state first; `transition` writes through them."""

    assets: Table  # AssetState (assets,)
    slots: Table  # OrderSlot (SLOTS, assets): the first slots, mostly all in use, side by side
    covariance: Floats  # (2, assets, assets): of shown returns, and a factor; (2, 0, 0) if not used
    accounts: Table  # AccountState (1,)
    logs: Table  # EpisodeLog (1,)
    starts: NDArray[np.int64]  # (events,)
    reports: Table  # Report (assets,)
    stresses: Table  # Stress (assets,)
    terms: Table  # RewardTerms (1,)
    observation: NDArray[np.float32]  # (size,)


class Lanes(NamedTuple):
    """The state of a batch: all that its future depends on, but the seeds."""

    assets: Table  # AssetState (lanes, assets)
    slots: Table  # OrderSlot (lanes, SLOTS, assets)
    covariances: Floats  # (lanes, 2, assets, assets), or (lanes, 2, 0, 0)
    accounts: Table  # AccountState (lanes,)
    logs: Table  # EpisodeLog (lanes,)
    starts: NDArray[np.int64]  # (lanes, events) step at which each event begins


class Outputs(NamedTuple):
    """What a driver writes for the caller."""

    observations: NDArray[np.float32]  # (lanes, size)
    rewards: Floats  # (lanes,)
    terminated: Flags  # (lanes,)
    truncated: Flags  # (lanes,)
    final_observations: NDArray[np.float32]  # (lanes, size), where SAME_STEP reset
    final_logs: Table  # EpisodeLog (lanes,), of the episode that ended in this step
    final_accounts: Table  # AccountState (lanes,), at its end
    reports: Table  # Report (lanes, assets), or (threads, assets) as scratch
    stresses: Table  # Stress, the same shape
    terms: Table  # RewardTerms (lanes,)
