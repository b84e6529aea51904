"""A run that is played again has the same figures to the last bit, or what differs is named."""

import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors import numpy as tensors

from tests.backtesting.test_foreign_run import WEIGHTS, adaptive
from trading_env.backtesting.evaluation import evaluate_policy
from trading_env.backtesting.lookup import policy_of_run
from trading_env.backtesting.run_folder import RunFolder
from trading_env.cli.main import main
from trading_env.envs.spaces import ObservationLayout

MARKET = '{"generator": "factor", "paths": 3, "bars": 260, "assets": 2}'
EVALUATE = ["evaluate", "momentum", "--market", MARKET, "--length", "20", "--episodes", "2"]
EVALUATE += ["--scenarios", "flash_crash_2010", "--severity", "0.5", "--mirror"]
BACKTEST = ["backtest", "momentum", "--market", MARKET, "--episodes", "2"]
BACKTEST += ["--windows", "train=80,test=60"]
SHOCK = """name = "mine"
[[events]]
kind = "liquidity"
start = "40%"
duration = "5 bars"
spread = 3.0
depth = 0.5
status = "assumed"
"""
SUMMARY, EPISODES, MANIFEST = "evaluation/summary.json", "evaluation/episodes", "manifest.json"


def trained(folder: Path) -> None:
    """Write what `train.py` leaves: a policy, its options, and its evaluation."""
    adaptive(folder)
    (folder / "config.toml").write_text(f'env = "portfolio"\n[market]\n{as_toml(MARKET)}')
    run = RunFolder(folder, "train", "python train.py --quick")
    with run.open(seeds={"training": 0}):
        evaluate_policy(
            policy_of_run(folder),
            scenarios={"calm": "calm", "crises": "crises"},
            episodes=2,
            length=20,
            beside=["flat", "random"],
            folder=run,
        )


def as_toml(market: str) -> str:
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in json.loads(market).items())


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of each kind."""
    folder = tmp_path_factory.mktemp("runs")
    for name, command in (("evaluate", EVALUATE), ("backtest", BACKTEST)):
        assert main([*command, "--out", str(folder / name)]) == 0
    (folder / "train").mkdir()
    trained(folder / "train")
    return folder


def replayed(run: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, str]:
    """Replay a run; return the exit code and the one line."""
    capsys.readouterr()
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    code = main(["replay", str(run), *more])
    said = capsys.readouterr()
    line = said.err if code == 2 else said.out
    assert line.count("\n") == 1 and len(line) < 210
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before
    return code, line


@pytest.mark.proof
@pytest.mark.parametrize("kind", ["evaluate", "backtest", "train"])
def test_a_run_has_the_same_figures_to_the_last_bit(
    kind: str, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, line = replayed(runs / kind, capsys)
    assert code == 0
    assert line.endswith("every figure is the same to the last bit\n")  # and nothing "though"


def changed_summary(folder: Path) -> None:
    path = folder / SUMMARY
    content = json.loads(path.read_text())
    content["means"][1]["return"] = float(np.nextafter(content["means"][1]["return"], 1.0))
    path.write_text(json.dumps(content))


def changed_cell(
    name: str, column: str, change: Callable[[float], float]
) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = (folder / name).with_suffix(".parquet")
        frame = pd.read_parquet(path)
        frame.loc[1, column] = change(frame.loc[1, column])
        frame.to_parquet(path, index=False)

    return damage


def changed_manifest(*way: str, value: object) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        content = part = json.loads((folder / MANIFEST).read_text())
        for key in way[:-1]:
            part = part[key]
        part[way[-1]] = value
        (folder / MANIFEST).write_text(json.dumps(content))

    return damage


def other_weights(folder: Path) -> None:
    weights = tensors.load((folder / WEIGHTS).read_bytes())
    weights["layer_1.bias"] = weights["layer_1.bias"] + np.float32(0.5)
    (folder / WEIGHTS).write_bytes(tensors.save(weights))


TAMPERED = [
    ("evaluate", changed_summary, ["summary.json.means[1].return", "nothing that the manifest"]),
    ("evaluate", changed_cell(EPISODES, "return", lambda x: -x), ["episodes row 1 return"]),
    ("evaluate", changed_cell("journal", "position", lambda _: -0.0), ["journal row 1 position"]),
    ("evaluate", lambda folder: (folder / "orders.parquet").unlink(), ["orders: missing"]),
    ("evaluate", lambda folder: (folder / SUMMARY).unlink(), ["summary.json: missing"]),
    ("train", other_weights, ["summary.json.means[0]", "policies.adaptive"]),
]


@pytest.mark.proof
@pytest.mark.parametrize(("kind", "damage", "named"), TAMPERED)
def test_a_figure_that_was_changed_is_named_and_what_made_it_differ(
    kind: str,
    damage: Callable[[Path], None],
    named: list[str],
    runs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = Path(shutil.copytree(runs / kind, tmp_path / "r"))
    damage(run)
    code, line = replayed(run, capsys)
    assert code == 1
    for part in named:
        assert part in line


@pytest.mark.proof
def test_what_differs_though_the_figures_do_not_is_said(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(runs / "evaluate", tmp_path / "r"))
    changed_manifest("versions", "numpy", value="1.0")(run)
    changed_manifest("markets", "factor", "sha256", value="f")(run)
    code, line = replayed(run, capsys)
    assert code == 0 and "numpy: '1.0' then" in line and "markets.factor.sha256" in line


@pytest.mark.proof
def test_other_bars_under_the_same_name_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the paths of a command are those of the folder that it was typed in."""
    monkeypatch.chdir(tmp_path)
    time = pd.date_range("2020-01-01", periods=900, freq="D")
    close = 100.0 * np.exp(np.cumsum(np.random.default_rng(1).normal(0.0, 0.01, 900)))
    frame = pd.DataFrame({"time": time, "open": close, "high": 1.01 * close, "low": 0.99 * close})
    frame.assign(close=close, volume=1e6).to_csv("mine.csv", index=False)
    command = ["evaluate", "flat", "--market", "mine.csv", "--scenarios", "calm"]
    assert main([*command, "--episodes", "1", "--length", "20", "--out", "run"]) == 0
    assert replayed(Path("run"), capsys)[0] == 0
    frame.assign(close=0.999 * close, volume=1e6).to_csv("mine.csv", index=False)
    code, line = replayed(Path("run"), capsys)
    assert code == 1 and "markets.mine.csv.sha256" in line
    Path("mine.csv").unlink()
    code, line = replayed(Path("run"), capsys)
    assert code == 2 and "mine.csv" in line


class Fragile:
    """Fails where a file of the current folder says so."""

    def __init__(self, layout: ObservationLayout) -> None:
        self.assets = len(layout.symbols)

    def reset(self, num_envs: int) -> None:
        self.lanes = num_envs

    def act(self, observation: np.ndarray, info: dict[str, Any]) -> np.ndarray:
        if Path("broken").exists():
            raise ZeroDivisionError(f"{Path('broken').read_text()} of {object()}")
        return np.zeros((self.lanes, self.assets))


@pytest.mark.proof
def test_a_cell_that_failed_fails_again_or_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = [f"{__name__}:Fragile" if word == "momentum" else word for word in EVALUATE]
    command[command.index("--mirror") :] = ["--out"]
    assert main([*command, "sound"]) == 0
    broken = Path("broken")
    broken.write_text("no price")
    assert main([*command, "failed"]) == 1
    where = "policy Fragile, market factor, scenario flash_crash_2010, severity 0.5: "
    code, line = replayed(Path("failed"), capsys, "--trust")
    assert code == 0
    assert f"last bit, 1 cell failed then and now: {where}ZeroDivisionError: no price" in line
    code, line = replayed(Path("sound"), capsys, "--trust")
    assert code == 1 and f"{where}was played then, and fails now (ZeroDivisionError: no" in line
    broken.write_text("no volume")
    code, line = replayed(Path("failed"), capsys, "--trust")
    assert code == 1 and f"{where}failed then (ZeroDivisionError: no price" in line
    assert "fails now by ZeroDivisionError: no volume" in line
    broken.unlink()
    code, line = replayed(Path("failed"), capsys, "--trust")
    assert code == 1 and f"{where}failed then (ZeroDivisionError: no price" in line
    assert "and plays now" in line


@pytest.mark.proof
def test_a_run_finds_its_files_from_any_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder in (home, elsewhere):
        folder.mkdir()
    monkeypatch.chdir(home)
    close = 100.0 * np.exp(np.cumsum(np.random.default_rng(1).normal(0.0, 0.01, 900)))
    time = pd.date_range("2020-01-01", periods=900, name="time")
    pd.DataFrame({"close": close, "volume": 1e6}, time).to_csv("mine.csv")
    (home / "mine.toml").write_text(SHOCK)
    command = ["evaluate", "flat", "--market", "mine.csv", "--scenarios", "mine.toml"]
    assert main([*command, "--episodes", "1", "--length", "20", "--out", "run"]) == 0
    monkeypatch.chdir(elsewhere)
    code, line = replayed(Path("../home/run"), capsys)
    assert code == 0 and line.startswith("../home/run: every figure is the same")
    assert Path.cwd() == elsewhere
    changed_manifest("cwd", value=str(tmp_path / "gone"))(home / "run")
    monkeypatch.chdir(home)
    assert replayed(home / "run", capsys)[0] == 0


def test_a_policy_finds_the_bars_that_it_was_trained_on_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adaptive(tmp_path)
    (tmp_path / "config.toml").write_text(f'market = "mine.csv"\ncwd = "{tmp_path}"\n')
    bars = tmp_path / "mine.csv"
    assert policy_of_run(tmp_path).market == "mine.csv"  # which is nowhere
    bars.write_text("")
    assert policy_of_run(tmp_path).market == str(bars)
    monkeypatch.chdir(tmp_path)
    assert policy_of_run(tmp_path).market == "mine.csv"


@pytest.mark.proof
@pytest.mark.parametrize(
    ("way", "value", "named"),
    [
        (("status",), "running", "status is running"),
        (("status",), None, "status"),
        (("command",), "rm -rf /", "not a run's"),
        (("command",), "trading-env report x", "not a run's"),
        (("command",), "trading-env evaluate 'flat", "not a run's"),
        (("command",), "trading-env evaluate flat --nonsense 1", "nonsense"),
        (("command",), "trading-env evaluate tests.cli.planted:policy --trust", "--trust allows"),
        (("command",), "trading-env evaluate planted.zip --trust", "--trust allows"),
        (("kind",), "audit", "not a run's"),
        (("kind",), "train", "not the folder of a run"),
        (("scenarios",), [], "scenarios"),
    ],
)
def test_a_manifest_that_is_none_of_a_run_is_refused_and_nothing_of_it_is_run(
    way: tuple[str, ...],
    value: object,
    named: str,
    runs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = Path(shutil.copytree(runs / "evaluate", tmp_path / "r"))
    changed_manifest(*way, value=value)(run)
    code, line = replayed(run, capsys)
    assert code == 2 and named in line


def test_a_folder_without_a_run_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, line = replayed(tmp_path, capsys)
    assert code == 2 and "manifest.json: no such file" in line


@pytest.mark.proof
def test_the_answer_as_json(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["replay", str(runs / "evaluate"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["same"] is True and found["figures"] == [] and found["causes"] == []


@pytest.mark.proof
def test_a_command_that_plays_nothing_is_no_runs(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--help` ends well, and the run would count as the same."""
    run = shutil.copytree(runs / "evaluate", tmp_path / "run")
    changed_manifest("command", value="trading-env evaluate --help")(run)
    assert main(["replay", str(run)]) == 2
    assert "not a run's" in capsys.readouterr().err


@pytest.mark.proof
def test_a_ray_that_a_run_names_is_not_called(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a stranger's server answers would be unpickled; the cells are played here instead."""
    run = shutil.copytree(runs / "evaluate", tmp_path / "run")
    manifest = json.loads((run / MANIFEST).read_text())
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        address = f"ray://127.0.0.1:{server.getsockname()[1]}"
        changed_manifest("command", value=f"{manifest['command']} --ray {address}")(run)
        assert replayed(run, capsys)[0] == 0
        with pytest.raises(TimeoutError):
            server.accept()
