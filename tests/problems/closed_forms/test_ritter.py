"""Ritter's problem: the optimum's figures, its Bellman equation, and a run on the true price."""

import numpy as np
import pytest

from trading_env.problems.closed_forms.ritter import PolicyRecord, RitterProblem

PROBLEM = RitterProblem()
DEVIATION = 0.1 / np.sqrt(1.0 - (1.0 - PROBLEM.pull) ** 2)  # stationary, of the log price


def threshold_policy(problem: RitterProblem, deviations: float) -> np.ndarray:
    """Go to the largest holding against a price further out than so many deviations."""
    x, held = problem.log_prices[:, None], problem.holdings
    full = problem.max_holding * -np.sign(x).astype(np.int64)
    target = np.where(np.abs(x) > deviations * DEVIATION, full, held)
    return np.clip(target - held, -problem.max_trade, problem.max_trade)


def simulate(problem: RitterProblem, paths: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Run the optimum on the true, continuous price: each path's mean reward and profit."""
    generator = np.random.default_rng(12)
    spacing = problem.log_prices[1] - problem.log_prices[0]
    x, held, before = np.zeros(paths), np.zeros(paths, dtype=np.int64), np.full(paths, 50.0)
    rewards, profits = np.zeros(paths), np.zeros(paths)
    burn = 60
    for step in range(burn + steps):
        cell = np.rint((x - problem.log_prices[0]) / spacing).astype(np.int64)
        trade = problem.policy[np.clip(cell, 0, problem.cells - 1), held + problem.max_holding]
        held = held + trade
        x = x - np.log(2.0) / 5.0 * x + 0.1 * generator.standard_normal(paths)
        after = np.rint(10.0 * 50.0 * np.exp(x)) / 10.0
        shares = 100.0 * np.abs(trade)
        change = 100.0 * held * (after - before) - 0.1 * shares - 0.001 * shares**2
        before = after
        if step >= burn:
            rewards += change - 0.00005 * change**2
            profits += change
    return rewards / steps, profits / steps


def test_the_optimum() -> None:
    record = PROBLEM.record()
    assert record.reward == pytest.approx(261.8, abs=0.2)
    assert record.profit == pytest.approx(498.0, abs=1.0)
    assert record.deviation == pytest.approx(2115.0, abs=4.0)
    assert record.sharpe == pytest.approx(3.737, abs=0.002)
    assert record.turnover == pytest.approx(1.113, abs=0.01)


@pytest.mark.proof
def test_the_optimum_does_not_depend_on_the_grid() -> None:
    rewards = [RitterProblem(cells=cells).record().reward for cells in (81, 161, 481)]
    assert rewards == pytest.approx([PROBLEM.record().reward] * 3, rel=1e-3)


@pytest.mark.proof
def test_a_simulation_on_the_true_price_earns_the_grids_reward() -> None:
    rewards, profits = simulate(PROBLEM, paths=8000, steps=2000)
    error = rewards.std() / np.sqrt(len(rewards))
    assert error < 0.3
    assert rewards.mean() == pytest.approx(PROBLEM.record().reward, abs=4 * error)
    error = profits.std() / np.sqrt(len(profits))
    assert profits.mean() == pytest.approx(PROBLEM.record().profit, abs=4 * error)


@pytest.mark.proof
def test_full_size_beyond_a_threshold_earns_more_money_and_a_negative_reward() -> None:
    record = RitterProblem(cells=641).record(threshold_policy(RitterProblem(cells=641), 0.5))
    assert record.reward == pytest.approx(-380.6, rel=0.02)
    assert record.profit == pytest.approx(785.6, rel=0.005)
    assert record.deviation == pytest.approx(4765.0, rel=0.005)
    assert record.sharpe == pytest.approx(2.62, abs=0.01)
    assert record.turnover == pytest.approx(0.90, abs=0.01)


@pytest.mark.proof
@pytest.mark.parametrize(("risk_aversion", "sharpe"), [(2e-5, 3.31), (5e-4, 3.71), (2e-3, 1.63)])
def test_other_risk_aversions(risk_aversion: float, sharpe: float) -> None:
    record = RitterProblem(risk_aversion=risk_aversion).record()
    assert record.sharpe == pytest.approx(sharpe, rel=0.02)


def test_no_policy_nearby_has_a_higher_value() -> None:
    small = RitterProblem(cells=41, discount=0.999999)  # discounted and mean reward agree
    generator = np.random.default_rng(13)
    best, reward = small.policy, small.record().reward
    for share in (0.01, 0.1, 0.5):
        for _ in range(20):
            nudge = generator.integers(-1, 2, best.shape) * (generator.random(best.shape) < share)
            other = np.clip(best + nudge, -small.max_trade, small.max_trade)
            held = np.clip(small.holdings + other, -small.max_holding, small.max_holding)
            assert small.record(held - small.holdings).reward <= reward + 1e-6


def test_the_values_are_the_best_reward_and_the_values_after_it() -> None:
    updated = PROBLEM._prospects(PROBLEM.values).max(axis=-1)
    assert updated == pytest.approx(PROBLEM.values, rel=1e-11)


def test_the_policy_buys_low_and_sells_high() -> None:
    near = np.abs(PROBLEM.log_prices) < 3.0 * DEVIATION  # further up, the dollar risk is larger
    policy = PROBLEM.policy[near, PROBLEM.max_holding]
    assert np.all(np.diff(policy) <= 0)
    assert policy[0] == PROBLEM.max_trade == -policy[-1]
    assert policy[len(policy) // 2] == 0 and len(policy) % 2 == 1


def test_never_trading_earns_nothing() -> None:
    idle = PROBLEM.record(np.zeros_like(PROBLEM.policy))
    assert idle[:3] == (0.0, 0.0, 0.0) and idle.turnover == 0.0 and np.isnan(idle.sharpe)
    assert isinstance(idle, PolicyRecord)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cells": 11}, "cells = 11: a cell is wider than a step, take more cells"),
        ({"half_life": 0.3}, "half_life = 0.3: must be above ln 2 / 2"),
        ({"discount": 1.0}, "discount = 1.0: must be above 0 and below 1"),
        ({"max_trade": 0}, "max_trade = 0: must be a whole number >= 1"),
        ({"max_holding": 2.0}, "max_holding = 2.0: must be a whole number"),
        ({"tick": 0.0}, "tick = 0.0: must be finite and > 0"),
        ({"risk_aversion": -1.0}, "risk_aversion = -1.0: must be finite and >= 0"),
    ],
)
def test_an_invalid_problem_is_refused_in_one_line(change: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        RitterProblem(**change)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


def test_a_policy_against_the_rules_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must be whole lots \(321, 21\)"):
        PROBLEM.record(np.zeros((321, 20), dtype=np.int64))
    with pytest.raises(ValueError, match="must be whole lots"):
        PROBLEM.record(np.zeros((321, 21)))
    with pytest.raises(ValueError, match="trades 6 and holds 16 lots: above the limits"):
        PROBLEM.record(np.full((321, 21), 6))
