"""A backtest that is killed goes on from where it was, and ends the same."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

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
