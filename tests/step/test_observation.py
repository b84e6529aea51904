"""Observations: finite, bounded, scale-free."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.helpers import a_report, an_account, an_asset, episode_params, held
from trading_env.core.records import AssetState, Report, new_table
from trading_env.step.observation import (
    ACCOUNT_FEATURES,
    ASSET_FEATURES,
    SIGNAL_LIMIT,
    contrast,
    observe,
)

NAMES = [feature.name for feature in (*ASSET_FEATURES, *ACCOUNT_FEATURES)]
SIZE = len(NAMES)
FEATURES = (*ASSET_FEATURES, *ACCOUNT_FEATURES)


def seen(asset: Any, account: Any = None, report: Any = None) -> NDArray[np.float32]:
    """Observation of one asset without signals."""
    assets, reports = new_table(AssetState, 1), new_table(Report, 1)
    assets[0] = asset
    reports[0] = a_report() if report is None else report
    out = np.full(SIZE, np.nan, np.float32)
    account = an_account() if account is None else account
    observe(out, assets, reports, np.zeros((1, 0)), account, episode_params())
    return out


def named(asset: Any, account: Any = None, **report: Any) -> dict[str, float]:
    values = seen(asset, account, a_report(**report)).tolist()
    return dict(zip(NAMES, values, strict=True))


def test_a_quiet_start_is_all_quiet() -> None:
    shown = named(an_asset())
    expected = {"volatility": 0.01, "slippage": 0.1, "fill_ratio": 1, "valid": 1, "cash": 1}
    for name in NAMES:
        value = {**expected, "time_left": 1.0}.get(name, 0.0)
        assert shown[name] == pytest.approx(value), name


def test_a_worked_holding() -> None:
    """Long 2,000 at 100, shown at 102, sd 1%; equity 1,000,000."""
    asset = held(2000.0, seen_close=102.0, stop_loss=98.0, take_profit=110.0, exit_pending=1)
    account = an_account(796_000.0, seen_equity=1e6, seen_peak=1.25e6, initial_equity=8e5, step=5)
    shown = named(asset, account, working=-500.0)
    assert shown["weight"] == pytest.approx(0.204)
    assert shown["working"] == pytest.approx(-0.051)
    assert shown["open_profit"] == pytest.approx(2.0)
    assert shown["stop_room"] == pytest.approx(4.0 / 200.0)
    assert shown["target_room"] == pytest.approx(8.0 / 212.0)
    assert shown["exit_pending"] == 1.0
    assert shown["cash"] == pytest.approx(0.796)
    assert shown["gross"] == shown["net"] == pytest.approx(0.204)
    assert shown["drawdown"] == pytest.approx(0.2)
    assert shown["growth"] == pytest.approx(np.log(1.25))
    assert shown["time_left"] == pytest.approx(0.75)


@pytest.mark.parametrize(("side", "profit"), [(1.0, 2.0), (-1.0, -2.0)])
def test_open_profit_is_signed_by_side(side: float, profit: float) -> None:
    assert named(held(side, seen_close=102.0))["open_profit"] == pytest.approx(profit)


def test_the_feed_and_the_feedback_are_seen() -> None:
    asset = an_asset(age=3, valid=0, slippage=-0.002, latency=3.0, fill_ratio=0.25)
    shown = named(asset)
    assert (shown["age"], shown["valid"], shown["latency"]) == (0.75, 0.0, 0.75)
    assert shown["slippage"] == pytest.approx(-0.2)
    assert shown["surprise"] == -1.0  # a gain against an expected cost
    assert shown["fill_ratio"] == 0.25


def test_trends_are_in_their_own_standard_deviations() -> None:
    """An EWMA of white noise with half-life h has variance rate / (2 - rate) of the noise's."""
    rate = 1 - 2 ** (-1 / 20)
    spread = np.sqrt(rate / (2 - rate))
    assert named(an_asset(trend_1=0.01 * spread))["trend_20"] == pytest.approx(1.0)


extreme = st.sampled_from([-1e12, -1.0, -1e-12, 0.0, 1e-12, 1.0, 1e12])
positive = st.sampled_from([1e-12, 1e-6, 1.0, 1e6, 1e12])
size = st.sampled_from([0.0, 1e-12, 1.0, 1e12])


@given(st.tuples(*[extreme] * 9), st.tuples(*[positive] * 9), st.tuples(*[size] * 5), st.data())
def test_observations_stay_in_their_bounds_in_extreme_states(
    any_sign: tuple[float, ...], above: tuple[float, ...], sizes: tuple[float, ...], data: Any
) -> None:
    asset = an_asset(
        position=any_sign[0],
        seen_return=any_sign[1],
        trend_0=any_sign[2],
        trend_1=any_sign[3],
        trend_2=any_sign[4],
        slippage=any_sign[5],
        seen_close=above[0],
        entry_price=above[1],
        seen_variance_fast=above[2],
        seen_variance_slow=above[3],
        seen_high=above[0] * (1.0 + sizes[0]),
        seen_low=above[0] / (1.0 + sizes[0]),
        stop_loss=sizes[1],
        take_profit=above[4],
        latency=sizes[2],
        expected_slippage=sizes[3],
        seen_volume=sizes[4],
        age=data.draw(st.integers(0, 10**9)),
    )
    account = an_account(
        any_sign[6], seen_equity=any_sign[7], initial_equity=above[5], seen_peak=above[6]
    )
    out = seen(asset, account, a_report(working=any_sign[8]))
    for value, feature in zip(out, FEATURES, strict=True):
        assert np.float32(feature.low) <= value <= np.float32(feature.high), feature.name


@given(st.floats(1e-3, 1e3))
def test_observations_do_not_depend_on_the_price_level(factor: float) -> None:
    def at(scale: float) -> NDArray[np.float32]:
        asset = held(
            30.0,
            entry=98.0 * scale,
            seen_close=101.0 * scale,
            seen_high=103.0 * scale,
            seen_low=99.0 * scale,
            stop_loss=95.0 * scale,
            take_profit=111.0 * scale,
            trend_0=0.004,
            seen_return=0.01,
        )
        account = an_account(5e3 * scale, seen_peak=9e3 * scale, initial_equity=7e3 * scale)
        account.seen_equity = 8030.0 * scale
        return seen(asset, account, a_report(working=4.0))

    assert at(factor) == pytest.approx(at(1.0), rel=1e-6, abs=1e-7)


def test_signals_follow_their_assets_features_and_saturate() -> None:
    assets, reports = new_table(AssetState, 2), new_table(Report, 2)
    assets[:] = an_asset()
    signals = np.array([[0.5, -9.0], [9.0, -0.5]])
    count = len(ASSET_FEATURES) + 2
    out = np.full(2 * count + len(ACCOUNT_FEATURES), np.nan, np.float32)
    observe(out, assets, reports, signals, an_account(), episode_params())
    assert out[count - 2 : count].tolist() == [0.5, -SIGNAL_LIMIT]
    assert out[2 * count - 2 : 2 * count].tolist() == [SIGNAL_LIMIT, -0.5]
    assert np.isfinite(out).all()


def test_only_what_was_shown_is_seen() -> None:
    hidden = {"mark": 1.0, "variance_fast": 9.0, "variance_slow": 9.0, "volume_mean": 7.0}
    other = an_asset()
    for name, value in {**hidden, "displacement": 2.0, "permanent": 1.0}.items():
        setattr(other, name, value)
    assert np.array_equal(seen(other), seen(an_asset()))


@given(st.floats(0.0, 1e12), st.floats(0.0, 1e12))
def test_contrast_is_antisymmetric_and_bounded(a: float, b: float) -> None:
    assert contrast(a, b) == -contrast(b, a)
    assert -1.0 <= contrast(a, b) <= 1.0


def test_names_are_unique_and_bounds_finite() -> None:
    assert len(set(NAMES)) == SIZE
    for feature in FEATURES:
        assert np.isfinite([feature.low, feature.high]).all()
        assert feature.low < feature.high
