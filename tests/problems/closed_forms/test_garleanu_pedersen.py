"""Garleanu-Pedersen against the worked example, the Bellman equation and a simulation."""

from dataclasses import replace

import numpy as np
import pytest

from trading_env.problems.closed_forms.garleanu_pedersen import GarleanuPedersen
from trading_env.problems.closed_forms.linear import LinearPolicy

SIGMA = np.array([[0.36, 0.15], [0.15, 1.0]])
REVERSION = 1.0 - 2.0 ** (-1.0 / np.array([5.0, 60.0]))


def example(cost: np.ndarray) -> GarleanuPedersen:
    return GarleanuPedersen(
        loadings=np.array([[0.020, 0.010], [0.010, -0.008]]),
        mean_reversion=REVERSION,
        factor_covariance=np.diag([0.25, 0.02]),
        covariance=SIGMA,
        cost=cost,
        risk_aversion=1e-3,
        discount_rate=1.0 - np.exp(-0.02 / 260.0),
    )


SIMPLE = example(0.02 * SIGMA)  # costs in proportion to risk
GENERAL = example(np.diag([0.005, 0.03]))
BOTH = pytest.mark.parametrize("problem", [SIMPLE, GENERAL], ids=["simple", "general"])
ONES = [1.0, 1.0]


def test_costs_in_proportion_to_risk() -> None:
    assert SIMPLE.trade_rate == pytest.approx(0.199965814 * np.eye(2), abs=6e-10)
    aim = [[36.11681, 31.72774], [1.17136, -12.40781]]
    assert SIMPLE.aim == pytest.approx(np.array(aim), abs=6e-6)
    markowitz = [[54.81481, 33.18519], [1.77778, -12.97778]]
    assert SIMPLE.markowitz == pytest.approx(np.array(markowitz), abs=6e-6)
    assert SIMPLE.trade([0, 0], ONES) == pytest.approx([13.56659, -2.24691], abs=6e-6)
    assert SIMPLE.value([0, 0], ONES) == pytest.approx(5514.0627, abs=6e-5)
    assert SIMPLE.long_run_reward() == pytest.approx(0.4240077, abs=6e-8)


def test_the_papers_closed_form_for_costs_in_proportion_to_risk() -> None:
    gamma, rho, scale = SIMPLE.risk_aversion, SIMPLE.discount_rate, 0.02
    drag = gamma * (1 - rho) + scale * rho
    a = (-drag + np.sqrt(drag**2 + 4 * gamma * scale * (1 - rho) ** 2)) / (2 * (1 - rho))
    assert SIMPLE.trade_rate == pytest.approx(a / scale * np.eye(2), rel=1e-12, abs=1e-15)
    assert SIMPLE.aim == pytest.approx(SIMPLE.markowitz / (1 + a * REVERSION / gamma), rel=1e-11)


def test_general_costs() -> None:
    rate = [[0.233328, 0.053323], [0.008887, 0.164601]]
    assert GENERAL.trade_rate == pytest.approx(np.array(rate), abs=6e-7)
    aim = [[38.49937, 31.77062], [1.76691, -12.17248]]
    assert GENERAL.aim == pytest.approx(np.array(aim), abs=6e-6)
    assert GENERAL.trade([0, 0], ONES) == pytest.approx([15.84110, -1.08827], abs=6e-6)
    assert GENERAL.value([0, 0], ONES) == pytest.approx(5991.7481, abs=6e-5)
    assert GENERAL.long_run_reward() == pytest.approx(0.4607464, abs=6e-8)


@pytest.mark.parametrize(
    ("problem", "speed", "reward", "jumping"),
    [(SIMPLE, 0.13, 0.38821, -2.29970), (GENERAL, 0.17, 0.43029, -1.36088)],
    ids=["simple", "general"],
)
def test_markowitz_at_one_speed(
    problem: GarleanuPedersen, speed: float, reward: float, jumping: float
) -> None:
    def earned(rate: float) -> float:
        return problem.long_run_reward(LinearPolicy.towards(rate, problem.markowitz))

    assert earned(speed) == pytest.approx(reward, abs=6e-6)  # the best whole hundredth
    assert earned(1.0) == pytest.approx(jumping, abs=6e-6)
    best = problem.best_constant_speed()
    assert best.speed == pytest.approx(speed, abs=0.005)
    assert best.reward == earned(best.speed)
    assert max(earned(best.speed * 0.99), earned(best.speed * 1.01)) < best.reward
    assert reward <= best.reward + 6e-6 < problem.long_run_reward()


@BOTH
def test_value_iteration_leads_to_the_same_matrix(problem: GarleanuPedersen) -> None:
    kept, cost = 1.0 - problem.discount_rate, problem.cost
    matrix = np.zeros((2, 2))
    for _ in range(500):
        curvature = cost + kept * (problem.risk_aversion * SIGMA + matrix)
        matrix = cost - cost @ np.linalg.solve(curvature, cost)
    assert problem.value_holdings == pytest.approx(matrix, rel=1e-12)


@BOTH
def test_the_value_is_the_best_reward_and_the_value_after_it(problem: GarleanuPedersen) -> None:
    generator = np.random.default_rng(9)
    kept = 1.0 - problem.discount_rate
    noise = 0.5 * np.sum(problem.value_factors * problem.factor_covariance)

    def prospect(x: np.ndarray, f: np.ndarray, trade: np.ndarray) -> np.ndarray:
        held = x + trade
        risk = np.einsum("ki,ij,kj->k", held, SIGMA, held)
        paid = np.einsum("ki,ij,kj->k", trade, problem.cost, trade)
        gain = np.sum(held * (f @ problem.loadings.T), axis=1)
        later = problem.value(held, f @ problem.persistence.T) + noise
        return kept * (gain - 0.5 * problem.risk_aversion * risk + later) - 0.5 * paid

    x, f = generator.normal(scale=30.0, size=(1000, 2)), generator.normal(size=(1000, 2))
    best = problem.trade(x, f)
    assert prospect(x, f, best) == pytest.approx(problem.value(x, f), rel=1e-11)
    other = best + generator.normal(scale=5.0, size=best.shape)
    assert np.all(prospect(x, f, other) < problem.value(x, f))


@BOTH
def test_no_linear_policy_nearby_earns_more(problem: GarleanuPedersen) -> None:
    generator = np.random.default_rng(10)
    best, reward = problem.optimum, problem.long_run_reward()
    for size in (1e-2, 1e-1):
        for _ in range(300):
            carry = best.carry + generator.normal(scale=size, size=(2, 2))
            response = best.response * (1.0 + generator.normal(scale=size, size=(2, 2)))
            if np.abs(np.linalg.eigvals(carry)).max() < 1.0:
                assert problem.long_run_reward(LinearPolicy(carry, response)) < reward


@pytest.mark.proof
@BOTH
def test_a_simulation_earns_the_long_run_reward(problem: GarleanuPedersen) -> None:
    generator = np.random.default_rng(11)
    paths, steps, burn = 4000, 600, 600
    root = np.sqrt(np.diag(problem.factor_covariance))
    x, f, earned = np.zeros((paths, 2)), np.zeros((paths, 2)), np.zeros(paths)
    for step in range(burn + steps):
        trade = problem.trade(x, f)
        x = x + trade
        reward = np.sum(x * (f @ problem.loadings.T), axis=1)
        reward -= 0.5 * problem.risk_aversion * np.sum(x @ SIGMA * x, axis=1)
        reward -= 0.5 * np.sum(trade @ problem.cost * trade, axis=1)
        earned += reward if step >= burn else 0.0
        f = f @ problem.persistence.T + root * generator.standard_normal((paths, 2))
    earned /= steps
    error = earned.std() / np.sqrt(paths)
    assert error < 0.01
    assert earned.mean() == pytest.approx(problem.long_run_reward(), abs=4 * error)


def test_one_asset_and_one_factor_is_a_problem_too() -> None:
    small = GarleanuPedersen(
        loadings=[[0.01]],
        mean_reversion=[0.1],
        factor_covariance=[[1.0]],
        covariance=[[1.0]],
        cost=[[0.1]],
        risk_aversion=1e-3,
        discount_rate=1e-4,
    )
    assert 0.0 < small.best_constant_speed().reward < small.long_run_reward()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"loadings": np.zeros(2)}, r"loadings has shape \(2,\): must be \(assets, factors\)"),
        ({"mean_reversion": [0.1]}, r"mean_reversion has shape \(1, 1\): must be \(2, 2\)"),
        ({"mean_reversion": [0.0, 0.1]}, "mean_reversion keeps 1 of a factor: must be below 1"),
        ({"covariance": [[1.0, 0.5], [0.4, 1.0]]}, "covariance is not symmetric"),
        ({"covariance": [[1.0, 2.0], [2.0, 1.0]]}, "covariance has an eigenvalue of -1"),
        ({"cost": np.diag([1.0, 0.0])}, "cost has an eigenvalue of 0: must be positive definite"),
        ({"cost": np.full((2, 2), np.nan)}, "cost contains a value that is not finite"),
        ({"factor_covariance": -np.eye(2)}, "must be positive semidefinite"),
        ({"risk_aversion": 0.0}, "risk_aversion = 0.0: must be finite and > 0"),
        ({"discount_rate": 1.0}, "discount_rate = 1.0: must be above 0 and below 1"),
    ],
)
def test_an_invalid_problem_is_refused_in_one_line(change: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        replace(SIMPLE, **change)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


def test_a_policy_without_a_stationary_law_is_refused() -> None:
    with pytest.raises(ValueError, match="carry keeps 1 of the holdings a step: must be below 1"):
        SIMPLE.long_run_reward(LinearPolicy(np.eye(2), np.eye(2)))
    with pytest.raises(ValueError, match=r"response has shape \(2, 3\): must be \(2, 2\)"):
        SIMPLE.long_run_reward(LinearPolicy(np.zeros((2, 2)), np.zeros((2, 3))))
    with pytest.raises(ValueError, match=r"rate has shape \(3, 3\)"):
        LinearPolicy.towards(np.eye(3), SIMPLE.aim)
