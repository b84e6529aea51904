"""The scenario's active events, composed into what they do to one asset in one bar.

An event begins inside bar `start`, at the share `offset` of it, and lasts `duration` bars, which
may be less than one: a bar feels a multiplier in proportion to the share of the bar that the event
covers. After its end a multiplier fades with `half_life`, or stops at once when that is 0. The
injected price path is piecewise linear in log price: 0 to `move` over `duration` (a jump when that
is 0: before the open if the event begins there, else inside the bar), then back by the share
`retrace` over `recovery` bars. It is evaluated in continuous time, so a crash shorter than a bar
shows in the bar's low.

A price event whose sign is drawn follows its path y <= 0 down, or log(2 - e^y) up, each in half of
the episodes: price factors 1 - x and 1 + x, whose mean is 1 at every moment. So neither long nor
short gains by it.

Sizes that an episode draws lie between two ends; one draw serves all events of a group and label,
so that a crisis is bad in all of its parts or in none. So do the draws of the sign and of the asset
that an event with `one` hits.

Correlation. With v the product of the events' own shares, a base bar's simple return r becomes
sqrt(v) r + sqrt(1 - v) s z: z is one normal draw for all assets and s the root mean square of the
asset's last base returns, so that variances stay and the correlation of every pair rises from c to
1 - v + v c. z is drawn for the bar after the decision: nothing shown before depends on it.

Composition: log moves and logs of multipliers add, a halt is any halt (of half a bar or more),
feed rates add up to at most 1, the largest spike, the longest stale run, the longest delay and the
longest outage win. None of it depends on the order of the events. With severity 0 every size is
exactly 0 and every multiplier exactly 1.

Not modelled: a bar that is halted in part.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_env.core.codes import Factor, Fault
from trading_env.core.jit import kernel, rare_kernel
from trading_env.core.noise import Stream, normal, uniforms
from trading_env.core.past import base_return
from trading_env.core.records import EventRecord, Ints, Stress, Table, new_table
from trading_env.core.values import Address

LOG_2 = math.log(2.0)
NEUTRAL = new_table(Stress, 1)  # no event: exactly neutral
NEUTRAL["factor"] = 1.0
FACTORS, FAULTS = len(Factor), len(Fault)
COMMON_BARS = 20  # base returns that scale the common shock


class Script(NamedTuple):
    """The events of a world, and when they start in one episode."""

    events: Table  # EventRecord (events,)
    ends: Table  # EventRecord (events,): the same at the other end of what is drawn
    hits: NDArray[np.int8]  # (events, assets)
    starts: Ints  # (events,) step at which each begins


class PastBars(NamedTuple):
    """The bars of the market's table before a row."""

    bars: Table  # BarRecord (rows, assets)
    notices: Table  # NoticeRecord (rows, assets), or (0, assets)
    row: int
    bars_back: int


@kernel
def path_at(event: EventRecord, move: float, t: float, up: bool) -> float:
    """Log displacement of the injected price path t bars after its start (t > 0)."""
    if t < event.duration:
        return turned(move * (t / event.duration), up)
    since = t - event.duration
    back = 1.0 if since >= event.recovery else since / event.recovery
    return turned(move * (1.0 - event.retrace * back), up)


@kernel
def turned(log_move: float, up: bool) -> float:
    """Return a log move that takes x off the price, or the one that adds x."""
    return math.log(2.0 - math.exp(log_move)) if up else log_move


@kernel
def weight_of(event: EventRecord, t: float) -> tuple[float, float]:
    """Share of the bar [t, t + 1) that the event covers, and its multipliers' mean weight there.

    `t` counts from the event's start; it is negative in the bar that the event begins inside of.
    """
    covered = min(event.duration, t + 1.0) - max(t, 0.0)
    covered = min(max(covered, 0.0), 1.0)
    if event.half_life <= 0.0 or t + 1.0 <= event.duration:
        return covered, covered
    since = max(t - event.duration, 0.0)
    decay = LOG_2 / event.half_life
    end = math.exp(-decay * (t + 1.0 - event.duration))
    return covered, covered + (math.exp(-decay * since) - end) / decay


@kernel
def excursion(
    event: EventRecord, move: float, t: float, up: bool
) -> tuple[float, float, float, float]:
    """Gap, drift, lowest and highest point of the injected path over the bar [t, t + 1)."""
    gap = 0.0
    begin = 0.0
    peak = turned(move, up)
    if t > 0.0:
        begin = path_at(event, move, t, up)
    elif (
        event.duration <= 0.0
    ):  # a jump comes before the open of its bar: nothing is met on its way
        gap = peak
        begin = peak
    drift = path_at(event, move, t + 1.0, up) - begin
    low = min(drift, 0.0)
    high = max(drift, 0.0)
    if t < event.duration < t + 1.0:
        low = min(low, peak - begin)  # the turning point lies inside the bar
        high = max(high, peak - begin)
    back = event.duration + event.recovery
    if t < back < t + 1.0:
        end = turned(move * (1.0 - event.retrace), up)
        low = min(low, end - begin)
        high = max(high, end - begin)
    return gap, drift, low, high


@kernel
def acts(event: EventRecord, start: int, step: int) -> bool:
    """Tell whether an event acts on the bar after `step`."""
    if step < start:
        return False
    end = event.offset + event.duration + event.recovery
    return event.half_life > 0.0 or step - start < max(end, 1.0)


@rare_kernel
def compose(stresses: Table, script: Script, address: Address) -> None:
    """Add up the active events on top of neutral stresses: once, where all act on every asset."""
    apart = apart_in(stresses, script, address.step)
    for a in range(apart):
        stresses[a].factor[:] = 0.0  # logs, for now
    for e in range(script.events.shape[0]):
        event, end, start = script.events[e], script.ends[e], script.starts[e]
        if not acts(event, start, address.step):
            continue
        t = address.step - start - event.offset
        covered, weight = weight_of(event, t)
        size, asset = draws_of(event, address)
        move = between(event.move, end.move, size)
        gap, drift, low, high = 0.0, 0.0, 0.0, 0.0
        if move != 0.0:
            gap, drift, low, high = excursion(event, move, t, goes_up(event, address))
        only = int(asset * stresses.shape[0])
        for a in range(apart):
            if script.hits[e, a] == 1 and (event.one == 0 or a == only):
                stress = stresses[a]
                for f in range(FACTORS):
                    stress.factor[f] += weight * between(event.factor[f], end.factor[f], size)
                add_faults(stress, event, end, size, covered)
                if event.outage == 1:
                    stress.outage = max(stress.outage, event.duration - t)
                stress.gap += gap
                stress.drift += drift
                stress.low_excursion += low
                stress.high_excursion += high
    exponentiate(stresses[:apart])
    for a in range(apart, stresses.shape[0]):
        stresses[a] = stresses[0]


@kernel
def apart_in(stresses: Table, script: Script, step: int) -> int:
    """Return how many assets to compose for: all of them, or the first, which all are like."""
    for e in range(script.events.shape[0]):
        event = script.events[e]
        if event.everywhere == 0 and acts(event, script.starts[e], step):
            return int(stresses.shape[0])
    return 1


@kernel
def draws_of(event: EventRecord, address: Address) -> tuple[float, float]:
    """Uniforms for the event's sizes and for its asset; (0, 0) when neither is drawn."""
    if event.drawn == 0 and event.one == 0:
        return 0.0, 0.0
    size, asset = uniforms(
        address.seed, address.episode, event.label, event.group, Stream.EVENT_SIZE.value
    )
    return (size if event.drawn == 1 else 0.0), asset


@kernel
def goes_up(event: EventRecord, address: Address) -> bool:
    """Tell whether the event's drawn sign is up; never where it is as written."""
    if event.sign == 0:
        return False
    drawn = uniforms(
        address.seed, address.episode, event.label, event.group, Stream.EVENT_SIGN.value
    )[0]
    return bool((drawn < 0.5) == (event.sign > 0))


@kernel
def between(first: float, last: float, share: float) -> float:
    """Return the point at a share of the way from first to last; exactly first at 0."""
    return first + share * (last - first)


@kernel
def exponentiate(stresses: Table) -> None:
    """Turn summed logs into multipliers."""
    for a in range(stresses.shape[0]):
        for f in range(FACTORS):
            stresses[a].factor[f] = multiplier(stresses[a].factor[f])


@kernel
def add_faults(
    stress: Stress, event: EventRecord, end: EventRecord, size: float, covered: float
) -> None:
    """Add one event's halt and its faults of the feed."""
    if event.halted == 1 and covered >= 0.5:
        stress.halted = 1
    for f in range(FAULTS):
        rate = between(event.rate[f], end.rate[f], size)
        stress.rate[f] = min(stress.rate[f] + covered * rate, 1.0)
    stress.stale_bars = max(stress.stale_bars, event.stale_bars)
    stress.spike_size = max(stress.spike_size, event.spike_size)
    stress.late_bars = max(stress.late_bars, event.late_bars)


@kernel
def multiplier(log: float) -> float:
    """Return exp(log), without the work for the common 0."""
    return 1.0 if log == 0.0 else math.exp(log)


@kernel
def stress_assets(stresses: Table, script: Script, address: Address) -> bool:
    """Compose the active events for every asset in the bar after decision `address.step`.

    Returns whether there are any.
    """
    for a in range(stresses.shape[0]):
        stresses[a] = NEUTRAL[0]
    for e in range(script.events.shape[0]):
        if acts(script.events[e], script.starts[e], address.step):
            compose(stresses, script, address)
            return True
    return False


@kernel
def share_shocks(
    stresses: Table, bars: Table, notices: Table, row: int, warmup: int, address: Address
) -> None:
    """Add the common shock of the bar in `row` where returns are not all an asset's own."""
    for a in range(stresses.shape[0]):
        own = stresses[a].factor[Factor.OWN]
        if own < 1.0:
            past = PastBars(bars, notices, row, min(COMMON_BARS, warmup))
            stresses[a].common = common_shock(own, past, a, address)


@rare_kernel
def common_shock(own: float, past: PastBars, a: int, address: Address) -> float:
    """Draw the common shock, one for all, scaled by an asset's base returns in the past bars."""
    z = normal(address.seed, address.episode, address.step, 0, Stream.COMMON_SHOCK.value)
    total = 0.0
    for k in range(past.row - past.bars_back, past.row):
        change = base_return(past.bars, past.notices, k, a)
        total += change * change
    return math.sqrt((1.0 - own) * total / past.bars_back) * z
