"""The command line answers, and refuses in one line."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.refusals import refusal
from trading_env.cli.main import main
from trading_env.stress.scenario import load_preset, preset_names

ROOT = Path(__file__).parents[2]

BARS = "time,open,high,low,close,volume\n" + "".join(
    f"2020-01-{day:02d},10,11,9,10.5,100\n" for day in range(1, 11)
)


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    path = tmp_path / "bars.csv"
    path.write_text(BARS)
    return path


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    assert main([*arguments, "--json"]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_without_arguments_help_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert "scenarios" in printed and "data" in printed


def test_every_preset_is_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(answer(capsys, "scenarios", "list")) == preset_names()
    for name in preset_names():
        assert answer(capsys, "scenarios", "show", name)["name"] == name


def test_a_scenario_comes_with_the_hash_of_its_content(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = load_preset("price_shock").sha256
    listed: Any = answer(capsys, "scenarios", "list")["price_shock"]
    assert (
        listed["sha256"] == wanted == answer(capsys, "scenarios", "show", "price_shock")["sha256"]
    )
    path = tmp_path / "same.toml"
    path.write_bytes((ROOT / "scenarios" / "price_shock.toml").read_bytes())
    assert answer(capsys, "scenarios", "validate", str(path))["sha256"] == wanted


def test_a_diff_names_every_key_that_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = (ROOT / "scenarios" / "price_shock.toml").read_text(encoding="utf-8")
    assert answer(capsys, "scenarios", "diff", "price_shock", "price_shock")["equal"] is True
    path = tmp_path / "deeper.toml"
    path.write_text(re.sub(r"(?m)^move = .*$", "move = -0.5", source, count=1))
    found: Any = answer(capsys, "scenarios", "diff", "price_shock", str(path))
    assert set(found["differences"]) == {"sha256", "events[1].move"}
    assert found["differences"]["events[1].move"][1] == -0.5
    assert "calm" in refusal(capsys, "scenarios", "diff", "price_shock", "colm")


def test_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenarios", "show", "price_shock"]) == 0
    printed = capsys.readouterr().out
    assert "events[0]\n" in printed and "kind" in printed


def test_a_sound_scenario_file_is_valid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "gap.toml"
    path.write_text(
        'name = "gap"\n[[events]]\nkind = "price"\nshape = "gap"\nstart = "40%"\nmove = -0.1\n'
    )
    found = answer(capsys, "scenarios", "validate", str(path))
    assert (found["valid"], found["name"], found["events"]) == (True, "gap", 1)


def test_a_wrong_scenario_file_is_refused_by_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "gap.toml"
    path.write_text('name = "gap"\n[[events]]\nkind = "price"\nshap = "gap"\n')
    assert "shap" in refusal(capsys, "scenarios", "validate", str(path))


def test_data_is_described(bars: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, "data", "describe", str(bars))["bars"] == 10
    spec = '{"generator": "gbm", "assets": 2, "paths": 1, "bars": 32}'
    found = answer(capsys, "data", "describe", spec)
    assert found["bars"] == 32 and list(found["assets"]) == ["S1", "S2"]  # type: ignore[call-overload]


def test_a_sound_file_of_bars_is_valid(bars: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "data", "validate", str(bars))
    assert "canonical layout" in str(found.pop("read_as"))
    assert found == {
        "verdict": "clean",
        "faults": [],
        "bars": 10,
        "symbols": ["bars"],
        "findings": [],
    }


def test_a_wrong_file_of_bars_is_refused_by_column(
    bars: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bars.write_text(BARS.replace("2020-01-05,10,11", "2020-01-05,10,8"))
    assert "high" in refusal(capsys, "data", "validate", str(bars))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("scenarios", "show", "colm"), "calm"),
        (("scenarios", "validate", "nowhere.toml"), "nowhere.toml"),
        (("data", "describe", "us_indicez"), "us_indices"),
        (("data", "describe", "{"), "not JSON"),
        (("data", "describe", '{"generator": "gbm", "asets": 2}'), "asets"),
        (("data", "validate", "nowhere.csv"), "nowhere.csv"),
        (("scenarios",), "Missing command"),
        (("scenarios", "list", "more"), "more"),
        (("trade",), "trade"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(
    arguments: tuple[str, ...], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert named in refusal(capsys, *arguments)


@pytest.mark.proof
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_reader_that_stops_reading_is_no_fault(form: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "trading_env", "scenarios", "list", *form]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()  # long before the first line is written
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.proof
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_one_line() -> None:
    command = [sys.executable, "-m", "trading_env", "scenarios", "list"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


def hear_interruptions() -> None:
    """A process started in the background inherits that it ignores them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.proof
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_is_one_line_and_leaves_whole_files(
    number: signal.Signals, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "trading_env", "evaluate", "momentum", "--out", str(out)]
    with subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, text=True, preexec_fn=hear_interruptions
    ) as process:
        assert process.stderr is not None
        manifest = out / "manifest.json"
        while not manifest.exists() and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(number)
        said = process.stderr.read()
    assert process.returncode == 128 + number, said
    assert said.endswith("error: interrupted\n") and "Traceback" not in said
    assert json.loads(manifest.read_text())["status"] == "interrupted"
    assert not list(out.rglob("*.part")) and not (out / "evaluation" / "summary.json").exists()


@pytest.mark.proof
@pytest.mark.parametrize(
    "used",
    [
        "from trading_env.cli.main import main; main(['scenarios', 'list'])",
        "import trading_env, gymnasium as gym; gym.make('trading_env/Portfolio-v0').reset(seed=0)",
    ],
)
def test_what_needs_no_learner_no_picture_and_no_table_imports_none(used: str) -> None:
    heavy = ("torch", "stable_baselines3", "matplotlib", "pandas", "pyarrow")
    look = f"import sys; {used}; sys.exit(any(name in sys.modules for name in {heavy!r}))"
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0


@pytest.mark.proof
def test_the_module_tells_what_it_does_not_know_in_one_line() -> None:
    command = [sys.executable, "-m", "trading_env", "scenarios", "show", "nothing"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == "" and done.stderr.count("\n") == 1


def test_a_run_folder_gets_its_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "evaluated run" in refusal(capsys, "report", str(tmp_path))
    (tmp_path / "evaluation").mkdir()
    (tmp_path / "evaluation" / "summary.json").write_text('{"means": []}')
    found = answer(capsys, "report", str(tmp_path))
    assert found == {"report": str(tmp_path / "report.html")}
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
