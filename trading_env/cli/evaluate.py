"""`trading-env evaluate`: play a policy and others under scenarios."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from trading_env.backtesting.engine import LIMIT_S, Engine
from trading_env.backtesting.evaluation import SEED, evaluate_policy
from trading_env.backtesting.run_folder import RunFolder
from trading_env.backtesting.terms import Terms
from trading_env.cli import options
from trading_env.cli.answers import answer, failed_cells
from trading_env.report.tables import terminal_sections, text_table
from trading_env.report.words import told

Band = Annotated[
    Literal["train", "validation", "test"] | None,
    typer.Option(help="part of the market (default: test)"),
]
Length = Annotated[int | None, typer.Option(help="steps of an episode")]


@options.reads_bars
def evaluate_verb(
    context: typer.Context,
    policy: options.PolicyText,
    env: options.EnvName = None,
    scenarios: options.Scenarios = None,
    severity: options.Severities = "1",
    mirror: options.Mirror = False,
    episodes: options.Episodes = 64,
    seed: options.Seed = SEED,
    market: options.MarketText = None,
    band: Band = None,
    length: Length = None,
    parameters: options.Parameters = "{}",
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
    """Play a policy and others under scenarios, by default all presets."""
    engine = Engine(workers, ray, time_limit)
    summary = evaluate_policy(
        options.candidate(policy, env, trust, parameters),
        scenarios=None if scenarios is None else options.scenarios_of(scenarios),
        severities=options.severities_of(severity),
        mirror=mirror,
        episodes=episodes,
        seed=seed,
        market=options.read_market(market or "", reading) if market or reading else None,
        band=band,
        length=length,
        terms=Terms(cash, fees, account, risk),
        engine=engine,
        folder=RunFolder(Path(out), "evaluate", context.obj) if out else None,
    )
    answer(summary, as_json, summary_lines)
    return failed_cells(summary)


def summary_lines(summary: dict[str, Any]) -> Iterator[str]:
    """Write the means, one table a scenario and severity, the notes, and the verdict last."""
    for section in terminal_sections(summary):
        yield f"{text_table(section)}\n"
    yield from summary["notes"]
    yield from told(summary)
