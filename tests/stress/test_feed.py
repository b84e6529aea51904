"""The feed: what is shown of the true bar and its quotes."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import a_report, a_stress, an_address, an_asset, bars
from tests.kept import deliver
from trading_env.core.codes import Fault
from trading_env.core.values import Bar, Shown
from trading_env.stress.feed import count_crisis, geometric

BAR = Shown(high=106.0, low=99.0, close=105.0, volume=2000.0, half_spread=3e-4, depth=0.5)
OTHER = Shown(210.0, 190.0, 200.0, 1.0, 7e-4, 0.1)
AVERAGES = ("seen_variance_fast", "seen_variance_slow", "seen_volume_mean", "trend")
SHOWN = ("seen_close", "seen_high", "seen_low", "seen_volume", "seen_half_spread", "seen_depth")
AS_SHOWN = [105.0, 106.0, 99.0, 2000.0, 3e-4, 0.5]
CALM = 2e-4  # half spread


def shown_of(bar: Bar, half_spread: float = CALM, depth: float = 1.0) -> Shown:
    return Shown(bar.high, bar.low, bar.close, bar.volume, half_spread, depth)


def delivered(asset: Any, bar: Shown = BAR, step: int = 0, **stress: Any) -> int:
    report = a_report()
    deliver(asset, report, bar, a_stress(**stress), an_address(step=step))
    return int(report.feed_fault)


def fields(asset: Any, names: tuple[str, ...]) -> list[float]:
    return [float(value) for name in names for value in np.atleast_1d(getattr(asset, name))]


@pytest.mark.proof
def test_a_sound_feed_shows_the_bar() -> None:
    asset = an_asset(age=3, valid=0)
    assert delivered(asset) == Fault.NONE
    assert fields(asset, SHOWN) == AS_SHOWN
    assert asset.seen_return == pytest.approx(0.05)
    assert asset.trend[0] == pytest.approx(0.05 * (1 - 2.0 ** (-1 / 5)))
    assert (asset.age, asset.valid) == (0, 1)


def test_a_missing_bar_leaves_the_last_price_and_every_average() -> None:
    asset = an_asset(trend=(0.01, 0.0, 0.0))
    before = fields(asset, SHOWN + AVERAGES)
    for age in (1, 2, 3):
        assert delivered(asset, missing_rate=1.0) == Fault.MISSING
        assert fields(asset, SHOWN + AVERAGES) == before
        assert (asset.age, asset.valid) == (age, 0)
    delivered(asset)
    assert asset.seen_return == pytest.approx(0.05)  # over all the bars not seen
    assert (asset.age, asset.valid) == (0, 1)


def test_a_stale_bar_looks_fresh() -> None:
    asset = an_asset()
    before = fields(asset, SHOWN)
    assert delivered(asset, stale_rate=1.0, stale_bars=1.0) == Fault.STALE
    assert fields(asset, SHOWN) == before
    assert asset.seen_return == 0.0
    assert (asset.age, asset.valid) == (0, 1)


def test_a_stale_run_lasts_though_the_event_is_over() -> None:
    asset = an_asset(stale_left=2)
    assert [delivered(asset) for _ in range(3)] == [Fault.STALE, Fault.STALE, Fault.NONE]
    assert asset.seen_close == 105.0


@pytest.mark.parametrize("mean", [1.0, 1.5, 4.0, 20.0])
def test_stale_runs_have_their_mean_length(mean: float) -> None:
    u = (np.arange(20_000) + 0.5) / 20_000
    lengths = np.array([geometric(x, mean) for x in u])
    assert lengths.min() == 1
    assert lengths.mean() == pytest.approx(mean, rel=0.01)
    assert (lengths == 1).mean() == pytest.approx(1.0 / mean, abs=1e-3)


def test_a_spike_is_one_bad_print_of_its_size() -> None:
    seen = set()
    for step in range(40):
        asset = an_asset()
        assert delivered(asset, step=step, spike_rate=1.0, spike_size=12.0) == Fault.SPIKE
        off = math.log(asset.seen_close / 105.0)
        assert abs(off) == pytest.approx(12 * 0.01)
        assert asset.seen_low <= asset.seen_close <= asset.seen_high
        assert asset.seen_high == pytest.approx(max(106.0, asset.seen_close))
        assert asset.seen_low == pytest.approx(min(99.0, asset.seen_close))
        assert fields(asset, SHOWN)[3:] == AS_SHOWN[3:]  # volume and quotes are true
        seen.add(off > 0.0)
        delivered(asset)
        assert asset.seen_close == 105.0
    assert seen == {True, False}


def test_a_duplicate_is_the_bar_before_under_a_new_time() -> None:
    asset = an_asset()
    before = fields(asset, SHOWN)
    assert delivered(asset, duplicate_rate=1.0) == Fault.DUPLICATE
    assert fields(asset, SHOWN) == before
    assert asset.seen_return == 0.0
    assert (asset.age, asset.valid) == (0, 1)
    assert delivered(asset) == Fault.NONE


@pytest.mark.parametrize("late", [1, 2, 5])
def test_a_late_bar_is_shown_bars_later_with_its_age(late: int) -> None:
    asset = an_asset()
    before = fields(asset, SHOWN + AVERAGES)
    for age in range(1, late + 1):  # the event may be over by then
        given = {"late_rate": 1.0, "late_bars": late} if age == 1 else {}
        other = BAR if age == 1 else OTHER
        assert delivered(asset, other, **given) == Fault.LATE
        assert fields(asset, SHOWN + AVERAGES) == before
        assert (asset.age, asset.valid) == (age, 0)
    assert delivered(asset, OTHER) == Fault.LATE
    assert fields(asset, SHOWN) == AS_SHOWN
    assert (asset.age, asset.valid) == (late, 1)
    assert asset.seen_return == pytest.approx(0.05)
    assert delivered(asset) == Fault.NONE
    assert asset.age == 0


def test_a_late_bar_and_a_stale_run_do_not_begin_in_each_other() -> None:
    asset = an_asset()
    given = {"late_rate": 0.5, "late_bars": 2, "stale_rate": 0.5, "stale_bars": 3.0}
    for step in range(200):
        before = (asset.late_left, asset.stale_left)
        fault = delivered(asset, step=step, **given)
        if before[0] > 0:
            assert fault == Fault.LATE
        elif before[1] > 0:
            assert fault == Fault.STALE
        assert asset.late_left == 0 or asset.stale_left == 0


@pytest.mark.proof
@pytest.mark.parametrize(
    ("name", "fault"),
    [("missing", 1), ("stale", 2), ("spike", 3), ("duplicate", 4)],
)
def test_faults_come_at_their_rate(name: str, fault: int) -> None:
    stress = {f"{name}_rate": 0.3, "stale_bars": 1.0, "spike_size": 1.0}
    asset = an_asset()
    hits = sum(delivered(asset, step=step, **stress) == fault for step in range(4000))
    assert hits / 4000 == pytest.approx(0.3, abs=4 * math.sqrt(0.21 / 4000))


@given(
    st.lists(bars(), min_size=1, max_size=12),
    st.tuples(*[st.floats(0.0, 1.0)] * 5),
    st.floats(1.0, 9.0),
    st.floats(0.0, 1e6),
)
def test_nothing_shown_is_ever_absurd(
    path: list[Bar], rates: tuple[float, ...], stale_bars: float, spike_size: float
) -> None:
    asset = an_asset()
    names = ("missing", "stale", "spike", "duplicate", "late")
    faults = {f"{name}_rate": rate for name, rate in zip(names, rates, strict=True)}
    faults["late_bars"] = 2
    for step, bar in enumerate(path):
        shown = shown_of(bar, depth=1.0 / (1 + step))
        delivered(asset, shown, step, **faults, stale_bars=stale_bars, spike_size=spike_size)
        assert np.isfinite(fields(asset, SHOWN + AVERAGES)).all()
        assert 0.0 < asset.seen_low <= asset.seen_close <= asset.seen_high
        assert asset.seen_variance_slow > 0.0
        assert 0.0 < asset.seen_depth <= 1.0
        assert asset.valid == 1 or asset.age > 0


@given(bars())
def test_the_market_itself_never_notices_the_feed(bar: Bar) -> None:
    asset = an_asset()
    delivered(asset, shown_of(bar), spike_rate=1.0, spike_size=9.0)
    untouched = ("mark", "undisturbed", "variance_fast", "variance_slow", "volume_mean")
    assert fields(asset, untouched) == fields(an_asset(), untouched)


@pytest.mark.parametrize("rate", ["stale_rate", "duplicate_rate"])
def test_what_is_shown_again_is_shown_with_its_quotes(rate: str) -> None:
    asset = an_asset()
    delivered(asset)
    delivered(asset, OTHER, stale_bars=1.0, **{rate: 1.0})
    assert fields(asset, SHOWN) == AS_SHOWN


@pytest.mark.parametrize(
    ("quotes", "out"),
    [
        ((CALM, 1.0), False),
        ((1.49 * CALM, 0.67), False),
        ((1.51 * CALM, 1.0), True),
        ((CALM, 0.66), True),
        ((0.2 * CALM, 5.0), False),  # better than calm
        ((9.0 * CALM, 9.0), True),  # one of the two is enough
    ],
)
def test_quotes_are_out_of_their_band_when_half_as_wide_again_or_two_thirds_as_deep(
    quotes: tuple[float, float], out: bool
) -> None:
    asset = an_asset(seen_half_spread=quotes[0], seen_depth=quotes[1], crisis_bars=3)
    count_crisis(asset, CALM)
    assert asset.crisis_bars == (4 if out else 0)


def test_a_crisis_is_counted_by_what_is_shown_and_ends_with_it() -> None:
    """While bars are missing the old quotes stand: a crisis lasts, and none begins."""
    calm = Shown(106.0, 99.0, 105.0, 2000.0, CALM, 1.0)
    wild = calm._replace(half_spread=4.0 * CALM, depth=0.25)
    lost = {"missing_rate": 1.0}
    late = {"late_rate": 1.0, "late_bars": 1}
    asset, counts = an_asset(seen_half_spread=CALM), []
    bars: list[tuple[Shown, dict[str, Any]]] = [
        *((calm, {}), (wild, lost)),  # none begins
        *((wild, {}), (wild, {}), (calm, lost), (calm, {})),  # one lasts a bar longer
        *((wild, late), (calm, {}), (calm, {})),  # one that is known when it is over
    ]
    for bar, stress in bars:
        delivered(asset, bar, **stress)
        count_crisis(asset, CALM)
        counts.append(int(asset.crisis_bars))
    assert counts == [0, 0, 1, 2, 3, 0, 0, 1, 0]


def test_without_a_spread_no_spread_is_wide() -> None:
    asset = an_asset(seen_half_spread=0.0)
    count_crisis(asset, 0.0)
    assert asset.crisis_bars == 0
