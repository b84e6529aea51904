"""A training that is stopped, whenever and however, goes on and ends as if undisturbed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from agents.run import is_finished
from tests.figures import figure

# `train.py` with learners that are small.
DRIVER = """
import sys
from functools import partial
import train
from agents import pace, portfolio
from trading_env.cli import answers
pace.EPISODES, pace.JUDGED, pace.POPULATION = 16, 16, 8
little = {"lanes": 8, "steps": 16, "batch_size": 128, "judgements": 4}
portfolio.Training = partial(portfolio.Training, **little)
sys.exit(answers.run(train.app, "python train.py", sys.argv[1:]))
"""
MARKET = '{"generator": "multiscale", "paths": 4, "bars": 240, "assets": 3}'
PORTFOLIO = ["--env", "portfolio", "--market", MARKET, "--timesteps", "3000"]
EXECUTION = ["--env", "execution", "--generations", "5"]
SMALL = ["--episodes", "2", "--scenario", "price_shock", "--scenario", "bad_data"]
COMMANDS = {"portfolio": [*PORTFOLIO, *SMALL], "execution": [*EXECUTION, *SMALL]}
KILLS = 20  # of each command


@pytest.mark.parametrize("status", ["running", "interrupted", "failed: FailedError: a cell"])
def test_a_report_makes_no_training_finished(status: str, tmp_path: Path) -> None:
    """A report can be written of any run that was evaluated."""
    assert not is_finished(tmp_path)
    (tmp_path / "report.html").write_text("")
    for said, finished in ((status, False), ("finished", True)):
        (tmp_path / "manifest.json").write_text(json.dumps({"kind": "train", "status": said}))
        assert is_finished(tmp_path) == finished


def hear_interruptions() -> None:
    """A process started in the background inherits that it ignores them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def started(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        preexec_fn=hear_interruptions,
    )


def done(*arguments: str) -> None:
    process = started(*arguments)
    _, said = process.communicate()
    assert process.returncode == 0, said[-500:]


def resumed(out: Path, command: list[str]) -> None:
    """Go on; a run that was killed before it began has nothing to go on with."""
    begun = (out / "config.toml").exists()
    done(*(["--resume", str(out)] if begun else [*command, "--out", str(out)]))


def result(out: Path) -> dict[str, object]:
    """What a run has come to."""
    found: dict[str, object] = {
        str(path.relative_to(out)): path.read_bytes() for path in out.rglob("policy*/policy.*")
    }
    for name in ("verdict.json", "evaluation/summary.json", "training.json"):
        if (out / name).exists():
            found[name] = (out / name).read_bytes()
    frame = pd.read_parquet(out / "evaluation" / "episodes.parquet")
    found["episodes"] = frame.to_json()
    return found


@pytest.fixture(scope="module", params=sorted(COMMANDS))
def command(request: pytest.FixtureRequest) -> list[str]:
    return COMMANDS[request.param]


@pytest.fixture(scope="module")
def whole(command: list[str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """An undisturbed run, and how long it took."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    began = time.monotonic()
    done(*command, "--out", str(out))
    return out, time.monotonic() - began


def hidden(out: Path) -> list[Path]:
    return list(out.rglob(".*"))


@pytest.mark.slow
def test_a_signal_ends_it_in_one_line_and_it_goes_on(
    command: list[str], whole: tuple[Path, float], tmp_path: Path
) -> None:
    number = signal.SIGTERM if command[1] == "portfolio" else signal.SIGINT
    out = tmp_path / "run"
    process = started(*command, "--out", str(out))
    while not list(out.glob("checkpoints/[!.]*")) and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(number)
    began = time.monotonic()
    _, said = process.communicate()
    seconds = time.monotonic() - began
    assert process.returncode == 128 + number and seconds < 10.0
    assert said.endswith("error: interrupted\n") and "Traceback" not in said
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["status"] == "interrupted" and manifest["pid"] == process.pid
    assert list(out.glob("checkpoints/*.safetensors")) and hidden(out) == []
    done("--resume", str(out))
    assert result(out) == result(whole[0])
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["status"] == "finished" and "--resume" not in manifest["command"]
    assert not (out / "checkpoints").exists()
    figure(f"{number.name}: exit code {process.returncode} after {seconds:.2f} s")


@pytest.mark.slow
def test_killed_at_any_moment_it_ends_as_if_undisturbed(
    command: list[str], whole: tuple[Path, float], tmp_path: Path
) -> None:
    moments, killed, in_training = random.Random(command[1]), 0, 0
    out_whole, seconds = whole
    for number in range(KILLS):
        out = tmp_path / str(number)
        process = started(*command, "--out", str(out))
        try:
            process.communicate(timeout=moments.uniform(0.4, 1.0) * seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            killed += 1
        in_training += (out / "checkpoints").exists()
        manifest = out / "manifest.json"
        if process.returncode != 0 and manifest.exists():
            assert json.loads(manifest.read_text())["pid"] == process.pid
        resumed(out, command)
        assert result(out) == result(out_whole)
        assert hidden(out) == []
    assert killed >= KILLS // 2
    where = f"{in_training} with checkpoints"
    figure(f"{command[1]}: killed at {killed} of {KILLS} moments ({where}), {KILLS} resumed")
