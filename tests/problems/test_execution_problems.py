"""The engine against Almgren-Chriss and Obizhaeva-Wang, through Execution-v0."""

import math
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from trading_env.policies.policy import Policy
from trading_env.policies.schedules import Schedule
from trading_env.problems import Problem, almgren_chriss, obizhaeva_wang
from trading_env.problems.closed_forms.almgren_chriss import AlmgrenChriss
from trading_env.problems.closed_forms.obizhaeva_wang import ObizhaevaWang

EXACT = 1e-9  # relative: some ten thousand roundings of float64
PATHS = 16_384


def calm(problem: Problem) -> dict[str, Any]:
    """The problem's arguments with a price that does not move by itself."""
    kwargs = dict(problem.env_kwargs)
    return kwargs | {"market": kwargs["market"] | {"covariance": 0.0, "paths": 1}}


def cost_of(kwargs: dict[str, Any], policy: Policy) -> float:
    """Implementation shortfall of one episode, currency."""
    env = gym.make("trading_env/Execution-v0", detail="full", **kwargs)
    observation, info = env.reset(seed=0)
    ended = False
    while not ended:
        observation, _, ended, _, info = env.step(policy.act(observation, info))
    return float(info["summary"]["parent_shortfall"])


def random_problem(rng: np.random.Generator) -> dict[str, float]:
    """Valid parameters over orders of magnitude; eta - gamma tau / 2 > 0 by construction."""
    steps = int(rng.integers(1, 30))
    horizon = float(10 ** rng.uniform(-1, 1.5))
    price = float(10 ** rng.uniform(0, 3))
    quantity = float(10 ** rng.uniform(2, 7))
    permanent = price / quantity * float(10 ** rng.uniform(-4, -1))
    return {
        "initial_price": price,
        "quantity": quantity * float(rng.choice([-1.0, 1.0])),
        "horizon": horizon,
        "steps": steps,
        "volatility": price * float(10 ** rng.uniform(-4, -2)),
        "half_spread": price * float(10 ** rng.uniform(-5, -2)),
        "permanent": permanent,
        "temporary": permanent * horizon / steps * float(rng.uniform(0.6, 10.0)),
        "risk_aversion": float(10 ** rng.uniform(-4, 3)) / (price * quantity),
    }


def test_the_papers_example_costs_what_the_paper_says() -> None:
    problem = almgren_chriss(risk_aversion=1e-6)
    kwargs = calm(problem)
    assert cost_of(kwargs, problem.optimal_policy) == pytest.approx(911_226.986, abs=5e-4)
    assert cost_of(kwargs, problem.policies["twap"]) == pytest.approx(662_500.0, rel=EXACT)
    assert cost_of(kwargs, problem.policies["immediate"]) == pytest.approx(2_562_500.0, rel=EXACT)
    assert problem.optimal_value == pytest.approx(1_275_355.6, abs=0.05)


@pytest.mark.parametrize("draw", range(25))
def test_random_problems_cost_what_the_formula_says(draw: int) -> None:
    parameters = random_problem(np.random.default_rng([1, draw]))
    model = AlmgrenChriss(**parameters)
    problem = almgren_chriss(**parameters)
    schedules = {"optimum": model.schedule(), "twap": model.twap(), "immediate": model.immediate()}
    for schedule in schedules.values():
        cost = cost_of(calm(problem), Schedule.of(schedule))
        assert cost == pytest.approx(float(model.expected_cost(schedule)), rel=EXACT)


def episodes(problem: Problem, policy: Policy, seed: int) -> tuple[Any, Any]:
    """Costs and summed rewards of one episode in each of PATHS lanes."""
    envs = gym.make_vec(
        problem.env_id,
        PATHS,
        vectorization_mode="vector_entry_point",
        autoreset_mode="Disabled",
        **problem.env_kwargs,
    )
    observation, info = envs.reset(seed=seed)
    rewards = np.zeros(PATHS)
    for _ in range(problem.env_kwargs["episode_length"]):
        observation, reward, ended, _, info = envs.step(policy.act(observation, info))
        rewards += reward
    assert ended.all()
    return info["summary"]["parent_shortfall"], rewards


@pytest.mark.proof
def test_with_volatility_mean_and_variance_are_the_formulas() -> None:
    """32,768 episodes on 2 x 16,384 paths drawn from pools of as many: four standard errors."""
    costs, objective = [], []
    for seed in (0, 1):
        problem = almgren_chriss(paths=PATHS, seed=seed)
        cost, rewards = episodes(problem, problem.optimal_policy, seed)
        costs.append(cost)
        objective.append(-rewards * 50.0 * 1e6 / 100.0)
    cost = np.concatenate(costs)
    mean, variance = (problem.reference_values[k] for k in ("expected_cost", "variance"))
    # An episode draws its path from the pool with replacement: both samplings add up.
    error = math.sqrt(2.0 / cost.size)
    assert abs(cost.mean() - mean) < 4.0 * math.sqrt(variance) * error
    assert abs(cost.var() / variance - 1.0) < 4.0 * math.sqrt(2.0) * error
    assert abs(np.concatenate(objective).mean() - problem.optimal_value) < 4.0 * (
        math.sqrt(variance) * error
    )


def test_no_random_schedule_beats_the_optimum() -> None:
    """10,240 random paces against the objective that the rewards add up to."""
    problem = almgren_chriss()
    envs = gym.make_vec(
        problem.env_id,
        10_240,
        vectorization_mode="vector_entry_point",
        autoreset_mode="Disabled",
        **calm(problem),
    )
    rng = np.random.default_rng(0)
    total = np.zeros(envs.num_envs)
    nearby = rng.normal(0.0, 0.02, (problem.env_kwargs["episode_length"], envs.num_envs, 1))
    observation, info = envs.reset(seed=0)
    for k in range(problem.env_kwargs["episode_length"]):
        pace = problem.optimal_policy.act(observation, info) + nearby[k]
        pace[::2] = rng.uniform(-1.0, 1.0, pace[::2].shape)
        pace[0] = problem.optimal_policy.act(observation, info)[0]
        observation, reward, _, _, info = envs.step(pace)
        total += reward
    found = -total * 50.0 * 1e6 / 100.0
    assert found[0] == pytest.approx(problem.optimal_value, rel=EXACT)
    assert (found[1:] >= problem.optimal_value * (1.0 - EXACT)).all()
    assert found[1::2].min() < 1.001 * problem.optimal_value  # the neighbours come close


def test_a_schedule_finds_the_time_left_before_a_window() -> None:
    problem = almgren_chriss()
    plain = calm(problem)
    plain["market"] = plain["market"] | {"bars": 200}
    wide = {**plain, "window": 3, "frames": ["1w"]}
    assert cost_of(wide, problem.optimal_policy) == cost_of(plain, problem.optimal_policy)


def test_obizhaeva_wang_is_exact() -> None:
    problem = obizhaeva_wang()
    costs = {name: cost_of(calm(problem), policy) for name, policy in problem.policies.items()}
    assert cost_of(calm(problem), problem.optimal_policy) == pytest.approx(737_304.83, abs=5e-3)
    assert costs["twap"] == pytest.approx(758_513.05, abs=5e-3)
    assert costs["immediate"] == pytest.approx(1_000_000.0, rel=EXACT)


@pytest.mark.parametrize("draw", range(25))
def test_random_schedules_in_random_books_are_exact(draw: int) -> None:
    rng = np.random.default_rng([2, draw])
    depth = float(10 ** rng.uniform(1, 5))
    price = float(10 ** rng.uniform(0, 3))
    parameters = {
        "initial_price": price,
        "quantity": price * depth * float(rng.uniform(0.001, 0.9)) * float(rng.choice([-1, 1])),
        "horizon": float(10 ** rng.uniform(-1, 1)),
        "trades": int(rng.integers(1, 25)),
        "depth": depth,
        "permanent": float(rng.uniform(0.0, 0.9)) / depth,
        "resilience": float(10 ** rng.uniform(-1, 1)),
    }
    model = ObizhaevaWang(**parameters)
    problem = obizhaeva_wang(**parameters)
    schedule = rng.exponential(1.0, parameters["trades"])
    schedule *= parameters["quantity"] / schedule.sum()
    for slices in (schedule, model.schedule()):
        cost = cost_of(calm(problem), Schedule.of(slices))
        assert cost == pytest.approx(float(model.cost(slices)), rel=EXACT)


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"quantity": 0.0}, "quantity"),
        ({"temporary": 1e-9}, "temporary"),
        ({"steps": 0}, "steps"),
        ({"volatility": float("nan")}, "volatility"),
        ({"permanent": 1e-4}, "permanent"),
    ],
)
def test_impossible_parameters_are_named(changed: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        almgren_chriss(**changed)
    with pytest.raises(ValueError, match="resilience"):
        obizhaeva_wang(resilience=-1.0)
