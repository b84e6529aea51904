"""`trading-env scenarios`: list, show, compare and validate scenarios."""

from typing import Annotated, Any

import typer

from trading_env.cli.answers import answer, indented, new_app
from trading_env.cli.options import AsJson, is_scenario_file
from trading_env.stress.scenario import Scenario, load_file, load_preset, preset_names

scenarios = new_app(help="List, show, compare or validate scenarios.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="preset")]
Side = Annotated[str, typer.Argument(help="preset or .toml file")]
ScenarioFile = Annotated[str, typer.Argument(metavar="FILE", help=".toml file")]


@scenarios.command("list")
def list_presets(as_json: AsJson = False) -> None:
    """List the presets, each with its description and the hash of its content."""
    presets = map(load_preset, preset_names())
    found = {p.name: {"description": p.description, "sha256": p.sha256} for p in presets}
    answer(found, as_json, indented)


@scenarios.command("show")
def show_preset(name: Name, as_json: AsJson = False) -> None:
    """Show a preset's content and its hash."""
    answer(_content(load_preset(name)), as_json, indented)


@scenarios.command("diff")
def diff(a: Side, b: Side, as_json: AsJson = False) -> None:
    """Show what differs between two scenarios: key, both values."""
    sides = [_content(load_file(x) if is_scenario_file(x) else load_preset(x)) for x in (a, b)]
    left, right = map(_flat, sides)
    keys = list(dict.fromkeys([*left, *right]))
    differ = {k: [left.get(k), right.get(k)] for k in keys if left.get(k) != right.get(k)}
    answer({"equal": not differ, "differences": differ}, as_json, indented)


@scenarios.command("validate")
def validate_scenario(file: ScenarioFile, as_json: AsJson = False) -> None:
    """Check a scenario's TOML file."""
    scenario = load_file(file)
    events = len(scenario.events)
    found = {"valid": True, "name": scenario.name, "events": events, "sha256": scenario.sha256}
    answer(found, as_json, indented)


def _content(scenario: Scenario) -> dict[str, Any]:
    """Return a scenario's hash and content."""
    return {"sha256": scenario.sha256, **scenario.model_dump(mode="json", exclude_none=True)}


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """Name every leaf of nested values, as in events[0].move."""
    if isinstance(value, dict):
        items = [(f"{name}.{key}".removeprefix("."), item) for key, item in value.items()]
    elif isinstance(value, list):
        items = [(f"{name}[{index}]", item) for index, item in enumerate(value)]
    else:
        return {name: value}
    return {place: leaf for key, item in items for place, leaf in _flat(item, key).items()}
