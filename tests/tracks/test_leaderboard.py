"""The recorded entries: complete, of these tracks, and in the order that controls should have."""

from pathlib import Path

import pytest

from trading_env.backtesting.tracks.entries import Entry, policy_digest, read_entries
from trading_env.backtesting.tracks.track import Track, load_tracks

BOARD = Path(__file__).resolve().parents[2] / "benchmarks" / "leaderboard.json"
TRACKS = load_tracks()
ENTRIES = read_entries(BOARD)
RECORDED = list(dict.fromkeys(entry.track for entry in ENTRIES))
NEAR = {("almgren-chriss-v0", "shuffled")}  # an optimal pace that hardly depends on the step
CONTROLS = ("random", "flat", "always_long", "always_short", "immediate", "twap", "shuffled")


def of_track(track: Track) -> dict[str, Entry]:
    return {entry.policy: entry for entry in ENTRIES if entry.track == track.id}


def test_every_track_has_its_baselines_and_every_entry_is_of_these_tracks() -> None:
    assert {entry.tracks_sha256 for entry in ENTRIES} == {TRACKS.sha256}
    assert set(RECORDED) == set(TRACKS.tracks)
    for track in TRACKS.tracks.values():
        assert set(track.baselines) <= set(of_track(track))


@pytest.mark.parametrize("name", [n for n in RECORDED if not TRACKS.tracks[n].is_control])
def test_negative_controls_rank_below_the_reference(name: str) -> None:
    track = TRACKS.tracks[name]
    found = of_track(track)
    for control in CONTROLS:
        if control in found:
            assert found[control].rank > found[track.reference].rank, control


@pytest.mark.parametrize("name", [n for n in RECORDED if TRACKS.tracks[n].is_control])
def test_nobody_stands_above_the_reference_where_nothing_is_to_earn(name: str) -> None:
    track = TRACKS.tracks[name]
    assert of_track(track)[track.reference].rank == 1
    for entry in of_track(track).values():
        is_reference = entry.policy == track.reference
        assert is_reference or entry.score is None or entry.score.low <= 1.0, entry.policy


def learners_of(track: Track) -> list[Entry]:
    return [entry for entry in of_track(track).values() if entry.budget.steps > 0]


def test_every_learner_shows_ten_trainings_within_the_budget() -> None:
    for track in TRACKS.tracks.values():
        for entry in learners_of(track):
            assert len(set(entry.seeds)) >= track.seeds
            assert entry.budget.steps <= track.steps


@pytest.mark.parametrize("name", [n for n in RECORDED if not TRACKS.tracks[n].is_control])
def test_the_best_learner_of_a_track_ranks_above_its_controls(name: str) -> None:
    track = TRACKS.tracks[name]
    best = min(learners_of(track), key=lambda entry: entry.rank)
    for control, other in of_track(track).items():
        if control in CONTROLS and (name, control) not in NEAR:
            assert other.rank > best.rank, control


def test_policies_of_the_entries_are_those_of_the_repository() -> None:
    for entry in ENTRIES:
        for row in entry.rows:
            folder = BOARD.parent / row.policy
            text = str(folder) if folder.is_dir() else row.policy
            assert policy_digest(text) == row.policy_sha256
