"""Growth-optimal shares: one asset, several together, and edges that were estimated."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.helpers import a_lane, an_asset, risk_params, some_rulebook
from tests.kept import KEPT
from trading_env.core.averages import RATE_SLOW
from trading_env.core.records import AssetState, new_table
from trading_env.risk_manager.kelly import edge_share, kelly_fraction, update_covariance
from trading_env.risk_manager.sizing import stop_distances

Matrix = NDArray[np.float64]
signals = st.floats(-1.0, 1.0)


def assets_of(sigmas: Any) -> Any:
    table = new_table(AssetState, len(sigmas))
    for a, sigma in enumerate(sigmas):
        table[a] = an_asset(seen_variance_slow=sigma**2)
    return table


def together(actions: Any, covariance: Matrix, **risk: Any) -> Any:
    """Reports of one decision over assets of a known covariance."""
    lane = a_lane(assets_of(np.sqrt(np.diag(covariance))), covariance=np.tril(covariance))
    KEPT.decide(np.array(actions), lane, some_rulebook(risk=risk_params(covariance=1, **risk)))
    return lane.reports


def alone(actions: Any, covariance: Matrix, **risk: Any) -> Any:
    lane = a_lane(assets_of(np.sqrt(np.diag(covariance))))
    KEPT.decide(np.array(actions), lane, some_rulebook(risk=risk_params(**risk)))
    return lane.reports


def some_covariance(draw: int, count: int) -> Matrix:
    rng = np.random.default_rng(draw)
    sigmas = rng.uniform(0.003, 0.03, count)
    mixed = rng.normal(size=(count, 2 * count))
    covariance = mixed @ mixed.T
    scale = sigmas / np.sqrt(np.diag(covariance))
    made: Matrix = covariance * np.outer(scale, scale)
    return made


def drifts(actions: Any, covariance: Matrix) -> Matrix:
    """What the confidences stand for, a bar."""
    made = []
    for signal, sigma in zip(actions, np.sqrt(np.diag(covariance)), strict=True):
        stop = stop_distances(abs(signal), sigma, risk_params()).stop
        full = kelly_fraction(abs(signal), stop, risk_params())
        made.append(math.copysign(full * sigma**2, signal))
    return np.array(made)


def shrunk(covariance: Matrix, intensity: float) -> Matrix:
    """Leave of every covariance the share 1 - intensity, and the variances."""
    return covariance * (1.0 - intensity * (1.0 - np.eye(len(covariance))))


@pytest.mark.proof
@given(st.integers(0, 10_000), st.lists(signals, min_size=2, max_size=6), st.floats(0.05, 1.0))
def test_assets_together_get_the_inverse_covariance_times_their_drifts(
    draw: int, actions: list[float], intensity: float
) -> None:
    """Of the assets that have a view; the tolerance is for eigenvalues from 0.05 on."""
    covariance = some_covariance(draw, len(actions))
    reports = together(actions, covariance, covariance_shrinkage=intensity)
    views = np.flatnonzero(actions)
    inside = shrunk(covariance, intensity)[np.ix_(views, views)]
    best = np.zeros(len(actions))
    best[views] = np.linalg.solve(inside, drifts(actions, covariance)[views])
    scale = np.abs(best).max() + 1e-300
    assert reports["wished_fraction"] == pytest.approx(0.25 * best, rel=1e-9, abs=1e-9 * scale)
    assert reports["kelly_fraction"] == pytest.approx(np.abs(best), rel=1e-9, abs=1e-9 * scale)


@given(st.integers(0, 10_000), st.lists(signals, min_size=2, max_size=5))
def test_without_correlation_assets_together_are_assets_alone(
    draw: int, actions: list[float]
) -> None:
    covariance = some_covariance(draw, len(actions))
    own = alone(actions, covariance)
    for one in (
        together(actions, covariance, covariance_shrinkage=1.0),
        together(actions, np.diag(np.diag(covariance)), covariance_shrinkage=0.2),
    ):
        assert one["target_fraction"] == pytest.approx(own["target_fraction"], rel=1e-12)


def test_two_views_that_are_nearly_one_share_the_stake_of_one() -> None:
    """Correlation 0.8 after shrinkage: each gets 1 / 1.8 of what it would get alone."""
    covariance = 1e-4 * np.ones((2, 2))
    both = together([0.6, 0.6], covariance)
    lone = alone([0.6, 0.6], covariance)
    assert both["wished_fraction"] == pytest.approx(lone["wished_fraction"] / 1.8)


def test_no_view_is_no_position_and_a_weak_view_may_be_a_hedge() -> None:
    covariance = 1e-4 * np.array([[1.0, 0.9], [0.9, 1.0]])
    assert together([1.0, 0.0], covariance)["target"][1] == 0.0
    hedged = together([1.0, 0.05], covariance)["target"]
    assert hedged[0] > 0.0 > hedged[1]
    assert (together([0.0, 0.0], covariance)["target"] == 0.0).all()


@pytest.mark.parametrize(("sharpe", "years", "share"), [(0.4, 10.0, 0.6154), (1.0, 1.0, 0.5)])
def test_the_share_of_an_estimated_edge(sharpe: float, years: float, share: float) -> None:
    """Sharpe ratio 0.4 over 10 years: 0.16 / (0.16 + 0.1)."""
    assert edge_share(sharpe**2, 1.0 / years) == pytest.approx(share, abs=5e-5)
    assert edge_share(sharpe**2, 0.0) == 1.0
    assert edge_share(0.0, 0.1) == 0.0


@given(st.floats(0.01, 1.0), st.floats(10.0, 1e5))
def test_an_estimated_edge_is_staked_at_the_multiple_where_growth_is_largest(
    confidence: float, bars: float
) -> None:
    """E growth of m times a plug-in stake is m Q - m^2 (Q + 1 / n) / 2: no other m does better."""
    known, estimated = one(confidence, 0.0), one(confidence, bars)
    square = (known.kelly_fraction * 0.01) ** 2
    m = estimated.kelly_fraction / known.kelly_fraction
    growth = [x * square - x * x * (square + 1.0 / bars) / 2.0 for x in (m, 0.999 * m, 1.001 * m)]
    assert growth[0] >= max(growth[1:])
    assert estimated.wished_fraction == pytest.approx(0.25 * estimated.kelly_fraction)


def one(signal: float, bars: float) -> Any:
    return alone([signal], np.array([[1e-4]]), edge_bars=bars)[0]


def test_edges_that_were_estimated_together_are_shrunk_by_their_joint_ratio() -> None:
    covariance = some_covariance(3, 4)
    actions = [0.5, -0.9, 0.0, 0.2]  # three views
    known = together(actions, covariance)
    estimated = together(actions, covariance, edge_bars=1e3)
    signed = np.copysign(known["kelly_fraction"], known["wished_fraction"])
    square = float(signed @ drifts(actions, covariance))
    share = square / (square + 3e-3)
    assert estimated["wished_fraction"] == pytest.approx(share * known["wished_fraction"])


def test_the_estimate_is_the_weighted_mean_of_products_and_stays_semidefinite() -> None:
    rng = np.random.default_rng(0)
    covariance, assets = np.zeros((2, 3, 3)), assets_of([0.01] * 3)
    expected = np.zeros((3, 3))
    for _ in range(300):
        assets["seen_return"] = rng.normal(size=3) * (rng.random(3) < 0.7)  # 0: not delivered
        update_covariance(covariance, assets)
        shown = np.outer(assets["seen_return"], assets["seen_return"])
        expected += RATE_SLOW * (shown - expected)
    assert covariance[0] == pytest.approx(np.tril(expected), abs=1e-12)
    assert np.linalg.eigvalsh(covariance[0], "L").min() >= 0.0
