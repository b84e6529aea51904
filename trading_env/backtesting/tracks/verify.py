"""Play an entry again, from its policy's files, and compare.

On the platform and the bars that it was played on, every value has to be the same to the bit;
elsewhere the mean has to lie within the entry's interval.
"""

from pathlib import Path
from typing import NamedTuple

from trading_env.backtesting.tracks.benchmark import (
    Contestant,
    Results,
    Training,
    contestant_of,
    play_track,
)
from trading_env.backtesting.tracks.entries import Entry, EntryError, digest_of, policy_digest
from trading_env.backtesting.tracks.track import Track, Tracks
from trading_env.core.files import platform_name
from trading_env.policies.adapters import PolicySpec


class Verdict(NamedTuple):
    """What was found."""

    track: str
    policy: str
    how: str


def verify(entry: Entry, source: Path, tracks: Tracks) -> Verdict:
    """Play an entry again.

    Args:
        entry: its content.
        source: its file; folders of policies are relative to the file's own.
        tracks: the tracks of this package.

    Raises:
        EntryError: it does not reproduce, or is of other tracks or other policies.
    """
    if entry.track not in tracks.tracks or entry.tracks_sha256 != tracks.sha256:
        found = f"{entry.tracks_sha256[:12]}, here {tracks.version} is {tracks.sha256[:12]}"
        raise _refusal(entry, source, f"is of other tracks: {found}")
    track = tracks.tracks[entry.track]
    who = _contestant(entry, source, track)
    results = play_track(track, [who])
    if platform_name() == entry.platform and results.markets_sha256 == entry.markets_sha256:
        for row, values in zip(entry.rows, results.tables[who.name], strict=True):
            if digest_of(values.tolist()) != row.values_sha256:
                reason = f"seed {row.seed}: mean {values.mean():.17g}, the entry has {row.mean!r}"
                raise _refusal(entry, source, f"does not reproduce: {reason}")
        return Verdict(entry.track, entry.policy, "the same to the last bit")
    return Verdict(entry.track, entry.policy, _elsewhere(entry, source, results))


def _elsewhere(entry: Entry, source: Path, results: Results) -> str:
    """Compare on another platform, or on bars of another processor's."""
    mean = results.track.factor * float(results.tables[entry.policy].mean())
    if entry.mean is None or not entry.mean.low <= mean <= entry.mean.high:
        figure = "none" if entry.mean is None else f"[{entry.mean.low:.6g}, {entry.mean.high:.6g}]"
        raise _refusal(entry, source, f"does not reproduce: mean {mean:.6g}, interval {figure}")
    return f"within its interval: mean {mean:.6g}, on another platform"


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
