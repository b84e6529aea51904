"""`trading-env backtest`: play a policy and others on walk-forward windows."""

from pathlib import Path
from typing import Annotated, Any

import typer

from trading_env.backtesting.engine import LIMIT_S, Engine
from trading_env.backtesting.evaluation import SEED
from trading_env.backtesting.run_folder import RunFolder
from trading_env.backtesting.terms import Terms
from trading_env.backtesting.walks import DEFAULT_WINDOWS, backtest_policy
from trading_env.cli import options
from trading_env.cli.answers import answer, failed_cells
from trading_env.cli.evaluate import summary_lines

Markets = Annotated[
    list[str] | None,
    typer.Option(help=f"{options.MARKET_HELP}; may be repeated"),
]
Windows = Annotated[
    str, typer.Option(help="train, test, step, purge, embargo, in bars or, with d, trading days")
]


@options.reads_bars
def backtest_verb(
    context: typer.Context,
    policy: options.PolicyText,
    env: options.EnvName = None,
    market: Markets = None,
    windows: Windows = DEFAULT_WINDOWS,
    scenarios: options.Scenarios = "calm",
    severity: options.Severities = "1",
    mirror: options.Mirror = False,
    episodes: options.Episodes = 8,
    seed: options.Seed = SEED,
    cash: options.Cash = None,
    fees: options.Fees = None,
    account: options.Account = None,
    risk: options.Risk = None,
    trust: options.Trust = False,
    out: options.Out = None,
    as_json: options.AsJson = False,
    workers: options.Workers = 0,
    ray: options.Address = "",
    time_limit: options.TimeLimit = LIMIT_S,
    *,
    reading: dict[str, Any],
) -> int:
    """Play a policy and others on walk-forward windows."""
    engine = Engine(workers, ray, time_limit)
    summary = backtest_policy(
        options.candidate(policy, env, trust, "{}"),
        markets=[
            options.read_market(text, reading) for text in market or ([""] if reading else [])
        ],
        windows=windows,
        scenarios=options.scenarios_of(scenarios or "calm"),
        severities=options.severities_of(severity),
        mirror=mirror,
        episodes=episodes,
        seed=seed,
        terms=Terms(cash, fees, account, risk),
        engine=engine,
        folder=RunFolder(Path(out), "backtest", context.obj) if out else None,
    )
    answer(summary, as_json, summary_lines)
    return failed_cells(summary)
