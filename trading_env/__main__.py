"""The command line: look at scenarios, markets and runs, and check files.

    trading-env scenarios list | show NAME | validate FILE
    trading-env data describe SPEC | validate FILE
    trading-env audit ENV_ID [--module M] [--kwargs JSON] [--out FILE]
    trading-env report DIR

`--json` prints one JSON document. Whatever is wrong is one line on standard error and exit code 2;
a clean run returns 0, an audit that finds a fault 1. Neither a learner nor a plotting library is
imported.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from trading_env.audit.command import add_audit, run_audit
from trading_env.markets import load_market
from trading_env.report import write_report
from trading_env.scenario import Scenario, load_file, load_preset, preset_names

Command = Callable[[argparse.Namespace], dict[str, Any]]
LIMIT = 200  # characters of a message


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the process's exit code (see the module)."""
    parser = build_parser()
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as stop:  # help, or a command line that is wrong: argparse has said why
        return int(stop.code or 0)
    if arguments.run is None:
        parser.print_help()
        return 0
    try:
        found = arguments.run(arguments)
    except (ValueError, OSError) as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 2
    print(json.dumps(found, indent=2) if arguments.json else "\n".join(lines(found)))
    return 1 if arguments.run is run_audit and found["failed"] else 0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; each command's function is its `run`."""
    parser = Parser(prog="trading-env", description="Look at scenarios and markets, check files.")
    parser.set_defaults(run=None, json=False)
    topics = parser.add_subparsers(title="commands", metavar="COMMAND")
    scenarios = topics.add_parser("scenarios", help="list, show or validate scenarios")
    data = topics.add_parser("data", help="describe or validate market data")
    for topic, title in ((scenarios, "scenarios"), (data, "data")):
        topic.set_defaults(run=None)
        verbs = topic.add_subparsers(title="commands", metavar="COMMAND", required=True)
        for verb, run, argument, text in VERBS[title]:
            add_command(verbs, verb, run, argument, text)
    for name, run, argument, text in COMMANDS:
        add_command(topics, name, run, argument, text)
    add_audit(topics)
    return parser


def add_command(group: Any, name: str, run: Command, argument: str, text: str) -> None:
    """Add one command with at most one argument."""
    command = group.add_parser(name, help=text, description=text)
    if argument:
        command.add_argument("name", metavar=argument)
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run)


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line."""

    def error(self, message: str) -> Any:
        """Say what is wrong, and stop with exit code 2."""
        self.exit(2, f"error: {one_line(message)} (see {self.prog} --help)\n")


def list_scenarios(_: argparse.Namespace) -> dict[str, Any]:
    """Return every preset's name with its description."""
    return {name: load_preset(name).description for name in preset_names()}


def show_scenario(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return a preset's whole content."""
    return load_preset(arguments.name).model_dump(mode="json", exclude_none=True)


def validate_scenario(arguments: argparse.Namespace) -> dict[str, Any]:
    """Read a scenario file; return what it is."""
    scenario: Scenario = load_file(arguments.name)
    return {"valid": True, "name": scenario.name, "events": len(scenario.events)}


def describe_data(arguments: argparse.Namespace) -> dict[str, Any]:
    """Summarise a data set, a generator's default pool, a generator's JSON mapping or a file."""
    text: str = arguments.name
    spec: Any = text
    if text.lstrip().startswith("{"):
        try:
            spec = json.loads(text)
        except ValueError as error:
            raise ValueError(f"SPEC {text!r:.60} is not JSON: {error}") from None
    return load_market(spec, seed_band=None).describe()


def validate_data(arguments: argparse.Namespace) -> dict[str, Any]:
    """Read a file of bars; return its size."""
    market = load_market(Path(arguments.name), seed_band=None)
    return {"valid": True, "bars": market.bars, "symbols": list(market.symbols)}


def write_run_report(arguments: argparse.Namespace) -> dict[str, Any]:
    """Write a run folder's HTML report anew; return its path."""
    return {"report": str(write_report(arguments.name))}


COMMANDS: tuple[tuple[str, Command, str, str], ...] = (
    ("report", write_run_report, "DIR", "write the HTML report of a run folder"),
)
VERBS: dict[str, tuple[tuple[str, Command, str, str], ...]] = {
    "scenarios": (
        ("list", list_scenarios, "", "the presets and what happens in them"),
        ("show", show_scenario, "NAME", "a preset's content"),
        ("validate", validate_scenario, "FILE", "check a scenario's TOML file"),
    ),
    "data": (
        ("describe", describe_data, "SPEC", "summarise a data set, generator, JSON spec or file"),
        ("validate", validate_data, "FILE", "check a .csv, .csv.gz or .parquet file of bars"),
    ),
}


def lines(values: dict[str, Any], indent: str = "") -> list[str]:
    """Write nested values as aligned, indented text."""
    width = max((len(name) for name in values), default=0)
    written: list[str] = []
    for name, value in values.items():
        items = value if isinstance(value, list) else []
        if isinstance(value, dict):
            written += [f"{indent}{name}", *lines(value, indent + "  ")]
        elif items and isinstance(items[0], dict):
            for number, item in enumerate(items):
                written += [f"{indent}{name}[{number}]", *lines(item, indent + "  ")]
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            written.append(f"{indent}{name:<{width}}  {shown}".rstrip())
    return written


def one_line(problem: object) -> str:
    """Fold a message into one line of bounded length."""
    text = " ".join(str(problem).split())
    return text if len(text) < LIMIT else text[: LIMIT - 4] + "..."


if __name__ == "__main__":
    sys.exit(main())
