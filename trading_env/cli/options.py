"""The options that several commands share: the help text of each, and how its text is read."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import typer

from trading_env.backtesting.lookup import Candidate, find_policy
from trading_env.core.errors import ConfigError, shown
from trading_env.stress.scenario import load_file, preset_names

PolicyText = Annotated[
    str,
    typer.Argument(
        metavar="POLICY",
        help="run folder, baseline, problems.NAME[.POLICY], module:callable or model.zip",
    ),
]
EnvName = Annotated[
    Literal["portfolio", "execution"] | None,
    typer.Option("--env", help="task (default: the policy's own, or portfolio)"),
]
Trust = Annotated[
    bool, typer.Option("--trust", help="load a model.zip, whose pickles can run any code")
]
Parameters = Annotated[
    str, typer.Option(metavar="JSON", help="parameters of the problem that POLICY names")
]
Scenarios = Annotated[
    str | None, typer.Option(metavar="NAMES", help="all, or NAME,FILE.toml,... separated by commas")
]
Severities = Annotated[
    str, typer.Option("--severity", metavar="NUMBERS", help="one or more, as 0,0.5,1,2")
]
Mirror = Annotated[
    bool,
    typer.Option("--mirror", help="also play upside down each scenario that moves the price"),
]
Episodes = Annotated[int, typer.Option(help="episodes of each policy in each scenario")]
Seed = Annotated[int, typer.Option(help="of the first episode")]
MARKET_HELP = "data set, generator (name or JSON), file, or JSON of a file and how to read it"
MarketText = Annotated[str | None, typer.Option(help=MARKET_HELP)]
Out = Annotated[str | None, typer.Option(metavar="DIR", help="folder to write to, or to continue")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


def candidate(policy: str, env: str | None, trust: bool, parameters: str) -> Candidate:
    """Find the policy of a command line."""
    return find_policy(policy, env, trust=trust, parameters=json_mapping(parameters, "parameters"))


def json_mapping(text: str, name: str) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ConfigError: it is none.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{name} {shown(text)} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ConfigError(f"{name} {shown(text)} must be a JSON object")
    return found


def read_market(text: str) -> Any:
    """Read a market's name or path, or the JSON mapping of a generator or a file.

    Raises:
        ConfigError: it begins like JSON and is none.
    """
    return json_mapping(text, "market") if text.lstrip().startswith("{") else text


def scenarios_of(text: str) -> Mapping[str, Any]:
    """Read `all`, or names and files separated by commas.

    Raises:
        ConfigError: one is given twice; ScenarioError: a file is invalid.
    """
    if text == "all":
        return {name: name for name in preset_names()}
    found: dict[str, Any] = {}
    for item in (part.strip() for part in text.split(",")):
        scenario = load_file(item) if item.endswith(".toml") else item
        name = item if isinstance(scenario, str) else scenario.name
        if name in found:
            raise ConfigError(f"scenarios: {shown(name)} is given twice")
        found[name] = scenario
    return found


def severities_of(text: str) -> list[float]:
    """Read numbers separated by commas.

    Raises:
        ConfigError: one is no number, or given twice.
    """
    found: list[float] = []
    for part in text.split(","):
        try:
            found.append(float(part))
        except ValueError:
            raise ConfigError(f"severity = {shown(part, 40)}: must be a number >= 0") from None
    if len(set(found)) < len(found):
        raise ConfigError(f"severity = {shown(text)}: one is given twice")
    return found
