"""The command line: evaluate policies, look at scenarios and markets, check files of either.

    trading-env evaluate POLICY [--scenarios all|NAME,...] [--severity 0,1,2] [--mirror] [--out DIR]
    trading-env backtest POLICY [--market ...] [--windows train=504d,test=126d] [--out DIR]
    trading-env scenarios list | show NAME | diff A B | validate FILE
    trading-env data describe SPEC | validate FILE [--exchange CODE] [--repair OUT]
    trading-env audit ENV_ID [--module M] [--kwargs JSON] [--out FILE]
    trading-env benchmark [--track IDS] [--policy POLICY] [--seeds N] [--out DIR] | verify ENTRY
    trading-env report DIR
    trading-env replay DIR [--trust]
    trading-env warm                          # compile the step now
    trading-env doctor                        # what is installed, warm and missing
    trading-env --install-completion          # of the shell that is in use

A command is one function in a file of this folder, registered below. `--json` prints one JSON
document. Neither a learner nor a plotting library is imported before it is needed.
"""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from trading_env import __version__
from trading_env.cli.answers import new_app, run
from trading_env.cli.audit import audit_verb
from trading_env.cli.backtest import backtest_verb
from trading_env.cli.benchmark import benchmark
from trading_env.cli.data import data
from trading_env.cli.doctor import doctor_verb
from trading_env.cli.evaluate import evaluate_verb
from trading_env.cli.replay import replay_verb
from trading_env.cli.report import report_verb
from trading_env.cli.scenarios import scenarios
from trading_env.cli.warm import warm_verb

app = new_app(
    help="Evaluate policies, check files.", invoke_without_command=True, add_completion=True
)
app.command("evaluate")(evaluate_verb)
app.command("backtest")(backtest_verb)
app.add_typer(scenarios, name="scenarios")
app.add_typer(data, name="data")
app.command("audit")(audit_verb)
app.add_typer(benchmark, name="benchmark")
app.command("report")(report_verb)
app.command("replay")(replay_verb)
app.command("warm")(warm_verb)
app.command("doctor")(doctor_verb)


@app.callback()
def show_help(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="print the version")] = False,
) -> None:
    """Evaluate policies, check files."""
    if version:
        print(f"trading-env {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the process's exit code."""
    return run(app, "trading-env", sys.argv[1:] if argv is None else argv)
