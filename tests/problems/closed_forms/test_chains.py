"""Transitions that are a normal law's, and stationary laws that stay."""

import numpy as np
import pytest

from trading_env.problems.closed_forms.chains import normal_transitions, stationary_mass


def test_transitions_have_the_normals_chances_mean_and_deviation() -> None:
    points = np.linspace(-6.0, 6.0, 1201)
    chances = normal_transitions(points, 0.5 * points, 0.8)
    assert chances.min() >= 0.0
    assert chances.sum(axis=1) == pytest.approx(np.ones(1201), abs=1e-13)
    row = chances[700]  # from the point 1.0
    assert row @ points == pytest.approx(0.5, abs=1e-12)
    spread = row @ (points - 0.5) ** 2
    assert spread == pytest.approx(0.8**2 + 0.01**2 / 12, abs=1e-10)  # and that of a cell
    assert row[points < 0.5 - 1.96 * 0.8].sum() == pytest.approx(0.025, abs=1e-3)


def test_a_linear_pull_has_its_stationary_deviation() -> None:
    points = np.linspace(-8.0, 8.0, 801)
    chances = normal_transitions(points, 0.6 * points, 0.8)
    mass = stationary_mass(chances, np.zeros((801, 1), dtype=np.int64))[:, 0]
    assert mass.sum() == pytest.approx(1.0, abs=1e-12)
    assert mass @ points**2 == pytest.approx((0.64 + 0.02**2 / 12) / (1.0 - 0.36), rel=1e-6)


def test_a_policy_that_alternates_has_a_stationary_law_too() -> None:
    chances = np.array([[0.9, 0.1], [0.3, 0.7]])
    columns = np.array([[1, 0], [1, 0]])  # each step to the other column
    mass = stationary_mass(chances, columns)
    assert mass == pytest.approx(np.outer([0.75, 0.25], [0.5, 0.5]), abs=1e-10)
