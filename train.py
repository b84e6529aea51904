"""Train the adaptive agent, evaluate it under scenarios it has and has not seen, and report.

    python train.py                                   # parent orders through crises, minutes
    python train.py --quick                           # the same path, small
    python train.py --env portfolio                   # real index bars
    python train.py --env portfolio --market my_bars.csv --scenario liquidity_drought --seed 7

The default trains the pace of parent orders with and without feedback, and ends with a verdict:
what each pays in crises that neither was trained on.

Everything goes into one run folder; the last line names the report.
"""

import json
import sys
import tomllib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import pandas as pd
import typer
from pydantic import TypeAdapter, ValidationError
from tqdm import tqdm

from trading_env import ADAPTIVE_EXECUTION
from trading_env.backtesting.evaluation import evaluate_policy
from trading_env.backtesting.lookup import find_policy
from trading_env.backtesting.run_folder import RunFolder
from trading_env.backtesting.runs import market_name
from trading_env.backtesting.verdict import claims
from trading_env.cli.answers import new_app, run
from trading_env.cli.options import read_market, scenarios_of
from trading_env.core.codes import Task
from trading_env.core.errors import ConfigError, shown, unknown
from trading_env.core.files import write_json, write_toml
from trading_env.envs.world import WARMUP, build
from trading_env.markets import load_market
from trading_env.markets.bars import BANDS
from trading_env.policies.adaptive import AdaptivePolicy
from trading_env.policies.baselines import BASELINES
from trading_env.report import (
    difference_sections,
    score_sections,
    terminal_sections,
    text_table,
    write_report,
)

TRAINING = ("calm", "price_shock", "volatility_regime")
HELD_OUT = ("liquidity_drought", "flash_crash_2010", "bad_data", "gfc_2008", "covid_2020")
QUICK = ("calm", "flash_crash_2010")
LONGEST_EPISODE, SHORTEST_EPISODE = 252, 20
app = new_app()


def read_config(context: typer.Context, path: str | None) -> str | None:
    """Take the options that the command line leaves out from a TOML file."""
    if path is None:
        return None
    with open(path, "rb") as file:
        values = tomllib.load(file)
    if isinstance(values.get("market"), dict):
        values["market"] = json.dumps(values["market"])
    kinds = get_type_hints(train)
    for name, value in values.items():
        if name not in kinds:
            raise ConfigError(f"{path}: {unknown('key', name, kinds)}")
        try:
            TypeAdapter(kinds[name]).validate_python(value, strict=True)
        except ValidationError as error:
            reason = error.errors()[0]["msg"]
            raise ConfigError(f"{path}: {name} = {shown(value)}: {reason}") from None
    values.pop("out", None)  # a run is repeated in a folder of its own
    context.default_map = values
    return path


@app.command()
def train(
    context: typer.Context,
    env: Annotated[Literal["execution", "portfolio"], typer.Option(help="task")] = "execution",
    market: Annotated[
        str,
        typer.Option(
            help="data set, generator (name or JSON), file of bars or its JSON; default: synthetic "
            "minutes for execution, us_indices for portfolio"
        ),
    ] = "",
    scenario: Annotated[
        list[str] | None,
        typer.Option(help="preset or .toml file to evaluate in; repeatable (default: the task's)"),
    ] = None,
    agent: Annotated[
        Literal["adaptive", "ppo"], typer.Option(help="ppo: the learner without its calibrator")
    ] = "adaptive",
    timesteps: Annotated[
        int | None,
        typer.Option(help="portfolio: decisions to train on (default: 800,000)"),
    ] = None,
    generations: Annotated[
        int | None, typer.Option(help="execution: generations of the search (default: 20)")
    ] = None,
    episodes: Annotated[
        int | None, typer.Option(help="of each cell (default: 256 execution, 64 portfolio)")
    ] = None,
    seed: Annotated[int, typer.Option(help="of the learner and its training episodes")] = 0,
    quick: Annotated[bool, typer.Option("--quick", help="train and evaluate on little")] = False,
    out: Annotated[str, typer.Option(metavar="DIR", help="run folder (default: runs/TIME)")] = "",
    config: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", callback=read_config, is_eager=True, help="TOML file of these options"
        ),
    ] = None,
) -> None:
    """Train the adaptive agent, evaluate it under scenarios it has and has not seen, and report."""
    if env == "execution" and (timesteps is not None or agent != "adaptive"):
        raise ConfigError("timesteps and agent are of --env portfolio; execution has generations")
    if env == "portfolio" and generations is not None:
        raise ConfigError("generations are of --env execution; portfolio has timesteps")
    if env == "execution":
        return train_pace(context, market, scenario, generations, episodes, seed, quick, out)
    from agents.training import fit

    market = market or "us_indices"
    timesteps = 800_000 if timesteps is None else timesteps
    episodes = 64 if episodes is None else episodes
    if quick:
        timesteps, episodes = min(timesteps, 40_000), min(episodes, 8)
    names = scenario or list(QUICK if quick else (*TRAINING, *HELD_OUT))
    scenarios = scenarios_of(",".join(names))
    folder = Path(out or f"runs/{datetime.now():%Y-%m-%d_%H%M%S}")
    bars = read_market(market)
    length = checked_length(bars, scenarios, timesteps=timesteps, episodes=episodes, seed=seed)
    run_folder = RunFolder(folder, "train", context.obj)
    settings = {"env": env, "market": bars, "scenario": names, "agent": agent}
    settings |= {"timesteps": timesteps, "episodes": episodes, "seed": seed, "quick": quick}
    write_toml(folder / "config.toml", {**settings, "out": str(folder)})
    with run_folder.open(seeds={"training": seed}):
        arguments = {"market": bars, "episode_length": length, "seed_band": "train"}
        with tqdm(total=timesteps, desc="training", unit=" steps", mininterval=1.0) as bar:
            trained = fit(
                {**arguments, "scenario": {"one_of": TRAINING}},
                timesteps=timesteps,
                seed=seed,
                advance=bar.update,
                tensorboard=folder / "tensorboard",
            )
        about = {"scenarios": TRAINING, "kept_step": trained.step}
        about |= {"validation_reward": trained.validation_reward}
        policy = AdaptivePolicy(trained.network, trained.layout, calibrate=agent == "adaptive")
        policy.save(folder / "policy", **about)
        run_folder.note(training=about)
        summary = evaluate_policy(
            find_policy(str(folder)),
            scenarios=scenarios,
            episodes=episodes,
            length=length,
            beside=list(BASELINES),
            folder=run_folder,
        )
    print_tables(summary)
    print(f"\nreport: {write_report(folder)}")


def train_pace(
    context: typer.Context,
    market: str,
    scenario: list[str] | None,
    generations: int | None,
    episodes: int | None,
    seed: int,
    quick: bool,
    out: str,
) -> None:
    """Train the pace of parent orders with and without feedback, and say what feedback is worth."""
    from agents.crises import crises_alone
    from agents.pace import fit_pace

    generations = 20 if generations is None else generations
    episodes = 256 if episodes is None else episodes
    if quick:
        generations, episodes = min(generations, 2), min(episodes, 32)
    bars = read_market(market) if market else ADAPTIVE_EXECUTION["market"]
    length = ADAPTIVE_EXECUTION["episode_length"]
    scenarios, groups = crises_alone(length)
    if scenario:
        scenarios = scenarios_of(",".join(scenario))
        groups = {name: [name] for name in scenarios}
    least = {"generations": generations, "episodes": episodes, "seed": seed}
    checked_length(bars, scenarios, longest=length, shortest=length, env="execution", **least)
    folder = Path(out or f"runs/{datetime.now():%Y-%m-%d_%H%M%S}")
    run_folder = RunFolder(folder, "train", context.obj)
    settings = {"env": "execution", "market": bars, "scenario": scenario or [], **least}
    write_toml(folder / "config.toml", {**settings, "quick": quick, "out": str(folder)})
    arguments = {"market": bars, "scenario": "crises", "episode_length": length}
    curves: dict[str, list[dict[str, float]]] = {}
    with run_folder.open(seeds={"training": seed}):
        for name, feedback in (("policy", True), ("policy_without_feedback", False)):
            about = "with feedback" if feedback else "without"
            with tqdm(total=generations, desc=f"training {about}", unit=" generations") as bar:
                trained = fit_pace(
                    arguments,
                    feedback=feedback,
                    generations=generations,
                    seed=seed,
                    advance=bar.update,
                    record=curves.setdefault(name, []).append,
                )
            notes = {"scenarios": ["crises_train"], "kept_generation": trained.generation}
            notes |= {"validation_bps": trained.validation_bps}
            trained.policy.save(folder / name, **notes)
            run_folder.note(**{f"training_{name}": notes})
        write_json(folder / "training.json", curves)  # what each generation paid, bps
        summary = evaluate_policy(
            find_policy(str(folder)),
            scenarios=scenarios,
            episodes=episodes,
            beside=["twap", "immediate", "random"],
            folder=run_folder,
        )
    pooled = [s for s in terminal_sections(summary) if s.title.startswith("held-out")]
    for section in pooled or terminal_sections(summary):
        print(f"\n{text_table(section)}")
    frame = pd.read_parquet(folder / "evaluation/episodes.parquet")
    others = ["without_feedback", "twap", "patience"]
    lines = [str(claim) for claim in claims(frame, "adaptive", others, groups)]
    write_json(folder / "verdict.json", {"verdict": lines})
    print("\nVerdict: cost of parent orders, mean difference with a bootstrap 95% interval")
    print("\n".join(f"  {line}" for line in lines))
    print(f"\nreport: {write_report(folder)}")


def checked_length(
    market: Any,
    scenarios: Mapping[str, Any],
    *,
    longest: int = LONGEST_EPISODE,
    shortest: int = SHORTEST_EPISODE,
    env: str = "portfolio",
    **least: int,
) -> int:
    """Refuse what cannot run before anything is written; return the length of an episode."""
    for name, value in least.items():
        if value < (name != "seed"):
            raise ConfigError(f"{name} = {value}: must be >= {int(name != 'seed')}")
    tables = [load_market(market, seed_band=band) for band in BANDS]
    if env == "execution" and tables[0].assets != 1:
        reason = f"has {tables[0].assets} assets: a pace is trained on one"
        raise ConfigError(f"market {market_name(market)}: {reason}")
    bars = min(table.bars for table in tables)
    length = min(longest, bars - WARMUP - 2)
    if length < shortest:
        need = WARMUP + 2 + shortest
        raise ConfigError(f"market {market_name(market)}: {bars} bars in a band, {need} are needed")
    task = Task.EXECUTION if env == "execution" else Task.PORTFOLIO
    for scenario in scenarios.values():
        build(market=market, seed_band="test", scenario=scenario, episode_length=length, task=task)
    return length


def print_tables(summary: dict[str, Any]) -> None:
    """Print what the run found."""
    for section in score_sections(summary):
        print(f"\n{text_table(section)}")
    print("\nPaired differences with bootstrap 95% intervals (* excludes 0)")
    for section in difference_sections(summary):
        print(f"\n{text_table(section)}")
    for note in summary["notes"]:
        print(f"\n{note}")


if __name__ == "__main__":
    sys.exit(run(app, "python train.py", sys.argv[1:]))
