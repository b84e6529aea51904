"""The scenario's active events, composed into what they do to one asset in one bar.

An event begins at the open of bar `start` and lasts `duration` bars, which may be less than one:
a bar feels a multiplier in proportion to the share of the bar that the event covers. After its
end a multiplier fades with `half_life`, or stops at once when that is 0. The injected price path
is piecewise linear in log price: 0 to `move` over `duration` (a gap before the open when that is
0), then back by the share `retrace` over `recovery` bars. It is evaluated in continuous time, so
a crash shorter than a bar shows in the bar's low.

Composition: log moves and logs of multipliers add, a halt is any halt (of half a bar or more),
feed rates add up to at most 1, the largest spike and the longest stale run win. None of it depends
on the order of the events. With severity 0 every size is exactly 0 and every multiplier exactly 1.

Not modelled: events that start inside a bar.
"""

import math

from trading_env.kernels.jit import kernel, rare_kernel
from trading_env.types import EventRecord, Stress, Table

LOG_2 = math.log(2.0)


@kernel
def path_at(event: EventRecord, t: float) -> float:
    """Log displacement of the injected price path t bars after its start (t > 0)."""
    if t < event.duration:
        return event.move * (t / event.duration)
    since = t - event.duration
    back = 1.0 if since >= event.recovery else since / event.recovery
    return event.move * (1.0 - event.retrace * back)


@kernel
def weight_of(event: EventRecord, t: float) -> tuple[float, float]:
    """Share of the bar [t, t + 1) that the event covers, and its multipliers' mean weight there."""
    covered = min(max(event.duration - t, 0.0), 1.0)
    if event.half_life <= 0.0 or covered >= 1.0:
        return covered, covered
    since = max(t - event.duration, 0.0)
    decay = LOG_2 / event.half_life
    faded = (math.exp(-decay * since) - math.exp(-decay * (since + 1.0 - covered))) / decay
    return covered, covered + faded


@kernel
def excursion(event: EventRecord, t: float) -> tuple[float, float, float, float]:
    """Gap, drift, lowest and highest point of the injected path over the bar [t, t + 1)."""
    gap = 0.0
    begin = 0.0
    if t > 0.0:
        begin = path_at(event, t)
    elif event.duration <= 0.0:
        gap = event.move
        begin = event.move
    drift = path_at(event, t + 1.0) - begin
    low = min(drift, 0.0)
    high = max(drift, 0.0)
    if t < event.duration < t + 1.0:  # the turning point lies inside the bar
        low = min(low, event.move - begin)
        high = max(high, event.move - begin)
    turned = event.duration + event.recovery
    if t < turned < t + 1.0:
        end = event.move * (1.0 - event.retrace)
        low = min(low, end - begin)
        high = max(high, end - begin)
    return gap, drift, low, high


@kernel
def calm(stress: Stress) -> None:
    """No event: exactly neutral."""
    stress.gap = 0.0
    stress.drift = 0.0
    stress.low_excursion = 0.0
    stress.high_excursion = 0.0
    stress.volatility = 1.0
    stress.spread = 1.0
    stress.depth = 1.0
    stress.volume = 1.0
    stress.latency = 1.0
    stress.halted = 0
    stress.missing_rate = 0.0
    stress.stale_rate = 0.0
    stress.stale_bars = 0.0
    stress.spike_rate = 0.0
    stress.spike_size = 0.0


@kernel
def is_active(event: EventRecord, start: int, group: int, step: int) -> bool:
    """Tell whether an event of the episode's scenario acts on the bar after `step`."""
    if event.group != group or step < start:
        return False
    end = event.duration + event.recovery
    return event.half_life > 0.0 or step - start < max(end, 1.0)


@rare_kernel
def compose(
    stresses: Table, events: Table, hits: Table, starts: Table, group: int, step: int
) -> None:
    """Add up the active events on top of neutral stresses."""
    for a in range(stresses.shape[0]):
        set_multipliers(stresses[a], 0.0, 0.0, 0.0, 0.0, 0.0)  # as logs, until the end
    for e in range(events.shape[0]):
        event = events[e]
        if not is_active(event, starts[e], group, step):
            continue
        t = float(step - starts[e])
        covered, weight = weight_of(event, t)
        gap, drift, low, high = 0.0, 0.0, 0.0, 0.0
        if event.move != 0.0:
            gap, drift, low, high = excursion(event, t)
        for a in range(stresses.shape[0]):
            if hits[e, a] == 1:
                add_event(stresses[a], event, covered, weight)
                stresses[a].gap += gap
                stresses[a].drift += drift
                stresses[a].low_excursion += low
                stresses[a].high_excursion += high
    exponentiate(stresses)


@kernel
def exponentiate(stresses: Table) -> None:
    """Turn summed logs into multipliers; assets mostly share theirs, so reuse the last ones."""
    logs = (0.0, 0.0, 0.0, 0.0, 0.0)
    factors = (1.0, 1.0, 1.0, 1.0, 1.0)
    for a in range(stresses.shape[0]):
        x = stresses[a]
        own = (x.volatility, x.spread, x.depth, x.volume, x.latency)
        if own != logs:
            logs = own
            factors = (
                multiplier(own[0]),
                multiplier(own[1]),
                multiplier(own[2]),
                multiplier(own[3]),
                multiplier(own[4]),
            )
        set_multipliers(x, factors[0], factors[1], factors[2], factors[3], factors[4])


@kernel
def add_event(stress: Stress, event: EventRecord, covered: float, weight: float) -> None:
    """Add one event's multipliers (as logs), halt and feed faults."""
    stress.volatility += weight * event.volatility
    stress.spread += weight * event.spread
    stress.depth += weight * event.depth
    stress.volume += weight * event.volume
    stress.latency += weight * event.latency
    if event.halted == 1 and covered >= 0.5:
        stress.halted = 1
    stress.missing_rate = min(stress.missing_rate + covered * event.missing_rate, 1.0)
    stress.stale_rate = min(stress.stale_rate + covered * event.stale_rate, 1.0)
    stress.spike_rate = min(stress.spike_rate + covered * event.spike_rate, 1.0)
    stress.stale_bars = max(stress.stale_bars, event.stale_bars)
    stress.spike_size = max(stress.spike_size, event.spike_size)


@kernel
def set_multipliers(
    stress: Stress, volatility: float, spread: float, depth: float, volume: float, latency: float
) -> None:
    """Write the five multipliers."""
    stress.volatility = volatility
    stress.spread = spread
    stress.depth = depth
    stress.volume = volume
    stress.latency = latency


@kernel
def multiplier(log: float) -> float:
    """Return exp(log), without the work for the common 0."""
    return 1.0 if log == 0.0 else math.exp(log)


@kernel
def stress_assets(
    stresses: Table, events: Table, hits: Table, starts: Table, group: int, step: int
) -> None:
    """Compose the active events for every asset in the bar after decision `step`."""
    for a in range(stresses.shape[0]):
        calm(stresses[a])
    for e in range(events.shape[0]):
        if is_active(events[e], starts[e], group, step):
            compose(stresses, events, hits, starts, group, step)
            return
