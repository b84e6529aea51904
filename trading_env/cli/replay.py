"""`trading-env replay`: play a run again, and say whether every figure is the same to the last bit.

A run of `evaluate` or `backtest` is played by the command in its manifest, in the folder where it
was typed, or in the current one where that is gone; the policy of `train.py` is played, not
trained, again. A command that
names a module or a model.zip runs code of whoever wrote the folder: only with --trust.
"""

import shlex
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Annotated, Any

import typer

from trading_env.backtesting.reproduction import (
    MANIFEST,
    Recorded,
    Reproduced,
    compare,
    play_policy_again,
    read_recorded,
)
from trading_env.backtesting.run_folder import RunFolder
from trading_env.cli.answers import FAILED, answer, new_app
from trading_env.cli.backtest import backtest_verb
from trading_env.cli.evaluate import evaluate_verb
from trading_env.cli.options import AsJson
from trading_env.core.errors import ConfigError, UserError, file_name, one_line, shown
from trading_env.core.files import working_in

PROGRAM = "trading-env"
TOLD = 3  # causes, in a line
Folder = Annotated[str, typer.Argument(metavar="RUN", help="run folder that is finished")]
Trusted = Annotated[bool, typer.Option("--trust", help="run the code that the run's command names")]

verbs = new_app()
verbs.command("evaluate")(evaluate_verb)
verbs.command("backtest")(backtest_verb)


def replay_verb(folder: Folder, trust: Trusted = False, as_json: AsJson = False) -> None:
    """Play a run again: exit 0 if every figure is the same to the last bit, 1 if one differs."""
    run = Path(folder).absolute()
    recorded = read_recorded(run)
    with tempfile.TemporaryDirectory() as name, working_in(recorded.cwd):
        again = Path(name) / "run"
        if recorded.kind == "train":
            play_policy_again(run, recorded, RunFolder(again, "evaluate", recorded.command))
        else:
            play_command_again(run, recorded, again, trust)
        found = compare(run, again)
    cells = len(recorded.policies) * len(recorded.scenarios) * len(recorded.severities)
    about = {"run": folder, "same": not found.figures, "settings": cells, **found._asdict()}
    answer(about, as_json, lambda _: _line(about, found))
    if found.figures:
        raise typer.Exit(FAILED)


def play_command_again(run: Path, recorded: Recorded, again: Path, trust: bool) -> None:
    """Run the command of a manifest into another folder, without what it prints.

    Raises:
        ConfigError: it is no such command, or names code and is not trusted.
    """
    try:
        program, verb, *arguments = shlex.split(recorded.command)
    except ValueError:
        program = verb = ""
    commands: dict[str, Any] = typer.main.get_command(verbs).commands  # type: ignore[attr-defined]
    refusal = UserError.at(run / MANIFEST, "command", f"{shown(recorded.command)}: not a run's")
    if program != PROGRAM or verb != recorded.kind or verb not in commands:
        raise refusal
    command = commands[verb]
    try:
        context = command.make_context(verb, arguments, obj=recorded.command)
    except typer.Exit:  # --help: it plays nothing
        raise refusal from None
    with context:
        policy = str(context.params["policy"])
        if not trust and (":" in policy or policy.endswith(".zip")):
            raise ConfigError(f"POLICY {shown(policy)}: runs code of the run's; --trust allows it")
        # Played here, by one process: a Ray somewhere could send code.
        context.params |= {"out": str(again), "trust": trust, "ray": "", "workers": 0}
        with redirect_stdout(StringIO()):
            command.invoke(context)


def _line(about: dict[str, Any], found: Reproduced) -> Iterator[str]:
    run, causes = file_name(about["run"]), "; ".join(found.causes[:TOLD])
    if found.figures:
        more = f" and {len(found.figures) - 1} more" if len(found.figures) > 1 else ""
        cause = causes or "nothing that the manifest names"
        yield one_line(f"{run}: differs: {found.figures[0]}{more}; cause: {cause}")
    else:
        though = f", though {causes}" if causes else ""
        again = ""
        if count := len(found.failures):
            cells = "1 cell" if count == 1 else f"{count} cells"
            again = f", {cells} failed then and now: {found.failures[0]}"
        yield one_line(f"{run}: every figure is the same to the last bit{again}{though}")
