"""Aggregates over trainings and tracks: point values, coverage of intervals, ranks."""

import math

import numpy as np
import pytest

from trading_env.backtesting.aggregates import (
    Estimate,
    aggregate,
    degrees_of_freedom,
    difference,
    expanded_tail,
    gap,
    improvement,
    interquartile_mean,
    optimality_gap,
    performance_profile,
    probability_of_improvement,
    ranks,
    scores_of,
    t_quantile,
)

TRUE = 0.5
MINE = """0.4 0.1 0.7 1.0 1.4 0.9 0.5 0.4 1.2 1.6 0.9 0.2 0.3 1.6 0.9
          -0.1 0.8 0.2 0.5 0.6 0.4 1.1 0.8 0.5 1.0 1.2 0.0 0.7 0.3 0.7"""
THEIRS = """0.0 0.6 0.6 0.4 0.1 0.4 0.1 -0.1 0.7 0.0 1.2 1.0 -0.4 0.7 0.0
            0.6 0.6 -0.4 0.5 0.5 1.1 0.0 1.0 0.1 0.4 0.2 1.3 0.9 1.8 0.9"""


def test_the_interquartile_mean_is_that_of_the_middle_half() -> None:
    assert interquartile_mean([100.0, 1.0, 2.0, 3.0, 4.0, -50.0, 0.0, 9.0]) == 2.5
    assert interquartile_mean(range(10)) == 4.5  # two go at either end
    assert interquartile_mean([0.0, 0.0, 6.0]) == 2.0  # of three, none goes
    assert interquartile_mean([[1.0, 2.0, 3.0, 90.0], [5.0, 6.0, 7.0, 8.0]]).tolist() == [2.5, 6.5]


def test_the_optimality_gap_does_not_credit_what_exceeds_the_target() -> None:
    assert optimality_gap([0.5, 1.0, 7.0]) == pytest.approx(0.5 / 3.0)


def test_a_profile_counts_what_lies_above() -> None:
    found = performance_profile([[0.0, 0.5], [1.0, 2.0]], [-1.0, 0.0, 0.5, 1.5, 2.0])
    assert found.tolist() == [1.0, 0.75, 0.5, 0.25, 0.0]


def test_the_probability_of_improvement_counts_pairs_and_halves_of_ties() -> None:
    assert probability_of_improvement([1.0, 2.0], [1.0, 0.0, 3.0]) == pytest.approx(3.5 / 6.0)
    assert probability_of_improvement([1.0, 4.0], [1.0, 4.0]) == 0.5


def test_point_values_are_those_of_rliable() -> None:
    # Computed with rliable 1.2: metrics.aggregate_iqm, aggregate_optimality_gap and
    # probability_of_improvement of ten runs of three tasks each.
    tables = []
    for text in (MINE, THEIRS):
        tables.append(np.array(text.split(), dtype=np.float64).reshape(10, 3))
    mine, theirs = tables
    assert interquartile_mean(mine.ravel()) == pytest.approx(0.66875, abs=1e-12)
    assert optimality_gap(mine.ravel()) == pytest.approx(0.3766666666666667, abs=1e-12)
    tasks = [probability_of_improvement(mine[:, k], theirs[:, k]) for k in range(3)]
    assert np.mean(tasks) == pytest.approx(0.6133333333333333, abs=1e-12)


def test_scores_are_0_at_zero_and_1_at_the_reference() -> None:
    rng = np.random.default_rng(0)
    zero, reference = rng.normal(size=50), 3.0 + rng.normal(size=50)
    for table, score in ((zero, 0.0), (reference, 1.0), (2.0 * reference - zero, 2.0)):
        found = aggregate([scores_of(table, zero, reference)])
        assert found == pytest.approx((score, score, score), abs=1e-12)


def test_a_cost_is_scored_as_a_profit() -> None:
    zero, reference, table = np.array([9.0, 11.0]), np.array([5.0, 5.0]), np.array([[6.0, 7.0]])
    assert scores_of(table, zero, reference).values == pytest.approx([0.7])
    assert scores_of(-table, -zero, -reference).values == pytest.approx([0.7])


def test_each_track_is_drawn_by_itself_and_has_its_trainings_in_the_mean() -> None:
    good, bad = np.full((3, 20), 1.0), np.full((1, 20), 0.0)
    tracks = [scores_of(table, 0.0, 1.0) for table in (good, bad)]
    assert aggregate(tracks) == (1.0, 1.0, 1.0)  # of four values one goes at either end
    assert gap(tracks) == pytest.approx((0.25, 0.25, 0.25))
    assert improvement(tracks, [tracks[1], tracks[1]]) == (0.75, 0.75, 0.75)


def test_a_paired_difference_does_not_see_what_both_met() -> None:
    paths = np.random.default_rng(0).normal(0.0, 100.0, 40)
    found = difference(paths + np.array([[1.0], [3.0]]), paths)
    assert found.value == pytest.approx(2.0)
    assert 1.0 - 1e-9 <= found.low < found.high <= 3.0 + 1e-9


def test_the_quantile_of_t_and_the_expanded_tail() -> None:
    assert t_quantile(0.975, 9.0) == pytest.approx(2.2622, abs=1e-3)
    assert t_quantile(0.975, 30.0) == pytest.approx(2.0423, abs=1e-4)
    assert expanded_tail(0.025, math.inf) == 0.025
    beyond = 0.5 * math.erfc(2.2622 / math.sqrt(2.0))
    assert expanded_tail(0.025, 9.0) == pytest.approx(beyond, rel=1e-2)


def test_degrees_of_freedom_are_those_of_the_larger_source() -> None:
    assert degrees_of_freedom([(1.0, 9)]) == pytest.approx(9.0)
    assert degrees_of_freedom([(1.0, 9), (1.0, 9)]) == pytest.approx(18.0)
    assert degrees_of_freedom([(1.0, 9), (1e-9, 255)]) == pytest.approx(9.0, rel=1e-6)
    assert degrees_of_freedom([]) == math.inf


def test_who_overlaps_ties_and_who_has_no_figure_stands_last() -> None:
    best, second, third = Estimate(3, 2.6, 4), Estimate(2, 1.5, 2.7), Estimate(1, 0.5, 1.4)
    assert ranks([third, best, None, second]) == [3, 1, 4, 1]


def covered(trainings: int, paths: int, of_training: float, of_path: float) -> tuple[float, float]:
    """Return how often intervals of aggregate and difference hold the truth, of a thousand."""
    rng, hits = np.random.default_rng(7), np.zeros(2)
    for _ in range(1000):
        path = of_path * rng.normal(size=paths)
        zero, reference = 0.3 * rng.normal(size=paths), 1.0 + 0.3 * rng.normal(size=paths)
        own = of_training * rng.normal(size=(trainings, 1))
        table = TRUE + path + own + 0.3 * rng.normal(size=(trainings, paths))
        for k, found in enumerate(
            (aggregate([scores_of(table, zero, reference)]), difference(table, zero))
        ):
            hits[k] += found.low <= TRUE <= found.high
    return tuple(hits / 1000.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "luck",
    [(10, 64, 1.0, 1.0), (10, 64, 0.1, 2.0), (1, 64, 0.0, 1.0)],
    ids=["of both", "of paths", "of one training's paths"],
)
def test_intervals_hold_the_truth_as_often_as_they_say(luck: tuple[int, int, float, float]) -> None:
    assert all(0.93 <= share <= 0.97 for share in covered(*luck)), covered(*luck)
