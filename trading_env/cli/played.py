"""`trading-env evaluate` and `trading-env backtest`: play, print, and keep what was asked for.

Beside the policy stand the constant answers and the usual baselines, on the same episodes. What is
wrong is found before anything is played or written.
"""

import argparse
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

from trading_env.backtesting.cells import Slice
from trading_env.backtesting.lookup import NAMED, Found, find_policy
from trading_env.backtesting.plans import Plan, Played, play, rehearse
from trading_env.backtesting.run_folder import OutputFolder
from trading_env.backtesting.summaries import ALL, records, summary_of
from trading_env.backtesting.tables import KEYS, WALK_KEYS, episodes_frame, summarise
from trading_env.backtesting.walks import slices_of
from trading_env.cli.terminal import progress
from trading_env.core.errors import ConfigError, shown
from trading_env.envs.world import DEFAULT_LENGTH, EXECUTION_DEFAULTS, WARMUP
from trading_env.markets import Market, load_market
from trading_env.markets.bars import BANDS, TRAIN_SHARE, VALIDATION_SHARE
from trading_env.markets.reading.times import iso
from trading_env.stress.scenario import load_file, preset_names

BESIDE = {
    "portfolio": ("flat", "always_long", "buy_and_hold"),
    "execution": ("twap", "immediate"),
}
DEFAULT_MARKETS = {"portfolio": "us_indices", "execution": EXECUTION_DEFAULTS["market"]}
DEFAULT_WINDOWS = "train=504d,test=126d,purge=5d,embargo=5d"
SEED = 1_000_000  # the episodes that train.py evaluates on


def add_evaluate(command: argparse.ArgumentParser) -> None:
    """Declare the arguments of `evaluate`."""
    _add_common(command, scenarios="all", episodes=64)
    command.add_argument("--market", help="data set, generator or file (default: the run's)")
    command.add_argument("--band", choices=BANDS, default="test", help="part of the market")
    command.add_argument("--length", type=int, help="steps of an episode")
    command.set_defaults(run=evaluate)


def add_backtest(command: argparse.ArgumentParser) -> None:
    """Declare the arguments of `backtest`."""
    _add_common(command, scenarios="calm", episodes=8)
    command.add_argument(
        "--market", action="append", default=[], help="as in evaluate; may be repeated"
    )
    command.add_argument(
        "--windows",
        default=DEFAULT_WINDOWS,
        help=f"train, test, step, purge, embargo in bars or trading days ({DEFAULT_WINDOWS})",
    )
    command.set_defaults(run=backtest)


def _add_common(command: argparse.ArgumentParser, *, scenarios: str, episodes: int) -> None:
    command.add_argument("policy", metavar="POLICY", help="run folder, baseline, module:callable")
    command.add_argument("--env", choices=list(NAMED), default="portfolio", help="task")
    command.add_argument("--scenarios", default=scenarios, help="all, or NAME,FILE.toml,...")
    command.add_argument("--severity", default="1", help="one or more, as 0,0.5,1,2")
    command.add_argument("--episodes", type=int, default=episodes, help="of each cell")
    command.add_argument("--seed", type=int, default=SEED, help="of the first episode")
    command.add_argument("--out", help="folder to write to, or to go on with")
    command.add_argument("--json", action="store_true", help="print JSON")


def evaluate(arguments: argparse.Namespace) -> dict[str, Any]:
    """Play a policy and its baselines under scenarios; return the summary."""
    found = find_policy(arguments.policy, arguments.env)
    given = [] if arguments.market is None else [arguments.market]
    ((name, market),) = _markets(given, found, arguments.env).items()
    length = arguments.length
    if length is None:
        length = _length(name, market, arguments.env, arguments.band)
    cut = {"market": market, "seed_band": arguments.band, "episode_length": length}
    plan = _plan(arguments, found, [Slice(name, cut)])
    notes = [
        f"Means over {plan.episodes} episodes of {length} steps on the {arguments.band} band, the "
        "same seeds for every policy.",
    ]
    data = {name: _data(load_market(market, seed_band=arguments.band))}
    return _run(arguments, found, plan, notes, {"markets": data, "band": arguments.band})


def backtest(arguments: argparse.Namespace) -> dict[str, Any]:
    """Play a policy and its baselines on walk-forward windows; return the summary."""
    found = find_policy(arguments.policy, arguments.env)
    slices: list[Slice] = []
    markets = {}
    for name, spec in _markets(arguments.market, found, arguments.env).items():
        markets[name] = load_market(spec, seed_band=None)
        slices += slices_of(name, markets[name], arguments.windows)
    plan = _plan(arguments, found, slices)
    windows = [_window(cut, markets[cut.market], found) for cut in slices]
    notes = [
        f"Means over {len(windows)} test windows, episodes of each: {plan.episodes}; no policy is "
        "fitted to a window.",
    ]
    if any(_overlap(here, after) for here, after in pairwise(slices)):
        notes.append("Test windows overlap: their episodes are not independent.")
    if found.market is not None and any(w["sample"] != "out of sample" for w in windows):
        notes.append(f"{found.name} was trained on bars that some windows test it on.")
    data = {name: _data(market) for name, market in markets.items()}
    return _run(arguments, found, plan, notes, {"markets": data, "windows": windows})


def _overlap(here: Slice, after: Slice) -> bool:
    """Tell whether two neighbouring windows of one market share test bars."""
    if here.market != after.market or here.window is None or after.window is None:
        return False
    return after.window.test_start < here.window.test_stop


def read_market(text: str) -> Any:
    """Read a market's name or path, or a generator's JSON mapping.

    Raises:
        ConfigError: it begins like JSON and is none.
    """
    if not text.lstrip().startswith("{"):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"market {shown(text)} is not JSON: {error}") from None


def _markets(given: list[str], found: Found, env: str) -> dict[str, Any]:
    """Return name -> the markets that were given, the run's own, or the task's default."""
    specs = [read_market(text) for text in given] or [found.market or DEFAULT_MARKETS[env]]
    named = {_name(spec): spec for spec in specs}
    if len(named) < len(specs):
        raise ConfigError(f"market: two are called {shown(_name(specs[-1]))}")
    return named


def _name(market: Any) -> str:
    """Name a market in tables."""
    return market if isinstance(market, str) else str(market.get("generator"))


def _data(market: Market) -> dict[str, Any]:
    """Say which bars they were."""
    about = market.describe()
    return {name: about[name] for name in ("source", "sha256", "paths", "bars", "start", "end")}


def _length(name: str, market: Any, env: str, band: str) -> int:
    """Return the task's usual length of an episode, or what the bars allow."""
    usual = EXECUTION_DEFAULTS["episode_length"] if env == "execution" else DEFAULT_LENGTH
    bars = load_market(market, seed_band=band).bars
    if bars < WARMUP + 2:
        reason = f"{bars} bars in the band {band!r}, {WARMUP + 2} are needed"
        raise ConfigError(f"market {name[-80:]}: {reason}")
    return min(int(usual), bars - WARMUP - 1)


def _plan(arguments: argparse.Namespace, found: Found, slices: list[Slice]) -> Plan:
    """Put the policy first, then what stands beside it."""
    known = NAMED[arguments.env]
    beside = {name: known[name] for name in BESIDE[arguments.env] if name != found.name}
    return Plan(
        policies={found.name: found.spec, **beside},
        scenarios=_scenarios(arguments.scenarios),
        slices=slices,
        severities=_severities(arguments.severity),
        episodes=arguments.episodes,
        seed=arguments.seed,
        env=arguments.env,
    )


def _scenarios(text: str) -> dict[str, Any]:
    """Read `all`, or names and files separated by commas."""
    if text == "all":
        return {name: name for name in preset_names()}
    found: dict[str, Any] = {}
    for item in (part.strip() for part in text.split(",")):
        scenario = load_file(item) if item.endswith(".toml") else item
        name = item if isinstance(scenario, str) else scenario.name
        if name in found:
            raise ConfigError(f"scenarios: {shown(name)} is given twice")
        found[name] = scenario
    return found


def _severities(text: str) -> list[float]:
    """Read numbers separated by commas."""
    found: list[float] = []
    for part in text.split(","):
        try:
            found.append(float(part))
        except ValueError:
            raise ConfigError(f"severity = {shown(part, 40)}: must be a number >= 0") from None
    if len(set(found)) < len(found):
        raise ConfigError(f"severity = {shown(text)}: one is given twice")
    return found


def _window(cut: Slice, market: Market, found: Found) -> dict[str, Any]:
    """Describe a window, and whether training may have seen its test bars."""
    window = cut.window
    assert window is not None
    stamps = {
        part: [iso(market.time[start]), iso(market.time[stop - 1])]
        for part, start, stop in (
            ("train", window.train_start, window.train_stop),
            ("test", window.test_start, window.test_stop),
        )
    }
    sample = "out of sample"
    if found.market is not None:
        learnt = load_market(found.market, seed_band=None)
        seen = int((TRAIN_SHARE + VALIDATION_SHARE) * learnt.bars)
        if market.time[window.test_start] <= learnt.time[seen - 1]:
            sample = "in sample"
    return {"market": cut.market, **window._asdict(), **stamps, "sample": sample}


def _run(
    arguments: argparse.Namespace,
    found: Found,
    plan: Plan,
    notes: list[str],
    about: dict[str, Any],
) -> dict[str, Any]:
    """Play a plan, write what is to be written, return the summary."""
    kind = arguments.run.__name__
    output = OutputFolder(Path(arguments.out), kind) if arguments.out else None
    rehearsal = rehearse(plan)
    counts = {"played": 0, "kept": 0}
    if output:
        output.begin(plan, rehearsal, arguments.command, **about)
    status = "failed"
    try:
        results = _play(plan, output, counts)
        keys = KEYS if kind == "evaluate" else WALK_KEYS
        frame = episodes_frame(results, keys)
        roles = [_role(found, name, rehearsal.scenarios[name]) for name in plan.scenarios]
        pools = {ALL: list(plan.scenarios)} if len(plan.scenarios) > 1 else {}
        summary = summary_of(
            frame,
            learner=found.name,
            baselines=[name for name in plan.policies if name != found.name],
            scenarios=[*roles, *({"name": name, "role": "mean by seed"} for name in pools)],
            market=", ".join(dict.fromkeys(cut.market for cut in plan.slices)),
            notes=notes,
            pools=pools,
        )
        if kind == "backtest":
            summary["windows"] = _by_window(frame, about["windows"])
        if output:
            output.finish(results, frame, summary)
            named = [name for name in plan.scenarios if rehearsal.scenarios[name][0]["events"]]
            scenario = (named or list(plan.scenarios))[0]
            output.write_journal(plan, found.name, scenario, max(plan.severities))
        status = "finished"
    except KeyboardInterrupt:
        status = "interrupted"
        raise
    finally:
        if output:
            output.end(status, {"total": plan.cells, **counts})
    return summary


def _play(plan: Plan, output: OutputFolder | None, counts: dict[str, int]) -> list[Played]:
    """Play every cell that is not kept already."""
    with progress(plan.cells) as advance:

        def count(is_new: bool) -> None:
            counts["played" if is_new else "kept"] += 1
            advance()

        return list(play(plan, store=output.store if output else None, advance=count))


def _role(found: Found, name: str, groups: list[dict[str, Any]]) -> dict[str, Any]:
    """Say what a scenario is to the policy, and which one it was."""
    role = "scenario"
    if found.trained_on:
        role = "trained on" if name in found.trained_on else "held out"
    return {"name": name, "role": role, "sha256": [group["sha256"] for group in groups]}


def _by_window(frame: Any, windows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add the means of each window."""
    described = []
    for window in windows:
        is_here = (frame["window"] == window["number"]) & (frame["market"] == window["market"])
        described.append({**window, "means": records(summarise(frame[is_here]))})
    return described
