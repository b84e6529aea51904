"""Evaluate policies: from Python as a table, and into a run folder as the command line does.

The policy that is asked for is played beside constant answers and baselines, on the same episodes.
Everything is checked before anything is played or written.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from trading_env.backtesting.cells import Slice
from trading_env.backtesting.fingerprint import code_digest
from trading_env.backtesting.lookup import NAMED, Candidate, resolve
from trading_env.backtesting.plans import Plan, Played, Rehearsal, named, play, rehearse, traced
from trading_env.backtesting.run_folder import RunFolder
from trading_env.backtesting.summaries import pools_of, summary_of, window_means
from trading_env.backtesting.tables import KEYS, WALK_KEYS, episodes_frame
from trading_env.backtesting.walks import NO_WINDOWS, slices_of
from trading_env.core.errors import ConfigError, shown
from trading_env.envs.world import DEFAULT_LENGTH, EXECUTION_DEFAULTS, WARMUP
from trading_env.markets import Market, load_market
from trading_env.markets.bars import TRAIN_SHARE, VALIDATION_SHARE
from trading_env.markets.reading.times import iso
from trading_env.policies.adapters import PolicySpec
from trading_env.stress.scenario import preset_names

if TYPE_CHECKING:
    import pandas as pd

BESIDE = {
    "portfolio": ("flat", "always_long", "buy_and_hold"),
    "execution": ("twap", "immediate"),
}
DEFAULT_MARKETS = {"portfolio": "us_indices", "execution": EXECUTION_DEFAULTS["market"]}
DEFAULT_WINDOWS = "train=504d,test=126d,purge=5d,embargo=5d"
SEED = 1_000_000  # of the first episode, whatever the training's seed
JOURNALLED = 4  # episodes of each scenario whose every decision is kept


def evaluate(
    policies: Mapping[str, PolicySpec | str] | str,
    *,
    scenarios: Mapping[str, Any] | Sequence[str],
    severities: Sequence[float] = (1.0,),
    episodes: int,
    seed: int,
    env_kwargs: Mapping[str, Any] | None = None,
    env: str | None = None,
    trust: bool = False,
) -> "pd.DataFrame":
    """Play every policy in every scenario at every severity on the same seeds.

    Args:
        policies: name -> anything that `policies.adapters` takes, or a text as POLICY on the
            command line; or one such text, which comes with its ablation or with its problem's
            other policies.
        scenarios: presets' names, or name -> anything the environment takes as a scenario.
        severities: 1 as written, 0 none.
        episodes: of each cell, >= 1; episode k has seed `seed` + k.
        seed: of the first episode.
        env_kwargs: arguments of the environment, over those of the policies' problem.
        env: "portfolio" (default) or "execution".
        trust: load policies that are pickled.

    Returns:
        One row an episode: policy, scenario, severity, seed, `METRICS`, and why a metric is
        withheld, as JSON.

    Raises:
        ValueError: an argument is invalid; MismatchError when an environment that was built is not
            the one that was asked for.
    """
    found = resolve(policies, env, trust=trust)
    plan = Plan(
        policies=found.policies,
        scenarios=named(scenarios),
        slices=[Slice("market", {})],
        severities=severities,
        episodes=episodes,
        seed=seed,
        env_kwargs={**found.env_kwargs, **(env_kwargs or {})},
        env=found.env,
    )
    return episodes_frame(play(plan), KEYS)


def evaluate_policy(
    found: Candidate,
    *,
    scenarios: Mapping[str, Any] | None = None,
    severities: Sequence[float] = (1.0,),
    episodes: int = 64,
    seed: int = SEED,
    market: Any = None,
    band: str | None = None,
    length: int | None = None,
    beside: Sequence[str] | None = None,
    folder: RunFolder | None = None,
) -> dict[str, Any]:
    """Evaluate a policy under scenarios, beside others; return the summary.

    Args:
        found: the policy, and what comes with it.
        scenarios: name -> scenario; None takes all presets, or none for a problem.
        severities: 1 as written, 0 none.
        episodes: of each cell.
        seed: of the first episode.
        market: None takes the run's, or the task's default. A problem brings its own.
        band: part of the market; None is the test band.
        length: steps of an episode; None takes the task's usual length, or what the bars allow.
        beside: baselines' names; None takes constant answers and buy-and-hold.
        folder: where to write all of it.

    Raises:
        ValueError: an argument is invalid; nothing was played or written then.
    """
    settings = dict(found.env_kwargs)
    if settings:
        for name, given in (("market", market), ("band", band), ("length", length)):
            if given is not None:
                raise ConfigError(f"{name}: a problem brings its own")
        cut = {name: settings.pop(name) for name in ("market", "seed_band", "episode_length")}
    else:
        ((name, market),) = _markets([] if market is None else [market], found).items()
        band = band or "test"
        length = _length(name, market, found.env, band) if length is None else length
        cut = {"market": market, "seed_band": band, "episode_length": length}
    if scenarios is None:
        scenarios = named(["calm"] if settings else preset_names())
    name, bars = _name(cut["market"]), load_market(cut["market"], seed_band=cut["seed_band"])
    plan = _plan(found, scenarios, [Slice(name, cut)], severities, episodes, seed, beside, settings)
    where = f"the {cut['seed_band']} band" if cut["seed_band"] else "the whole market"
    notes = [
        f"Means over {episodes} episodes of {cut['episode_length']} steps on {where}, the same "
        "seeds for every policy."
    ]
    if bars.paths == 1:
        notes.append(
            "Episodes are cut from one history and overlap: intervals speak of that history, not "
            "of years to come."
        )
    about = {"markets": {name: _data(bars)}, "band": cut["seed_band"]}
    return _evaluated(found, plan, notes, about, folder)


def backtest_policy(
    found: Candidate,
    *,
    markets: Sequence[Any] = (),
    windows: str = DEFAULT_WINDOWS,
    scenarios: Mapping[str, Any],
    severities: Sequence[float] = (1.0,),
    episodes: int = 8,
    seed: int = SEED,
    folder: RunFolder | None = None,
) -> dict[str, Any]:
    """Evaluate a policy on walk-forward windows, as `evaluate_policy` does under scenarios."""
    if found.env_kwargs:
        raise ConfigError(NO_WINDOWS)
    slices: list[Slice] = []
    bars = {}
    for name, spec in _markets(markets, found).items():
        bars[name] = load_market(spec, seed_band=None)
        slices += slices_of(name, bars[name], windows)
    plan = _plan(found, scenarios, slices, severities, episodes, seed, None, {})
    played = [_window(cut, bars[cut.market], found) for cut in slices]
    notes = [
        f"Means over {len(played)} test windows, {episodes} episodes of each; no policy is fitted "
        "to a window."
    ]
    if any(_overlap(here, after) for here, after in pairwise(slices)):
        notes.append("Test windows overlap: their episodes are not independent.")
    if any(window["sample"] != "out of sample" for window in played):
        notes.append(f"{found.name} was trained on bars that some windows test it on.")
    about = {"markets": {name: _data(each) for name, each in bars.items()}, "windows": played}
    return _evaluated(found, plan, notes, about, folder)


def _markets(given: Sequence[Any], found: Candidate) -> dict[str, Any]:
    """Return name -> the markets that were given, the run's own, or the task's default."""
    specs = list(given) or [found.market or DEFAULT_MARKETS[found.env]]
    by_name = {_name(spec): spec for spec in specs}
    if len(by_name) < len(specs):
        raise ConfigError(f"market: two are called {shown(_name(specs[-1]))}")
    return by_name


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


def _plan(
    found: Candidate,
    scenarios: Mapping[str, Any],
    slices: Sequence[Slice],
    severities: Sequence[float],
    episodes: int,
    seed: int,
    beside: Sequence[str] | None,
    settings: Mapping[str, Any],
) -> Plan:
    """Put the policy first, then its company and the baselines."""
    if beside is None:
        beside = () if settings else BESIDE[found.env]
    others = {**found.company, **{name: NAMED[found.env][name] for name in beside}}
    return Plan(
        policies={found.name: found.spec, **{n: p for n, p in others.items() if n != found.name}},
        scenarios=scenarios,
        slices=slices,
        severities=severities,
        episodes=episodes,
        seed=seed,
        env_kwargs=settings,
        env=found.env,
    )


def _overlap(here: Slice, after: Slice) -> bool:
    """Tell whether two neighbouring windows of one market share test bars."""
    if here.market != after.market or here.window is None or after.window is None:
        return False
    return after.window.test_start < here.window.test_stop


def _window(cut: Slice, market: Market, found: Candidate) -> dict[str, Any]:
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


def _evaluated(
    found: Candidate,
    plan: Plan,
    notes: list[str],
    about: dict[str, Any],
    folder: RunFolder | None,
) -> dict[str, Any]:
    """Play a plan, write what there is a folder for, return the summary."""
    rehearsal = rehearse(plan)
    keys = WALK_KEYS if "windows" in about else KEYS
    with folder.open(**_known(plan, rehearsal), **about) if folder else nullcontext():
        results = list(_played(plan, folder))
        frame = episodes_frame(results, keys)
        summary = summary_of(
            frame,
            learner=found.name,
            baselines=[name for name in plan.policies if name != found.name],
            scenarios=[_scenario(found, n, groups) for n, groups in rehearsal.scenarios.items()],
            market=", ".join(dict.fromkeys(cut.market for cut in plan.slices)),
            notes=[*notes, *_notes(found, plan, rehearsal)],
            pools=pools_of(list(plan.scenarios), found.trained_on),
        )
        if "windows" in about:
            summary["windows"] = window_means(frame, about["windows"])
        if folder:
            folder.write(results, frame, summary)
            traces = traced(plan, found.name, min(JOURNALLED, plan.episodes))
            folder.write_episodes(found.name, traces)
            eventful = [n for n, groups in rehearsal.scenarios.items() if groups[0]["events"]]
            pictured = (eventful or list(plan.scenarios))[0]
            where = results[0].cell._replace(scenario=pictured, severity=max(plan.severities))
            folder.draw(found.name, traces[pictured][0], where, results)
    return summary


def _known(plan: Plan, rehearsal: Rehearsal) -> dict[str, Any]:
    """Return what the manifest holds of a plan."""
    return {
        "code": code_digest(),
        "env": plan.env,
        "seeds": {"first": plan.seed, "episodes": plan.episodes},
        "severities": list(plan.severities),
        "cells": {"total": plan.cells, "played": 0, "kept": 0},
        **rehearsal._asdict(),
    }


def _played(plan: Plan, folder: RunFolder | None) -> Iterator[Played]:
    """Play every cell that is not kept already, and show how far it is on a terminal."""
    with tqdm(total=plan.cells, unit=" cells", disable=None) as bar:

        def advance(is_new: bool) -> None:
            bar.update()
            if folder:
                folder.count(is_new)

        yield from play(plan, store=folder.store if folder else None, advance=advance)


def _scenario(found: Candidate, name: str, groups: list[dict[str, Any]]) -> dict[str, Any]:
    """Say which scenario it was, and whether the policy was trained on it."""
    role = "scenario"
    if found.trained_on:
        role = "trained on" if name in found.trained_on else "held out"
    return {"name": name, "role": role, "sha256": [group["sha256"] for group in groups]}


def _notes(found: Candidate, plan: Plan, rehearsal: Rehearsal) -> list[str]:
    """Say what a reader of the tables alone has to know."""
    notes = []
    if found.trained_on:
        held_out = [name for name in plan.scenarios if name not in found.trained_on]
        notes.append(
            f"Trained on: {', '.join(found.trained_on)}. Held out: {', '.join(held_out) or 'none'}."
        )
    notes += found.notes
    if rehearsal.overrides:
        notes.append(
            "Risk settings of their own, under which they may hold the whole account: "
            f"{', '.join(rehearsal.overrides)}. The others go through the environment's risk "
            "manager, which allows far less: compare Sharpe and drawdown, not return alone."
        )
    return notes
