"""An entry says all that it takes to judge it, and is played again to the last bit."""

import json
import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from trading_env.backtesting.tracks.benchmark import contestant_of, play_track, trainings_in
from trading_env.backtesting.tracks.entries import NEEDED, Budget, entry_of, read_entries
from trading_env.backtesting.tracks.standings import entries_of
from trading_env.backtesting.tracks.track import load_tracks
from trading_env.backtesting.tracks.verify import check_ranks, verify
from trading_env.cli.main import main
from trading_env.core.errors import UserError
from trading_env.core.files import write_json
from trading_env.policies.plain import PlainPolicy

ROOT = Path(__file__).resolve().parents[2]
TRACK = "almgren-chriss-v0"
TRAINED = ROOT / "benchmarks" / "policies" / "adaptive-execution"


@pytest.fixture(scope="module")
def played() -> dict[str, Any]:
    """Return the entry of TWAP."""
    tracks = load_tracks()
    track = tracks.tracks[TRACK]
    names = ("twap", track.zero, track.reference)
    results = play_track(track, [contestant_of(name, track) for name in names])
    return entries_of(results, tracks)[0].model_dump()


@pytest.fixture
def content(played: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of that entry, to be changed."""
    return deepcopy(played)


@pytest.mark.parametrize("missing", NEEDED)
def test_an_entry_that_lacks_something_is_refused_and_told_what(
    missing: str, content: dict[str, Any]
) -> None:
    assert entry_of(content, "e.json").policy == "twap"
    for nothing in ({**content, missing: None}, {k: v for k, v in content.items() if k != missing}):
        with pytest.raises(UserError, match=rf"incomplete: lacks {missing}$"):
            entry_of(nothing, "e.json")


def test_a_budget_is_steps_and_trials(content: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"incomplete: lacks budget\.trials"):
        entry_of({**content, "budget": {"steps": 5}}, "e.json")
    with pytest.raises(UserError, match=r"budget"):
        entry_of({**content, "budget": {"steps": -5, "trials": 1}}, "e.json")


def test_an_entry_reproduces_and_one_whose_values_were_changed_does_not(
    content: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "entry.json"
    write_json(path, content)
    assert main(["benchmark", "verify", str(path)]) == 0
    assert "almgren-chriss-v0, twap: the same to the last bit" in capsys.readouterr().out
    forged = json.loads(json.dumps(content))
    forged["rows"][0]["values_sha256"] = "0" * 64
    write_json(path, [forged, content, forged])
    assert main(["benchmark", "verify", str(path)]) == 2
    told = capsys.readouterr()
    assert "almgren-chriss-v0, twap: the same to the last bit" in told.out
    assert told.out.count("does not reproduce: seed 0: mean -3.49") == 2
    assert "2 of 3 entries refused: " in told.err


FORGED = {"value": 5.0, "low": -1e9, "high": 1e9}


@pytest.mark.parametrize("platform", [None, "another"])
@pytest.mark.parametrize("name", ["mean", "score", "headline", "difference"])
def test_a_figure_that_was_changed_is_refused_on_every_platform(
    name: str, platform: str | None, content: dict[str, Any], tmp_path: Path
) -> None:
    content["platform"] = platform or content["platform"]
    content[name] = FORGED
    with pytest.raises(UserError, match=rf"does not reproduce: {name} 5 \[-1e\+09, 1e\+09\], here"):
        verify(entry_of(content, "e"), tmp_path / "e.json", load_tracks())


def test_on_another_platform_figures_have_to_lie_in_the_intervals_found_there(
    content: dict[str, Any], tmp_path: Path
) -> None:
    content["platform"] = "another"
    content["rows"][0]["values_sha256"] = "0" * 64
    found = verify(entry_of(content, "e"), tmp_path / "e.json", load_tracks())
    assert "within its intervals" in found.how


def test_the_mean_of_a_training_is_that_of_its_values(
    content: dict[str, Any], tmp_path: Path
) -> None:
    content["rows"][0]["mean"] = 99.0
    with pytest.raises(UserError, match=r"seed 0: mean -3\.49.*, the entry has 99\.0"):
        verify(entry_of(content, "e"), tmp_path / "e.json", load_tracks())


@pytest.mark.parametrize("seeds", [[0, 1], [1]])
def test_seeds_are_those_of_the_rows(
    seeds: list[int], content: dict[str, Any], tmp_path: Path
) -> None:
    content["seeds"] = seeds
    with pytest.raises(UserError, match="are not those of its rows"):
        verify(entry_of(content, "e"), tmp_path / "e.json", load_tracks())


def test_a_training_is_counted_once(content: dict[str, Any], tmp_path: Path) -> None:
    content["rows"] *= 2
    content["seeds"] *= 2
    with pytest.raises(UserError, match="are not those of its rows"):
        verify(entry_of(content, "e"), tmp_path / "e.json", load_tracks())


def test_a_rank_is_that_of_the_scores_in_its_run() -> None:
    entries = read_entries(ROOT / "benchmarks" / "leaderboard.json")
    check_ranks(entries, ROOT)
    last = max((e for e in entries if e.track == TRACK), key=lambda e: e.rank)
    forged = [e.model_copy(update={"rank": 1}) if e is last else e for e in entries]
    with pytest.raises(UserError, match=rf"rank = 1: by its score it is {last.rank}"):
        check_ranks(forged, ROOT)


def test_an_entry_of_other_tracks_is_refused(content: dict[str, Any], tmp_path: Path) -> None:
    content["tracks_sha256"] = "1" * 64
    with pytest.raises(UserError, match="is of other tracks: 111111111111, here v0 is"):
        verify(entry_of(content, "e"), tmp_path / "e.json", load_tracks())


@pytest.mark.proof
def test_trainings_of_a_learner_are_its_rows_and_their_files_are_told_apart(
    tmp_path: Path,
) -> None:
    tracks = load_tracks()
    track = tracks.tracks["adaptive-execution-v0"].model_copy(update={"episodes": 2})
    shutil.copytree(TRAINED, tmp_path / "learner")
    learner = contestant_of(str(tmp_path / "learner"), track, seeds=2)
    assert [training.seed for training in learner.trainings] == [0, 1]
    assert learner.budget is not None and 0 < learner.budget.steps <= track.steps
    others = [contestant_of(name, track) for name in (track.zero, track.reference)]
    results = play_track(track, [learner, *others])
    assert results.tables["learner"].shape == (2, 2)
    entry = entries_of(results, tracks)[0]
    entry = entry_of({**entry.model_dump(), "policy": "learner"}, "e")
    for row in entry.rows:
        row.policy = str(Path(row.policy).relative_to(tmp_path))
    weights = tmp_path / "learner" / "seed_1" / "policy.safetensors"
    shutil.copy(tmp_path / "learner" / "seed_2" / "policy.safetensors", weights)
    with pytest.raises(UserError, match="seed 1: other files of a policy than it says"):
        verify(entry, tmp_path / "entry.json", tracks)


def test_a_learner_without_budget_with_too_large_a_one_or_too_few_seeds_is_refused(
    tmp_path: Path,
) -> None:
    track = load_tracks().tracks["adaptive-execution-v0"]
    for seed in (0, 1):
        shutil.copytree(TRAINED / f"seed_{seed}", tmp_path / f"seed_{seed}")
    with pytest.raises(UserError, match=r"incomplete: 2 seeds, adaptive-execution-v0 asks for 10"):
        contestant_of(str(tmp_path), track)
    with pytest.raises(UserError, match=r"seeds = 3: POLICY .* has 2"):
        contestant_of(str(tmp_path), track, seeds=3)
    with pytest.raises(UserError, match=r"steps = 40,000,001: adaptive-execution-v0 allows"):
        contestant_of(str(tmp_path), track, 2, Budget(steps=40_000_001, trials=1000))
    for seed in trainings_in(tmp_path):
        path = tmp_path / f"seed_{seed}" / "policy.json"
        told = json.loads(path.read_text(encoding="utf-8"))
        del told["budget"]
        write_json(path, told)
    with pytest.raises(UserError, match=r"incomplete: lacks a budget \(--steps, --trials"):
        contestant_of(str(tmp_path), track)


def test_a_plain_network_is_kept_and_answers_the_same(tmp_path: Path) -> None:
    track = load_tracks().tracks[TRACK].model_copy(update={"episodes": 2})
    twap = play_track(track, [contestant_of(name, track) for name in ("twap",)])

    def constant(layout: Any) -> PlainPolicy:
        size = len(layout.features)
        return PlainPolicy.of([([[0.0] * size], [0.0])], layout)

    from trading_env.envs.vector import ExecutionVectorEnv

    layout = ExecutionVectorEnv(1, **track.env_kwargs("test")).layout
    for seed in range(10):
        constant(layout).save(tmp_path / f"seed_{seed}", budget={"steps": 1, "trials": 1})
    found = play_track(track, [contestant_of(str(tmp_path), track)])
    assert found.tables[tmp_path.name].tolist() == 10 * twap.tables["twap"].tolist()


@pytest.mark.proof
def test_the_command_prints_the_hash_and_a_table_and_keeps_entries(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    command = ["benchmark", "--track", TRACK, "--out", str(folder)]
    assert main(command) == 0
    first = capsys.readouterr().out
    assert f"tracks v0, sha256 {load_tracks().sha256}" in first
    assert "optimal_policy" in first and "shuffled" in first
    entries = read_entries(folder / "entries.json")
    assert [e.rank for e in entries if e.policy == "optimal_policy"] == [1]
    assert main(command) == 0  # goes on with what is kept
    assert capsys.readouterr().out == first
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["cells"] == {"total": 5, "played": 0, "kept": 5}
    assert manifest["status"] == "finished"


def test_what_cannot_be_played_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["benchmark", "--track", "almgren"]) == 2
    assert "unknown track 'almgren'" in capsys.readouterr().err
    assert main(["benchmark", "--track", TRACK, "--steps", "5"]) == 2
    assert "a budget has both, or neither" in capsys.readouterr().err


@pytest.mark.proof
def test_a_policy_that_fails_has_no_figures_and_the_others_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken_policies.py").write_text("def falls(observation, info):\n    1 / 0\n")
    monkeypatch.chdir(tmp_path)
    command = ["benchmark", "--track", TRACK, "--policy", "broken_policies:falls", "--json"]
    assert main([*command, "--steps", "0", "--trials", "1"]) == 1
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert "ZeroDivisionError" in printed.err
    assert [cell["policy"] for cell in found["failed"]] == ["broken_policies:falls 0"]
    means = {entry["policy"]: entry["mean"] for entry in found["entries"]}
    assert [name for name, mean in means.items() if mean is None] == ["broken_policies:falls"]


def test_trainings_that_are_one_policy_are_refused(content: dict[str, Any], tmp_path: Path) -> None:
    content["budget"] = {"steps": 1000, "trials": 1}
    content["seeds"] = [0, 1]
    content["rows"] = [{**content["rows"][0], "seed": seed} for seed in (0, 1)]
    with pytest.raises(UserError, match="two of its trainings have the same policy"):
        verify(entry_of(content, "e"), tmp_path / "e.json", load_tracks())


def test_a_budget_below_what_a_policy_says_it_took_is_refused(tmp_path: Path) -> None:
    track = load_tracks().tracks["adaptive-execution-v0"]
    shutil.copytree(TRAINED / "seed_0", tmp_path / "seed_0")
    with pytest.raises(UserError, match=r"took [0-9,]+ steps and [0-9]+ trials by its policy.json"):
        contestant_of(str(tmp_path), track, 1, Budget(steps=10, trials=1))
