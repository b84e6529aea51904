"""What Ray costs is measured against the workers' time, and written on an idle machine only."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import scaling
from scripts import records


def figures(seconds: float) -> dict[str, Any]:
    ray = {"workers": 2, "seconds": seconds, "empty_s": 0.002, "start_s": 3.0}
    sizes = ("plan_bytes", "item_bytes", "result_bytes", "file_bytes")
    return {
        **{"cells": 64, "episodes": 2, "without_s": 64.0, "kept_s": 0.02, "put_s": 0.02},
        **{"ray": [{**ray, "worker_bytes": 2**28}], **dict.fromkeys(sizes, 1000)},
    }


@pytest.mark.parametrize(("seconds", "lost", "word"), [(36.8, 0.15, "within"), (40, 0.25, "ABOVE")])
def test_what_a_cell_loses_is_the_time_of_the_workers_beyond_its_own(
    seconds: float, lost: float, word: str
) -> None:
    said = f"{64 / seconds:.2f} times as fast, {lost:.3f} s lost to a cell ({word} 0.2)"
    assert said in scaling.page(figures(seconds))


@pytest.mark.parametrize(("load", "code"), [(0.1, 0), (1.5, 1)])
def test_figures_of_a_busy_machine_are_not_written(
    load: float,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "scaling.json"
    monkeypatch.setattr(scaling, "measure", lambda episodes: figures(36.8))
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    monkeypatch.setattr(sys, "argv", ["scaling", "--out", str(out)])
    assert scaling.main() == code
    assert out.is_file() == (code == 0) and (scaling.BUSY in capsys.readouterr().err) == bool(code)
    monkeypatch.setattr(records, "RESULTS", tmp_path)
    said = "Not on record yet" if code else "36.80 s, 1.74 times as fast"
    assert said in records.scaling_part()
