"""Ritter's problem through Portfolio-v0: what the optimum earns, and what a trade costs."""

import json
import math
from functools import cache
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import pytest

from trading_env.policies.policy import Policy
from trading_env.problems import Problem, ritter

BURN = 60  # steps in which price and holdings forget where they began: 12 half-lives
STEPS = 560
LANES = 2048


@cache
def paper() -> Problem:
    return ritter(episode_length=STEPS, paths=LANES)


@cache
def small() -> Problem:
    """Other parameters: both limits bind, and the equilibrium price is no whole tick."""
    return ritter(
        equilibrium_price=20.12,
        half_life=3.0,
        volatility=0.05,
        tick=0.05,
        lot=10,
        max_trade=2,
        max_holding=3,
        risk_aversion=1e-3,
        cells=161,
        episode_length=STEPS,
        paths=LANES,
    )


class Run(NamedTuple):
    reward: float  # currency a step
    error: float
    shown: float  # the environment's own reward a step
    traded: float  # lots, largest
    held: float


def run(problem: Problem, policy: Policy, lot: float, kappa: float) -> Run:
    envs = gym.make_vec(
        problem.env_id,
        LANES,
        vectorization_mode="vector_entry_point",
        autoreset_mode="Disabled",
        **problem.env_kwargs,
    )
    observation, info = envs.reset(seed=0)
    total, shown, traded, held = np.zeros(LANES), 0.0, 0.0, 0.0
    for step in range(STEPS):
        equity, before = info["equity"], info["position"]
        observation, reward, _, _, info = envs.step(policy.act(observation, info))
        lots, trade = info["position"] / lot, (info["position"] - before) / lot
        assert (lots == np.rint(lots)).all()
        traded, held = max(traded, np.abs(trade).max()), max(held, np.abs(lots).max())
        if step >= BURN:
            change = info["equity"] - equity
            total += change - 0.5 * kappa * change**2
            shown += reward.mean()
    mean = total / (STEPS - BURN)
    # Lanes draw their path from a pool as large as their number: both samplings add up.
    error = float(mean.std() * math.sqrt(2.0 / LANES))
    return Run(float(mean.mean()), error, shown / (STEPS - BURN), traded, held)


@pytest.mark.proof
def test_the_optimum_earns_what_dynamic_programming_says() -> None:
    problem = paper()
    earned = run(problem, problem.optimal_policy, 100.0, 1e-4)
    assert abs(earned.reward - problem.optimal_value) < 4.0 * earned.error
    assert earned.error < 0.02 * problem.optimal_value  # the test can tell 8% apart
    assert (earned.traded, earned.held) == (5.0, 10.0)
    # The account grows by STEPS x 500 of 5e8: what the environment pays is in units of its equity.
    assert earned.shown == pytest.approx(earned.reward, rel=1e-3)


@pytest.mark.slow
def test_the_optimum_of_other_parameters() -> None:
    problem = small()
    earned = run(problem, problem.optimal_policy, 10.0, 1e-3)
    assert abs(earned.reward - problem.optimal_value) < 4.0 * earned.error
    assert earned.error < 0.05 * problem.optimal_value
    assert (earned.traded, earned.held) == (2.0, 3.0)


@pytest.mark.proof
def test_other_policies_earn_their_reference_values() -> None:
    problem, values = small(), small().reference_values
    assert values["flat"] == 0.0
    myopic = run(problem, problem.policies["myopic"], 10.0, 1e-3)
    assert abs(myopic.reward - values["myopic"]) < 4.0 * myopic.error
    assert values["myopic"] < problem.optimal_value
    assert paper().reference_values["myopic"] == pytest.approx(258.5, abs=0.2)
    env = gym.make(problem.env_id, **problem.env_kwargs)
    action = problem.policies["flat"].act(*env.reset(seed=0))
    assert (action == 0.0).all()


@pytest.mark.proof
def test_costs_that_forbid_every_trade_leave_an_environment_that_can_be_made() -> None:
    problem = ritter(tick=12.5, volatility=0.02, cells=81, episode_length=5, paths=2)
    assert (problem.optimal_value, problem.reference_values["turnover"]) == (0.0, 0.0)
    env = gym.make(problem.env_id, **problem.env_kwargs)
    assert (problem.optimal_policy.act(*env.reset(seed=0)) == 0.0).all()


@pytest.mark.parametrize(
    ("make", "tick", "lot", "most"),
    [
        (small, 0.05, 10.0, 2),
        pytest.param(paper, 0.1, 100.0, 5, marks=pytest.mark.proof),
    ],
)
def test_a_trade_pays_the_spread_and_the_impact_at_the_price_that_was_seen(
    make: Any, tick: float, lot: float, most: int
) -> None:
    problem = make()
    weight = problem.optimal_policy.max_weight
    env = gym.make(problem.env_id, **problem.env_kwargs)
    _, info = env.reset(seed=3)
    generator = np.random.default_rng(4)
    sizes = set()
    for _ in range(200):
        before, mark, equity = info["position"][0], info["mark"][0], info["equity"]
        wish = before / lot + generator.integers(-most - 2, most + 3)
        wish = np.clip(wish, -2.0, 2.0)
        action = np.array([wish * lot * mark / (equity * weight)])
        _, _, _, _, info = env.step(action)
        fills, trade = info["execution"], info["position"][0] - before
        sizes.add(abs(trade) / lot)
        cost = tick * abs(trade) + tick / lot * trade**2
        assert fills["spread"][0] + fills["impact"][0] == pytest.approx(cost, abs=1e-9)
        assert fills["delay"][0] == 0.0 and fills["fees"][0] == 0.0
        gain = info["position"][0] * (info["mark"][0] - mark) - cost
        # The account holds some 1e8 and is rounded to 1e-8.
        assert info["equity"] - equity == pytest.approx(gain, abs=1e-6)
        if trade != 0.0:
            paid = tick + tick / lot * abs(trade)
            assert fills["price"][0] == pytest.approx(mark + np.sign(trade) * paid, abs=1e-9)
    assert sizes >= set(range(most))


@pytest.mark.proof
def test_the_environment_holds_the_limit_of_a_trade() -> None:
    problem = paper()
    env = gym.make(problem.env_id, **problem.env_kwargs)
    env.reset(seed=5)
    held = []
    for action in (1.0, 1.0, -1.0, -1.0, -1.0, 0.0):
        _, _, _, _, info = env.step(np.array([action]))
        held.append(info["position"][0])
        assert info["execution"]["working"][0] == 0.0
    assert held == [500.0, 1000.0, 500.0, 0.0, -500.0, 0.0]


def test_arguments_are_json_and_impossible_parameters_are_named() -> None:
    assert json.loads(json.dumps(small().env_kwargs)) == small().env_kwargs
    for change, word in (
        ({"half_life": 0.3}, "half_life"),
        ({"volatility": -0.1}, "volatility"),
        ({"lot": 0}, "lot"),
        ({"max_trade": 2.5}, "max_trade"),
        ({"risk_aversion": math.nan}, "risk_aversion"),
        ({"tick": 50.0}, "tick"),
        ({"cells": 11}, "cells"),
    ):
        with pytest.raises(ValueError, match=f"^{word} = "):
            ritter(**change)  # type: ignore[arg-type]
