"""Play an entry again, from its policy's files, and compare.

The track's zero, reference and floor are played with it, so that every figure is made anew from
what was played. On the platform and the bars of the entry each has to be the same to the bit, and
so have the values of all paths; elsewhere each has to lie within the interval that is found here.
A rank is one among the entries of a run: `check_ranks` compares those of a file.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from trading_env.backtesting.aggregates import Estimate, ranks
from trading_env.backtesting.tracks.benchmark import (
    Contestant,
    Results,
    Training,
    contestant_of,
    play_track,
)
from trading_env.backtesting.tracks.entries import Entry, EntryError, Figure, policy_digest
from trading_env.backtesting.tracks.standings import entries_of
from trading_env.backtesting.tracks.track import Track, Tracks, load_tracks
from trading_env.core.errors import clip
from trading_env.core.files import platform_name
from trading_env.policies.adapters import PolicySpec

FIGURES = ("mean", "score", "headline", "difference")


class Verdict(NamedTuple):
    """What was found."""

    track: str
    policy: str
    how: str


def scale_of(track: Track) -> Results:
    """Play what a track's figures are counted from: its zero, its reference and its floor."""
    names = dict.fromkeys(name for name in (track.zero, track.reference, track.floor) if name)
    return play_track(track, [contestant_of(name, track) for name in names])


def verify(entry: Entry, source: Path, tracks: Tracks, scale: Results | None = None) -> Verdict:
    """Play an entry again.

    Args:
        entry: its content.
        source: its file; folders of policies are relative to the file's own.
        tracks: the tracks of this package.
        scale: `scale_of` the entry's track, where it has been played.

    Raises:
        EntryError: it does not reproduce, or is of other tracks or other policies.
    """
    if entry.track not in tracks.tracks or entry.tracks_sha256 != tracks.sha256:
        found = f"{entry.tracks_sha256[:12]}, here {tracks.version} is {tracks.sha256[:12]}"
        raise _refusal(entry, source, f"is of other tracks: {found}")
    if entry.seeds != [row.seed for row in entry.rows] or len({*entry.seeds}) < len(entry.seeds):
        raise _refusal(entry, source, f"seeds {clip(str(entry.seeds))} are not those of its rows")
    if entry.budget.steps > 0 and len({row.policy_sha256 for row in entry.rows}) < len(entry.rows):
        raise _refusal(entry, source, "two of its trainings have the same policy")
    track = tracks.tracks[entry.track]
    who = _contestant(entry, source, track)
    results, beside = play_track(track, [who]), scale or scale_of(track)
    results = results._replace(tables={**beside.tables, **results.tables})
    again = entries_of(results, tracks)[0]
    if platform_name() == entry.platform and results.markets_sha256 == entry.markets_sha256:
        for told, row in zip(entry.rows, again.rows, strict=True):
            if (told.values_sha256, told.mean) != (row.values_sha256, row.mean):
                reason = f"seed {row.seed}: mean {row.mean!r}, the entry has {told.mean!r}"
                raise _refusal(entry, source, f"does not reproduce: {reason}")
        _compare(entry, again, source, to_the_bit=True)
        return Verdict(entry.track, entry.policy, "the same to the last bit")
    _compare(entry, again, source, to_the_bit=False)
    return Verdict(entry.track, entry.policy, "within its intervals, on another platform")


def _compare(entry: Entry, found: Entry, source: Path, *, to_the_bit: bool) -> None:
    """Compare the figures of an entry with those that were found."""
    for name in FIGURES:
        told, again = getattr(entry, name), getattr(found, name)
        if told == again:
            continue
        is_near = told is not None and again is not None and again.is_around(told.value)
        if to_the_bit or not is_near:
            reason = f"{name} {_shown(told)}, here {_shown(again)}"
            raise _refusal(entry, source, f"does not reproduce: {reason}")


def _shown(figure: Figure | None) -> str:
    if figure is None:
        return "none"
    return f"{figure.value:.6g} [{figure.low:.6g}, {figure.high:.6g}]"


def check_ranks(entries: Sequence[Entry], source: Path) -> None:
    """Compare the ranks of each run that has its track's zero and reference in a file.

    Raises:
        EntryError: a rank is not that of its score.
    """
    runs: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        runs.setdefault((entry.track, entry.command), []).append(entry)
    for (name, _), run in runs.items():
        track = load_tracks().tracks.get(name)
        if track is None or not {track.zero, track.reference} <= {e.policy for e in run}:
            continue
        scores = [None if e.score is None else Estimate(**e.score.model_dump()) for e in run]
        for entry, rank in zip(run, ranks(scores), strict=True):
            if entry.rank != rank:
                raise _refusal(entry, source, f"rank = {entry.rank}: by its score it is {rank}")


def _contestant(entry: Entry, source: Path, track: Track) -> Contestant:
    trainings = []
    for row in entry.rows:
        text = row.policy
        beside = source.parent / text
        text = str(beside) if beside.is_dir() else text
        if policy_digest(text if beside.is_dir() else row.policy) != row.policy_sha256:
            raise _refusal(entry, source, f"seed {row.seed}: other files of a policy than it says")
        spec: PolicySpec = (
            contestant_of(text, track, budget=entry.budget, seeds=1).trainings[0].spec
        )
        trainings.append(Training(row.seed, text, spec))
    return Contestant(entry.policy, tuple(trainings), entry.budget)


def _refusal(entry: Entry, source: Path, reason: str) -> EntryError:
    return EntryError.at(source, f"{entry.track}, {entry.policy}", reason)
