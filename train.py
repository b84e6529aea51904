"""Train the adaptive agent, evaluate it under scenarios it has and has not seen, and report.

    python train.py                                   # real index bars, a few minutes
    python train.py --quick                           # the same path, small
    python train.py --market my_bars.csv --scenario liquidity_drought --seed 7

Everything goes into one run folder; the last line names the report.
"""

import argparse
import shlex
import sys
import tomllib
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from trading_env.core.errors import shown
from trading_env.core.files import git_state, now, versions, write_json, write_toml
from trading_env.markets import load_market
from trading_env.markets.bars import BANDS

TRAINING_SCENARIOS = ("calm", "price_shock", "volatility_regime")
HELD_OUT_SCENARIOS = (
    "liquidity_drought",
    "flash_crash_2010",
    "bad_data",
    "gfc_2008",
    "covid_2020",
)
EVALUATION_SEED = 1_000_000  # the same episodes for every run, whatever its training seed
LONGEST_EPISODE, SHORTEST_EPISODE = 252, 20
ROOT = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Args:
    """Everything a run depends on; `--config FILE` reads it from TOML."""

    env: str = "portfolio"
    """Task; `portfolio` is trading_env/Portfolio-v0."""
    market: str = "us_indices"
    """Data set, generator, or .csv / .parquet file."""
    scenario: list[str] = field(default_factory=list)
    """Presets or .toml files to evaluate instead of the usual eight; may be repeated."""
    agent: str = "adaptive"
    """`adaptive`, or `ppo`: the same learner with its calibrator off."""
    timesteps: int = 800_000
    """Decisions to train on."""
    episodes: int = 64
    """Evaluation episodes of each policy in each scenario."""
    seed: int = 0
    """Of the learner and of its training episodes."""
    quick: bool = False
    """Train on little, evaluate few episodes in two scenarios."""
    out: str = ""
    """Run folder; left out: runs/<time>."""


def main(argv: list[str] | None = None) -> None:
    """Run the whole of it; what the user got wrong is one line and exit code 2."""
    try:
        args = resolve(parse(argv))
        steps = check(args)
    except (ValueError, OSError) as error:
        fail(error)
    folder = Path(args.out)
    write_toml(folder / "config.toml", asdict(args))
    manifest = {
        "status": "running",
        "command": shlex.join(["python", "train.py", *(sys.argv[1:] if argv is None else argv)]),
        "start": now(),
        "end": None,
        "git": git_state(ROOT),
        "versions": versions(),
        "seeds": {"training": args.seed, "evaluation": EVALUATION_SEED},
    }
    write_json(folder / "manifest.json", manifest)
    try:
        run(args, steps, manifest)
        manifest["status"] = "finished"
    except BaseException as error:
        manifest["status"] = f"failed: {type(error).__name__}: {error}"
        raise
    finally:
        manifest["end"] = now()
        write_json(folder / "manifest.json", manifest)
    from trading_env.report import write_report

    print(f"\nreport: {write_report(folder)}")


def run(args: Args, steps: int, manifest: dict[str, Any]) -> None:
    """Train, evaluate, record, draw, print."""
    from tqdm import tqdm

    from agents import experiment
    from agents.training import train

    folder = Path(args.out)
    common = {"market": args.market, "episode_length": steps}
    training_env = {**common, "seed_band": "train", "scenario": {"one_of": TRAINING_SCENARIOS}}
    with tqdm(total=args.timesteps, desc="training", unit=" steps", mininterval=1.0) as bar:
        trained = train(
            training_env,
            timesteps=args.timesteps,
            seed=args.seed,
            advance=bar.update,
            tensorboard=folder / "tensorboard",
        )
    manifest["training"] = {
        "scenarios": TRAINING_SCENARIOS,
        "kept_step": trained.step,
        "validation_reward": trained.validation_reward,
    }
    plan = experiment.Plan(
        learner=args.agent,
        scenarios=tuple(args.scenario),
        trained_on=TRAINING_SCENARIOS,
        episodes=args.episodes,
        seed=EVALUATION_SEED,
        env_kwargs={**common, "seed_band": "test"},
    )
    policies = experiment.policies_of(trained.network, plan)
    policies[args.agent].save(folder / "policy", **manifest["training"])
    frame, summary = experiment.evaluate_plan(plan, policies)
    experiment.save_evaluation(folder / "evaluation", frame, summary)
    recording = experiment.record(plan, policies[args.agent])
    manifest["environment"] = recording.resolved
    experiment.save_journals(recording, folder)
    experiment.draw_episode(plan, recording, folder / "episode.png")
    experiment.save_equity(plan, policies, recording, folder)
    experiment.save_replays(plan, recording, folder / "evaluation" / "replay.json")
    experiment.print_tables(summary)


def parse(argv: list[str] | None) -> Args:
    """Read the command line; `--config` gives what the command line leaves out."""
    parser = Parser(description=(__doc__ or "").partition("\n")[0])
    given: dict[str, Any] = {"default": argparse.SUPPRESS}
    parser.add_argument("--env", choices=["portfolio"], help="task", **given)
    parser.add_argument("--market", help="us_indices, multiscale, or a bar file", **given)
    parser.add_argument("--scenario", action="append", help="NAME or FILE; repeatable", **given)
    parser.add_argument("--agent", choices=["adaptive", "ppo"], help="learner", **given)
    parser.add_argument("--timesteps", type=int, help="training decisions", **given)
    parser.add_argument("--episodes", type=int, help="evaluation episodes a cell", **given)
    parser.add_argument("--seed", type=int, help="of the learner", **given)
    parser.add_argument("--quick", action="store_true", help="the same path, small", **given)
    parser.add_argument("--out", help="run folder", **given)
    parser.add_argument("--config", help="TOML file of these arguments", **given)
    values = vars(parser.parse_args(argv))
    return Args(**{**read_config(values.pop("config", None)), **values})


def read_config(path: str | None) -> dict[str, Any]:
    """Read arguments from TOML, or raise ValueError."""
    if path is None:
        return {}
    with open(path, "rb") as file:
        values = tomllib.load(file)
    defaults = asdict(Args())
    for name, value in values.items():
        if name not in defaults:
            raise ValueError(f"{path}: unknown key {shown(name)}; known: {', '.join(defaults)}")
        if type(value) is not type(defaults[name]):
            kind = type(defaults[name]).__name__
            raise ValueError(f"{path}: {name} = {shown(value)}: must be of type {kind}")
    values.pop("out", None)  # a run is repeated beside itself, not over itself
    return values


def resolve(args: Args) -> Args:
    """Fill in what was left open."""
    if args.quick:
        args = replace(args, timesteps=min(args.timesteps, 40_000), episodes=min(args.episodes, 8))
    usual = (
        ["calm", "flash_crash_2010"] if args.quick else [*TRAINING_SCENARIOS, *HELD_OUT_SCENARIOS]
    )
    out = args.out or f"runs/{datetime.now():%Y-%m-%d_%H%M%S}"
    return replace(args, scenario=args.scenario or usual, out=out)


def check(args: Args) -> int:
    """Refuse what cannot run before anything is written; return the length of an episode."""
    from trading_env.envs.world import WARMUP, build

    for name in ("timesteps", "episodes"):
        if getattr(args, name) < 1:
            raise ValueError(f"{name} = {getattr(args, name)}: must be >= 1")
    if args.seed < 0:
        raise ValueError(f"seed = {args.seed}: must be >= 0")
    if (Path(args.out) / "manifest.json").exists():
        raise ValueError(f"out = {args.out}: holds a run already; give another folder")
    shortest = min(load_market(args.market, seed_band=band).bars for band in BANDS)
    steps = min(LONGEST_EPISODE, shortest - WARMUP - 2)
    if steps < SHORTEST_EPISODE:
        need = WARMUP + 2 + SHORTEST_EPISODE
        raise ValueError(f"market {args.market}: {shortest} bars in a band, {need} are needed")
    for scenario in args.scenario:
        build(market=args.market, seed_band="test", scenario=scenario, episode_length=steps)
    return steps


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """Leave with exit code 2."""
        fail(message)


def fail(reason: object) -> NoReturn:
    """Print one line and leave with exit code 2."""
    line = " ".join(str(reason).split())
    print(f"error: {line}", file=sys.stderr)
    raise SystemExit(2)


if __name__ == "__main__":
    main()
