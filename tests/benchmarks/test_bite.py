"""Scenarios bite: a small version of `benchmarks.bite`."""

import json
from pathlib import Path

import pytest

from benchmarks.bite import CASES, KINDS, PRESETS, SEVERITIES, bite, line_of
from trading_env.stress.events import KINDS as EVENT_KINDS
from trading_env.stress.scenario import preset_names

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "bite.json"


def test_every_kind_of_event_and_every_preset_is_a_case() -> None:
    kinds = {case.scenario["events"][0]["kind"] for case in KINDS.values()}
    assert kinds == set(EVENT_KINDS)
    assert set(PRESETS) == set(preset_names()) - {"calm"}


@pytest.mark.proof
@pytest.mark.parametrize("name", KINDS)
def test_an_event_bites(name: str) -> None:
    rows = bite(name, episodes=128, severities=(0.0, 1.0, 2.0))
    assert [line_of(name, row) for row in rows if not row["bites"]] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_bites(name: str) -> None:
    rows = bite(name, episodes=256)
    assert [line_of(name, row) for row in rows if not row["bites"]] == []


def test_the_record_holds_every_case_at_every_severity_and_all_of_them_bite() -> None:
    recorded = json.loads(RESULTS.read_text())["rows"]
    rows = [(case["case"], row) for case in recorded for row in case["measured"]]
    assert {(name, row["metric"]) for name, row in rows} == {
        (name, metric) for name, case in CASES.items() for metric in case.metrics
    }
    assert all(row["severities"] == list(SEVERITIES) for _, row in rows)
    assert all(row["bites"] for _, row in rows)
