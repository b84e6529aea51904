"""The options that several commands share: the help text of each, and how its text is read."""

import contextlib
import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pydantic.fields import FieldInfo

from trading_env.backtesting.lookup import Candidate, find_policy
from trading_env.core.doors import json_mapping
from trading_env.core.errors import ConfigError, shown
from trading_env.markets.datasets import DATASETS
from trading_env.markets.loading import GENERATORS, load_market
from trading_env.markets.reading.settings import ReadingSettings
from trading_env.markets.reading.tables import CANONICAL
from trading_env.stress.scenario import load_file, members_of, preset_names

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
MARKET_HELP = "data set, generator (name or JSON), file or folder of bars, or JSON of one"
MarketText = Annotated[str | None, typer.Option(help=MARKET_HELP)]
Cash = Annotated[float | None, typer.Option(help="of the account at the start, currency")]
Fees = Annotated[
    str | None,
    typer.Option(metavar="BPS|NAME|JSON", help="basis points, or settings of execution: a venue"),
]
Account = Annotated[
    str | None,
    typer.Option(metavar="NAME|JSON", help="margin, cash, long_only, reg_t, perpetual or JSON"),
]
Risk = Annotated[str | None, typer.Option(metavar="NAME|JSON", help="settings of the risk manager")]
Out = Annotated[str | None, typer.Option(metavar="DIR", help="folder to write to, or to continue")]
Workers = Annotated[
    int, typer.Option(help="cells at once, as tasks of Ray on this machine (extra: ray)")
]
Address = Annotated[
    str, typer.Option("--ray", metavar="ADDRESS", help="run cells on this Ray cluster (extra: ray)")
]
TimeLimit = Annotated[
    float, typer.Option(metavar="SECONDS", help="a cell that takes longer has failed")
]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


def candidate(policy: str, env: str | None, trust: bool, parameters: str) -> Candidate:
    """Find the policy of a command line."""
    return find_policy(policy, env, trust=trust, parameters=json_mapping(parameters, "parameters"))


def _option(name: str, field: FieldInfo) -> Any:
    """Return the option of a setting; its help is the first sentence of the setting's."""
    kind: Any = str | None if name == "liquidity" else field.annotation
    text = (field.description or "").partition(". ")[0].replace("`", "")
    return Annotated[kind, typer.Option(help=f"of a file: {text}")]


def reads_bars(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add an option for each of `ReadingSettings`; the command gets those given as `reading`."""
    fields = ReadingSettings.model_fields
    added = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_option(name, field)
        )
        for name, field in fields.items()
    ]
    signature = inspect.signature(command)
    kept = [own for own in signature.parameters.values() if own.name != "reading"]

    @functools.wraps(command)
    def with_reading(*args: Any, **kwargs: Any) -> Any:
        stated = {name: kwargs.pop(name) for name in fields}
        reading = {name: value for name, value in stated.items() if value is not None}
        return command(*args, reading=reading, **kwargs)

    with_reading.__signature__ = signature.replace(parameters=[*kept, *added])  # type: ignore[attr-defined]
    with_reading.__annotations__ = {own.name: own.annotation for own in [*kept, *added]}
    return with_reading


def as_file(text: str, reading: Mapping[str, Any]) -> tuple[Path, ReadingSettings]:
    """Read the path of a file of bars, or the JSON mapping of one, and how it is to be read.

    Raises:
        ConfigError: it is the mapping of something else, or a setting is wrong.
    """
    found = json_mapping(text, "market") if text.lstrip().startswith("{") else {"path": text}
    path = found.pop("path", None)
    if not isinstance(path, str):
        raise ConfigError(f"{shown(text)}: give the path of a file, or JSON with the key path")
    return Path(path), ReadingSettings.of({**found, **_settings(reading)})


def _settings(reading: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of the command line; a number given as `liquidity` is one."""
    stated = dict(reading)
    if stated.get("liquidity", "unlimited") != "unlimited":
        with contextlib.suppress(ValueError):
            stated["liquidity"] = float(stated["liquidity"])
    return stated


def read_market(text: str, reading: Mapping[str, Any] | None = None) -> Any:
    """Read a market's name or path, or the JSON mapping of a generator or a file.

    What was found in a table that is not the canonical one is said on a line of standard error.

    Raises:
        ConfigError: it begins like JSON and is none, or `reading` is given and it is no file.
    """
    market = json_mapping(text, "market") if text.lstrip().startswith("{") else text
    if reading:
        stated = _settings(reading)
        found = {"path": market} if isinstance(market, str) else market
        if found.get("path", "") in ("", *DATASETS, *GENERATORS):
            flags = ", ".join(f"--{name.replace('_', '-')}" for name in stated)
            raise ConfigError(f"{flags}: of a file of bars, and {shown(text)} is none")
        market = {**found, **stated}
    path = market.get("path") if isinstance(market, dict) else market
    if isinstance(path, str) and path not in (*DATASETS, *GENERATORS) and Path(path).exists():
        read_as = load_market(market).read_as
        if CANONICAL not in read_as:
            print(read_as, file=sys.stderr)
    return market


def is_scenario_file(text: str) -> bool:
    """Tell a file from a preset's name; one of JSON is a file too, and refused as that."""
    return text.endswith((".toml", ".json"))


def scenarios_of(text: str) -> Mapping[str, Any]:
    """Read `all`, or names and files separated by commas.

    Raises:
        ConfigError: one is given twice; ScenarioError: a file is invalid, or no preset has a name.
    """
    if text == "all":
        return {name: name for name in preset_names()}
    found: dict[str, Any] = {}
    for item in (part.strip() for part in text.split(",")):
        scenario = load_file(item) if is_scenario_file(item) else item
        members_of(scenario, "test")  # refuses a name that no preset has
        name = item if isinstance(scenario, str) else scenario.name
        if name in found:
            raise ConfigError(f"scenarios: {shown(name)} is given twice")
        found[name] = scenario
    return found


def severities_of(text: str) -> list[float]:
    """Read numbers separated by commas.

    Raises:
        ConfigError: one is no number.
    """
    found: list[float] = []
    for part in text.split(","):
        try:
            found.append(float(part))
        except ValueError:
            raise ConfigError(f"severity = {shown(part, 40)}: must be a number >= 0") from None
    return found
