"""Learners that are trained for tracks: folders that the benchmark takes, the same by one seed."""

import sys
from pathlib import Path

import numpy as np
import pytest

from agents import plain
from benchmarks import tracks
from trading_env.backtesting.tracks.benchmark import contestant_of, play_track
from trading_env.backtesting.tracks.entries import Budget
from trading_env.backtesting.tracks.track import load_tracks

TRACKS = load_tracks().tracks


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["tracks", *words])
    return tracks.main()


@pytest.mark.proof
@pytest.mark.parametrize("name", ["obizhaeva-wang-v0", "ritter-v0"])
def test_what_was_trained_says_its_budget_and_plays_the_track(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain, "EPISODES", 8)
    monkeypatch.setitem(tracks.BUDGETS, "sac", 64)
    for _ in range(2):
        assert run(monkeypatch, name, "--agent", "sac", "--seeds", "1", "--out", str(tmp_path)) == 0
    track = TRACKS[name].model_copy(update={"episodes": 4})
    contestant = contestant_of(str(tmp_path), track, seeds=1)
    assert contestant.budget == Budget(steps=64, trials=1)
    assert [training.seed for training in contestant.trainings] == [0]
    assert np.isfinite(play_track(track, [contestant]).tables[tmp_path.name]).all()


@pytest.mark.parametrize("name", [name for name in TRACKS if name not in tracks.NOT_HERE])
def test_the_trainer_alone_sets_the_band_and_the_detail(name: str) -> None:
    for band in ("train", "validation"):
        assert not {"seed_band", "detail"} & set(tracks.arguments(TRACKS[name], band))


@pytest.mark.proof
def test_a_seed_names_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "EPISODES", 8)
    monkeypatch.setitem(tracks.BUDGETS, "ppo", 1)
    track = TRACKS["obizhaeva-wang-v0"]
    first, again, other = (
        tracks.plain(track, "ppo", seed)[0].network.weights["layer_1.weight"] for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("agent", tracks.BUDGETS)
def test_no_training_takes_more_than_a_track_allows(agent: str) -> None:
    """Whole rollouts of all lanes, so that rounding up does not go beyond the limit."""
    lanes = plain.REPLAYING.lanes if agent in plain.REPLAYERS else tracks.ROLLOUT
    assert tracks.BUDGETS[agent] % lanes == 0
    for name, track in TRACKS.items():
        assert name in tracks.NOT_HERE or tracks.BUDGETS[agent] <= track.steps


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["bad-data-v0", "--agent", "ppo"], "what is trained on weak-signal-v0 plays it"),
        (["real-indices-v0", "--agent", "ppo"], "each window has a training part of its own"),
        (["ritter-v0"], "nothing is fitted to it; --agent ppo, recurrent_ppo, sac, tqc"),
    ],
)
def test_what_is_not_trained_here_is_refused(
    words: list[str],
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, *words, "--out", str(tmp_path))
    assert ended.value.code == 2 and reason in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
