"""Garleanu-Pedersen and Kelly, through Portfolio-v0."""

import math
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import pytest

from trading_env.policies.policy import Policy
from trading_env.problems import Problem, garleanu_pedersen, kelly
from trading_env.problems.closed_forms.garleanu_pedersen import GarleanuPedersen

BURN = 250  # steps in which holdings forget that they began at 0


def reversion(half_life: float) -> float:
    return 1.0 - 0.5 ** (1.0 / half_life)


PAPER: dict[str, Any] = {
    "loadings": [[0.020, 0.010], [0.010, -0.008]],
    "mean_reversion": [reversion(5.0), reversion(60.0)],
    "factor_covariance": np.diag([0.25, 0.02]),
    "covariance": [[0.36, 0.15], [0.15, 1.0]],
    "risk_aversion": 1e-3,
    "discount_rate": 1.0 - math.exp(-0.02 / 260.0),
}
SHARED = 0.02 * np.array(PAPER["covariance"])
APART = np.diag([0.005, 0.03])


class Estimate(NamedTuple):
    mean: float
    error: float


def long_run(problem: Problem, policy: Policy, risk_aversion: float, steps: int) -> Estimate:
    """Mean reward a step, from the equity's change and the covariance, over independent lanes.

    x'(r - B f) has mean 0 whatever the policy does, and is taken off: it is nearly all of the
    noise (a control variate).
    """
    market = problem.env_kwargs["market"]
    loadings, covariance = np.array(market["loadings"]), np.array(market["covariance"])
    lanes = market["paths"]
    envs = gym.make_vec(
        problem.env_id,
        lanes,
        vectorization_mode="vector_entry_point",
        autoreset_mode="Disabled",
        **problem.env_kwargs,
    )
    observation, info = envs.reset(seed=0)
    columns = [*problem.optimal_policy.columns]
    total = np.zeros(lanes)
    for k in range(steps):
        factors = observation[..., columns].astype(float)
        equity, mark = info["equity"], info["mark"]
        observation, _, _, _, info = envs.step(policy.act(observation, info))
        if k >= BURN:
            held = info["position"]
            risk = np.einsum("li,ij,lj->l", held, covariance, held)
            luck = (held * (info["mark"] - mark - factors @ loadings.T)).sum(axis=1)
            total += info["equity"] - equity - 0.5 * risk_aversion * risk - luck
    mean = total / (steps - BURN)
    # Lanes draw their path from a pool as large as their number: both samplings add up.
    return Estimate(float(mean.mean()), float(mean.std() * math.sqrt(2.0 / lanes)))


@pytest.mark.slow
@pytest.mark.parametrize(("cost", "value"), [(SHARED, 0.4240077), (APART, 0.4607464)])
def test_the_linear_optimum_earns_the_long_run_reward(cost: Any, value: float) -> None:
    steps = 1250
    problem = garleanu_pedersen(cost=cost, episode_length=steps, paths=2048, **PAPER)
    assert problem.optimal_value == pytest.approx(value, abs=1e-7)
    earned = long_run(problem, problem.optimal_policy, 1e-3, steps)
    assert abs(earned.mean - value) < 4.0 * earned.error
    assert earned.error < 0.02 * value  # the test can tell 10% apart
    slower = problem.policies["best_constant_speed"]
    constant = long_run(problem, slower, 1e-3, steps)
    assert abs(constant.mean - problem.reference_values["best_constant_speed"]) < (
        4.0 * constant.error
    )
    assert constant.mean < earned.mean  # on the same paths


def random_arguments(assets: int) -> dict[str, Any]:
    """A problem with correlated assets, full cost matrix and coupled factors."""
    rng = np.random.default_rng(assets)
    factors = 3
    root = rng.normal(size=(assets, assets)) / math.sqrt(assets)
    covariance = root @ root.T + 0.2 * np.eye(assets)
    other = rng.normal(size=(assets, assets)) / math.sqrt(assets)
    return {
        "loadings": 0.02 * rng.normal(size=(assets, factors)),
        "mean_reversion": np.diag(rng.uniform(0.02, 0.3, factors))
        + 0.01 * rng.normal(size=(factors, factors)),
        "factor_covariance": np.diag(rng.uniform(0.01, 0.3, factors)),
        "covariance": covariance,
        "cost": 0.02 * (other @ other.T + 0.3 * np.eye(assets)),
        "risk_aversion": 1e-3,
        "discount_rate": 1e-4,
    }


@pytest.mark.slow
@pytest.mark.parametrize("assets", [2, 5, 20])
def test_random_problems_earn_the_riccati_solution(assets: int) -> None:
    arguments = random_arguments(assets)
    steps = 750
    problem = garleanu_pedersen(episode_length=steps, paths=512, **arguments)
    model = GarleanuPedersen(**{k: np.asarray(v) for k, v in arguments.items()})
    assert problem.optimal_value == pytest.approx(model.long_run_reward())
    earned = long_run(problem, problem.optimal_policy, 1e-3, steps)
    assert abs(earned.mean - problem.optimal_value) < 4.0 * earned.error
    assert earned.error < 0.1 * problem.optimal_value


@pytest.mark.proof
@pytest.mark.parametrize("name", ["optimum", "half", "one_and_a_half"])
def test_kelly_weights_grow_at_the_rate_of_the_formula(name: str) -> None:
    problem = kelly(0.08, 0.20, rate=0.02, paths=2048)
    policy = problem.optimal_policy if name == "optimum" else problem.policies[name]
    value = problem.optimal_value if name == "optimum" else problem.reference_values[name]
    envs = gym.make_vec(
        problem.env_id,
        2048,
        vectorization_mode="vector_entry_point",
        autoreset_mode="Disabled",
        **problem.env_kwargs,
    )
    observation, info = envs.reset(seed=0)
    for _ in range(260):
        observation, _, _, _, info = envs.step(policy.act(observation, info))
    growth = np.log1p(info["summary"]["return"])
    # 260 business days are 364 of the 365.25 that a year of interest has; 2 samplings as above.
    error = growth.std() * math.sqrt(2.0 / growth.size)
    assert abs(growth.mean() - value) < 4.0 * error


def test_impossible_parameters_are_named() -> None:
    with pytest.raises(ValueError, match="cost"):
        garleanu_pedersen(cost=[[1.0, 2.0], [2.0, 1.0]], **PAPER)
    with pytest.raises(ValueError, match="loadings"):
        garleanu_pedersen(cost=APART, **{**PAPER, "loadings": [[1.0, float("nan")], [0.0, 1.0]]})
    with pytest.raises(ValueError, match="volatility"):
        kelly(0.1, 0.0)
    with pytest.raises(ValueError, match=r"rate = -0.02: .* here 3 is held"):
        kelly(0.08, 0.20, rate=-0.02)
    with pytest.raises(ValueError, match="rate"):
        kelly(0.7 * 0.04, 0.20, rate=-0.02)  # one and a half of it is more than the equity
