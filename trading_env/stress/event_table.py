"""Scenarios compiled: the table of events that the kernels read, for one market and severity.

Severity scales every size; at 0 every size is exactly 0, so nothing happens.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_env.core.codes import Factor, Fault
from trading_env.core.errors import nearest
from trading_env.core.records import EventRecord, Table, new_table
from trading_env.stress.events import Base, Fields
from trading_env.stress.reader import scenario_error
from trading_env.stress.scenario import Scenario, ScenarioSpec, groups_of, members_of, merged
from trading_env.stress.times import Clock

MAX_LOG = 300.0  # multipliers of one episode together stay below e^300, so nothing overflows
SHAPES = ("stale_bars", "spike_size", "late_bars", "halted", "outage", "duration")  # not drawn


class Compiled(NamedTuple):
    """What an environment needs of its scenarios."""

    events: Table  # EventRecord (events,)
    ends: Table  # EventRecord (events,): the same with drawn sizes at their other end
    hits: NDArray[np.int8]  # (events, assets): 1 where the event acts on the asset
    groups: int  # an episode draws one of them
    scenarios: tuple[Scenario, ...]  # (groups,): what each group is made of, as one scenario


def compile_scenarios(
    spec: ScenarioSpec,
    *,
    severity: float,
    bar_seconds: float,
    bars_per_day: float,
    length: int,
    symbols: Sequence[str],
    family: str = "train",
) -> Compiled:
    """Turn a specification into the kernels' event table.

    Args:
        spec: None or "calm"; a preset's name; the path of a .toml file; a `Scenario`; a mapping
            with a scenario's keys; {"preset": one of the first three, "mirror": True}, which turns
            its moves over; a list of these, which compose; or {"one_of": [...]} of these, of which
            each episode draws one. "random" and "crises" are families of random events.
        severity: Factor on the logs of moves and multipliers, on rates and on the length of
            halts; >= 0, and 0 makes every size exactly 0.
        bar_seconds: Length of a bar, seconds.
        bars_per_day: Bars in a trading day.
        length: Steps of an episode.
        symbols: Names of the market's assets, in its order.
        family: "train" or "test": which preset of a family its name stands for.

    Raises:
        ScenarioError: the specification, or what it says of this market, is wrong.
    """
    factor = _severity(severity)
    clock = Clock(bar_seconds, bars_per_day, length)
    members = [members_of(group, family) for group in groups_of(spec)]
    records: list[list[Fields]] = []
    hits: list[NDArray[np.int8]] = []
    for index, scenarios in enumerate(members):
        for scenario in scenarios:
            for number, event in enumerate(scenario.played):
                where = (f"scenario {scenario.name}", f"events[{number}]")
                common: Fields = {"group": index, **_draws(event), **_steps(event, clock, where)}
                both = [event.at_end(end).record(clock, factor) for end in (0, 1)]
                records.append([{**common, **sizes} for sizes in both])
                hits.append(_hits(event, symbols, where))
    events, ends = (_table([record[end] for record in records]) for end in (0, 1))
    for name in SHAPES:
        events[name] = ends[name] = np.maximum(events[name], ends[name])
    _check_size(events, ends, factor)
    shape = (len(records), len(symbols))
    composed = tuple(merged(scenarios) for scenarios in members)
    hit = np.array(hits, dtype=np.int8).reshape(shape)
    return Compiled(events, ends, hit, len(composed), composed)


def _severity(value: float) -> float:
    """Return a finite severity >= 0."""
    try:
        severity = float(value)
    except (TypeError, ValueError, OverflowError):
        severity = math.nan
    if not (math.isfinite(severity) and severity >= 0.0):
        raise scenario_error("scenario", "severity", value, "must be a finite number >= 0")
    return severity


def _steps(event: Base, clock: Clock, where: tuple[str, str]) -> Fields:
    """Return the steps an event may start at; a delay may carry it past the episode's end."""
    times = event.start if isinstance(event.start, tuple) else (event.start, event.start)
    earliest = clock.step(times[0])
    if earliest >= clock.length:
        reason = f"after the episode's end, {clock.length} bars"
        raise scenario_error(where[0], f"{where[1]}.start", event.start, reason)
    choices = min(clock.step(times[1]), clock.length - 1) - earliest
    step, offset = clock.begin(times[0], event.delay)
    offset = 0.0 if event.waits_for_open else offset
    return {"earliest": step, "latest": step + choices, "offset": offset}


def _draws(event: Base) -> Fields:
    """Return what of an event is drawn in each episode."""
    return {
        "label": event.label_code,
        "chance": event.chance,
        "drawn": int(event.is_drawn),
        "one": int(event.assets == "one"),
        "everywhere": int(event.assets == "all"),
    }


def _table(records: Sequence[Fields]) -> Table:
    """Lay records out as a table; a field that a record does not name is 0."""
    table = new_table(EventRecord, len(records))
    for row, record in zip(table, records, strict=True):
        for name, value in record.items():
            if isinstance(name, Factor):
                row["factor"][name] = value
            elif isinstance(name, Fault):
                row["rate"][name] = value
            else:
                row[name] = value
    return table


def _hits(event: Base, symbols: Sequence[str], where: tuple[str, str]) -> NDArray[np.int8]:
    """Mark the assets an event acts on."""
    if event.assets in ("all", "one"):
        return np.ones(len(symbols), dtype=np.int8)
    hits = np.zeros(len(symbols), dtype=np.int8)
    for item in event.assets:
        if item in symbols:
            hits[list(symbols).index(item)] = 1
        elif isinstance(item, int) and 0 <= item < len(symbols):
            hits[item] = 1
        else:
            hint = f"positions are 0 to {len(symbols) - 1}"
            if isinstance(item, str):
                hint = f"not in this market{nearest(item, symbols)}"
            raise scenario_error(where[0], f"{where[1]}.assets", item, hint)
    return hits


def _check_size(events: Table, ends: Table, severity: float) -> None:
    """Refuse a severity at which multipliers would overflow."""
    logs = {"move": (events["move"], ends["move"])}
    logs |= {f.name.lower(): (events["factor"][:, f], ends["factor"][:, f]) for f in Factor}
    for name, (first, last) in logs.items():
        largest = np.maximum(np.abs(first), np.abs(last))
        for group in np.unique(events["group"]):
            if largest[events["group"] == group].sum() > MAX_LOG:
                reason = f"too large: {name} would change by more than e^{MAX_LOG:.0f}"
                raise scenario_error("scenario", "severity", severity, reason)
