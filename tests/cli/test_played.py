"""`evaluate` and `backtest` from the command line to the files, and their refusals.

Over 300 lines because the two share their folders and fixtures.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer

from tests.cli.refusals import refusal
from trading_env.backtesting import METRICS
from trading_env.backtesting import run_folder as outputs
from trading_env.cli import main as main_module
from trading_env.cli.main import app, main
from trading_env.core.files import write_toml
from trading_env.envs.spaces import ObservationLayout
from trading_env.markets import load_market
from trading_env.policies.adaptive import AdaptivePolicy, Network
from trading_env.stress.scenario import load_preset

SMALL = ("--episodes", "1", "--scenarios", "calm,price_shock")
POLICIES = {"momentum", "flat", "buy_and_hold", "always_long", "always_short", "buy_after_fall"}
CELLS = len(POLICIES) * 2 * 2  # scenarios and severities


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    """Write 600 hourly bars of two assets, as a user might have them."""
    generator = np.random.default_rng(8)
    frames = []
    for symbol in ("AAA", "BBB"):
        close = 50.0 * np.exp(np.cumsum(generator.normal(0.0, 0.004, 600)))
        before = np.concatenate([[50.0], close[:-1]])
        frames.append(
            pd.DataFrame(
                {
                    "time": pd.date_range("2024-01-01", periods=600, freq="h"),
                    "symbol": symbol,
                    "open": before,
                    "high": np.maximum(before, close) * 1.001,
                    "low": np.minimum(before, close) * 0.999,
                    "close": close,
                    "volume": generator.integers(10_000, 50_000, 600),
                }
            )
        )
    path = tmp_path / "mine.csv"
    pd.concat(frames).to_csv(path, index=False)
    return path


@pytest.fixture
def run_folder(tmp_path: Path, bars: Path) -> Path:
    """Write the folder of a run that was trained on those bars."""
    layout = ObservationLayout(("AAA", "BBB"), ())
    size = len(layout.block)
    generator = np.random.default_rng(0)
    weights = {
        "mean": np.zeros(size),
        "scale": np.ones(size),
        "layer_0.weight": generator.normal(size=(1, size)),
        "layer_0.bias": np.zeros(1),
    }
    network = Network({name: w.astype(np.float32) for name, w in weights.items()})
    folder = tmp_path / "run"
    AdaptivePolicy(network, layout).save(folder / "policy", scenarios=("calm",))
    write_toml(folder / "config.toml", {"env": "portfolio", "market": str(bars)})
    return folder


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main([*arguments, "--json"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    found: dict[str, Any] = json.loads(printed.out)
    return found


@pytest.mark.proof
def test_an_evaluation_on_real_bars_leaves_all_that_it_promises(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    summary = answer(capsys, "evaluate", "momentum", *SMALL, "--severity", "0,1", "--out", str(out))
    assert summary == json.loads((out / "evaluation" / "summary.json").read_text())
    assert {"learner", "market", "scenarios", "means", "differences", "notes"} <= set(summary)
    assert summary["constants"] == ["flat", "always_long", "always_short"]
    assert set(summary["differences"]) == POLICIES - {"momentum"}
    where = [[row[k] for k in ("policy", "scenario", "severity")] for row in summary["means"]]
    assert [[r[k] for k in ("policy", "scenario", "severity")] for r in summary["reasons"]] == where
    frame = pd.read_parquet(out / "evaluation" / "episodes.parquet")
    assert set(frame["policy"]) == POLICIES and len(frame) == CELLS
    assert set(METRICS) < set(frame.columns)
    curves = pd.read_parquet(out / "evaluation" / "curves.parquet")
    assert {"policy", "scenario", "severity", "step", "time", "equity", "drawdown"} <= set(curves)
    stressed = curves.groupby(["scenario", "severity"])["stressed"].max()
    assert stressed["price_shock", 1.0] == 1.0
    assert stressed["calm", 1.0] == stressed["price_shock", 0.0] == 0.0
    last = curves[(curves["policy"] == "flat") & (curves["step"] == curves["step"].max())]
    assert (last["drawdown"] == 0.0).all() and last["time"].notna().all()
    journal = pd.read_parquet(out / "journal.parquet")
    assert set(journal["scenario"]) == {"calm", "price_shock"} and set(journal["episode"]) == {0}
    replayed = json.loads((out / "evaluation" / "replay.json").read_text())
    assert [episode["scenario"] for episode in replayed] == ["calm", "price_shock"]
    assert (out / "episode.png").exists() and (out / "equity.png").exists()
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["status"] == "finished" and manifest["kind"] == "evaluate"
    assert manifest["command"].startswith("trading-env evaluate momentum --episodes 1")
    assert manifest["cells"] == {"total": CELLS, "played": CELLS, "kept": 0}
    shock = manifest["scenarios"]["price_shock"][0]
    assert shock["sha256"] == load_preset("price_shock").sha256
    assert shock["events"][1]["move"] == load_preset("price_shock").events[1].move  # type: ignore[union-attr]
    band = load_market("us_indices", seed_band="test")
    assert manifest["markets"]["us_indices"]["sha256"] == band.sha256
    assert set(manifest["policies"]) == POLICIES
    assert manifest["environment"]["momentum"]["seed_band"] == "test"
    assert not list(out.rglob("*.part"))


@pytest.mark.proof
def test_a_walk_forward_backtest_on_a_users_file(
    tmp_path: Path, bars: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    walk = "train=100,test=50,step=100,purge=3,embargo=7"
    summary = answer(
        capsys,
        *("backtest", "momentum", "--market", str(bars), "--windows", walk, *SMALL),
        *("--out", str(out)),
    )
    market = load_market(str(bars), seed_band=None)
    windows = summary["windows"]
    assert len(windows) == 5
    stamps = [str(np.datetime64(int(t), "s")) + "Z" for t in market.time]
    for number, window in enumerate(windows):
        start = 100 * number
        assert window["train"] == [stamps[start], stamps[start + 96]]
        assert window["test"] == [stamps[start + 107], stamps[start + 156]]
        assert {row["policy"] for row in window["means"]} == POLICIES
    frame = pd.read_parquet(out / "evaluation" / "episodes.parquet")
    assert set(frame["window"]) == set(range(5)) and set(frame["market"]) == {str(bars)}
    assert (frame["steps"] == 49).all()
    mean = frame[(frame["policy"] == "flat") & (frame["scenario"] == "calm")]["return"].mean()
    assert mean == 0.0
    (choice,) = (note for note in summary["notes"] if "deflated Sharpe ratio" in note)
    assert "of 5 policies" in choice and "over 245 steps" in choice


@pytest.mark.proof
def test_a_backtest_on_the_indices(capsys: pytest.CaptureFixture[str]) -> None:
    walk = "train=1500d,test=250d,step=1000d,purge=5d,embargo=5d"
    assert main(["backtest", "buy_and_hold", "--windows", walk, "--episodes", "1"]) == 0
    printed = capsys.readouterr().out
    assert "us_indices, calm, severity 1" in printed and "always_long" in printed


@pytest.mark.proof
def test_a_run_folder_brings_its_market_and_what_it_was_trained_on(
    run_folder: Path, bars: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = answer(capsys, "evaluate", str(run_folder), *SMALL, "--length", "10")
    assert summary["learner"] == "adaptive" and summary["market"] == str(bars)
    played = {"adaptive", "without_rate", *POLICIES} - {"momentum"}
    assert {row["policy"] for row in summary["means"]} == played
    roles = {s["name"]: s["role"] for s in summary["scenarios"]}
    assert (roles["calm"], roles["price_shock"]) == ("trained on", "held out")
    walk = ("--windows", "train=100,test=40,step=80", "--episodes", "1")
    summary = answer(capsys, "backtest", str(run_folder), *walk)
    assert not any("overlap" in note for note in summary["notes"])
    samples = [window["sample"] for window in summary["windows"]]  # validation ends at bar 480
    assert samples == ["in sample"] * 5 + ["out of sample"]
    assert "adaptive was trained on bars that some windows test it on." in summary["notes"]


def test_windows_that_share_test_bars_are_noted(
    bars: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    walk = ("--windows", "train=450,test=60,step=50", "--episodes", "1")
    summary = answer(capsys, "backtest", "flat", "--market", str(bars), *walk)
    assert any("overlap" in note for note in summary["notes"])
    windows = summary["windows"]
    steps = windows[-1]["test_stop"] - windows[0]["test_start"] - 1  # each bar once
    assert any(f"over {steps} steps" in note for note in summary["notes"])


MODULE = """
import numpy as np

class Half:
    def __init__(self, layout):
        self.assets = len(layout.symbols)
    def reset(self, num_envs):
        pass
    def act(self, observation, info):
        return np.full((len(observation), self.assets), 0.5)

class Old(Half):
    def act(self, observation):
        return np.full((len(observation), self.assets), 0.5)

def half(observation, info):
    return np.full(info["position"].shape, 0.5)

class Other(Half):
    env_overrides = {"episode_length": 3}

def fails(layout):
    raise KeyError("no such\\nthing")

def wrong(layout):
    return 3

number = 4
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "my_policies.py").write_text(MODULE)
    (tmp_path / "my_broken.py").write_text("import nowhere_to_be_found")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "my_policies"


@pytest.mark.proof
def test_a_policy_of_the_users_own_is_named_by_module(
    module: str, bars: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    means = []
    for name in ("Half", "half"):
        summary = answer(capsys, "evaluate", f"{module}:{name}", "--market", str(bars), *SMALL)
        assert summary["learner"] == name
        means.append(next(row for row in summary["means"] if row["policy"] == name))
    assert means[0]["exposure"] > 0.0
    assert {**means[0], "policy": ""} == {**means[1], "policy": ""}


@pytest.mark.parametrize(
    ("policy", "named"),
    [
        ("my_policies:fails", "KeyError"),
        ("my_policies:wrong", "without reset and act"),
        ("my_policies:number", "a value of type int is no policy"),
        ("my_policies:Old", "act must take (observation, info)"),
        ("my_policies:nothing", "nothing"),
        ("my_broken:x", "nowhere_to_be_found"),
        ("my_missing:x", "my_missing"),
        ("momentun", "did you mean 'momentum'"),
        ("nowhere/run", "not a run folder"),
        ("model.zip", "pickles"),
        ("problems.kely", "did you mean 'kelly'"),
        ("problems.kelly.third", "quarter"),
        ("problems.kelly.half.more", "quarter"),
        (".", "not the folder of a run"),
        ("", "known"),
    ],
)
def test_a_policy_that_cannot_be_had_is_one_line(
    policy: str, named: str, module: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert named in refusal(capsys, "evaluate", policy, "--out", "out")
    assert not Path("out").exists()


def test_a_policy_that_changes_what_is_evaluated_is_refused(
    module: str, bars: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = refusal(
        capsys, "evaluate", f"{module}:Other", "--market", str(bars), *SMALL, "--out", "out"
    )
    assert "built episode_length = 3, asked 35" in told
    assert json.loads(Path("out/manifest.json").read_text())["status"].startswith("failed")
    assert not Path("out/evaluation").exists()


def test_parent_orders_are_evaluated_beside_twap(capsys: pytest.CaptureFixture[str]) -> None:
    summary = answer(capsys, "evaluate", "random", "--env", "execution", *SMALL)
    assert summary["constants"] == ["twap", "immediate"]
    assert all(row["parent_shortfall_bps"] is not None for row in summary["means"])


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--scenarios", "colm"), "did you mean 'calm'"),
        (("--scenarios", "calm,calm"), "given twice"),
        (("--scenarios", "nowhere.toml"), "no such file"),
        (("--scenarios", ""), "no such preset"),
        (("--severity", "0,x"), "severity = 'x'"),
        (("--severity", "-1"), "severity"),
        (("--severity", "nan"), "severity"),
        (("--severity", "1,1.0"), "given twice"),
        (("--episodes", "0"), "episodes = 0"),
        (("--episodes", "x"), "--episodes"),
        (("--seed", "-3"), "seed = -3"),
        (("--length", "9999"), "the longest episode is"),
        (("--length", "-1"), "episode_length = -1"),
        (("--length", "0"), "episode_length = 0"),
        (("--market", '{"generator": "gbm", "bars": 60}'), "60 bars in the band"),
        (("--band", "all"), "--band"),
        (("--env", "options"), "--env"),
        (("--market", "us_indexes"), "us_indices"),
        (("--market", "{"), "not JSON"),
        (("--market", "[1]"), "unknown market"),
        (("--market", '{"assets": 2}'), "'generator' is missing"),
        (("--market", '{"generator": "gbm", "bars": 1e9}'), "bars"),
    ],
)
def test_a_wrong_argument_is_one_line_and_leaves_nothing(
    arguments: tuple[str, ...], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert named in refusal(capsys, "evaluate", "flat", *arguments, "--out", str(out))
    assert not out.exists()


@pytest.mark.parametrize("walk", ["train=9999,test=100", "train=100", "test=10,train=-1", "x=3"])
def test_windows_that_cannot_be_are_one_line_and_leave_nothing(
    walk: str, tmp_path: Path, bars: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ("--out", str(tmp_path / "out"))
    told = refusal(capsys, "backtest", "flat", "--market", str(bars), "--windows", walk, *out)
    assert "windows" in told
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "content", ["{}", '{"kind": "backtest"}', '{"status": "x"}', '{"kind": null}']
)
def test_a_folder_of_another_run_is_left_alone(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "manifest.json").write_text(content)
    assert "another run" in refusal(capsys, "evaluate", "flat", *SMALL, "--out", str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]
    assert (tmp_path / "manifest.json").read_text() == content


@pytest.mark.parametrize("content", ["[]", "", "[" * 100_000, '{"kind": 7}', "\0"])
def test_a_folder_whose_manifest_is_damaged_is_left_alone(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "manifest.json").write_text(content)
    assert "manifest.json" in refusal(capsys, "evaluate", "flat", *SMALL, "--out", str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]
    assert (tmp_path / "manifest.json").read_text() == content


def test_a_table_is_one_file_whether_pyarrow_came_or_went(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the report would show the older of the two."""
    frame = pd.DataFrame({"equity": [1.0, 2.0]})
    for missing, suffix in ((False, ".parquet"), (True, ".csv"), (False, ".parquet")):
        with monkeypatch.context() as patch:
            if missing:
                patch.setattr(outputs, "find_spec", lambda name: None)
            written = outputs.write_table(tmp_path / "curves", frame)
        assert [path for path in tmp_path.iterdir()] == [written] and written.suffix == suffix


@pytest.mark.proof
def test_tables_are_csv_without_pyarrow(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs, "find_spec", lambda name: None)
    answer(capsys, "evaluate", "flat", *SMALL, "--length", "5", "--out", str(tmp_path / "out"))
    frame = pd.read_csv(tmp_path / "out" / "evaluation" / "episodes.csv")
    assert set(METRICS) < set(frame.columns)
    assert (tmp_path / "out" / "journal.csv").exists()


@pytest.mark.proof
def test_a_problem_brings_its_environment_and_its_other_policies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ("--episodes", "2", "--parameters", '{"paths": 4, "episode_length": 5}')
    out = ("--out", str(tmp_path / "out"))
    summary = answer(capsys, "evaluate", "problems.garleanu_pedersen", *few, *out)
    assert summary["learner"] == "optimal_policy"
    assert list(summary["differences"]) == ["best_constant_speed", "markowitz"]
    assert [s["name"] for s in summary["scenarios"]] == ["calm"]
    assert any("optimal_policy 0.424008" in note for note in summary["notes"])
    assert all(row["steps"] == 5.0 and row["turnover"] > 0.0 for row in summary["means"])
    summary = answer(capsys, "evaluate", "problems.almgren_chriss.twap", "--episodes", "2")
    assert summary["learner"] == "twap"
    assert set(summary["differences"]) == {"optimal_policy", "immediate"}
    assert all(row["parent_shortfall_bps"] is not None for row in summary["means"])


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--market", "us_indices"), "market: a problem brings its own"),
        (("--band", "test"), "band: a problem brings its own"),
        (("--length", "9"), "length: a problem brings its own"),
        (("--env", "execution"), "is for env 'portfolio', not 'execution'"),
        (("--parameters", "{"), "not JSON"),
        (("--parameters", "[1]"), "must be a JSON object"),
        (("--parameters", '{"drit": 1}'), "did you mean 'drift'"),
        (("--parameters", '{"volatility": 0}'), "volatility"),
        (("--parameters", '{"volatility": "high"}'), "problems.kelly"),
    ],
)
def test_what_does_not_fit_a_problem_is_one_line(
    arguments: tuple[str, ...], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert named in refusal(capsys, "evaluate", "problems.kelly", *arguments)


def test_problems_have_no_windows_and_baselines_no_parameters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "without windows" in refusal(capsys, "backtest", "problems.kelly")
    told = refusal(capsys, "evaluate", "flat", "--parameters", '{"a": 1}')
    assert "only problems take parameters" in told


def test_every_file_of_the_command_line_has_one_verb_or_group_registered() -> None:
    files = {path.stem for path in Path(main_module.__file__ or "").parent.glob("*.py")}
    shared = {"__init__", "main", "answers", "options"}
    assert set(typer.main.get_command(app).commands) == files - shared  # type: ignore[attr-defined]


@pytest.mark.proof
def test_a_folder_that_is_called_like_a_policy_is_not_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """So the same command goes on where its output is called so."""
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        summary = answer(capsys, "evaluate", "flat", *SMALL, "--length", "10", "--out", "flat")
    assert summary["learner"] == "flat"
