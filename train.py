"""Train the adaptive agent, evaluate it under scenarios it has and has not seen, and report.

    python train.py                                   # real index bars, a few minutes
    python train.py --quick                           # the same path, small
    python train.py --market my_bars.csv --scenario liquidity_drought --seed 7

Everything goes into one run folder; the last line names the report.
"""

import json
import sys
import tomllib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import typer
from pydantic import TypeAdapter, ValidationError
from tqdm import tqdm

from trading_env.backtesting.evaluation import evaluate_policy
from trading_env.backtesting.lookup import find_policy
from trading_env.backtesting.run_folder import RunFolder
from trading_env.backtesting.runs import market_name
from trading_env.cli.answers import new_app, run
from trading_env.cli.options import Episodes, read_market, scenarios_of
from trading_env.core.errors import ConfigError, shown, unknown
from trading_env.core.files import write_toml
from trading_env.envs.world import WARMUP, build
from trading_env.markets import load_market
from trading_env.markets.bars import BANDS
from trading_env.policies.adaptive import AdaptivePolicy
from trading_env.policies.baselines import BASELINES
from trading_env.report import difference_sections, score_sections, text_table, write_report

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
    env: Annotated[Literal["portfolio"], typer.Option(help="task")] = "portfolio",
    market: Annotated[
        str, typer.Option(help="data set, generator (name or JSON), file of bars or its JSON")
    ] = "us_indices",
    scenario: Annotated[
        list[str] | None,
        typer.Option(help="preset or .toml file to evaluate in; repeatable (default: eight)"),
    ] = None,
    agent: Annotated[
        Literal["adaptive", "ppo"], typer.Option(help="ppo: the learner without its calibrator")
    ] = "adaptive",
    timesteps: Annotated[int, typer.Option(help="decisions to train on")] = 800_000,
    episodes: Episodes = 64,
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
    from agents.training import fit

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


def checked_length(market: Any, scenarios: Mapping[str, Any], **least: int) -> int:
    """Refuse what cannot run before anything is written; return the length of an episode."""
    for name, value in least.items():
        if value < (name != "seed"):
            raise ConfigError(f"{name} = {value}: must be >= {int(name != 'seed')}")
    shortest = min(load_market(market, seed_band=band).bars for band in BANDS)
    length = min(LONGEST_EPISODE, shortest - WARMUP - 2)
    if length < SHORTEST_EPISODE:
        need = WARMUP + 2 + SHORTEST_EPISODE
        raise ConfigError(
            f"market {market_name(market)}: {shortest} bars in a band, {need} are needed"
        )
    for scenario in scenarios.values():
        build(market=market, seed_band="test", scenario=scenario, episode_length=length)
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
