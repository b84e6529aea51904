"""Scenario events composed into one bar's stress."""

import math
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.helpers import a_stress, an_event
from trading_env.kernels.stress import excursion, is_active, stress_assets, weight_of
from trading_env.types import EventRecord, Stress, new_table

FIELDS = tuple(Stress.__annotations__)
TWO = math.log(2.0)


def events_of(*events: dict[str, Any]) -> Any:
    table = new_table(EventRecord, len(events))
    for row, fields in zip(table, events, strict=True):
        for name, value in fields.items():
            setattr(row, name, value)
    return table


def stress_at(
    step: int, *events: dict[str, Any], start: int = 0, group: int = 0, hits: Any = None
) -> Any:
    """Stress of one asset in the bar after `step`."""
    table = events_of(*events)
    hits = np.ones((len(events), 1), np.int8) if hits is None else hits
    starts = np.full(len(events), start)
    out = new_table(Stress, hits.shape[1])
    stress_assets(out, table, hits, starts, group, step)
    return out[0] if hits.shape[1] == 1 else out


def values(stress: Any) -> list[float]:
    return [float(getattr(stress, name)) for name in FIELDS]


@st.composite
def an_any_event(draw: st.DrawFn) -> dict[str, Any]:
    size = st.floats(-3.0, 3.0)
    share = st.floats(0.0, 1.0)
    return {
        "duration": draw(st.floats(0.0, 5.0)),
        "half_life": draw(st.sampled_from([0.0, 0.5, 3.0])),
        "move": draw(size),
        "retrace": draw(share),
        "recovery": draw(st.floats(0.0, 5.0)),
        **{name: draw(size) for name in ("volatility", "spread", "depth", "volume", "latency")},
        "halted": draw(st.integers(0, 1)),
        **{f"{name}_rate": draw(share) for name in ("missing", "stale", "spike")},
        "stale_bars": draw(st.floats(1.0, 9.0)),
        "spike_size": draw(st.floats(0.0, 9.0)),
    }


def test_no_event_is_exactly_neutral() -> None:
    neutral = values(stress_at(3))
    ones = ("volatility", "spread", "depth", "volume", "latency")
    assert neutral == [1.0 if name in ones else 0.0 for name in FIELDS]
    assert values(a_stress()) == neutral


def test_an_event_of_severity_0_is_exactly_neutral() -> None:
    nothing = {"duration": 5.0, "half_life": 2.0, "retrace": 0.5, "recovery": 3.0}
    for step in range(12):
        assert values(stress_at(step, nothing)) == values(a_stress())


def test_an_event_acts_from_its_start_and_not_before() -> None:
    event = {"duration": 2.0, "spread": TWO}
    spreads = [stress_at(step, event, start=3).spread for step in range(8)]
    assert spreads == pytest.approx([1, 1, 1, 2, 2, 1, 1, 1])


def test_an_event_of_another_scenario_or_asset_does_nothing() -> None:
    event = {"duration": 2.0, "spread": TWO, "group": 1}
    assert values(stress_at(0, event, group=0)) == values(a_stress())
    both = stress_at(0, event, group=1, hits=np.array([[0, 1]], np.int8))
    assert both["spread"].tolist() == pytest.approx([1.0, 2.0])


def test_a_bar_feels_a_multiplier_in_proportion_to_the_share_covered() -> None:
    event = {"duration": 1.25, "depth": -TWO}
    depths = [stress_at(step, event).depth for step in range(3)]
    assert depths == pytest.approx([0.5, 2.0**-0.25, 1.0])


@given(st.floats(0.0, 6.0), st.floats(0.1, 9.0), st.integers(0, 12))
def test_a_fading_weight_is_the_mean_of_the_decay_over_the_bar(
    duration: float, half_life: float, t: int
) -> None:
    times = t + (np.arange(4000) + 0.5) / 4000
    weights = 2.0 ** (-np.maximum(times - duration, 0.0) / half_life)
    _, weight = weight_of(an_event(duration=duration, half_life=half_life), float(t))
    assert weight == pytest.approx(weights.mean(), abs=2e-4)


def test_a_gap_comes_before_the_open_and_stays() -> None:
    first, second = (stress_at(step, {"move": -0.1}) for step in range(2))
    assert (first.gap, first.drift, first.low_excursion, first.high_excursion) == (-0.1, 0, 0, 0)
    assert values(second) == values(a_stress())


def test_a_ramp_moves_in_equal_steps() -> None:
    drifts = [stress_at(step, {"move": -0.3, "duration": 3.0}).drift for step in range(5)]
    assert drifts == pytest.approx([-0.1, -0.1, -0.1, 0.0, 0.0])


def test_a_crash_shorter_than_a_bar_shows_in_its_low() -> None:
    crash = {"move": -0.08, "duration": 0.25, "retrace": 0.75, "recovery": 0.5}
    stress = stress_at(0, crash)
    assert stress.low_excursion == pytest.approx(-0.08)
    assert stress.drift == pytest.approx(-0.02)
    assert stress.gap == stress.high_excursion == 0.0


def injected(event: Any, t: Any) -> Any:
    """The injected path, from the words."""
    knots = [0.0, event.duration, event.duration + event.recovery]
    levels = [0.0, event.move, event.move * (1.0 - event.retrace)]
    return np.interp(t, knots, levels)


@given(st.floats(-2.0, 2.0), st.floats(0.05, 4.0), st.floats(0.0, 1.0), st.floats(0.05, 4.0))
def test_bars_follow_the_injected_path(
    move: float, duration: float, retrace: float, recovery: float
) -> None:
    event = an_event(move=move, duration=duration, retrace=retrace, recovery=recovery)
    for t in range(9):
        gap, drift, low, high = excursion(event, float(t))
        turns = [duration, duration + recovery]
        inside = [turn for turn in turns if t < turn < t + 1]
        path = injected(event, np.array([t, *inside, t + 1])) - injected(event, t)
        assert gap == 0.0
        assert drift == pytest.approx(path[-1], abs=1e-12)
        assert low == pytest.approx(path.min(), abs=1e-12)
        assert high == pytest.approx(path.max(), abs=1e-12)


@given(st.lists(an_any_event(), min_size=2, max_size=3), st.integers(0, 8))
def test_composition_does_not_depend_on_the_order_of_events(
    events: list[dict[str, Any]], step: int
) -> None:
    composed = [values(stress_at(step, *order)) for order in permutations(events)]
    for other in composed[1:]:
        assert other == pytest.approx(composed[0], rel=1e-12, abs=1e-12)


def test_logs_add_rates_cap_at_one_and_the_largest_wins() -> None:
    first = {"duration": 1.0, "spread": TWO, "missing_rate": 0.7, "spike_size": 3.0}
    second = {"duration": 1.0, "spread": TWO, "missing_rate": 0.6, "spike_size": 8.0, "halted": 1}
    stress = stress_at(0, first, second)
    assert stress.spread == pytest.approx(4.0)
    assert stress.missing_rate == 1.0
    assert stress.spike_size == 8.0
    assert stress.halted == 1


@given(an_any_event(), st.integers(0, 20))
def test_stress_is_sound(event: dict[str, Any], step: int) -> None:
    stress = stress_at(step, event)
    assert stress.low_excursion <= min(stress.drift, 0.0)
    assert stress.high_excursion >= max(stress.drift, 0.0)
    assert min(stress.volatility, stress.spread, stress.depth, stress.volume, stress.latency) > 0
    for rate in (stress.missing_rate, stress.stale_rate, stress.spike_rate):
        assert 0.0 <= rate <= 1.0


@given(an_any_event(), st.integers(0, 20))
def test_a_bar_called_inactive_is_neutral(event: dict[str, Any], step: int) -> None:
    """`is_active` only saves time: where it says no, composing would change nothing."""
    steady = {**event, "half_life": 0.0}
    if not is_active(an_event(**steady), 0, 0, step):
        covered, weight = weight_of(an_event(**steady), float(step))
        assert covered == weight == 0.0
        assert excursion(an_event(**steady), float(step))[1] == pytest.approx(0.0, abs=1e-12)
