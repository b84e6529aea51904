"""`trading-env benchmark`: play the tracks of the benchmark, and check entries."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from tqdm import tqdm

from trading_env.backtesting.engine import LIMIT_S, Engine
from trading_env.backtesting.fingerprint import code_digest
from trading_env.backtesting.metrics import METRICS
from trading_env.backtesting.run_folder import RunFolder
from trading_env.backtesting.tracks.benchmark import (
    Contestant,
    baselines_of,
    contestant_of,
    plan_for,
    play_track,
)
from trading_env.backtesting.tracks.entries import Budget, EntryError, read_entries
from trading_env.backtesting.tracks.standings import entries_of
from trading_env.backtesting.tracks.track import Track, Tracks, load_tracks
from trading_env.backtesting.tracks.verify import check_ranks, scale_of, verify
from trading_env.cli import options
from trading_env.cli.answers import answer, failed_cells, new_app
from trading_env.cli.options import AsJson
from trading_env.core.errors import ConfigError
from trading_env.core.files import write_json
from trading_env.report.tables import DASH, Section, text_table

ENTRIES = "entries.json"
Ids = Annotated[str, typer.Option("--track", metavar="IDS", help="all, or ids separated by commas")]
Policies = Annotated[
    list[str] | None,
    typer.Option(
        "--policy",
        metavar="POLICY",
        help="as of evaluate, or a folder of trainings seed_K; repeatable (default: baselines)",
    ),
]
Seeds = Annotated[int | None, typer.Option(help="trainings to take (default: all there are)")]
Steps = Annotated[
    int | None, typer.Option(help="decisions that a training took, where the policy does not say")
]
Trials = Annotated[
    int | None, typer.Option(help="settings that were tried, where the policy does not say")
]
Out = Annotated[
    str | None, typer.Option(metavar="DIR", help="run folder to write to, or to continue")
]

benchmark = new_app(help="Play the tracks of the benchmark, or check entries.")


@benchmark.callback(invoke_without_command=True)
def benchmark_verb(
    context: typer.Context,
    track: Ids = "all",
    policy: Policies = None,
    seeds: Seeds = None,
    steps: Steps = None,
    trials: Trials = None,
    out: Out = None,
    as_json: AsJson = False,
    workers: options.Workers = 0,
    ray: options.Address = "",
    time_limit: options.TimeLimit = LIMIT_S,
) -> int:
    """Play policies on tracks, beside the baselines of each."""
    if context.invoked_subcommand is not None:
        return 0
    engine = Engine(workers, ray, time_limit)
    if (steps is None) != (trials is None):
        raise ConfigError("steps, trials: a budget has both, or neither")
    budget = None
    if steps is not None and trials is not None:
        if steps < 0 or trials < 1:
            raise ConfigError(f"steps = {steps}, trials = {trials}: must be >= 0 and >= 1")
        budget = Budget(steps=steps, trials=trials)
    tracks = load_tracks()
    field: list[tuple[Track, list[Contestant]]] = []
    for each in tracks.chosen(track):
        beside = baselines_of(each)
        names = {who.name for who in beside}
        asked = [contestant_of(text, each, seeds, budget) for text in policy or []]
        field.append((each, [*(who for who in asked if who.name not in names), *beside]))
    folder = RunFolder(Path(out), "benchmark", context.obj) if out else None
    found = _played(tracks, field, folder, engine, context.obj)
    answer(found, as_json, _lines)
    return failed_cells(found)


def _played(
    tracks: Tracks,
    field: list[tuple[Track, list[Contestant]]],
    folder: RunFolder | None,
    engine: Engine,
    command: str,
) -> dict[str, Any]:
    """Play, write the run folder, return what is to be printed."""
    total = sum(plan_for(track, who).cells for track, who in field)
    about = {
        "code": code_digest(),
        "tracks": {"version": tracks.version, "sha256": tracks.sha256},
        "cells": {"total": total, "played": 0, "kept": 0},
    }
    found: dict[str, Any] = {"tracks": about["tracks"], "entries": [], "failed": []}

    def play(advance: Any) -> None:
        for track, who in field:
            store = folder.store if folder else None
            results = play_track(track, who, store=store, advance=advance, engine=engine)
            found["failed"] += results.failed
            entries = entries_of(results, tracks, command)
            found["entries"] += [entry.model_dump() for entry in entries]

    with tqdm(total=total, unit=" cells", disable=None) as bar:

        def advance(is_new: bool) -> None:
            bar.update()
            if folder:
                folder.count(is_new)

        if folder is None:
            play(advance)
        else:
            with folder.open(**about):
                play(advance)
                write_json(folder.folder / ENTRIES, found["entries"])
    return found


def _lines(found: dict[str, Any]) -> Iterator[str]:
    """Write one table a track, and what its columns are."""
    version, sha256 = found["tracks"]["version"], found["tracks"]["sha256"]
    yield f"tracks {version}, sha256 {sha256}\n"
    known = load_tracks().tracks
    for name in dict.fromkeys(entry["track"] for entry in found["entries"]):
        entries = [entry for entry in found["entries"] if entry["track"] == name]
        yield f"{text_table(section_of(known[name], entries))}\n"
        if known[name].note:
            yield f"{known[name].note}\n"
    yield (
        "score: 0 as the track's zero, 1 as its reference; interquartile means over trainings, "
        "with 95% intervals over trainings and paths. Ranks tie where intervals overlap."
    )


def section_of(track: Track, entries: list[dict[str, Any]]) -> Section:
    """Lay the entries of a track out, the best first."""
    metric = METRICS[track.metric]
    header = ["policy", "trainings", metric.title or metric.name, "score", "95%"]
    header += [f"{track.headline} %", "95%"] if track.headline else []
    rows = []
    for entry in sorted(entries, key=order_of):
        row = [entry["policy"], str(len(entry["seeds"])), number(entry["mean"])]
        row += [number(entry["score"]), interval(entry["score"])]
        if track.headline:
            row += [number(entry["headline"]), interval(entry["headline"])]
        rows.append([*row, str(entry["rank"])])
    scale = f"{track.zero} = 0, {track.reference} = 1"
    kind = "nothing to earn beyond the reference" if track.is_control else track.metric
    return Section(f"{track.id} ({kind}; {scale})", [*header, "rank"], rows)


def order_of(entry: dict[str, Any]) -> tuple[int, float]:
    """Return what sorts entries, the best first."""
    return entry["rank"], -(entry["score"] or {"value": float("-inf")})["value"]


def number(figure: dict[str, float] | None) -> str:
    """Show a figure."""
    return DASH if figure is None else _short(figure["value"])


def interval(figure: dict[str, float] | None) -> str:
    """Show the interval of a figure."""
    return "" if figure is None else f"[{_short(figure['low'])}, {_short(figure['high'])}]"


def _short(value: float) -> str:
    """Write a number with three decimals, or four digits where that is too long."""
    return f"{value:.3f}" if abs(value) < 1e4 else f"{value:.3g}"


@benchmark.command("verify")
def verify_verb(
    path: Annotated[Path, typer.Argument(metavar="ENTRY", help="file of an entry, or of several")],
    track: Ids = "all",
    as_json: AsJson = False,
) -> None:
    """Play entries again from their policies, and refuse those that do not reproduce."""
    tracks = load_tracks()
    chosen = {each.id for each in tracks.chosen(track)}
    entries = [e for e in read_entries(path) if track == "all" or e.track in chosen]
    if not entries:
        raise ConfigError(f"track = {track}: {path} has no entry of it")
    check_ranks(entries, path)
    known = (entry.track for entry in entries if entry.track in tracks.tracks)
    scales = {name: scale_of(tracks.tracks[name]) for name in dict.fromkeys(known)}
    found = []
    refused: list[EntryError] = []
    for entry in tqdm(entries, unit=" entries", disable=None):
        try:
            found.append(verify(entry, path, tracks, scales.get(entry.track))._asdict())
        except EntryError as error:
            refused.append(error)
    answer({"verified": found, "refused": [str(error) for error in refused]}, as_json, _verdicts)
    if refused:
        raise EntryError(f"{len(refused)} of {len(entries)} entries refused: {refused[0]}")


def _verdicts(found: dict[str, Any]) -> Iterator[str]:
    for each in found["verified"]:
        yield f"{each['track']}, {each['policy']}: {each['how']}"
    for reason in found["refused"]:
        yield f"refused: {reason}"
