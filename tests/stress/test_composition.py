"""Scenario events composed into one bar's stress."""

import math
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import a_stress, an_event, filled, flat
from tests.kept import stress_assets
from trading_env.core.codes import Factor, Fault, names_of
from trading_env.core.records import BarRecord, EventRecord, NoticeRecord, Stress, new_table
from trading_env.core.values import Address
from trading_env.step.start import NEVER
from trading_env.stress.composition import (
    Script,
    acts,
    excursion,
    share_shocks,
    weight_of,
)
from trading_env.stress.event_table import compile_scenarios
from trading_env.stress.scenario import preset_names
from trading_env.stress.true_bar import stressed_bar

MULTIPLIERS = names_of(Factor)
CALM = flat(a_stress())
TWO = math.log(2.0)
FAULTS = names_of(Fault)[1:]


def events_of(*events: dict[str, Any]) -> Any:
    table = new_table(EventRecord, len(events))
    for row, fields in zip(table, events, strict=True):
        filled(row, fields)
    return table


def stress_at(
    step: int,
    *events: dict[str, Any],
    start: int = 0,
    hits: Any = None,
    ends: Any = None,
    episode: int = 0,
) -> Any:
    """Stress of one asset in the bar after `step`."""
    table = events_of(*events)
    ends = table if ends is None else events_of(*ends)
    hits = np.ones((len(events), 1), np.int8) if hits is None else hits
    starts = np.full(len(events), start)
    out = new_table(Stress, hits.shape[1])
    address = Address(np.uint64(5), episode, step, 0)
    stress_assets(out, Script(table, ends, hits, starts), address)
    return flat(out[0] if hits.shape[1] == 1 else out)


def values(stress: Any) -> list[float]:
    return [float(value) for value in vars(stress).values()]


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
        "offset": draw(st.sampled_from([0.0, 0.25, 0.8])),
        **{name: draw(size) for name in MULTIPLIERS if name != "own"},
        "own": draw(st.floats(-3.0, 0.0)),
        "halted": draw(st.integers(0, 1)),
        "outage": draw(st.integers(0, 1)),
        **{f"{name}_rate": draw(share) for name in FAULTS},
        "stale_bars": draw(st.floats(1.0, 9.0)),
        "late_bars": draw(st.integers(1, 9)),
        "spike_size": draw(st.floats(0.0, 9.0)),
    }


@pytest.mark.proof
def test_no_event_is_exactly_neutral() -> None:
    neutral = stress_at(3)
    assert vars(neutral) == {name: float(name in MULTIPLIERS) for name in vars(neutral)}
    assert values(CALM) == values(neutral)


def test_an_event_of_severity_0_is_exactly_neutral() -> None:
    nothing = {"duration": 5.0, "half_life": 2.0, "retrace": 0.5, "recovery": 3.0}
    for step in range(12):
        assert values(stress_at(step, nothing)) == values(CALM)


def test_an_event_acts_from_its_start_and_not_before() -> None:
    event = {"duration": 2.0, "spread": TWO}
    spreads = [stress_at(step, event, start=3).spread for step in range(8)]
    assert spreads == pytest.approx([1, 1, 1, 2, 2, 1, 1, 1])


def test_an_event_of_another_scenario_or_asset_does_nothing() -> None:
    event = {"duration": 2.0, "spread": TWO}
    assert values(stress_at(0, event, start=NEVER)) == values(CALM)
    both = stress_at(0, event, hits=np.array([[0, 1]], np.int8))
    assert both.spread.tolist() == pytest.approx([1.0, 2.0])


def test_a_bar_feels_a_multiplier_in_proportion_to_the_share_covered() -> None:
    event = {"duration": 1.25, "depth": -TWO}
    depths = [stress_at(step, event).depth for step in range(3)]
    assert depths == pytest.approx([0.5, 2.0**-0.25, 1.0])


@given(st.floats(0.0, 6.0), st.floats(0.1, 9.0), st.integers(0, 12), st.sampled_from([0.0, 0.7]))
def test_a_fading_weight_is_the_mean_of_the_decay_over_the_bar(
    duration: float, half_life: float, step: int, offset: float
) -> None:
    t = step - offset
    times = t + (np.arange(4000) + 0.5) / 4000
    weights = (times > 0.0) * 2.0 ** (-np.maximum(times - duration, 0.0) / half_life)
    _, weight = weight_of(an_event(duration=duration, half_life=half_life), t)
    assert weight == pytest.approx(weights.mean(), abs=2e-4)


def test_a_gap_comes_before_the_open_and_stays() -> None:
    first, second = (stress_at(step, {"move": -0.1}) for step in range(2))
    assert (first.gap, first.drift, first.low_excursion, first.high_excursion) == (-0.1, 0, 0, 0)
    assert values(second) == values(CALM)


def test_a_jump_inside_a_bar_comes_before_its_open() -> None:
    stress = stress_at(0, {"move": -0.1, "offset": 0.5, "retrace": 0.4, "recovery": 0.25})
    assert stress.gap == -0.1
    assert stress.drift == stress.high_excursion == pytest.approx(0.04)
    assert stress.low_excursion == 0.0


def test_an_event_inside_a_bar_is_felt_for_its_share_of_it() -> None:
    event = {"duration": 1.0, "offset": 0.75, "spread": TWO}
    spreads = [stress_at(step, event).spread for step in range(3)]
    assert spreads == pytest.approx([2.0**0.25, 2.0**0.75, 1.0])


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


@given(
    st.floats(-2.0, 2.0),
    st.floats(0.05, 4.0),
    st.floats(0.0, 1.0),
    st.floats(0.05, 4.0),
    st.sampled_from([0.0, 0.4]),
)
def test_bars_follow_the_injected_path(
    move: float, duration: float, retrace: float, recovery: float, offset: float
) -> None:
    event = an_event(move=move, duration=duration, retrace=retrace, recovery=recovery)
    for t in np.arange(9) - offset:
        gap, drift, low, high = excursion(event, move, float(t), False)
        turns = [duration, duration + recovery]
        inside = [turn for turn in turns if t < turn < t + 1]
        path = injected(event, np.array([t, *inside, t + 1])) - injected(event, t)
        assert gap == 0.0
        assert drift == pytest.approx(path[-1], abs=1e-12)
        assert low == pytest.approx(path.min(), abs=1e-12)
        assert high == pytest.approx(path.max(), abs=1e-12)


@pytest.mark.proof
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
    assert min(getattr(stress, name) for name in MULTIPLIERS) > 0.0
    assert 0.0 < stress.own <= 1.0
    assert stress.outage >= 0.0
    for name in FAULTS:
        assert 0.0 <= getattr(stress, f"{name}_rate") <= 1.0


@given(an_any_event(), st.integers(0, 20))
def test_a_bar_called_inactive_is_neutral(event: dict[str, Any], step: int) -> None:
    """`acts` only saves time: where it says no, composing would change nothing."""
    steady = {**event, "half_life": 0.0}
    if not acts(an_event(**steady), 0, step):
        t = step - event["offset"]
        covered, weight = weight_of(an_event(**steady), t)
        assert covered == weight == 0.0
        assert excursion(an_event(**steady), event["move"], t, False)[1] == pytest.approx(
            0.0, abs=1e-12
        )


def test_drawn_sizes_lie_between_their_ends_and_a_label_shares_its_draw() -> None:
    first = {"duration": 1.0, "spread": TWO, "depth": -TWO, "drawn": 1, "label": 3}
    other = {**first, "spread": 3.0 * TWO, "depth": -2.0 * TWO}
    apart, apart_end = {**first, "label": 4}, {**other, "label": 4}
    spreads, seconds = [], []
    for episode in range(300):
        stress = stress_at(0, first, ends=[other], episode=episode)
        share = (math.log(stress.spread) / TWO - 1.0) / 2.0
        assert 0.0 <= share <= 1.0
        assert math.log(stress.depth) == pytest.approx(-TWO * (1.0 + share), abs=1e-12)
        same = stress_at(0, first, first, ends=[other, other], episode=episode)
        assert same.spread == pytest.approx(stress.spread**2)
        spreads.append(share)
        seconds.append(stress_at(0, apart, ends=[apart_end], episode=episode).spread)
    assert np.mean(spreads) == pytest.approx(0.5, abs=4 / math.sqrt(12 * 300))
    assert abs(np.corrcoef(spreads, seconds)[0, 1]) < 4 / math.sqrt(300)


def test_an_event_of_one_asset_hits_each_equally_often() -> None:
    event = {"duration": 1.0, "spread": TWO, "one": 1}
    hits = np.ones((1, 3), np.int8)
    hit = np.array([stress_at(0, event, hits=hits, episode=k).spread > 1.5 for k in range(600)])
    assert (hit.sum(axis=1) == 1).all()
    assert hit.mean(axis=0) == pytest.approx(np.full(3, 1 / 3), abs=4 * math.sqrt(2 / 9 / 600))


@pytest.mark.parametrize("name", [name for name in preset_names() if name != "calm"])
def test_what_acts_on_every_asset_is_composed_once_to_the_same_bits(name: str) -> None:
    symbols = ("A", "B", "C")
    clock = {"bar_seconds": 3600.0, "bars_per_day": 7.0, "length": 300}
    got = compile_scenarios(name, severity=1.0, symbols=symbols, **clock)
    apart = got.events.copy()
    apart["everywhere"] = 0
    starts = got.events["earliest"].astype(np.int64)
    first, latest = int(starts.min()), int(starts.max()) + 60
    for step in range(first, latest, 3):
        address = Address(np.uint64(7), 1, step, 0)
        once, each = new_table(Stress, 3), new_table(Stress, 3)
        stress_assets(once, Script(got.events, got.ends, got.hits, starts), address)
        stress_assets(each, Script(apart, got.ends, got.hits, starts), address)
        assert once.tobytes() == each.tobytes()


def test_an_outage_holds_an_order_until_it_is_over_and_the_longest_wins() -> None:
    events = [{"outage": 1, "duration": 2.5}, {"outage": 1, "duration": 1.0}]
    assert [stress_at(step, *events).outage for step in range(4)] == [2.5, 1.5, 0.5, 0.0]


@pytest.mark.proof
def test_a_common_shock_keeps_variances_and_raises_correlations() -> None:
    """On independent base returns of 1% the pair's correlation is the common share of variance."""
    rng = np.random.default_rng(2)
    rows = 8_000
    closes = 100.0 * np.cumprod(1.0 + 0.01 * rng.choice([-1.0, 1.0], (rows, 2)), axis=0)
    bars = new_table(BarRecord, rows, 2)
    for name in ("open", "high", "low", "close"):
        bars[name] = closes
    table = events_of({"duration": 1e9, "own": math.log(0.4)})
    returns = np.zeros((rows, 2))
    out, hits, starts = new_table(Stress, 2), np.ones((1, 2), np.int8), np.zeros(1, np.int64)
    for row in range(30, rows):
        address = Address(np.uint64(1), 0, row, 0)
        stress_assets(out, Script(table, table, hits, starts), address)
        share_shocks(out, bars, new_table(NoticeRecord, 0, 2), row, 64, address)
        for a in range(2):
            bar, _ = stressed_bar(bars[row, a], bars[row - 1, a].close, 1.0, out[a])
            returns[row, a] = bar.close / bars[row - 1, a].close - 1.0
    stressed = returns[30:]
    assert stressed.std(axis=0) == pytest.approx([0.01, 0.01], rel=0.03)
    assert np.corrcoef(stressed.T)[0, 1] == pytest.approx(0.6, abs=0.03)  # 4 x 0.64 / sqrt(8000)
