"""Kelly's fractions, growth and chances against worked tables, and against each other."""

import math

import numpy as np
import pytest

from trading_env.problems.closed_forms import kelly

MU, SIGMA = 0.08, 0.20
TABLE = [  # multiple, growth, P(ever halve), P(ever lose 20%), P(double before halve)
    (0.10, 0.0152, 1.9e-6, 0.01441, 0.999998),
    (0.25, 0.0350, 0.0078125, 0.20972, 0.99225),
    (0.50, 0.0600, 0.125, 0.5120, 0.88889),
    (0.75, 0.0750, 0.31498, 0.68942, 0.76047),
    (1.0, 0.0800, 0.5, 0.8, 0.66667),
    (1.5, 0.0600, 0.79370, 0.92832, 0.55751),
    (1.9, 0.0152, 0.96418, 0.98832, 0.50912),
]


@pytest.mark.parametrize(("multiple", "grown", "halve", "lose", "double"), TABLE)
def test_the_table_of_multiples(
    multiple: float, grown: float, halve: float, lose: float, double: float
) -> None:
    assert kelly.growth_at_multiple(multiple, MU / SIGMA) == pytest.approx(grown, abs=1e-12)
    fraction = multiple * kelly.optimal_fraction(MU, SIGMA)
    assert kelly.growth(fraction, MU, SIGMA) == pytest.approx(grown, abs=1e-12)
    assert kelly.chance_ever_at(0.5, multiple) == pytest.approx(
        halve, rel=4e-3 if halve < 1e-3 else 2e-5
    )
    assert kelly.chance_ever_at(0.8, multiple) == pytest.approx(lose, abs=6e-6)
    assert kelly.chance_of_reaching(2.0, 0.5, multiple) == pytest.approx(double, abs=6e-6)


def test_thorps_stock() -> None:
    fraction = kelly.optimal_fraction(0.11 - 0.06, 0.15)
    assert fraction == pytest.approx(2.2222, abs=5e-5)
    assert kelly.growth(fraction, 0.11 - 0.06, 0.15, rate=0.06) == pytest.approx(0.115556, abs=5e-7)


def test_many_assets_are_one_asset_each_when_they_are_independent() -> None:
    drift, covariance = [0.08, 0.05], np.diag([0.04, 0.0225])
    assert kelly.optimal_fractions(drift, covariance) == pytest.approx([2.0, 0.05 / 0.0225])
    assert kelly.optimal_growth(drift, covariance) == pytest.approx(0.08 + 0.05**2 / 0.045)


def test_no_other_fractions_grow_faster() -> None:
    generator = np.random.default_rng(8)
    root = generator.normal(size=(4, 4)) * 0.1
    drift, covariance = generator.normal(scale=0.05, size=4), root @ root.T + 0.01 * np.eye(4)
    best = kelly.optimal_fractions(drift, covariance)
    others = best + generator.normal(size=(10_000, 4))
    grown = others @ drift - 0.5 * np.einsum("ki,ij,kj->k", others, covariance, others)
    assert grown.max() < kelly.optimal_growth(drift, covariance)


@pytest.mark.parametrize(
    ("chance", "gain", "loss", "fraction", "grown"),
    [(0.53, 1.0, 1.0, 0.06, 0.00180108), (0.4, 2.0, 1.0, 0.10, 0.00971231)],
)
def test_bets(chance: float, gain: float, loss: float, fraction: float, grown: float) -> None:
    assert kelly.bet_fraction(chance, gain, loss) == pytest.approx(fraction, rel=1e-12)
    assert kelly.bet_growth(fraction, chance, gain, loss) == pytest.approx(grown, abs=5e-9)
    for other in (0.9 * fraction, 1.1 * fraction):
        assert kelly.bet_growth(other, chance, gain, loss) < grown


def test_a_near_stop_asks_for_forty_times_the_wealth() -> None:
    assert kelly.bet_fraction(0.6, 0.02, 0.01) == pytest.approx(40.0)


def test_staking_everything_on_a_loss_is_ruin() -> None:
    assert kelly.bet_growth(1.0, 0.9, 1.0, 1.0) == -math.inf


@pytest.mark.parametrize(("confidence", "barrier"), [(0.55, 0.02), (0.7, 0.1), (0.4, 0.05)])
def test_confidence_is_the_drift_that_reaches_the_target_so_often(
    confidence: float, barrier: float
) -> None:
    fraction = kelly.fraction_from_confidence(confidence, barrier)
    theta = 2.0 * fraction  # 2 mu / sigma^2 of the log price
    hit = math.expm1(theta * barrier) / (math.exp(theta * barrier) - math.exp(-theta * barrier))
    assert hit == pytest.approx(confidence, rel=1e-12)


def test_twice_the_optimum_has_no_drift() -> None:
    assert kelly.chance_of_reaching(2.0, 0.5, 2.0) == 0.5
    near = kelly.chance_of_reaching(3.0, 0.5, 2.0 - 1e-9)
    assert near == pytest.approx(kelly.chance_of_reaching(3.0, 0.5, 2.0), abs=1e-9)
    assert kelly.chance_ever_at(0.01, 2.0) == kelly.chance_ever_at(0.01, 3.0) == 1.0


def test_a_target_out_of_reach_leaves_the_chance_of_ever_falling() -> None:
    ruin = 1.0 - kelly.chance_of_reaching(1e12, 0.5, 1.0)
    assert ruin == pytest.approx(kelly.chance_ever_at(0.5, 1.0), rel=1e-9)


def test_an_estimated_drift_earns_less_and_is_bet_on_less() -> None:
    assert kelly.multiple_for_estimate(0.4, 10.0) == pytest.approx(0.6154, abs=5e-5)
    assert kelly.growth_of_estimate(1.0, 0.4, 10.0) == pytest.approx(0.030, abs=1e-12)
    shrunk = kelly.growth_of_estimate(kelly.multiple_for_estimate(0.4, 10.0), 0.4, 10.0)
    assert shrunk == pytest.approx(0.0492, abs=5e-5)


@pytest.mark.parametrize(
    ("interval", "grown"), [(1 / 252, 0.0350017), (1 / 12, 0.0350354), (1.0, 0.0354208)]
)
def test_half_invested_and_rebalanced_rarely(interval: float, grown: float) -> None:
    assert kelly.rebalanced_growth(0.5, MU, SIGMA, interval) == pytest.approx(grown, abs=6e-8)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: kelly.optimal_fraction(0.1, 0.0), "volatility = 0.0: must be finite and > 0"),
        (lambda: kelly.chance_ever_at(1.0, 1.0), "share = 1.0: must be above 0 and below 1"),
        (lambda: kelly.chance_of_reaching(1.0, 0.5, 1.0), "up = 1.0: must be finite and > 1"),
        (lambda: kelly.bet_fraction(1.2, 1.0, 1.0), "chance = 1.2"),
        (lambda: kelly.fraction_from_confidence(0.6, 0.0), "barrier = 0.0"),
        (lambda: kelly.rebalanced_growth(1.5, 0.1, 0.2, 1.0), r"fraction = 1.5: must be in \[0"),
        (lambda: kelly.optimal_fractions([0.1], [[0.1, 0.0]]), r"covariance has shape \(1, 2\)"),
        (
            lambda: kelly.optimal_fractions([0.1, 0.1], [[1.0, 2.0], [2.0, 1.0]]),
            "covariance has an eigenvalue of -1: must be positive definite",
        ),
    ],
)
def test_what_has_no_answer_is_refused_in_one_line(call: object, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        call()  # type: ignore[operator]
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200
