"""Presets do to simulated prices what their sources say; the table is `benchmarks.crises`."""

import pytest

from benchmarks.crises import CRISES, line_of, measure
from trading_env.stress.scenario import load_preset, preset_names

EPISODES = 600
QUICK = ("yen_unwind_2024", "flash_crash_2010", "volmageddon_2018", "luna_2022", "svb_2023")
GENERAL = {
    *("calm", "bad_data", "stale_feed", "latency_storm", "exchange_outage"),
    *("random_train", "random_test", "crises_train", "crises_test"),
}


def test_every_preset_with_prices_or_liquidity_is_measured() -> None:
    assert set(CRISES) == set(preset_names()) - GENERAL


def test_sourced_figures_come_from_presets_with_sourced_events() -> None:
    for name, crisis in CRISES.items():
        sourced = any(event.status == "sourced" for event in load_preset(name).events)
        assert sourced == any(figure.status == "sourced" for figure in crisis.figures)


@pytest.mark.proof
@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in CRISES],
)
def test_a_preset_does_what_its_figures_say(name: str) -> None:
    rows = measure(name, EPISODES)
    assert all(row["episodes"] >= 500 for row in rows)
    assert [line_of(row) for row in rows if not row["holds"]] == []
