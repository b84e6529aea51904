"""The harness in which PPO is scored against Garleanu and Pedersen; not the training itself."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from benchmarks.holdings import POOL, Holdings, weights_of
from benchmarks.regret_portfolio import (
    EXAMPLE,
    LENGTH,
    earned,
    exact_score,
    learner,
    linear_actor,
    measured_score,
)
from trading_env.problems import Problem, garleanu_pedersen
from trading_env.problems.closed_forms.linear import LinearPolicy

LANES = 256
SAMPLING = ((1.0 + 1.0 / POOL) / LANES) ** 0.5  # of a mean: lanes of a pool, and the pool


@pytest.fixture(scope="module")
def problem() -> Problem:
    return garleanu_pedersen(**EXAMPLE, episode_length=LENGTH)


def weights(problem: Problem, name: str) -> NDArray[np.float64]:
    trader = problem.optimal_policy if name == "optimum" else problem.policies[name]
    return weights_of(problem, LinearPolicy.towards(trader.rate, trader.aim))


@pytest.mark.proof
@pytest.mark.parametrize(("name", "score"), [("optimum", 1.0), ("best_constant_speed", 0.0)])
def test_the_closed_form_policies_score_what_they_are_worth(
    problem: Problem, name: str, score: float
) -> None:
    """The weights are those of PPO's own actor, and PPO's own mean action is scored."""
    planted = weights(problem, name)
    model = learner(problem, LANES, seed=0)
    head = model.policy.action_net
    with torch.no_grad():
        head.weight.copy_(torch.as_tensor(planted))
        head.bias.zero_()
    assert exact_score(problem, planted, np.zeros(2)) == pytest.approx(score, abs=1e-9)
    measured, error = measured_score(
        problem, lambda features: model.predict(features, deterministic=True)[0], LANES, seed=1
    )
    assert error < 0.1
    assert abs(measured - score) < 4.0 * error + 1e-3  # the actor's weights are float32


@pytest.mark.proof
def test_an_intercept_costs_the_risk_of_what_it_holds(problem: Problem) -> None:
    """The mean action off by a constant holds a constant position more, for nothing."""
    planted, bias = weights(problem, "optimum"), np.array([0.1, -0.05])
    actor = linear_actor(problem)
    shifted = earned(problem, lambda features: actor(features) + bias, LANES, seed=2)
    lost = (earned(problem, actor, LANES, seed=2) - shifted) / (
        problem.optimal_value - problem.reference_values["best_constant_speed"]
    )
    expected = 1.0 - exact_score(problem, planted, bias)
    assert abs(lost.mean() - expected) < 4.0 * lost.std() * SAMPLING
    assert expected > 0.05


@pytest.mark.proof
def test_luck_has_no_mean_and_is_nearly_all_of_the_noise(problem: Problem) -> None:
    """What is taken off the rewards makes no policy worth more or less."""
    envs, actor = Holdings(problem, LANES, seed=3), linear_actor(problem)
    features, luck, left, own = envs.reset(), [], [], []
    for _ in range(LENGTH):  # the last step ends every episode
        features = envs.step(actor(features))[0]
        luck.append(envs.luck)
        left.append(envs.rewards)
        own.append(envs.batch.outputs.rewards - envs.luck)
    by_lane = np.mean(luck, axis=0)
    assert abs(by_lane.mean()) < 4.0 * by_lane.std() * SAMPLING
    assert np.std(left) < 0.05 * np.std(luck)
    # The environment's own reward is the same in the mean, but for 0.001: its risk counts the
    # expected gain too.
    gap = np.mean(own, axis=0) - np.mean(left, axis=0)
    assert abs(gap.mean()) < 4.0 * gap.std() * SAMPLING + 0.002


@pytest.mark.proof
def test_planted_weights_want_what_the_problem_s_own_policy_wants(problem: Problem) -> None:
    """Both see the same lanes; the policy reads them in shares, the actor in features."""
    envs, actor = Holdings(problem, LANES, seed=4), linear_actor(problem)
    features = envs.reset()
    for _ in range(10):
        lanes = envs.batch.lanes
        info = {
            "position": lanes.assets["position"].copy(),
            "mark": lanes.assets["mark"].copy(),
            "equity": lanes.accounts["equity"].copy(),
        }
        wanted = problem.optimal_policy.act(envs.batch.outputs.observations, info)
        features = envs.step(actor(features))[0]
        # Prices move by less than 1% of themselves in ten steps: features are at the first price.
        np.testing.assert_allclose(envs.weights, wanted, rtol=0.0, atol=0.01 * wanted.std())
