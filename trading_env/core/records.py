"""The state of a step, as records: unit, sign and shape of every stored value.

One long file, so that all that is stored can be read in one place.

An annotated class names the fields of one row, and `record_dtype` turns it into the numpy
structured type that holds it (float -> float64, int -> int64, `Annotated[Floats, n]` -> n of them).
Kernels read and write the fields of records (`asset.position`), compiled or not.

The annotation also says which values a field of the state can have, and nothing else says so: a
snapshot that comes from outside is checked against it (`envs/snapshot.py`). A float without a range
is any finite number; a whole number of the state always has a range.

Units: money in the account's currency, quantities in units of the asset (signed, + is long or
buy), prices in currency per unit, fractions of a price or of equity as pure numbers, time in
seconds or bars where the name ends so. A level of 0 means "no such level": nothing here is NaN.
"""

from functools import cache
from typing import Annotated, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trading_env.core.codes import BoundBy, Exit, Factor, Fault, SlotState, Status

SLOTS = 4  # live orders an asset can have; a fifth is rejected with `bound_by = ORDER_SLOTS`
DECAYS = 3  # decay times of own transient impact
TRENDS = 3  # half-lives of the trends that are shown
Table: TypeAlias = NDArray[Any]  # an array of records
Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]


class Within(NamedTuple):
    """The values a field can have, both ends included; a word names a size of the world."""

    low: float
    high: float | str


HUGE = float(np.finfo(np.float64).max)
COUNTED = 2**62  # more than is ever counted, and one more still fits
Positive: TypeAlias = Annotated[float, Within(5e-324, HUGE)]
NotNegative: TypeAlias = Annotated[float, Within(0.0, HUGE)]
Count: TypeAlias = Annotated[int, Within(0, COUNTED)]
Flag: TypeAlias = Annotated[int, Within(0, 1)]


@cache
def record_dtype(layout: type) -> np.dtype[Any]:
    """Return the structured type of a record class; items know their fields as attributes."""
    kinds: dict[Any, type] = {float: np.float64, int: np.int64, Floats: np.float64, Ints: np.int64}
    fields = []
    for name, kind in layout.__annotations__.items():
        notes = getattr(kind, "__metadata__", ())
        shape = tuple(note for note in notes if isinstance(note, int))  # of Annotated[Floats, n]
        fields.append((name, kinds[kind.__origin__ if notes else kind], shape))
    return np.dtype((np.record, np.dtype(fields)))


def new_table(layout: type, *shape: int) -> Table:
    """Return zeroed records of a layout."""
    return np.zeros(shape, dtype=record_dtype(layout))


class BarRecord:
    """A row of a market table; see `Bar` and `bar_path.py`."""

    open: float
    high: float
    low: float
    close: float
    volume: float
    path_scale: float  # variance of the path inside the bar over that of its own four prices


class NoticeRecord:
    """What happens to an asset before a bar, apart from its price; see `execution_engine/notices`.

    A market without any has a table of no rows.
    """

    units: float  # what one unit becomes: a split; 1 for none
    kept: float  # share of the price that is left after the dividend; 1 for none
    listing: int  # Listing
    recovery: float  # share of its value that a unit is paid back with when it is delisted


class AssetState:
    """Everything one asset of one environment carries from step to step."""

    # the market as it is
    mark: Positive  # true close, own lasting impact included, own transient impact not
    value: float  # a unit in the account's equity: the mark less own lasting impact on the way out
    base_close: Positive  # of the market table's last bar
    undisturbed: Positive  # true close without the account's own impact
    displacement: Positive  # factor by which the scenario has moved the price off the base table
    permanent: float  # own lasting impact: log, or fraction of `reference_price` (FIRST)
    permanent_unit: float  # of one unit traded; fixed for the episode
    transient: Annotated[Floats, DECAYS]  # own decaying impact, fraction
    reference_price: Positive  # first mark of the episode
    variance_fast: Positive  # of a bar's undisturbed return: own impact does not feed on itself
    variance_slow: Positive
    volume_mean: NotNegative  # units a bar, trailing
    volume_usual: NotNegative  # the same of the market's table, before the scenario
    widening: Positive  # half spread over its calm value, by those variances
    listed_bars: Count  # since its listing, as far as it matters; 0: it cannot be traded
    # the account's holding
    position: float  # units
    entry_price: float  # average price paid, 0 when flat
    entry_mid: NotNegative  # average price at the moments of entry, costs left out
    stop_loss: NotNegative  # price level, 0 for none
    take_profit: NotNegative  # price level, 0 for none
    stop_distance: NotNegative  # log, that the position was opened with
    margin_level: float  # at which this bar closes it, times the position's sign then; 0: none
    holding_bars: Count  # bars that have ended since the position was opened or flipped
    exit_pending: Annotated[int, Exit]  # Exit code; while set, the agent's orders are refused
    exit_notional: NotNegative  # traded by the present exit, for its fee
    exit_units: NotNegative
    exit_proportional: float  # the part of its fee that goes by notional, currency
    exit_fees: float  # before the scenario's factor
    slots_used: Annotated[int, Within(0, SLOTS)]  # order slots from here on are empty
    # the parent order (Execution)
    parent: float  # units, signed
    goal: float  # position in which it is done
    # execution feedback: exponentially weighted means over fills
    slippage: float  # realised cost, fraction of notional
    expected_slippage: float  # what the risk manager expected to pay
    cost_level: float  # estimated log of realised over expected cost
    cost_variance: NotNegative  # of that estimate
    last_cost: float  # log of realised over expected cost of the last fills
    latency: NotNegative  # seconds
    fill_ratio: float  # filled share of what was live
    # what the feed has shown
    seen_close: Positive
    seen_before: Positive  # close of the bar shown before the last one that was new
    seen_earlier: Positive  # and of the one before that
    seen_high: NotNegative
    seen_low: NotNegative
    seen_volume: NotNegative
    seen_half_spread: NotNegative  # quoted, fraction of the price
    seen_depth: NotNegative  # quoted, share of the usual depth
    seen_return: float
    seen_variance_fast: Positive
    seen_variance_slow: Positive
    seen_volume_mean: NotNegative
    trend: Annotated[Floats, TRENDS]  # exponentially weighted means of seen returns
    crisis_bars: Count  # bars since the quotes shown left their calm band
    age: Count  # bars since the last delivered bar
    valid: Flag  # 1: this bar was delivered
    is_new: Flag  # 1: and shows something else than the one before
    stale_left: Count  # bars that a stale run still lasts
    late_left: Count  # bars until a late bar is delivered
    late_age: Count  # its age then
    late_close: NotNegative
    late_high: NotNegative
    late_low: NotNegative
    late_volume: NotNegative
    late_half_spread: NotNegative
    late_depth: NotNegative


class OrderSlot:
    """One live order, with its own ledger in currency."""

    state: Annotated[int, SlotState]  # SlotState
    identity: Count  # step that it was sent in, from 1
    quantity: float  # units, signed; 0 is a pure cancel
    left: float  # units, signed
    goal: float  # position that it was sent for
    decision_price: NotNegative  # mark when the decision was taken
    arrival_price: NotNegative  # where it met the market; 0 until it has
    limit: NotNegative  # worst price it may trade at, currency per unit; 0: any
    trigger: NotNegative  # price that a stop order waits for, currency per unit; 0: it need not
    lapses: Flag  # 1: at the end of the bar that it arrived in
    latency_s: NotNegative
    due_s: float  # seconds from the next bar's open until it arrives
    replaces: Flag  # 1: cancels the orders it was sent to replace when it arrives
    replaced: Flag  # 1: a newer order is on its way to cancel it
    stop_distance: float  # log, set on the position when the fill opens or adds to it
    target_distance: float
    outcome: Annotated[int, Status]  # Status it ended with, once DONE
    claim: float  # units it stood for when this step began; 0 once a newer order replaces it
    step_filled: float  # units filled in this step
    filled: float  # units, signed
    notional: NotNegative  # currency filled so far
    proportional: float  # the part of its fee that goes by notional, currency
    delay: float
    spread: float
    impact: float
    fees: float
    opportunity: float


class AccountState:
    """The state of one environment between steps, except its assets."""

    cash: float
    fees_paid: float  # cumulative
    financing_paid: float  # cumulative; negative is income
    initial_equity: Positive
    equity: float  # at the last mark
    peak_equity: Positive
    seen_equity: float  # marked at the prices shown
    seen_equity_before: float  # a step earlier
    beyond: Flag  # 1: more may be held than the leverage allows, by more than bands may leave
    seen_peak: Positive  # highest that two consecutive shown values reached
    arrival_value: NotNegative  # sum of |parent| x arrival price (Execution)
    step: Annotated[int, Within(0, "length")]
    episode: Count
    row: Annotated[int, Within(0, "last_row")]  # of the market table: last bar seen
    group: Annotated[int, Within(0, "last_group")]  # scenario drawn for this episode
    done: Flag  # 1: the episode has ended


class EpisodeLog:
    """Sums over an episode; what `info["summary"]` is made from."""

    reward: float
    steps: Count
    traded: NotNegative  # notional
    delay: float
    spread: float
    impact: float
    fees: float
    opportunity: float
    ordered: float  # orders sent, at their decision prices, currency
    filled: float  # what was filled of them, at the same prices (exits not counted)
    orders: Count
    arrivals: Count
    latency: NotNegative  # sum over arrivals, seconds
    stops: Count  # bars in which a stop was worked
    targets: Count
    time_stops: Count
    margin_calls: Count
    parent_shortfall: float  # implementation shortfall of the parent orders (Execution)
    parent_luck: float  # of which the market's own moves, currency
    max_drawdown: float
    # decisions (asset and step) by what bound them
    bound: Annotated[Ints, len(BoundBy), Within(0, COUNTED)]


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
    pressure: float  # sum of quantity x pressure as a fraction, signed
    rested: float  # units, absolute, filled as resting limits and targets, at the maker's fee
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
    undisturbed: float  # close without the account's own impact
    undisturbed_before: float  # the same, of the last bar that traded before this one
    seen_close: float  # what the feed showed
    position: float  # units, after the step
    financing: float  # borrow fee of a short position and funding, less dividends; paid when > 0
    luck: float  # what the market's own move cost a parent order, currency (Execution)
    # the feed
    feed_fault: int  # Fault code


class Stress:
    """What the scenario's active events do to one asset in the last bar; neutral without any."""

    gap: float  # log jump before the open
    drift: float  # log move from open to close
    low_excursion: float  # <= 0: deepest point of the injected path, log, from the open
    high_excursion: float  # >= 0: its highest point
    factor: Annotated[Floats, len(Factor)]  # multipliers
    common: float  # simple return that the common shock adds from close to close
    outage: float  # bars until an order sent now can leave
    halted: int  # 1: no fill, the price stands still
    rate: Annotated[Floats, len(Fault)]  # chance of each fault of the feed
    stale_bars: float  # mean length of a stale run
    spike_size: float  # of a bad print, in standard deviations of a bar
    late_bars: int  # how many bars late a late bar is delivered


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
    everywhere: int  # 1: hits every asset
    earliest: int  # first and last step it may start at
    latest: int
    offset: float  # where in that bar it starts, [0, 1)
    duration: float
    half_life: float
    move: float  # log price move reached after `duration`
    sign: int  # 0: the move as it is; else drawn down or up (1), or the other way round (-1)
    retrace: float  # share of the move given back
    recovery: float  # bars the retrace takes
    factor: Annotated[Floats, len(Factor)]  # logs of the multipliers
    halted: int
    outage: int
    rate: Annotated[Floats, len(Fault)]
    stale_bars: float
    spike_size: float
    late_bars: int
