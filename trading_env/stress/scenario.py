"""Scenarios: crises and faults as data, from a TOML file to the table the kernels read.

A scenario is a name, a description, its sources, and a list of events (`scenario_events.py`).
Several scenarios compose into one: an episode has all of their events. With `one_of` each episode
draws one of several groups. Severity scales every size; 0 is exactly no scenario.

Whatever is wrong with a file or a mapping is one line that names the file, the key, the value and
the reason.
"""

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from trading_env.core.codes import Factor, Fault
from trading_env.core.errors import ScenarioError, nearest
from trading_env.core.records import EventRecord, Table, new_table
from trading_env.stress.events import Base, Event, Fields
from trading_env.stress.reader import parse_toml, read_bytes, refusal, scenario_error
from trading_env.stress.times import Clock

__all__ = [
    "CALM",
    "Compiled",
    "Scenario",
    "ScenarioError",
    "ScenarioSpec",
    "compile_scenarios",
    "load_file",
    "load_preset",
    "preset_names",
]

MAX_LOG = 300.0  # multipliers of one episode together stay below e^300, so nothing overflows
SHAPES = ("stale_bars", "spike_size", "late_bars", "halted", "outage", "duration")  # not drawn
FAMILIES = {"train": "random_train", "test": "random_test"}  # what "random" stands for


class Scenario(BaseModel):
    """A named list of events."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    name: str = Field(min_length=1, max_length=80)
    description: str = ""
    sources: tuple[str, ...] = Field((), strict=False)
    events: tuple[Event, ...] = Field(strict=False)

    @field_validator("events")
    @classmethod
    def _something_happens(cls, events: tuple[Event, ...], info: ValidationInfo) -> Any:
        if not events and info.data.get("name", "calm") != "calm":
            raise ValueError("no events; only the scenario 'calm' may have none")
        return events

    @property
    def sha256(self) -> str:
        """SHA-256 of the content as canonical JSON."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(content.encode()).hexdigest()

    @classmethod
    def read(cls, values: Mapping[str, Any], source: str = "scenario") -> Self:
        """Build a scenario from a mapping; errors name `source`.

        Raises:
            ScenarioError: unknown key, wrong type or unit, value out of range.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise refusal(source, error, cls.model_fields) from None


ScenarioSpec: TypeAlias = (
    str | os.PathLike[str] | Scenario | Mapping[str, Any] | Sequence[Any] | None
)

CALM = Scenario(name="calm", description="Nothing happens.", events=())


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
            with a scenario's keys; a list of these, which compose; or {"one_of": [...]} of these,
            of which each episode draws one. "random" is a preset of random events.
        severity: Factor on the logs of moves and multipliers, on rates and on the length of
            halts; >= 0, and 0 makes every size exactly 0.
        bar_seconds: Length of a bar, seconds.
        bars_per_day: Bars in a trading day.
        length: Steps of an episode.
        symbols: Names of the market's assets, in its order.
        family: What "random" stands for: "train" for `random_train`, "test" for `random_test`.

    Raises:
        ScenarioError: the specification, or what it says of this market, is wrong.
    """
    factor = _severity(severity)
    clock = Clock(bar_seconds, bars_per_day, length)
    members = [_members(group, family) for group in _groups(spec)]
    records: list[list[Fields]] = []
    hits: list[NDArray[np.int8]] = []
    for index, scenarios in enumerate(members):
        for scenario in scenarios:
            for number, event in enumerate(scenario.events):
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
    merged = tuple(_merged(scenarios) for scenarios in members)
    hit = np.array(hits, dtype=np.int8).reshape(shape)
    return Compiled(events, ends, hit, len(merged), merged)


def preset_names() -> list[str]:
    """Return the names of the scenarios that come with the package."""
    entries = files("trading_env.scenarios").iterdir()
    return sorted(item.name[:-5] for item in entries if item.name.endswith(".toml"))


def load_preset(name: str) -> Scenario:
    """Load a scenario that comes with the package.

    Raises:
        ScenarioError: there is no preset of that name.
    """
    known = preset_names()
    if name not in known:
        raise scenario_error("scenario", "", name, f"no such preset{nearest(name, known)}")
    content = files("trading_env.scenarios").joinpath(f"{name}.toml").read_bytes()
    return Scenario.read(parse_toml(content, f"{name}.toml"), f"{name}.toml")


def load_file(path: str | os.PathLike[str]) -> Scenario:
    """Load a scenario from a TOML file.

    Raises:
        ScenarioError: the file cannot be read, is no TOML, or is no valid scenario.
    """
    source = os.fspath(path)
    return Scenario.read(parse_toml(read_bytes(source), source), source)


def _groups(spec: ScenarioSpec) -> list[Any]:
    """Return the specifications that an episode draws one of."""
    if not isinstance(spec, Mapping) or "one_of" not in spec:
        return [spec]
    groups = spec["one_of"]
    if len(spec) > 1 or not isinstance(groups, list | tuple) or not groups:
        raise scenario_error(
            "scenario", "one_of", None, "stands alone and holds a list of one or more"
        )
    return list(groups)


def _members(spec: object, family: str) -> list[Scenario]:
    """Return the scenarios that compose one group."""
    items = spec if isinstance(spec, list | tuple) else [spec]
    return [_one(FAMILIES[family] if item == "random" else item) for item in items]


def _one(spec: object) -> Scenario:
    """Return the scenario that a name, a path, a mapping or None stands for."""
    if spec is None:
        return CALM
    if isinstance(spec, Scenario):
        return spec
    if isinstance(spec, os.PathLike):
        return load_file(spec)
    if isinstance(spec, str):
        is_path = spec.endswith(".toml") or os.sep in spec
        return load_file(spec) if is_path else load_preset(spec)
    if isinstance(spec, Mapping):
        if "one_of" in spec:
            raise scenario_error("scenario", "one_of", None, "is only possible at the top")
        return Scenario.read(spec)
    raise scenario_error(
        "scenario", "", spec, "give a preset's name, a path, a mapping or a list of these"
    )


def _merged(scenarios: Sequence[Scenario]) -> Scenario:
    """Compose scenarios into one."""
    eventful = [scenario for scenario in scenarios if scenario.events]
    if len(eventful) < 2:
        return eventful[0] if eventful else CALM
    return Scenario.model_construct(
        name=" + ".join(scenario.name for scenario in eventful),
        description=" ".join(scenario.description for scenario in eventful),
        sources=tuple(text for scenario in eventful for text in scenario.sources),
        events=tuple(event for scenario in eventful for event in scenario.events),
    )


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
