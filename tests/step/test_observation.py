"""Observations: finite, bounded, scale-free."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.helpers import (
    a_report,
    account_params,
    an_account,
    an_asset,
    boxed,
    episode_params,
    execution_params,
    held,
    risk_params,
)
from tests.kept import observe
from trading_env.core.params import ParentParams
from trading_env.core.records import SLOTS, BarRecord, EventRecord, NoticeRecord, new_table
from trading_env.core.world import World
from trading_env.execution_engine.feedback import PRIOR
from trading_env.step.observation import (
    SIGNAL_LIMIT,
    AccountFeature,
    AssetFeature,
    contrast,
)
from trading_env.step.reward import Term
from trading_env.step.rows import lane_of, new_lanes, new_outputs

FEATURES = (*AssetFeature, *AccountFeature)
NAMES = [feature.name.lower() for feature in FEATURES]
SIZE = len(NAMES)


def observed(
    assets: list[Any],
    signals: NDArray[np.float64],
    account: Any = None,
    report: Any = None,
    execution: Any = None,
) -> NDArray[np.float32]:
    """Observation of some assets with their signals, (assets, signals)."""
    count = len(assets) * (len(AssetFeature) + signals.shape[1]) + len(AccountFeature)
    lanes = new_lanes(1, len(assets), 0, SLOTS)
    lane = lane_of(lanes, new_outputs(1, len(assets), count, 1), 0, 0)
    lane.observation[:] = np.nan
    for a, asset in enumerate(assets):
        lane.assets[a] = asset
        lane.reports[a] = a_report() if report is None else report
    lane.accounts[0] = an_account() if account is None else account
    observe(lane, market(signals[None], execution))
    return lane.observation


def market(signals: NDArray[np.float64], execution: Any = None) -> World:
    """A world of nothing but signals."""
    none = new_table(EventRecord, 0)
    assets = signals.shape[1]
    return World(
        bars=new_table(BarRecord, 1, assets),
        signals=signals,
        elapsed_s=np.zeros(1),
        notices=new_table(NoticeRecord, 0, assets),
        events=none,
        ends=none,
        hits=np.zeros((0, assets), np.int8),
        risk=boxed(risk_params()),
        execution=np.repeat(boxed(execution_params() if execution is None else execution), assets),
        rates=np.zeros((1, assets, 2)),
        account=boxed(account_params()),
        episode=boxed(episode_params()),
        parents=new_table(ParentParams, assets),
        weights=np.zeros(len(Term)),
    )


def seen(
    asset: Any, account: Any = None, report: Any = None, execution: Any = None
) -> NDArray[np.float32]:
    """Observation of one asset without signals."""
    return observed([asset], np.zeros((1, 0)), account, report, execution)


def named(
    asset: Any, account: Any = None, execution: Any = None, **report: Any
) -> dict[str, float]:
    values = seen(asset, account, a_report(**report), execution).tolist()
    return dict(zip(NAMES, values, strict=True))


@pytest.mark.proof
def test_a_quiet_start_is_all_quiet() -> None:
    shown = named(an_asset())
    expected = {"volatility": 0.01, "slippage": 0.1, "fill_ratio": 1, "valid": 1, "cash": 1}
    expected |= {"time_left": 1.0, "cost_deviation": PRIOR**0.5}
    for name in NAMES:
        value = expected.get(name, 0.0)
        assert shown[name] == pytest.approx(value), name


@pytest.mark.proof
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


def test_quotes_and_the_cost_model_are_seen() -> None:
    """A spread four times and a depth a quarter of what they are in calm markets, for 30 bars."""
    quotes = {"seen_half_spread": 8e-4, "seen_depth": 0.25, "crisis_bars": 30}
    model = {"cost_level": 1.5, "cost_variance": 0.04, "last_cost": -0.75}
    shown = named(an_asset(**quotes, **model), execution=execution_params(half_spread=2e-4))
    assert shown["half_spread"] == pytest.approx(0.6)
    assert shown["depth"] == pytest.approx(-0.6)
    assert shown["crisis"] == pytest.approx(0.75)
    assert shown["cost_level"] == 1.5
    assert shown["cost_deviation"] == pytest.approx(0.2)
    assert shown["last_cost"] == -0.75


def test_trends_are_in_their_own_standard_deviations() -> None:
    """An EWMA of white noise with half-life h has variance rate / (2 - rate) of the noise's."""
    rate = 1 - 2 ** (-1 / 20)
    spread = np.sqrt(rate / (2 - rate))
    assert named(an_asset(trend=(0.0, 0.01 * spread, 0.0)))["trend_20"] == pytest.approx(1.0)


extreme = st.sampled_from([-1e12, -1.0, -1e-12, 0.0, 1e-12, 1.0, 1e12])
positive = st.sampled_from([1e-12, 1e-6, 1.0, 1e6, 1e12])
size = st.sampled_from([0.0, 1e-12, 1.0, 1e12])


@given(st.tuples(*[extreme] * 9), st.tuples(*[positive] * 9), st.tuples(*[size] * 9), st.data())
def test_observations_stay_in_their_bounds_in_extreme_states(
    any_sign: tuple[float, ...], above: tuple[float, ...], sizes: tuple[float, ...], data: Any
) -> None:
    asset = an_asset(
        position=any_sign[0],
        seen_return=any_sign[1],
        trend=any_sign[2:5],
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
        seen_half_spread=sizes[5],
        seen_depth=sizes[6],
        cost_variance=sizes[7],
        cost_level=any_sign[5],
        last_cost=data.draw(st.floats(-4.0, 4.0)),  # cut where it is read
        crisis_bars=data.draw(st.integers(0, 10**9)),
        age=data.draw(st.integers(0, 10**9)),
    )
    account = an_account(
        any_sign[6], seen_equity=any_sign[7], initial_equity=above[5], seen_peak=above[6]
    )
    execution = execution_params(half_spread=sizes[8])
    out = seen(asset, account, a_report(working=any_sign[8]), execution)
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
            trend=(0.004, 0.0, 0.0),
            seen_return=0.01,
        )
        account = an_account(5e3 * scale, seen_peak=9e3 * scale, initial_equity=7e3 * scale)
        account.seen_equity = 8030.0 * scale
        return seen(asset, account, a_report(working=4.0))

    assert at(factor) == pytest.approx(at(1.0), rel=1e-6, abs=1e-7)


def test_signals_follow_their_assets_features_and_saturate() -> None:
    count = len(AssetFeature) + 2
    out = observed([an_asset(), an_asset()], np.array([[0.5, -9.0], [9.0, -0.5]]))
    assert out[count - 2 : count].tolist() == [0.5, -SIGNAL_LIMIT]
    assert out[2 * count - 2 : 2 * count].tolist() == [SIGNAL_LIMIT, -0.5]
    assert np.isfinite(out).all()


def test_only_what_was_shown_is_seen() -> None:
    hidden = {"mark": 1.0, "variance_fast": 9.0, "variance_slow": 9.0, "volume_mean": 7.0}
    hidden |= {"late_half_spread": 0.5, "late_depth": 0.01}
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
