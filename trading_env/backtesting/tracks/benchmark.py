"""Play tracks: policies beside the baselines, on the same episodes, into entries with ranks.

A policy is one training or several: a folder with `seed_K` in it is a learner whose trainings are
the rows of its table. Everything is checked before anything is played.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_env.backtesting.engine import Engine
from trading_env.backtesting.lookup import find_policy
from trading_env.backtesting.plans import Plan
from trading_env.backtesting.playing import Advance, Played, play
from trading_env.backtesting.store import CellStore
from trading_env.backtesting.tracks.controls import CONTROLS
from trading_env.backtesting.tracks.entries import (
    Budget,
    EntryError,
)
from trading_env.backtesting.tracks.track import Track
from trading_env.core.doors import Loose, read_json
from trading_env.core.errors import ConfigError, PolicyError, shown
from trading_env.policies.adapters import PolicySpec
from trading_env.policies.adaptive import DESCRIPTION

NOTHING = Budget(steps=0, trials=1)  # of what is not trained
Values = NDArray[np.float64]


class Training(NamedTuple):
    """One training of a policy."""

    seed: int
    text: str  # POLICY
    spec: PolicySpec


class Contestant(NamedTuple):
    """Who plays a track."""

    name: str
    trainings: tuple[Training, ...]
    budget: Budget | None


class Told(Loose):
    """What a trained policy says of its budget in `policy.json`."""

    budget: Budget | None = None


def baselines_of(track: Track) -> list[Contestant]:
    """Return who plays beside an entry."""
    return [
        Contestant(name, (Training(0, name, track.named(name)),), NOTHING)
        for name in track.baselines
    ]


def contestant_of(
    text: str, track: Track, seeds: int | None = None, budget: Budget | None = None
) -> Contestant:
    """Find the policy of a text, with all its trainings.

    Args:
        text: the name of a policy that the track knows, POLICY, or a folder with `seed_K` in it.
        track: that it is to play.
        seeds: how many trainings to take, the first ones; None takes all.
        budget: of each training; None takes what `policy.json` says.

    Raises:
        ConfigError: there is none, it is for another task, or it has too few trainings.
        EntryError: it does not say what its training took, or took more than the track allows.
    """
    if text in track.known or text in CONTROLS:
        return Contestant(text, (Training(0, text, track.named(text)),), budget or NOTHING)
    folders = trainings_in(Path(text))
    if seeds is not None and not 1 <= seeds <= max(len(folders), 1):
        raise ConfigError(f"seeds = {seeds}: POLICY {shown(text)} has {max(len(folders), 1)}")
    names = {seed: str(folder) for seed, folder in folders.items()} or {0: text}
    chosen = list(names.items())[:seeds]
    found = []
    for seed, name in chosen:
        candidate = find_policy(name, track.env)
        found.append(Training(seed, name, candidate.spec))
        own = _told(Path(name))
        if own and budget and (own.steps > budget.steps or own.trials > budget.trials):
            took = f"{own.steps:,} steps and {own.trials} trials by its policy.json"
            reason = f"took {took}, not {budget.steps:,} and {budget.trials}"
            raise EntryError(f"POLICY {shown(name)}: {reason}")
        budget = budget or own
    name = Path(text).name if folders or Path(text).is_dir() else text
    if budget is None:
        reason = "incomplete: lacks a budget (--steps, --trials, or in policy.json)"
        raise EntryError(f"POLICY {shown(text)}: {reason}")
    if budget.steps > track.steps:
        reason = f"steps = {budget.steps:,}: {track.id} allows {track.steps:,} a training"
        raise EntryError(f"POLICY {shown(text)}: {reason}")
    if budget.steps > 0 and len(found) < track.seeds and seeds is None:
        reason = f"incomplete: {len(found)} seeds, {track.id} asks for {track.seeds}"
        raise EntryError(f"POLICY {shown(text)}: {reason}; --seeds {len(found)} plays them")
    return Contestant(name, tuple(found), budget)


def trainings_in(folder: Path) -> dict[int, Path]:
    """Return seed -> folder of each training in a folder."""
    if not folder.is_dir():
        return {}
    found = {}
    for path in folder.glob("seed_*"):
        number = path.name.removeprefix("seed_")
        if number.isdecimal() and path.is_dir():
            found[int(number)] = path
    return dict(sorted(found.items()))


def _told(folder: Path) -> Budget | None:
    """Read what a saved policy says of its budget."""
    path = folder / "policy" if (folder / "policy").is_dir() else folder
    if not (path / DESCRIPTION).is_file():
        return None
    return read_json(path / DESCRIPTION, Told, PolicyError).budget


class Results(NamedTuple):
    """What contestants did on a track."""

    track: Track
    contestants: tuple[Contestant, ...]
    tables: dict[str, Values]  # name -> (trainings, paths), in the metric's stored unit
    markets_sha256: str
    failed: tuple[dict[str, Any], ...] = ()  # cells without a result, and why


def plan_for(track: Track, contestants: Sequence[Contestant]) -> Plan:
    """Return the plan of a track: each training of each contestant is a policy of its own."""
    specs: dict[str, PolicySpec] = {}
    for who in contestants:
        for training in who.trainings:
            specs[cell_name(who, training)] = training.spec
    return track.plan(specs)


def cell_name(who: Contestant, training: Training) -> str:
    """Name a training in the cells."""
    return f"{who.name} {training.seed}"


def play_track(
    track: Track,
    contestants: Sequence[Contestant],
    *,
    store: CellStore | None = None,
    advance: Advance | None = None,
    engine: Engine | None = None,
) -> Results:
    """Play every training of every contestant on the test band.

    A policy of which a cell failed has no figures; without an engine what a cell raises is raised.

    Raises:
        ConfigError: two contestants have one name, or a policy does not fit the track.
    """
    names = [who.name for who in contestants]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"policy: two are called {shown(name)}")
    plan = plan_for(track, contestants)
    played = play(plan, store=store, advance=advance, engine=engine)
    values = values_of(played, track.metric)
    tables = {w.name: np.stack([values[cell_name(w, t)] for t in w.trainings]) for w in contestants}
    done = [each for each in played if each.failure is None]
    bars = dict.fromkeys(each.environment["market"]["sha256"] for each in done)
    markets = hashlib.sha256(" ".join(bars).encode()).hexdigest()
    failed = tuple(
        {**each.cell._asdict(), "reason": each.failure.reason} for each in played if each.failure
    )
    return Results(track, tuple(contestants), tables, markets, failed)


def values_of(results: Sequence[Played], metric: str) -> dict[str, Values]:
    """Return the metric of each path by policy: scenarios are averaged, windows follow on."""
    cells: dict[str, dict[int, list[Values]]] = {}
    for played in results:
        row = np.array([np.nan if v is None else v for v in played.metrics[metric]])
        windows = cells.setdefault(played.cell.policy, {})
        windows.setdefault(played.cell.window or 0, []).append(row)
    return {
        name: np.concatenate([np.mean(rows, axis=0) for rows in windows.values()])
        for name, windows in cells.items()
    }
