"""Scenarios: crises and faults as data, read from presets, TOML files and mappings.

A scenario is a name, a description, its sources, and a list of events (`events.py`). Several
scenarios compose into one: an episode plays all of their events. With `one_of` each episode draws
one of several groups.

An invalid file or mapping raises one line that names the file, the key, the value and the reason.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from trading_env.core.errors import nearest
from trading_env.core.showing import as_table
from trading_env.stress.events import Event, Price
from trading_env.stress.reader import parse_toml, read_bytes, refusal, scenario_error

FAMILIES = ("random", "crises")  # each stands for its preset NAME_train or NAME_test


class Scenario(BaseModel):
    """A named list of events."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    name: str = Field(min_length=1, max_length=80)
    description: str = ""
    sources: tuple[str, ...] = Field((), strict=False)
    mirror: bool = False
    """Plays it upside down: every move of the price is turned over."""
    events: tuple[Event, ...] = Field(strict=False)

    def __init__(self, /, **values: Any) -> None:
        """Check every value.

        Raises:
            ScenarioError: unknown key, wrong type or unit, value out of range.
        """
        self._check(values, "scenario")

    def _check(self, values: Mapping[str, Any], source: str) -> None:
        """Validate values into this object; errors name `source`."""
        try:
            self.__pydantic_validator__.validate_python(dict(values), self_instance=self)
        except ValidationError as error:
            raise refusal(source, error, type(self).model_fields) from None

    @field_validator("events")
    @classmethod
    def _something_happens(cls, events: tuple[Event, ...], info: ValidationInfo) -> Any:
        if not events and info.data.get("name", "calm") != "calm":
            raise ValueError("no events; only the scenario 'calm' may have none")
        return events

    def __repr__(self) -> str:
        """Show the name and the kinds of events, not the events."""
        kinds = ", ".join(dict.fromkeys(e.model_dump()["kind"] for e in self.events)) or "none"
        mirrored = ", mirrored" if self.mirror else ""
        return f"Scenario({self.name!r}, {len(self.events)} events: {kinds}{mirrored})"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        written = [event.model_dump(mode="json", exclude_none=True) for event in self.events]
        events = {f"{i}: {event.pop('kind')}": event for i, event in enumerate(written)}
        return as_table(f"Scenario {self.name}", {"description": self.description, **events})

    @classmethod
    def load(cls, source: str | os.PathLike[str]) -> "Scenario":
        """Load a preset by its name, or a TOML file by its path.

        Raises:
            ScenarioError: there is no such preset or file, or it is not a valid scenario.
        """
        return _one(source, "train")

    @property
    def played(self) -> tuple[Event, ...]:
        """The events as an episode has them: turned over where the scenario is mirrored."""
        return tuple(e.mirrored() for e in self.events) if self.mirror else self.events

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
        if not isinstance(values, Mapping):
            raise scenario_error(source, "", values, "must be a mapping with a name and events")
        made = cls.__new__(cls)
        made._check(values, source)
        return made


ScenarioSpec: TypeAlias = (
    str | os.PathLike[str] | Scenario | Mapping[str, Any] | Sequence[Any] | None
)

CALM = Scenario(name="calm", description="Nothing happens.", events=())


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
        ScenarioError: the file is unreadable, not TOML, or not a valid scenario.
    """
    source = os.fspath(path)
    return Scenario.read(parse_toml(read_bytes(source), source), source)


def groups_of(spec: ScenarioSpec) -> list[Any]:
    """Return the specifications that an episode draws one of."""
    if not isinstance(spec, Mapping) or "one_of" not in spec:
        return [spec]
    groups = spec["one_of"]
    if len(spec) > 1 or not isinstance(groups, list | tuple) or not groups:
        raise scenario_error(
            "scenario", "one_of", None, "stands alone and holds a list of one or more"
        )
    return list(groups)


def members_of(spec: object, family: str) -> list[Scenario]:
    """Return the scenarios that compose one group."""
    items = spec if isinstance(spec, list | tuple) else [spec]
    return [_one(item, family) for item in items]


def mirrored(spec: Any) -> Any:
    """Return the specification of the same scenarios upside down."""
    if spec is None:
        return None
    if isinstance(spec, Scenario):
        return spec.model_copy(update={"mirror": not spec.mirror})
    if isinstance(spec, list | tuple):
        return [mirrored(item) for item in spec]
    if isinstance(spec, Mapping):
        if "one_of" in spec:
            return {"one_of": [mirrored(item) for item in groups_of(spec)]}
        return {**spec, "mirror": not spec.get("mirror", False)}
    return {"preset": spec, "mirror": True}


def moves_price(spec: ScenarioSpec) -> bool:
    """Tell whether some event of a specification moves the price."""
    members = (s for group in groups_of(spec) for s in members_of(group, "train"))
    return any(isinstance(event, Price) for scenario in members for event in scenario.events)


def _one(spec: object, family: str) -> Scenario:
    """Return the scenario that a name, a path, a mapping or None stands for."""
    if spec is None:
        return CALM
    if isinstance(spec, str) and spec in FAMILIES:
        spec = f"{spec}_{family}"
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
        return _turned_preset(spec, family) if "preset" in spec else Scenario.read(spec)
    raise scenario_error(
        "scenario", "", spec, "give a preset's name, a path, a mapping or a list of these"
    )


def _turned_preset(spec: Mapping[Any, Any], family: str) -> Scenario:
    """Read {"preset": a name or a path, "mirror": whether it is played upside down}."""
    for key in spec:
        if key not in ("preset", "mirror"):
            raise scenario_error("scenario", str(key), None, "beside 'preset' stands only 'mirror'")
    preset, mirror = spec["preset"], spec.get("mirror", False)
    if not isinstance(preset, str | os.PathLike):
        raise scenario_error("scenario", "preset", preset, "must be a preset's name or a path")
    if not isinstance(mirror, bool):
        raise scenario_error("scenario", "mirror", mirror, "must be true or false")
    found = _one(preset, family)
    return found.model_copy(update={"mirror": found.mirror != mirror})


def merged(scenarios: Sequence[Scenario]) -> Scenario:
    """Compose scenarios into one."""
    eventful = [scenario for scenario in scenarios if scenario.events]
    if len(eventful) < 2:
        return eventful[0] if eventful else CALM
    return Scenario.model_construct(
        name=" + ".join(scenario.name for scenario in eventful),
        description=" ".join(scenario.description for scenario in eventful),
        sources=tuple(text for scenario in eventful for text in scenario.sources),
        events=tuple(event for scenario in eventful for event in scenario.played),
    )
