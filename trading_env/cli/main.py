"""The command line: evaluate policies, look at scenarios and markets, check files of either.

    trading-env evaluate POLICY [--scenarios all|NAME,...] [--severity 0,0.5,1,2] [--out DIR]
    trading-env backtest POLICY [--market ...] [--windows train=504d,test=126d] [--out DIR]
    trading-env scenarios list | show NAME | diff A B | validate FILE
    trading-env data describe SPEC | validate FILE
    trading-env audit ENV_ID [--module M] [--kwargs JSON] [--out FILE]
    trading-env report DIR

`--json` prints one JSON document. Whatever is wrong is one line on standard error and exit code 2;
a clean run returns 0, an audit that finds a fault 1, one that is interrupted 130. A reader that
stops reading, as `head` does, is no fault. Neither a learner nor a plotting library is imported.
"""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from trading_env.audit.command import add_audit, run_audit
from trading_env.cli.played import add_backtest, add_evaluate, read_market
from trading_env.cli.terminal import table_lines
from trading_env.core.errors import one_line
from trading_env.core.files import jsonable
from trading_env.markets import load_market
from trading_env.report import write_report
from trading_env.stress.scenario import Scenario, load_file, load_preset, preset_names

Command = Callable[[argparse.Namespace], dict[str, Any]]
INTERRUPTED = 130  # as a shell counts it: 128 and the number of the signal


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the process's exit code (0, or 2 when something is wrong)."""
    try:
        return run(argv)
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return INTERRUPTED


def run(argv: Sequence[str] | None) -> int:
    """Run one command that may be interrupted; return the exit code."""
    parser = build_parser()
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as stop:  # help, or a command line that is wrong: argparse has said why
        return int(stop.code or 0)
    if arguments.run is None:
        parser.print_help()
        return 0
    arguments.command = shlex.join(["trading-env", *(sys.argv[1:] if argv is None else argv)])
    try:
        found = arguments.run(arguments)
        show(found, arguments)
    except (ValueError, OSError) as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 2
    return 1 if arguments.run is run_audit and found["failed"] else 0


def show(found: dict[str, Any], arguments: argparse.Namespace) -> None:
    """Print an answer, as far as somebody reads it.

    Raises:
        OSError: standard output cannot be written to, say because its disk is full.
    """
    text = "\n".join(arguments.show(found))
    if arguments.json:
        text = json.dumps(jsonable(found), indent=2, allow_nan=False)
    try:
        print(text, flush=True)
    except OSError as error:
        # What is left in the buffer would fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; each command's function is its `run`."""
    parser = Parser(prog="trading-env", description="Evaluate policies, check files.")
    parser.set_defaults(run=None, json=False, show=lines)
    topics = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, add, text in PLAYED:
        command = topics.add_parser(name, help=text, description=text)
        add(command)
        command.set_defaults(show=table_lines)
    scenarios = topics.add_parser("scenarios", help="list, show, compare or validate scenarios")
    data = topics.add_parser("data", help="describe or validate market data")
    for topic, title in ((scenarios, "scenarios"), (data, "data")):
        topic.set_defaults(run=None)
        verbs = topic.add_subparsers(title="commands", metavar="COMMAND", required=True)
        for verb, run, names, text in VERBS[title]:
            add_command(verbs, verb, run, names, text)
    add_command(topics, "report", write_run_report, "DIR", "write a run folder's HTML report")
    add_audit(topics)
    return parser


def add_command(parsers: Any, title: str, run: Command, names: str, text: str) -> None:
    """Add a command whose arguments are the words of `names`."""
    command = parsers.add_parser(title, help=text, description=text)
    for name in names.split():
        command.add_argument(name.lower(), metavar=name)
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run)


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line."""

    def error(self, message: str) -> Any:
        """Say what is wrong, and stop with exit code 2."""
        self.exit(2, f"error: {one_line(message)} (see {self.prog} --help)\n")


def list_scenarios(_: argparse.Namespace) -> dict[str, Any]:
    """Return every preset's name with its description and the hash of its content."""
    presets = map(load_preset, preset_names())
    return {p.name: {"description": p.description, "sha256": p.sha256} for p in presets}


def show_scenario(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return a preset's whole content and its hash."""
    return _content(load_preset(arguments.name))


def diff_scenarios(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what differs between two presets or files: key -> both values, None for none."""
    sides = [_content(_scenario(name)) for name in (arguments.a, arguments.b)]
    left, right = map(_flat, sides)
    keys = list(dict.fromkeys([*left, *right]))
    differ = {k: [left.get(k), right.get(k)] for k in keys if left.get(k) != right.get(k)}
    return {"equal": not differ, "differences": differ}


def validate_scenario(arguments: argparse.Namespace) -> dict[str, Any]:
    """Read a scenario file; return what it is."""
    scenario = load_file(arguments.file)
    events = len(scenario.events)
    return {"valid": True, "name": scenario.name, "events": events, "sha256": scenario.sha256}


def _scenario(name: str) -> Scenario:
    """Load a preset, or a file when the name ends in .toml."""
    return load_file(name) if name.endswith(".toml") else load_preset(name)


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


def describe_data(arguments: argparse.Namespace) -> dict[str, Any]:
    """Summarise a data set, a generator's default pool, a generator's JSON mapping or a file."""
    return load_market(read_market(arguments.spec), seed_band=None).describe()


def validate_data(arguments: argparse.Namespace) -> dict[str, Any]:
    """Read a file of bars; return its size."""
    market = load_market(Path(arguments.file), seed_band=None)
    return {"valid": True, "bars": market.bars, "symbols": list(market.symbols)}


PLAYED = (
    ("evaluate", add_evaluate, "play a policy and baselines under scenarios"),
    ("backtest", add_backtest, "play a policy and baselines on walk-forward windows"),
)


def write_run_report(arguments: argparse.Namespace) -> dict[str, Any]:
    """Write a run folder's HTML report anew; return its path."""
    return {"report": str(write_report(arguments.dir))}


VERBS: dict[str, tuple[tuple[str, Command, str, str], ...]] = {
    "scenarios": (
        ("list", list_scenarios, "", "the presets and what happens in them"),
        ("show", show_scenario, "NAME", "a preset's content"),
        ("diff", diff_scenarios, "A B", "what differs between two presets or .toml files"),
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
