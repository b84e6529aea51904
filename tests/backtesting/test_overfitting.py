"""The deflated Sharpe ratio and the probability of backtest overfitting."""

import math

import numpy as np
import pytest

from trading_env.backtesting.overfitting import (
    backtest_overfitting,
    choice_among,
    deflated_sharpe,
    expected_best_sharpe,
    probabilistic_sharpe,
)


def test_the_example_of_the_paper() -> None:
    # Bailey and Lopez de Prado 2014: 2.5 a year over five years of 250 days, 100 trials whose
    # ratios have a variance of 1/2 a year, skewness -3, kurtosis 10; then 46 trials.
    variance = 0.5 / 250.0
    assert expected_best_sharpe(100, variance) == pytest.approx(0.1132, abs=5e-5)
    found = deflated_sharpe(2.5 / math.sqrt(250.0), 1250, 100, variance, -3.0, 10.0)
    assert found == pytest.approx(0.9004, abs=5e-5)
    found = deflated_sharpe(2.5 / math.sqrt(250.0), 1250, 46, variance, -3.0, 10.0)
    assert found == pytest.approx(0.9505, abs=5e-5)


def test_one_trial_deflates_nothing() -> None:
    assert deflated_sharpe(0.1, 500, 1, 1.0) == probabilistic_sharpe(0.1, 0.0, 500)


def test_a_ratio_at_the_target_is_above_it_with_probability_one_half() -> None:
    assert probabilistic_sharpe(0.2, 0.2, 100, -1.0, 6.0) == 0.5


@pytest.mark.proof
def test_the_best_of_many_worthless_ones_is_as_good_as_expected() -> None:
    # The formula is asymptotic: at N = 50 it is within 3% of the mean maximum of normals.
    best = np.random.default_rng(0).normal(size=(20_000, 50)).max(axis=1)
    error = best.std() / math.sqrt(len(best))
    assert abs(best.mean() - expected_best_sharpe(50, 1.0)) < 4.0 * error + 0.03 * best.mean()


@pytest.mark.proof
def test_on_noise_the_best_in_sample_is_better_than_the_median_half_of_the_time() -> None:
    rng = np.random.default_rng(0)
    found = [
        backtest_overfitting(rng.normal(size=(200, 20)), blocks=8).probability for _ in range(400)
    ]
    error = np.std(found) / math.sqrt(len(found))
    assert error < 0.02
    assert abs(np.mean(found) - 0.5) < 4.0 * error


@pytest.mark.parametrize("strategies", [2, 3, 5])
def test_on_noise_it_is_one_half_for_any_number_of_strategies(strategies: int) -> None:
    # Seeds are independent, so the mean errs by std / sqrt(seeds); four of these, 0.04 or less.
    found = [
        backtest_overfitting(np.random.default_rng(seed).normal(size=(80, strategies)), 8)[0]
        for seed in range(1000)
    ]
    error = np.std(found) / math.sqrt(len(found))
    assert error < 0.01
    assert abs(np.mean(found) - 0.5) < 4.0 * error


@pytest.mark.parametrize("copies", [2, 3, 8])
def test_copies_of_one_strategy_are_even(copies: int) -> None:
    values = np.random.default_rng(4).normal(size=400)
    found = choice_among({f"p{i}": values.copy() for i in range(copies)})
    assert found is not None and found.overfitting == 0.5


def test_a_strategy_that_is_better_everywhere_is_not_overfitted() -> None:
    returns = np.random.default_rng(1).normal(size=(400, 10))
    returns[:, 3] += 1.0
    assert backtest_overfitting(returns, blocks=8).probability == 0.0


def test_who_wins_one_half_and_loses_the_other_is_overfitted_wherever_a_choice_can_be_wrong() -> (
    None
):
    # Two blocks: whoever was best in one is worst in the other, of two strategies.
    first, second = [0.01, 0.03] * 4, [-0.03, -0.01] * 4
    returns = np.array([first + second, second + first]).T
    found = backtest_overfitting(returns, blocks=2)
    assert found.probability == 1.0
    assert found.logits == pytest.approx(np.log([1.0 / 2.0, 1.0 / 2.0]))


@pytest.mark.parametrize(
    ("returns", "blocks", "named"),
    [
        (np.zeros((100, 1)), 4, "strategies"),
        (np.full((100, 3), np.nan), 4, "finite"),
        (np.zeros((100, 3)), 5, "blocks = 5"),
        (np.zeros((7, 3)), 4, "7 steps"),
    ],
)
def test_what_cannot_be_split_is_refused(returns: np.ndarray, blocks: int, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        backtest_overfitting(returns, blocks)


def test_the_choice_of_a_policy_with_skill_is_no_luck_and_that_of_a_worthless_one_may_be() -> None:
    rng = np.random.default_rng(2)
    returns = {f"p{i}": rng.normal(size=1000) for i in range(8)}
    failed = rng.normal(size=900) + 9.0  # it ended in an error in one window
    lucky = choice_among({**returns, "flat": np.zeros(1000), "failed": failed})
    assert lucky is not None
    assert (lucky.trials, lucky.steps) == (8, 1000)
    ratios = {name: values.mean() / values.std() for name, values in returns.items()}
    assert lucky.best == max(ratios, key=lambda name: ratios[name])
    target = expected_best_sharpe(8, np.var(list(ratios.values()), ddof=1))
    assert lucky.deflated == pytest.approx(
        probabilistic_sharpe(ratios[lucky.best], target, 1000), abs=0.02
    )
    skilled = choice_among({**returns, "good": rng.normal(size=1000) + 0.3})
    assert skilled is not None
    assert (skilled.best, skilled.overfitting) == ("good", 0.0)
    assert skilled.deflated > 0.999 > 0.9 > lucky.deflated


@pytest.mark.parametrize("steps", [0, 79])
def test_few_steps_or_one_policy_are_no_choice(steps: int) -> None:
    rng = np.random.default_rng(3)
    one, other = rng.normal(size=(2, steps))
    assert choice_among({"a": one, "b": other}) is None
    assert choice_among({"a": rng.normal(size=500), "flat": np.zeros(500)}) is None


def test_cash_with_interest_is_no_policy_with_skill() -> None:
    """What it earns is the same in every step but for rounding."""
    returns = np.random.default_rng(0).normal(0.001, 0.01, (2, 400))
    cash = 5e-5 + 1e-17 * np.random.default_rng(1).standard_normal(400)
    found = choice_among({"flat": cash, "a": returns[0], "b": returns[1]})
    assert found is not None and found.best in ("a", "b") and found.trials == 2
