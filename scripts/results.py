"""The results page and the page of the tracks, from recorded entries and the frozen file.

    python scripts/results.py [RUN_DIR...]    # take the entries of runs of `trading-env benchmark`

The entries stand in `benchmarks/leaderboard.json`, with one line for each training, and a picture
of the trainings' scores in `docs/images/profiles.png`, drawn again when no run is given.
`scripts/docs.py` writes the pages.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402 -- our own modules need the path above

from benchmarks.recording import table  # noqa: E402
from scripts.records import compact  # noqa: E402
from trading_env.backtesting.aggregates import (  # noqa: E402
    Estimate,
    aggregate,
    gap,
    performance_profile,
    scores_of,
)
from trading_env.backtesting.tracks.entries import read_entries  # noqa: E402
from trading_env.backtesting.tracks.track import load_tracks  # noqa: E402
from trading_env.cli.benchmark import section_of  # noqa: E402
from trading_env.core.files import write_bytes  # noqa: E402
from trading_env.envs.render import colour_of  # noqa: E402

BOARD = ROOT / "benchmarks" / "leaderboard.json"
PICTURE = ROOT / "docs" / "images" / "profiles.png"
COLUMNS = 3  # of panels


def entries() -> list[dict[str, Any]]:
    """Read the recorded entries, in the order of the tracks."""
    order = list(load_tracks().tracks)
    found = [entry.model_dump() for entry in read_entries(BOARD)]
    return sorted(found, key=lambda entry: (order.index(entry["track"]), entry["rank"]))


def take(folders: list[Path]) -> None:
    """Take the entries of runs; those of a track replace what is recorded of it."""
    known = [e.model_dump() for e in read_entries(BOARD)] if BOARD.exists() else []
    for folder in folders:
        new = [entry.model_dump() for entry in read_entries(folder / "entries.json")]
        for entry in new:
            entry["command"] = re.sub(r" --out \S+", "", entry["command"])
        tracks = {entry["track"] for entry in new}
        known = [entry for entry in known if entry["track"] not in tracks] + new
    write_bytes(BOARD, (compact(known) + "\n").encode())
    if trained(known):
        draw(entries())


def learner_of(entry: dict[str, Any]) -> str:
    """Name what was trained, whatever it was trained on: the policy's name up to a hyphen."""
    return str(entry["policy"]).partition("-")[0]


def trained(found: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return track -> the entries of several trainings; without one that has no score."""
    tracks: dict[str, list[dict[str, Any]]] = {}
    for entry in found:
        if len(entry["seeds"]) > 1 and all(row["mean"] is not None for row in entry["rows"]):
            tracks.setdefault(entry["track"], []).append(entry)
    return tracks


def draw(found: list[dict[str, Any]]) -> None:
    """Draw the performance profile of each learner, one panel a track."""
    import matplotlib.pyplot as plt

    tracks = trained(found)
    rows = -(-len(tracks) // COLUMNS)
    names = list(dict.fromkeys(learner_of(e) for own in tracks.values() for e in own))
    colours = {name: colour_of(k) for k, name in enumerate(names)}
    size = (9.0, 0.5 + 2.2 * rows)
    figure, axes = plt.subplots(rows, COLUMNS, figsize=size, squeeze=False, layout="constrained")
    for axis, (track, own) in zip(axes.flat, tracks.items(), strict=False):
        drawn = {learner_of(entry): training_scores(entry, found) for entry in own}
        scores = np.concatenate([*drawn.values(), [1.0]])
        margin = 0.05 * max(float(np.ptp(scores)), 0.01)
        thresholds = np.linspace(scores.min() - margin, scores.max() + margin, 401)
        for name, values in drawn.items():
            share = performance_profile(values, thresholds)
            axis.step(thresholds, share, where="post", color=colours[name])
        axis.axvline(1.0, color="grey", linewidth=0.8)
        axis.set_title(track, fontsize=9)
        axis.tick_params(labelsize=8)
    for axis in axes.flat[len(tracks) :]:
        axis.remove()
    lines = [plt.Line2D([], [], color=colours[name], label=name) for name in names]
    figure.legend(handles=lines, loc="outside upper center", ncols=len(names), fontsize=9)
    figure.supxlabel("score (1: the reference)", fontsize=9)
    figure.supylabel("share of trainings above", fontsize=9)
    figure.savefig(PICTURE, dpi=120, metadata={"Software": None})


def training_scores(entry: dict[str, Any], found: list[dict[str, Any]]) -> np.ndarray:
    """Return the score of each training of an entry."""
    track = load_tracks().tracks[entry["track"]]
    beside = {e["policy"]: e for e in found if e["track"] == entry["track"]}
    low, high = (beside[name]["rows"][0]["mean"] for name in (track.zero, track.reference))
    means = np.array([row["mean"] for row in entry["rows"]])
    return (means - low) / (high - low)


def results_part() -> str:
    """Write a table for each track, and what the trainings show together."""
    found, parts = entries(), []
    for track in load_tracks().tracks.values():
        own = [entry for entry in found if entry["track"] == track.id]
        if not own:
            continue
        section = section_of(track, own)
        first, *numbers = section.header
        rows = "\n".join(table([first, *(f"{name}:" for name in numbers)], section.rows))
        scale = f"{track.zero} is 0, {track.reference} is 1"
        kind = " Nothing is there to earn beyond the reference." if track.is_control else ""
        learners = [entry for entry in own if entry["budget"]["steps"]]
        budget = "".join(
            f" {entry['policy']}: {entry['budget']['steps']:,} decisions a training, "
            f"{entry['budget']['trials']} settings on record."
            for entry in learners
        )
        parts.append(
            f"## {track.title}\n\n`{own[0]['command']}`, in `benchmarks/`, commit "
            f"{(own[0]['commit'] or 'unknown')[:10]}. {scale}.{kind}{budget}\n\n{rows}\n\n"
            f"{track.note}".rstrip()
        )
    return "\n\n".join([*parts, *([together(found)] if trained(found) else [])])


def with_interval(found: Estimate) -> str:
    """Write a figure and its interval."""
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


def together(found: list[dict[str, Any]]) -> str:
    """Say what the trainings of each learner show together."""
    rows: list[Sequence[object]] = []
    by_learner: dict[str, Any] = {}
    for track, own in trained(found).items():
        for entry in own:
            drawn = scores_of(training_scores(entry, found)[:, None], 0.0, 1.0)
            by_learner.setdefault(learner_of(entry), []).append(drawn)
            middle, values = aggregate([drawn]), drawn.values
            ends = f"{values.min():.3f}", f"{values.max():.3f}"
            about = [track, learner_of(entry), len(values)]
            rows.append([*about, ends[0], with_interval(middle), ends[1]])
    heads = ["track", "learner", "trainings:", "worst:", "interquartile mean:", "best:"]
    learners = (
        [name, len(draws), with_interval(aggregate(draws)), with_interval(gap(draws))]
        for name, draws in by_learner.items()
    )
    lines = [
        "## Trainings together",
        "",
        *table(heads, rows),
        "",
        *table(["learner", "tracks:", "interquartile mean:", "optimality gap:"], learners),
        "",
        "Scores of the second table are of different tracks for different learners. Intervals of "
        "both draw trainings, and no paths. A learner of which a training has no figure, as the "
        "Sharpe ratio where nothing is traded, stands in its track's table alone.",
        "",
        "![Share of trainings above a score](images/profiles.png)",
    ]
    return "\n".join(lines)


def tracks_part() -> str:
    """Write the table of the tracks."""
    tracks = load_tracks()
    lines = [
        f"File `trading_env/backtesting/tracks/{tracks.version}.toml`, SHA-256 `{tracks.sha256}`.",
        "",
    ]
    heads = ["id", "metric", "0", "1", "a policy sees", "may bring", "decisions:", "episodes:"]
    rows = []
    for track in tracks.tracks.values():
        brings = ", ".join(track.may_bring) or "nothing"
        played = f"{track.episodes} a window" if track.windows else f"{track.episodes}"
        judged = [f"{track.metric}, {track.better}", track.zero, track.reference, track.sees]
        rows.append([f"`{track.id}`", *judged, brings, f"{track.steps:,}", played])
    return "\n".join(lines + table(heads, rows))


if __name__ == "__main__":
    take([Path(name) for name in sys.argv[1:]])
