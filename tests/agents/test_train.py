"""The main job end to end, on little: a run folder that is whole, and errors that are one line."""

import json
import math
import re
import shutil
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import train
from agents import rows
from agents.portfolio import MOMENT_STEPS, fit
from trading_env.backtesting.evaluation import SEED
from trading_env.cli import answers
from trading_env.envs.spaces import ObservationLayout
from trading_env.markets import load_market
from trading_env.markets.models.synthetic import MultiscaleMarket
from trading_env.policies.adaptive import AdaptivePolicy
from trading_env.report import terminal_sections, text_table, write_report

SMALL = [
    "--env",
    "portfolio",
    "--market",
    "us_indices",
    "--timesteps",
    "9000",
    "--episodes",
    "4",
    "--scenario",
    "price_shock",
]


def run(*argv: str) -> int:
    return answers.run(train.app, "python train.py", argv)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "one"
    assert run(*SMALL, "--scenario", "bad_data", "--out", str(out)) == 0
    return out


@pytest.mark.proof
def test_a_run_leaves_everything_it_promises(folder: Path) -> None:
    promised = [
        "config.toml",
        "manifest.json",
        "policy/policy.safetensors",
        "policy/policy.json",
        "evaluation/episodes.parquet",
        "evaluation/summary.json",
        "evaluation/curves.parquet",
        "evaluation/replay.json",
        "journal.parquet",
        "orders.parquet",
        "episode.png",
        "equity.png",
        "report.html",
    ]
    assert [name for name in promised if not (folder / name).is_file()] == []
    assert list((folder / "tensorboard").rglob("events.*"))
    assert not list(folder.rglob("*.part"))


@pytest.mark.proof
def test_the_manifest_says_how_to_repeat_and_check_the_run(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["status"] == "finished" and manifest["end"] >= manifest["start"]
    assert "--timesteps 9000" in manifest["command"]
    assert manifest["seeds"] == {"training": 0, "first": SEED, "episodes": 4}
    environment = manifest["environment"]["adaptive"]
    assert re.fullmatch("[0-9a-f]{64}", environment["market"]["sha256"])
    names = [scenario["name"] for scenario in environment["scenarios"]]
    assert names == ["price_shock", "bad_data"] == list(manifest["scenarios"])
    assert environment["seed_band"] == "test"
    assert manifest["training"]["scenarios"] == ["calm"]


@pytest.mark.proof
def test_the_resolved_configuration_can_be_given_back(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = tomllib.loads((folder / "config.toml").read_text())
    assert values["timesteps"] == 9000 and values["scenario"] == ["price_shock", "bad_data"]
    monkeypatch.setattr("agents.portfolio_run.fit", lambda *arguments, **named: 1 / 0)  # far enough
    out = tmp_path / "again"
    with pytest.raises(ZeroDivisionError):
        run("--config", str(folder / "config.toml"), "--seed", "5", "--out", str(out))
    again = tomllib.loads((out / "config.toml").read_text())
    assert again == values | {"seed": 5, "out": str(out)}
    assert json.loads((out / "manifest.json").read_text())["status"].startswith("failed: ZeroDiv")


def test_a_run_finds_its_files_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that its options name by relative paths, resumed and begun anew by its options."""
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder in (home, elsewhere):
        folder.mkdir()
    close = load_market("us_indices").close[0, :, :1]
    table = pd.DataFrame(close, pd.date_range("2000-01-03", periods=len(close)), ["close"])
    table.assign(volume=1e9).to_csv(home / "mine.csv", index_label="time")
    preset = Path(train.__file__).parent / "scenarios" / "price_shock.toml"
    shutil.copy(preset, home / "mine.toml")
    monkeypatch.setattr("agents.portfolio_run.fit", lambda *arguments, **named: 1 / 0)  # far enough
    monkeypatch.chdir(home)
    begun = ["--market", "mine.csv", "--scenario", "mine.toml", "--timesteps", "9000"]
    with pytest.raises(ZeroDivisionError):
        run(*begun, "--out", "run")
    monkeypatch.chdir(elsewhere)
    with pytest.raises(ZeroDivisionError):
        run("--resume", "../home/run")
    assert Path.cwd() == elsewhere and list(elsewhere.iterdir()) == []
    with pytest.raises(ZeroDivisionError):
        run("--config", "../home/run/config.toml", "--out", "again")
    again = tomllib.loads((elsewhere / "again" / "config.toml").read_text())
    assert again["market"] == str(home / "mine.csv")
    assert again["scenario"] == [str(home / "mine.toml")]


@pytest.mark.proof
def test_every_policy_met_the_same_episodes(folder: Path) -> None:
    frame = pd.read_parquet(folder / "evaluation" / "episodes.parquet")
    seeds = frame.groupby(["policy", "scenario"])["seed"].agg(tuple)
    assert seeds.nunique() == 1
    played = {"adaptive", "without_rate", "flat", "buy_and_hold", "always_long"}
    assert played <= set(frame["policy"]) and "signal_rule" not in set(frame["policy"])


@pytest.mark.proof
def test_the_report_needs_nothing_from_outside_and_shows_the_means(folder: Path) -> None:
    page = (folder / "report.html").read_text()
    assert not re.search(r"(src|href)=[\"']?(https?:|//|/|\.)", page)
    summary = json.loads((folder / "evaluation" / "summary.json").read_text())
    frame = pd.read_parquet(folder / "evaluation" / "episodes.parquet")
    chosen = (frame["policy"] == "buy_and_hold") & (frame["scenario"] == "bad_data")
    shown = f"{100.0 * frame[chosen]['return'].mean():.2f}"
    assert f">{shown}<" in page
    table = next(s for s in terminal_sections(summary) if s.title.startswith("bad_data"))
    assert shown in text_table(table) and "held out" in table.title


@pytest.mark.proof
def test_the_replayed_episodes_are_those_of_the_journal(folder: Path) -> None:
    episodes = json.loads((folder / "evaluation" / "replay.json").read_text())
    assert [e["scenario"] for e in episodes] == ["price_shock", "bad_data"]
    assert {e["policy"] for e in episodes} == {"adaptive"}
    assert {e["seed"] for e in episodes} == {SEED}
    table = pd.read_parquet(folder / "journal.parquet")
    for episode in episodes:
        first = (table["scenario"] == episode["scenario"]) & (table["episode"] == 0)
        for asset in episode["assets"]:
            filled = table[first & (table["asset"] == asset["symbol"])]["filled"]
            assert asset["filled"][1:] == pytest.approx(filled.to_list(), rel=1e-6)


@pytest.mark.proof
def test_what_is_not_defined_is_a_dash(folder: Path) -> None:
    summary = json.loads((folder / "evaluation" / "summary.json").read_text())
    flat = next(row for row in terminal_sections(summary)[0].rows if row[0] == "flat")
    assert flat[1] == "0.00" and flat[2] == "–"  # noqa: RUF001 -- return, Sharpe


@pytest.mark.proof
def test_the_journal_names_what_bound_every_decision(folder: Path) -> None:
    table = pd.read_parquet(folder / "journal.parquet")
    assert set(table["scenario"]) == {"price_shock", "bad_data"}
    assert set(table["asset"]) == {"SP500", "NASDAQ"}
    assert table["bound_by"].notna().all() and table["kelly_fraction"].ge(0.0).all()


@pytest.mark.proof
def test_the_saved_policy_is_the_evaluated_one(folder: Path) -> None:
    from trading_env.backtesting import make_envs, rollout

    arguments = {"market": "us_indices", "episode_length": 252, "seed_band": "test"}
    layout = ObservationLayout(("SP500", "NASDAQ"), ())
    policy = AdaptivePolicy.load(folder / "policy", layout)
    envs = make_envs(policy, 4, arguments, scenario="price_shock", detail="full")
    returns = rollout(policy, envs, SEED).sums["return"]
    frame = pd.read_parquet(folder / "evaluation" / "episodes.parquet")
    chosen = (frame["policy"] == "adaptive") & (frame["scenario"] == "price_shock")
    assert returns == pytest.approx(frame[chosen]["return"].to_numpy(), rel=1e-12)


def bad_csv(folder: Path) -> list[str]:
    path = folder / "bad.csv"
    path.write_text("time,open,high,low,close,volume\n2020-01-01,1,2,3,1,5\n")
    return ["--market", str(path)]


def config_of(folder: Path, text: str) -> list[str]:
    path = folder / "bad.toml"
    path.write_text(f"{text}\n")
    return ["--config", str(path)]


def bad_config(folder: Path) -> list[str]:
    return config_of(folder, "timestep = 3")


def wrong_type(folder: Path) -> list[str]:
    return config_of(folder, 'timesteps = "many"')


def half_a_step(folder: Path) -> list[str]:
    return config_of(folder, "timesteps = 2.5")


def one_scenario(folder: Path) -> list[str]:
    return config_of(folder, 'scenario = "calm"')


def no_option(folder: Path) -> list[str]:
    return config_of(folder, "context = 1")


def used_by_several(folder: Path) -> list[str]:
    """As `--seeds 2` leaves it, and a run of both tasks."""
    (folder / "config.toml").write_text("seeds = 2")
    return ["--out", str(folder)]


def used_folder(folder: Path) -> list[str]:
    (folder / "manifest.json").write_text("{}")
    return ["--out", str(folder)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (bad_csv, "bad.csv"),
        (bad_config, "unknown key 'timestep'"),
        (wrong_type, "timesteps = 'many'"),
        (no_option, "unknown key 'context'"),
        (half_a_step, "timesteps = 2.5"),
        (one_scenario, "scenario = 'calm'"),
        (used_folder, "holds another run"),
        (used_by_several, "holds another run"),
        (lambda _: ["--market", "us_indexes"], "us_indices"),
        (lambda _: ["--scenario", "flash_crsh_2010"], "flash_crash_2010"),
        (lambda _: ["--scenario", "nowhere/x.toml"], "x.toml"),
        (lambda _: ["--config", "nowhere.toml"], "nowhere.toml"),
        (lambda _: ["--episodes", "0"], "episodes = 0"),
        (lambda _: ["--seeds", "0"], "seeds = 0"),
        (lambda _: ["--workers", "2"], "seeds = 1: --workers and --ray run several"),
        (lambda _: ["--env", "both"], "both"),
        (lambda _: ["--env", "execution", "--timesteps", "9"], "of --env portfolio"),
        (lambda _: ["--env", "portfolio", "--generations", "9"], "of --env execution"),
        (lambda _: ["--generations", "0"], "generations = 0"),
        (lambda _: ["--env", "execution", "--market", "us_indices"], "a pace is trained on one"),
    ],
)
def test_what_the_user_got_wrong_is_one_line_and_exit_code_2(
    arguments: object,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = arguments(tmp_path)  # type: ignore[operator]
    out = [] if "--out" in given else ["--out", str(tmp_path / "run")]
    made: list[Any] = []
    monkeypatch.setattr(MultiscaleMarket, "generate", lambda *_: made.append(1))
    assert run(*given, *out) == 2
    assert not made, "a market takes seconds to make"
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ") and captured.err.count("\n") == 1
    assert words in captured.err and len(captured.err) < 250
    assert not (tmp_path / "run").exists()


def only_resume(folder: Path) -> list[str]:
    (folder / "config.toml").write_text("seed = 1\n")
    return ["--resume", str(folder), "--seed", "1"]


def only_resume_reading(folder: Path) -> list[str]:
    (folder / "config.toml").write_text("seed = 1\n")
    return ["--resume", str(folder), "--time-column", "date"]


def another_kind(folder: Path) -> list[str]:
    (folder / "config.toml").write_text('env = "portfolio"\n')
    (folder / "manifest.json").write_text('{"kind": "evaluate"}')
    return ["--resume", str(folder)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (lambda folder: ["--resume", str(folder)], "config.toml: no such file"),
        (only_resume, "--seed: a run that is resumed has its options in config.toml"),
        (only_resume_reading, "--time-column: a run that is resumed has its options in"),
        (another_kind, "holds another run"),
    ],
)
def test_a_run_that_cannot_be_resumed_is_one_line_and_left_alone(
    arguments: object, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = arguments(tmp_path)  # type: ignore[operator]
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert run(*given) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1 and words in said
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.proof
def test_a_finished_run_that_is_resumed_is_kept(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.*")}
    left = folder / "checkpoints" / f"ppo-{0:012}-{'0' * 64}.safetensors"
    left.parent.mkdir(exist_ok=True)
    left.touch()  # by a process that died as it ended
    assert run("--resume", str(folder)) == 0
    assert not left.exists()
    said = capsys.readouterr()
    assert f"{folder}: kept from an earlier run" in said.err and "Verdict" in said.out
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.*")} == before


@pytest.mark.proof
def test_trainings_that_are_done_are_kept_when_the_next_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*arguments: Any, seed: int, **named: Any) -> Any:
        if seed == 1:
            raise KeyboardInterrupt
        return fit(*arguments, seed=seed, **named)

    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr("agents.portfolio_run.fit", stopped)
        assert run(*SMALL, "--seeds", "2", "--out", str(out)) == 130
    weights = out / "seed_0" / "policy" / "policy.safetensors"
    before = weights.stat().st_mtime_ns
    assert json.loads((out / "seed_1" / "manifest.json").read_text())["status"] == "interrupted"
    capsys.readouterr()
    assert run("--resume", str(out)) == 0
    assert "seed_0: kept from an earlier run" in capsys.readouterr().err
    assert weights.stat().st_mtime_ns == before
    assert json.loads((out / "verdict.json").read_text())["seeds"] == 2
    assert json.loads((out / "seed_1" / "manifest.json").read_text())["status"] == "finished"
    capsys.readouterr()
    monkeypatch.setattr("agents.portfolio_run.PortfolioRun.verdict", lambda *_: [])
    assert run("--resume", str(out)) == 0
    assert "nothing was compared: no trades, or fewer than 6" in capsys.readouterr().out


@pytest.mark.proof
def test_a_run_that_diverges_is_one_line_exit_code_1_and_goes_on_from_its_checkpoint(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    usual, calls = rows.credits_of, []

    def poisoned(*given: Any) -> Any:
        calls.append(1)
        return usual(*given) * (math.nan if len(calls) == MOMENT_STEPS + 9 else 1.0)

    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(rows, "credits_of", poisoned)
        assert run(*SMALL, "--scenario", "bad_data", "--out", str(out)) == 1
    reason = "training diverged: reward is nan at step 4608; the last checkpoint is kept"
    said = capsys.readouterr().err
    assert said.endswith(f"\nerror: {reason}\n") and "Traceback" not in said
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["status"] == f"failed: DivergedError: {reason}"
    assert not (out / "policy").exists() and list((out / "checkpoints").iterdir())
    assert run("--resume", str(out)) == 0
    name = "policy/policy.safetensors"
    assert (out / name).read_bytes() == (folder / name).read_bytes()


@pytest.mark.proof
def test_a_training_that_fails_leaves_the_others_alone_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*arguments: Any, seed: int, **named: Any) -> Any:
        if seed == 0:
            raise ZeroDivisionError("bad luck")
        return fit(*arguments, seed=seed, **named)

    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr("agents.portfolio_run.fit", fails)
        assert run(*SMALL, "--seeds", "2", "--out", str(out)) == 1
    said = capsys.readouterr()
    assert said.err.splitlines()[-2:] == [
        "error: portfolio, seed 0: ZeroDivisionError: bad luck",
        f"error: 1 trainings failed; --resume {out} tries them again",
    ]
    assert "Verdict" not in said.out and not (out / "verdict.json").exists()
    assert (out / "seed_1" / "report.html").exists()
    assert run("--resume", str(out)) == 0
    assert "seed_1: kept from an earlier run" in capsys.readouterr().err
    assert json.loads((out / "verdict.json").read_text())["seeds"] == 2


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is missing: execution-gym[ray]")
def test_trainings_on_ray_are_those_without(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printed, kept = [], []
    for name, more in (("alone", []), ("both", ["--workers", "2"])):
        out = tmp_path / name
        assert run(*SMALL, "--seeds", "2", *more, "--out", str(out)) == 0
        printed.append(capsys.readouterr().out.replace(str(out), "OUT"))
        files = [*out.glob("seed_*/policy/*"), *out.glob("seed_*/evaluation/*.parquet")]
        files += [out / "verdict.json", *out.glob("seed_*/evaluation/cells/*.json")]
        kept.append({str(path.relative_to(out)): path.read_bytes() for path in files})
    assert printed[0] == printed[1] and kept[0] == kept[1] and len(kept[0]) > 20


def test_a_folder_without_an_evaluation_has_no_report(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not the folder of an evaluated run"):
        write_report(tmp_path)
