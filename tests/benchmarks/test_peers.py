"""Speeds beside others: figures of a busy machine are withheld, and the floor is a floor."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from benchmarks import contenders, floor, growth, peers, throughput
from benchmarks.recording import stamped


class Played:
    """A contender whose figures are given."""

    def __init__(self, name: str, shares: list[float]) -> None:
        self.name = name
        self.rows = [{"rate": 1000.0 + k, "share": share} for k, share in enumerate(shares)]


def row(shares: list[float]) -> dict[str, Any]:
    return peers.row_of(Played("CartPole 1", shares))  # type: ignore[arg-type]


def test_a_figure_of_a_busy_machine_is_withheld() -> None:
    quiet, busy = row([1.0, 0.99, 0.4]), row([1.0, 0.6, 0.5])
    assert quiet["median"] == 1001
    assert not busy["quiet"]
    assert "median" not in busy
    text = peers.page(stamped("command", datetime.now(UTC), rows=[quiet, busy], ratios=[]))
    assert "1,001" in text
    assert "withheld: it got 60% of a processor" in text


def test_ours_answers_each_line_with_its_steps(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["contenders", "trading_env 1 x 5"])
    monkeypatch.setattr("sys.stdin", io.StringIO("\n\n"))
    monkeypatch.setattr(contenders, "LEAST_S", 0.01)
    assert contenders.main() == 0
    ready, *lines = capsys.readouterr().out.splitlines()
    assert ready == "ready"
    figures = [json.loads(line) for line in lines]
    assert len(figures) == 2
    assert all(figure["steps"] > 0 and figure["seconds"] >= 0.01 for figure in figures)


@pytest.mark.proof
def test_the_floor_writes_every_observation_and_depends_on_the_draw() -> None:
    seeds, prices = np.arange(3, dtype=np.uint64), np.full((3, 2), 1.25)
    observations = np.full((3, 2, 5), np.nan, dtype=np.float32)
    floor.bare_step(seeds, 0, prices, observations)
    assert np.isfinite(observations).all()
    assert len(np.unique(observations)) == 6  # one draw for each asset of each environment


def test_a_batch_that_takes_its_floor_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throughput, "floor_ns", lambda *_, **__: 500.0)
    assert throughput.over_floor("batch", 2, 2e6) == 1.0
    assert throughput.over_floor("single", 2, 2e6) is None


@pytest.mark.proof
def test_the_parts_of_a_step_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    times = {(64, 0.0): 100.0, (64, 1.0): 300.0, (1024, 1.0): 400.0}
    monkeypatch.setattr(growth, "time_part", lambda n, s, c: times[n, c] + (50.0 if s else 0.0))
    parts = growth.parts()
    assert parts["all of it"] == 450.0
    assert sum(list(parts.values())[:4]) == 450.0
    assert 0.0 < parts["the floor"] < 1e5
