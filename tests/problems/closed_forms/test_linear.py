"""Sums of powers, the Riccati equation, stationary laws, the line search: by their definitions."""

import numpy as np
import pytest

from trading_env.problems.closed_forms.linear import (
    LinearPolicy,
    highest,
    sandwich_sum,
    spectral_radius,
    stationary_covariance,
    value_of_holdings,
)


@pytest.mark.parametrize("radius", [0.5, 0.99, 1.0 - 1e-6])
def test_a_sandwich_sum_solves_its_equation(radius: float) -> None:
    generator = np.random.default_rng(1)
    left, right = generator.normal(size=(3, 3)), generator.normal(size=(2, 2))
    left, right = left * radius / spectral_radius(left), right * radius / spectral_radius(right)
    middle = generator.normal(size=(3, 2))
    total = sandwich_sum(left, middle, right)
    size = np.abs(total).max()
    assert middle + left @ total @ right == pytest.approx(total, abs=1e-10 * size)


def test_the_value_of_holdings_solves_its_equation_for_twenty_assets() -> None:
    generator = np.random.default_rng(2)
    roots = generator.normal(size=(2, 20, 20))
    cost, risk = roots @ roots.transpose(0, 2, 1) + 0.1 * np.eye(20)
    for scale in (1e-6, 1.0, 1e6):
        value = value_of_holdings(cost, scale * risk, 0.01)
        assert np.linalg.eigvalsh(value).min() > 0.0
        right = cost - cost @ np.linalg.solve(cost + 0.99 * (scale * risk + value), cost)
        # The right side is a difference of matrices as large as the cost.
        assert value == pytest.approx(right, abs=1e-10 * np.abs(cost).max())


def test_a_stationary_covariance_stays() -> None:
    policy = LinearPolicy(np.array([[0.9, 0.1], [0.0, 0.5]]), np.array([[1.0], [-2.0]]))
    state = stationary_covariance(policy, np.array([[0.8]]), np.array([[3.0]]))
    system = np.array([[0.9, 0.1, 1.0], [0.0, 0.5, -2.0], [0.0, 0.0, 0.8]])
    assert system @ state @ system.T + np.diag([0.0, 0.0, 3.0]) == pytest.approx(state, rel=1e-12)
    assert state[2, 2] == pytest.approx(3.0 / (1.0 - 0.64))


@pytest.mark.parametrize("peak", [0.0, 0.1234, 0.5, 1.0])
def test_the_highest_point_is_found_inside_and_at_the_ends(peak: float) -> None:
    where, height = highest(lambda x: 2.0 - abs(x - peak), np.linspace(0.0, 1.0, 11))
    assert where == pytest.approx(peak, abs=1e-12)
    assert height == pytest.approx(2.0, abs=1e-12)
