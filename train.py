"""Train the adaptive agents, evaluate them in crises that they have not seen, and conclude.

    python train.py                                   # a portfolio, then parent orders: minutes
    python train.py --quick                           # the same path, small
    python train.py --env execution --seeds 10        # ten trainings, and what they show together
    python train.py --seeds 10 --workers 2            # two of them at once, as tasks of Ray
    python train.py --market my_bars.csv --scenario liquidity_drought --seed 7
    python train.py --resume runs/2026-11-29_093000   # go on with a run that was stopped

Each task ends with a verdict: what beats what, by how much, with its interval, and what does not.
Everything goes into one folder; the last lines name the reports. A run that was stopped left its
checkpoints there; resumed, it ends with the policies of an undisturbed one.
"""

import json
import sys

if __name__ == "__main__" and "--help" not in sys.argv:  # before imports that take seconds
    print("train.py: loading what trains", file=sys.stderr, flush=True)

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import typer
from pydantic import TypeAdapter, ValidationError

from trading_env.backtesting.engine import Engine
from trading_env.backtesting.lookup import RunConfig
from trading_env.backtesting.run_folder import RunFolder
from trading_env.backtesting.terms import Terms
from trading_env.cli.answers import answer, new_app, run
from trading_env.cli.options import (
    Account,
    AsJson,
    Cash,
    Fees,
    Risk,
    read_market,
    reads_bars,
)
from trading_env.core.doors import is_there, json_mapping, read_toml
from trading_env.core.errors import (
    ConfigError,
    FailedError,
    one_line,
    reason_of,
    shown,
    unknown,
)
from trading_env.core.files import path_from, working_in, write_toml
from trading_env.core.locking import only_writer
from trading_env.markets.loading import market_from

CONFIG = "config.toml"
DAY_S = 86_400.0
WHERE = ("workers", "ray", "time_limit", "as_json")  # options that change no number
OF_THIS_TIME = ("out", "config", "resume", *WHERE)

app = new_app()


def read_config(context: typer.Context, path: str | None) -> str | None:
    """Take the options that the command line leaves out from a TOML file."""
    if path is None:
        return None
    values = read_toml(Path(path), dict[str, Any], ConfigError)
    as_typed_in(values, values.pop("cwd", None))
    if isinstance(values.get("market"), dict):
        values["market"] = json.dumps(values["market"])
    kinds = {k: v for k, v in get_type_hints(train).items() if k != "context"}
    for name, value in values.items():
        if name not in kinds:
            raise ConfigError(f"{path}: {unknown('key', name, kinds)}")
        try:
            TypeAdapter(kinds[name]).validate_python(value, strict=True)
        except ValidationError as error:
            reason = reason_of(error.errors()[0])
            raise ConfigError(f"{path}: {name} = {shown(value)}: {reason}") from None
    values.pop("out", None)  # a run is repeated in a folder of its own
    context.default_map = values
    return path


def as_typed_in(values: dict[str, Any], folder: Any) -> None:
    """Find the files that a run's options name where they were typed."""
    if not isinstance(folder, str):
        return
    market = values.get("market")
    if isinstance(market, str) and market.startswith("{"):
        market = json_mapping(market, "market")
    if market is not None:
        values["market"] = market_from(market, folder)
    if isinstance(values.get("scenario"), list):
        values["scenario"] = [
            path_from(item, folder) if str(item).endswith(".toml") else item
            for item in values["scenario"]
        ]


def read_resume(context: typer.Context, folder: str | None) -> str | None:
    """Take all options from the folder of a run, and work where they were typed."""
    if folder is None:
        return None
    own = Path(folder).resolve()
    cwd = read_toml(own / CONFIG, RunConfig, ConfigError).cwd
    context.with_resource(working_in(cwd))
    read_config(context, str(own / CONFIG))
    return str(own)


@app.command()
@reads_bars
def train(
    context: typer.Context,
    env: Annotated[
        Literal["portfolio", "execution"] | None,
        typer.Option(help="one task (default: both, and with --market the portfolio)"),
    ] = None,
    agent: Annotated[
        Literal["adaptive", "ppo", "sac", "tqc", "recurrent_ppo"],
        typer.Option(help="the others: Stable-Baselines3 as it comes, on the whole observation"),
    ] = "adaptive",
    market: Annotated[
        str,
        typer.Option(
            help="data set, generator (name or JSON), file of bars or its JSON; default: synthetic "
            "days with a weak signal for the portfolio, synthetic minutes for execution"
        ),
    ] = "",
    scenario: Annotated[
        list[str] | None,
        typer.Option(help="preset or .toml file to evaluate in; repeatable (default: the task's)"),
    ] = None,
    timesteps: Annotated[
        int | None,
        typer.Option(help="decisions (default: 1,000,000, of sac, tqc and recurrent_ppo 200,000)"),
    ] = None,
    generations: Annotated[
        int | None, typer.Option(help="execution: generations of the search (default: 12)")
    ] = None,
    episodes: Annotated[int | None, typer.Option(help="of each cell (default: 256)")] = None,
    seed: Annotated[int, typer.Option(help="of the learner and its training episodes")] = 0,
    seeds: Annotated[int, typer.Option(help="trainings; each has the next seed")] = 1,
    cash: Cash = None,
    fees: Fees = None,
    account: Account = None,
    risk: Risk = None,
    quick: Annotated[bool, typer.Option("--quick", help="train and evaluate on little")] = False,
    out: Annotated[str, typer.Option(metavar="DIR", help="run folder (default: runs/TIME)")] = "",
    as_json: AsJson = False,
    config: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", callback=read_config, is_eager=True, help="TOML file of these options"
        ),
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            callback=read_resume,
            is_eager=True,
            help="go on with the run of this folder, with its options",
        ),
    ] = None,
    workers: Annotated[
        int, typer.Option(help="trainings at once, as tasks of Ray on this machine (extra: ray)")
    ] = 0,
    ray: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="run trainings on this Ray cluster (extra: ray)"),
    ] = "",
    time_limit: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="after which one of several trainings has failed"),
    ] = DAY_S,
    *,
    reading: dict[str, Any],
) -> None:
    """Train the adaptive agents, evaluate them in crises they have not seen, and conclude."""
    options = {k: v for k, v in context.params.items() if k not in OF_THIS_TIME}
    if resume is not None:
        for name in context.params:
            source = context.get_parameter_source(name)
            if name in (*WHERE, "resume"):
                continue
            if source is not None and source.name == "COMMANDLINE":
                raise ConfigError(
                    f"--{name.replace('_', '-')}: a run that is resumed has its options in {CONFIG}"
                )
    from agents.execution_run import ExecutionRun
    from agents.plain import AGENTS, run_of
    from agents.portfolio_run import PortfolioRun
    from agents.run import TrainingRun

    engine = Engine(workers, ray, time_limit)
    if engine.is_ray and seeds == 1:
        raise ConfigError("seeds = 1: --workers and --ray run several trainings at once")
    tasks = [env] if env else ["portfolio"] if market else ["portfolio", "execution"]
    if generations is not None and agent in AGENTS:
        raise ConfigError(f"generations = {generations}: is of --agent adaptive")
    if generations is not None and "execution" not in tasks:
        raise ConfigError(f"generations = {generations}: is of --env execution")
    if timesteps is not None and agent == "adaptive" and "portfolio" not in tasks:
        raise ConfigError(f"timesteps = {timesteps}: is of --env portfolio")
    folder = Path(resume or out or f"runs/{datetime.now():%Y-%m-%d_%H%M%S}")
    if resume is None:
        RunFolder(folder, "train", context.obj, goes_on=False)  # refuses one that holds another run
        if is_there(folder / CONFIG):  # of several trainings or tasks, whose folders are below it
            raise ValueError(f"out = {folder}: holds another run; give another folder")
    makers: dict[str, tuple[type[TrainingRun], int | None]] = {
        "portfolio": (PortfolioRun, timesteps),
        "execution": (ExecutionRun, generations),
    }
    if agent in AGENTS:
        makers = {task: (run_of(agent, task), timesteps) for task in tasks}
    runs = []
    for task in tasks:
        maker, effort = makers[task]
        runs.append(
            maker(
                out=folder if len(tasks) == 1 else folder / task,
                market=read_market(market, reading) if market or reading else None,
                scenario=scenario or [],
                episodes=maker.usual[1] if episodes is None else episodes,
                effort=maker.usual[0] if effort is None else effort,
                seed=seed,
                seeds=seeds,
                quick=quick,
                terms=Terms(cash, fees, account, risk),
                command=context.obj,
                resume=resume is not None,
            )
        )
    for each in runs:
        each.read_market()
    if resume is None:
        with only_writer(folder):
            write_toml(folder / CONFIG, {**options, "cwd": str(Path.cwd())})
    print(f"training {' and '.join(tasks)} in {folder}", file=sys.stderr, flush=True)
    failed: list[str] = []
    for each in runs:
        failed += each.run(engine, say_nothing if as_json else print)
    for reason in failed:
        print(f"error: {one_line(reason)}", file=sys.stderr)
    if failed:
        raise FailedError(f"{len(failed)} trainings failed; --resume {folder} tries them again")
    answer({each.env: each.conclusion() for each in runs}, as_json, verdict_lines)


def say_nothing(table: str) -> None:
    """Leave standard output to the JSON."""


def verdict_lines(found: dict[str, list[str]]) -> Iterator[str]:
    """Write what each task's trainings show."""
    for env, lines in found.items():
        yield f"\nVerdict, {env}: mean difference with a bootstrap 95% interval"
        yield from (f"  {line}" for line in lines)


if __name__ == "__main__":
    sys.exit(run(app, "python train.py", sys.argv[1:]))
