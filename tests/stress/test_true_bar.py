"""The true bar: base bar, scenario, own lasting impact."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import a_stress, an_asset, bars, filled, record, step
from tests.helpers import some_slots as no_orders
from trading_env.core.averages import update_averages
from trading_env.core.codes import ImpactReference
from trading_env.core.records import BarRecord
from trading_env.core.values import Bar
from trading_env.stress.true_bar import impacted_bar, stressed_bar, stretched

BASE = Bar(101.0, 104.0, 99.0, 102.0, 500.0)


def stressed(bar: Bar, previous: float = 100.0, displacement: float = 1.0, **fields: Any) -> Any:
    base = record(BarRecord, {}, bar._asdict())
    return stressed_bar(base, previous, displacement, a_stress(**fields))


def is_sound(bar: Bar) -> bool:
    inside = bar.low <= min(bar.open, bar.close) and max(bar.open, bar.close) <= bar.high
    return inside and bar.low > 0.0 and math.isfinite(bar.high) and bar.volume >= 0.0


def test_without_stress_no_bit_changes() -> None:
    assert stressed(BASE) == (BASE, 1.0)


def test_a_gap_shifts_the_whole_bar_and_stays() -> None:
    bar, displacement = stressed(BASE, gap=math.log(0.9))
    assert displacement == pytest.approx(0.9)
    assert bar == pytest.approx(Bar(90.9, 93.6, 89.1, 91.8, 500.0))
    after, kept = stressed(BASE, displacement=displacement)
    assert after == pytest.approx(bar)
    assert kept == displacement


def test_a_crash_inside_the_bar_shows_in_the_low_and_not_in_the_close() -> None:
    bar, displacement = stressed(BASE, low_excursion=math.log(0.5))
    assert displacement == pytest.approx(1.0, abs=1e-15)
    assert (bar.open, bar.close, bar.high) == pytest.approx((101.0, 102.0, 104.0))
    assert bar.low == pytest.approx(101.0 * 0.5 * 99.0 / 101.0)  # the base bar's shadow below it


def test_volatility_multiplies_the_simple_returns_from_the_previous_close() -> None:
    bar, displacement = stressed(BASE, volatility=2.0)
    assert bar.open == pytest.approx(102.0)
    assert bar.close == pytest.approx(104.0)
    assert bar.high == pytest.approx(108.0)
    assert bar.low == pytest.approx(98.0)
    assert displacement == pytest.approx(1.04 / 1.02)


def test_a_martingale_stays_one_under_volatility_stress() -> None:
    up, down = (
        stressed(Bar(100.0, 104.0, 96.0, close, 1.0), volatility=3.0)[0].close
        for close in (104.0, 96.0)
    )
    assert 0.5 * (up + down) == pytest.approx(100.0)


@given(st.floats(1e-3, 10.0), st.floats(1e-3, 10.0), st.floats(0.01, 1e4))
def test_stretching_keeps_order_and_sign(one: float, other: float, factor: float) -> None:
    low, high = sorted((one, other))
    for least in (0.0, 1e-3, 0.7, 1.0):
        one, two = stretched(low, factor, 0.0, least), stretched(high, factor, 0.0, least)
        assert 0.0 < one <= two < math.inf
        assert stretched(1.0, factor, 0.0, least) == 1.0


@given(
    st.floats(0.0, 5.0),
    st.floats(0.01, 1e3),
    st.floats(-2.0, 2.0),
    st.sampled_from([0.0, 0.4, 1.0]),
)
def test_stretching_is_fair_to_both_sides(
    change: float, factor: float, shift: float, least: float
) -> None:
    """Gains are cut like losses: equal chances of both have mean 0, however large they become."""
    up = stretched(1.0 + change, factor, shift, least)
    down = stretched(1.0 - change, factor, -shift, least)
    assert up + down == pytest.approx(2.0, abs=1e-9)


DEEP = (1.0, 3.0, 1e4, math.exp(20.0))  # the price of the table over the true one


@pytest.mark.parametrize("fallen", DEEP)
@pytest.mark.parametrize("volatility", [0.3, 2.0, 150.0, 6e4])
def test_a_martingale_stays_one_however_far_the_price_has_fallen(
    fallen: float, volatility: float
) -> None:
    """Of bars of +-1% with equal chances: the next close is worth this one, and where D' has it."""
    closes = []
    for change in (0.01, -0.01):
        closed = 100.0 * (1.0 + change)
        base = Bar(100.0, max(100.0, closed), min(100.0, closed), closed, 1.0)
        bar, kept = stressed(base, displacement=1.0 / fallen, volatility=volatility)
        assert is_sound(bar)
        assert bar.close == pytest.approx(kept * closed, rel=1e-12)
        assert math.exp(-20.0) * (1.0 - 1e-12) <= kept <= math.exp(20.0)
        closes.append(bar.close * fallen / 100.0)
    assert 0.5 * sum(closes) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("move", [-50.0, -6.0, 6.0, 50.0])
@pytest.mark.parametrize("name", ["gap", "drift"])
def test_a_close_is_where_the_next_bar_goes_on_from(name: str, move: float) -> None:
    """Also where an injected path would take the price beyond its bounds."""
    for displacement in (math.exp(-18.0), 1.0, math.exp(18.0)):
        bar, kept = stressed(BASE, displacement=displacement, **{name: move})
        assert is_sound(bar)
        assert bar.close == pytest.approx(kept * BASE.close, rel=1e-12)


def test_volume_is_multiplied() -> None:
    bar, _ = stressed(BASE, volume=0.25)
    assert bar == BASE._replace(volume=125.0)


@pytest.mark.proof
def test_ten_thousand_stressed_bars_keep_their_order() -> None:
    """Sizes as large as a tenfold severity makes them."""
    rng = np.random.default_rng(5)
    base = record(BarRecord, {}, {})
    stress = a_stress()
    for _ in range(10_000):
        moves = rng.normal(0.0, 0.3, 2)
        shadows = rng.exponential(0.1, 2)
        base.open, base.close = 100.0 * np.exp(moves)
        base.high = max(base.open, base.close) * math.exp(shadows[0])
        base.low = min(base.open, base.close) * math.exp(-shadows[1])
        base.volume = rng.exponential(1e3)
        stress.gap, stress.drift = rng.normal(0.0, 6.0, 2)
        stress.low_excursion = min(stress.drift, 0.0) - rng.exponential(5.0)
        stress.high_excursion = max(stress.drift, 0.0) + rng.exponential(5.0)
        volatility, volume = np.exp(rng.normal(0.0, 3.0, 2))
        filled(stress, {"volatility": volatility, "volume": volume})
        bar, displacement = stressed_bar(base, 100.0, math.exp(rng.normal(0.0, 6.0)), stress)
        assert is_sound(bar)
        assert math.isfinite(displacement)


@given(bars(), bars(), st.floats(-1.0, 1.0), st.floats(-1.0, 1.0), st.floats(0.3, 3.0))
def test_successive_stressed_bars_join_up(
    first: Bar, second: Bar, gap: float, drift: float, volatility: float
) -> None:
    """The move from one stressed close to the next open is the base's, stretched."""
    bar, displacement = stressed(first, gap=gap, drift=drift, volatility=volatility)
    after, _ = stressed(second, first.close, displacement, volatility=volatility)
    move = math.log(stretched(second.open / first.close, volatility, 0.0, 0.0))
    assert math.log(after.open / bar.close) == pytest.approx(move, abs=1e-9)


@given(bars(), st.floats(-0.3, 0.3))
def test_permanent_impact_scales_or_shifts_the_whole_bar(bar: Bar, permanent: float) -> None:
    asset = an_asset(permanent=permanent, reference_price=200.0)
    scaled = impacted_bar(asset, bar, ImpactReference.CURRENT)
    shifted = impacted_bar(asset, bar, ImpactReference.FIRST)
    for name in ("open", "high", "low", "close"):
        price = getattr(bar, name)
        assert getattr(scaled, name) == pytest.approx(price * math.exp(permanent))
        assert getattr(shifted, name) == pytest.approx(price + 200.0 * permanent)
    assert scaled.volume == shifted.volume == bar.volume


@pytest.mark.parametrize("reference", list(ImpactReference))
def test_no_selling_makes_a_price_negative(reference: ImpactReference) -> None:
    bar = impacted_bar(an_asset(permanent=-1e6), BASE, reference)
    assert is_sound(bar)


def test_in_a_halt_the_price_stands_and_the_gap_builds_up_unseen() -> None:
    asset, slots = an_asset(), no_orders()
    report = step(asset, slots, BASE, 0.0, stress=a_stress(halted=1, gap=math.log(0.8)))
    assert (report.open, report.high, report.low, report.close) == (100.0, 100.0, 100.0, 100.0)
    assert report.volume == 0.0
    assert asset.mark == 100.0
    assert asset.displacement == pytest.approx(0.8)
    flat = Bar(102.0, 102.0, 102.0, 102.0, 500.0)  # the base stands at its last close
    base = record(BarRecord, {}, flat._asdict())
    resumed, _ = stressed_bar(base, 102.0, asset.displacement, a_stress())
    assert resumed.open == pytest.approx(102.0 * 0.8)


def test_averages_follow_the_market_at_their_half_lives() -> None:
    asset = an_asset(variance_fast=0.0, variance_slow=0.0, volume_mean=400.0)
    for k in range(60):
        close = 100.0 * (1.01 if k % 2 == 0 else 1.0)
        update_averages(asset, close, Bar(close, close, close, close, 800.0), 1600.0)
    assert asset.variance_slow == pytest.approx(0.5 * 1e-4, rel=0.02)
    assert asset.variance_fast == pytest.approx((1 - 2.0**-6) * 1e-4, rel=0.02)
    assert asset.volume_mean == pytest.approx(600.0)
    assert asset.volume_usual == pytest.approx(1300.0)  # of the table, from 1,000


def test_a_mean_volume_begins_with_the_first_bar_that_trades() -> None:
    asset = an_asset(volume_mean=0.0)
    for volume in (0.0, 0.0, 700.0):
        update_averages(asset, 100.0, Bar(100.0, 100.0, 100.0, 100.0, volume), volume)
    assert asset.volume_mean == 700.0


def test_a_frozen_price_leaves_some_variance() -> None:
    asset = an_asset()
    for _ in range(5000):
        update_averages(asset, 100.0, Bar(100.0, 100.0, 100.0, 100.0, 0.0), 0.0)
    assert asset.variance_fast > 0.0
    assert asset.variance_slow > 0.0
