"""Play a plan, write all of it into a run folder, and return its summary.

`evaluation.py` and `walks.py` say which episodes those are. The policy that is asked for is played
beside constant answers and baselines, on the same episodes.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from trading_env.backtesting.cells import Slice, as_written
from trading_env.backtesting.engine import Engine
from trading_env.backtesting.fingerprint import code_digest
from trading_env.backtesting.lookup import NAMED, Candidate
from trading_env.backtesting.overfitting import choice_among
from trading_env.backtesting.plans import Plan, Rehearsal, rehearse
from trading_env.backtesting.playing import Played, play, traced
from trading_env.backtesting.references import NOTE, references_for
from trading_env.backtesting.run_folder import RunFolder
from trading_env.backtesting.summaries import pools_of, summary_of, window_means
from trading_env.backtesting.tables import KEYS, WALK_KEYS, episodes_frame
from trading_env.core.errors import ConfigError, clip, shown
from trading_env.core.records import Floats
from trading_env.envs.world import EXECUTION_DEFAULTS
from trading_env.markets import Market
from trading_env.markets.loading import is_file_name

BESIDE = {
    "portfolio": ("flat", "always_long", "buy_and_hold"),
    "execution": ("twap", "immediate"),
}
DEFAULT_MARKETS = {"portfolio": "us_indices", "execution": EXECUTION_DEFAULTS["market"]}
LEAST_EQUITY = 1e-6  # of its start, in a logarithm
JOURNALLED = 4  # episodes of each scenario whose every decision is kept


def markets_of(given: Sequence[Any], found: Candidate) -> dict[str, Any]:
    """Return name -> the markets that were given, the run's own, or the task's default."""
    learnt_on = found.market if isinstance(found.market, str) else ""
    if not given and is_file_name(learnt_on) and not Path(learnt_on).exists():
        reason = "the bars it was trained on are not here: give --market, or go to their folder"
        raise ConfigError(f"market {clip(learnt_on, 60)}: {reason}")
    specs = list(given) or [found.market or DEFAULT_MARKETS[found.env]]
    by_name = {market_name(spec): spec for spec in specs}
    if len(by_name) < len(specs):
        raise ConfigError(f"market: two are called {shown(market_name(specs[-1]))}")
    return by_name


def market_name(market: Any) -> str:
    """Name a market in tables."""
    if isinstance(market, Mapping):
        return str(market.get("generator", market.get("path")))
    is_path = isinstance(market, str | os.PathLike)
    return str(market if is_path else getattr(market, "source", "data frame"))


def described(market: Market) -> dict[str, Any]:
    """Say which bars they were."""
    about = market.describe()
    return {name: about[name] for name in ("source", "sha256", "paths", "bars", "start", "end")}


def plan_of(
    found: Candidate,
    scenarios: Mapping[str, Any],
    slices: Sequence[Slice],
    severities: Sequence[float],
    episodes: int,
    seed: int,
    beside: Sequence[str] | None,
    settings: Mapping[str, Any],
) -> Plan:
    """Put the policy first, then its company, the baselines and what bets on a direction alone."""
    if beside is None:
        usual = () if found.env_kwargs else BESIDE[found.env]
        beside = [*usual, *references_for(found.env, scenarios, severities)]
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


def evaluated(
    found: Candidate,
    plan: Plan,
    notes: list[str],
    about: dict[str, Any],
    folder: RunFolder | None,
    engine: Engine,
) -> dict[str, Any]:
    """Play a plan, write what there is a folder for, return the summary.

    A cell that failed is a row without metrics; `failed` of the summary says why.
    """
    rehearsal = rehearse(plan, is_stored=folder is not None)
    keys = WALK_KEYS if "windows" in about else KEYS
    with folder.open(**_known(plan, rehearsal), **about) if folder else nullcontext():
        results = _played(plan, folder, engine)
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
        summary["failed"] = [
            {**played.cell._asdict(), "reason": played.failure.reason}
            for played in results
            if played.failure
        ]
        if "windows" in about:
            summary["notes"] += choices(results, plan)
            summary["windows"] = window_means(frame, about["windows"])
        if folder:
            folder.write(results, frame, summary)
            _write_episodes(found.name, plan, rehearsal, results, folder)
    return summary


def choices(results: Sequence[Played], plan: Plan) -> list[str]:
    """Say of each market what of the best policy's Sharpe ratio may be the luck of the choice.

    Returns are those of the median equity in the first scenario, at the severity that is shown,
    window after window; bars that two windows share count once.
    """
    if plan.env != "portfolio":
        return []
    shown_first = (next(iter(plan.scenarios)), as_written(plan.severities))
    at = f", severity {shown_first[1]:g}" if len(plan.severities) > 1 else ""
    found: dict[str, dict[str, list[Floats]]] = {}
    ends: dict[tuple[str, str], int] = {}
    for cell, curve in ((p.cell, p.curve) for p in results if not p.failure):
        if (cell.scenario, cell.severity) == shown_first:
            times, who = np.array(curve["time"][1:]), (cell.market, cell.policy)
            new = times > ends.get(who, 0)
            returns = np.diff(np.log(np.maximum(curve["equity"], LEAST_EQUITY)))[new]
            found.setdefault(cell.market, {}).setdefault(cell.policy, []).append(returns)
            ends[who] = int(times[-1])
    said = []
    for market, policies in found.items():
        choice = choice_among({name: np.concatenate(parts) for name, parts in policies.items()})
        if choice is not None:
            said.append(
                f"{market}, {shown_first[0]}{at}: of {choice.trials} policies {choice.best} has "
                f"the highest Sharpe ratio, over {choice.steps:,} steps. That it is more than the "
                f"luck of the best of so many: {choice.deflated:.0%} (deflated Sharpe ratio); "
                f"that the best of one half of the time is below the median in the other: "
                f"{choice.overfitting:.0%} (probability of backtest overfitting). What was tried "
                "before this is not counted."
            )
    return said


def _write_episodes(
    name: str, plan: Plan, rehearsal: Rehearsal, results: Sequence[Played], folder: RunFolder
) -> None:
    """Write and draw a policy's first episodes of each scenario, but of those that failed.

    They are those of the first market or window, at the severity that the report shows.
    """
    severity = as_written(plan.severities)
    first = {
        unit: played
        for unit, played in zip(plan.units(), results, strict=True)
        if unit[:2] == (name, 0) and unit.severity == severity and not played.failure
    }
    if not first:
        return
    traces = traced(first, plan, min(JOURNALLED, plan.episodes))
    folder.write_episodes(name, severity, traces)
    eventful = [n for n in traces if rehearsal.scenarios[n][0]["events"]]
    pictured = (eventful or list(traces))[0]
    (where,) = (played.cell for unit, played in first.items() if unit.scenario == pictured)
    folder.draw(name, traces[pictured][0], where, results)


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


def _played(plan: Plan, folder: RunFolder | None, engine: Engine) -> list[Played]:
    """Play every cell that is not kept already, and show how far it is on a terminal."""
    with tqdm(total=plan.cells, unit=" cells", disable=None) as bar:

        def advance(is_new: bool) -> None:
            bar.update()
            if folder:
                folder.count(is_new)

        store = folder.store if folder else None
        return play(plan, store=store, advance=advance, engine=engine)


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
    played = [cut.market for cut in plan.slices if found.market is not None]
    own = Path(market_name(found.market)).name
    if elsewhere := sorted({name for name in played if Path(name).name != own}):
        notes.append(f"Trained on {market_name(found.market)}, played on {', '.join(elsewhere)}.")
    references = references_for(plan.env, plan.scenarios, plan.severities)
    if references and set(references) <= set(plan.policies):
        notes.append(NOTE)
    free = [name for name, own in rehearsal.overrides.items() if "preset" in own.get("risk", {})]
    if free:
        notes.append(
            "Risk settings of their own, under which they may hold the whole account: "
            f"{', '.join(free)}. The others go through the environment's risk "
            "manager, which allows far less: compare Sharpe and drawdown, not return alone."
        )
    return notes
