"""A backtest that is killed goes on from where it was, and ends the same."""

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

from tests.figures import figure
from trading_env.__main__ import main

COMMAND = [
    *("backtest", "momentum", "--market", '{"generator": "multiscale", "paths": 2, "bars": 320}'),
    *("--windows", "train=100,test=50,embargo=5", "--scenarios", "calm,bad_data"),
    *("--episodes", "1", "--seed", "3", "--json"),
]


def cells(out: Path) -> set[str]:
    return {path.name for path in (out / "evaluation" / "cells").glob("[!.]*.json")}


def finished(out: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, int]:
    assert main([*COMMAND, "--out", str(out)]) == 0
    capsys.readouterr()
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["status"] == "finished"
    counts: dict[str, int] = manifest["cells"]
    return counts


@pytest.mark.proof
def test_a_killed_backtest_redoes_only_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, whole = tmp_path / "killed", tmp_path / "whole"
    total = finished(whole, capsys)["total"]
    assert len(cells(whole)) == total
    process = subprocess.Popen(
        [sys.executable, "-m", "trading_env", *COMMAND, "--out", str(out)],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    deadline = time.monotonic() + 120.0
    while len(cells(out)) < 5 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = cells(out)
    assert 5 <= len(kept) < total
    assert json.loads((out / "manifest.json").read_text())["status"] == "running"
    assert finished(out, capsys) == {
        "total": total,
        "played": total - len(kept),
        "kept": len(kept),
    }
    for name in ("episodes", "curves"):
        ours, theirs = (pd.read_parquet(f / "evaluation" / f"{name}.parquet") for f in (out, whole))
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    summaries = [(f / "evaluation" / "summary.json").read_bytes() for f in (out, whole)]
    assert summaries[0] == summaries[1]
    assert finished(out, capsys)["played"] == 0


EVALUATE = [
    *("evaluate", "momentum", "--market", '{"generator": "multiscale", "paths": 2, "bars": 400}'),
    *("--scenarios", "calm,bad_data,price_shock", "--severity", "0.5,1", "--episodes", "2"),
    *("--length", "60", "--json"),
]
KILLS = 20


def run_for(command: list[str], out: Path, seconds: float) -> bool:
    """Run a command into a folder and kill it after some seconds; tell whether it was killed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "trading_env", *command, "--out", str(out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
    return process.wait() != 0


@pytest.mark.slow
@pytest.mark.parametrize("command", [COMMAND, EVALUATE], ids=lambda command: str(command[0]))
def test_killed_at_any_moment_it_ends_as_if_undisturbed(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At most the cell in hand is redone; nothing half written stays, and no row is there twice."""
    moments = random.Random(command[0])
    whole = tmp_path / "whole"
    began = time.monotonic()
    assert not run_for(command, whole, 300.0)
    seconds = time.monotonic() - began
    summary = json.loads((whole / "evaluation" / "summary.json").read_text())
    episodes = pd.read_parquet(whole / "evaluation" / "episodes.parquet")
    killed = 0
    for number in range(KILLS):
        out = tmp_path / str(number)
        killed += run_for(command, out, moments.uniform(0.2, 1.0) * seconds)
        kept = cells(out)
        assert main([*command, "--out", str(out)]) == 0
        capsys.readouterr()
        counts = json.loads((out / "manifest.json").read_text())["cells"]
        assert counts["kept"] == len(kept) == counts["total"] - counts["played"]
        assert json.loads((out / "evaluation" / "summary.json").read_text()) == summary
        pd.testing.assert_frame_equal(
            pd.read_parquet(out / "evaluation" / "episodes.parquet"), episodes
        )
        assert not list(out.rglob(".*"))
    assert killed >= KILLS // 2
    figure(f"{command[0]}: killed at {killed} of {KILLS} moments, {KILLS} resumed")
