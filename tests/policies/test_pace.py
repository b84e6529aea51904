"""The hand rule and the network over it: what they do when trading is dear, and what is saved."""

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from numpy.typing import NDArray

from trading_env import ADAPTIVE_EXECUTION, policies
from trading_env.backtesting import evaluate
from trading_env.backtesting.rollouts import rollout
from trading_env.core.errors import PolicyError
from trading_env.envs.vector import ExecutionVectorEnv
from trading_env.policies.adaptive import Network
from trading_env.policies.baselines import Twap
from trading_env.policies.pace import FAST, FEEDBACK, REACH, PaceInputs, PacePolicy
from trading_env.policies.patience import Clock, Patience

LENGTH = 20
DROUGHT = {
    "name": "drought",
    "events": [
        {
            "kind": "liquidity",
            "start": "2 bars",
            "spread": 12.0,
            "depth": 0.1,
            "duration": "6 bars",
        }
    ],
}


def lanes(count: int = 64, scenario: object = None) -> ExecutionVectorEnv:
    return ExecutionVectorEnv(
        count,
        market={"generator": "multiscale", "preset": "btc_minute", "assets": 1},
        episode_length=LENGTH,
        scenario=scenario,
        detail="none",
        autoreset_mode="Disabled",
    )


def clock_of(envs: ExecutionVectorEnv) -> Clock:
    return Clock(envs.layout, LENGTH)


def network(inputs: int, seed: int = 0, size: float = 1.0) -> Network:
    generator = np.random.default_rng(seed)
    weights = {"mean": np.zeros(inputs), "scale": np.ones(inputs)}
    weights |= {"layer_0.weight": generator.normal(size=(4, inputs)), "layer_0.bias": np.zeros(4)}
    weights |= {"layer_1.weight": size * generator.normal(size=(1, 4)), "layer_1.bias": np.zeros(1)}
    return Network({name: w.astype(np.float32) for name, w in weights.items()})


def observed(envs: ExecutionVectorEnv, **features: float) -> NDArray[np.float32]:
    observation, _ = envs.reset(seed=3)
    for name, value in features.items():
        observation[:, envs.layout.columns(name)] = value
    return observation


def test_the_rule_is_fast_in_calm_and_waits_while_the_quotes_are_bad() -> None:
    envs = lanes(4)
    rule = Patience(clock_of(envs))
    calm = observed(envs, half_spread=0.0, depth=0.0)
    np.testing.assert_allclose(rule.log_speed(calm), np.log(rule.speed))
    # spread x4 and depth x1/4: a cost of 1/4 x 4 + 3/4 x 2 = 2.5 times the calm one
    thin = observed(envs, half_spread=0.6, depth=-0.6)
    slower = max(np.log(rule.speed) - rule.patience * np.log(2.5 / 1.2), -4.0)
    np.testing.assert_allclose(rule.log_speed(thin), slower, rtol=1e-5)
    urgent = observed(envs, half_spread=0.6, depth=-0.6, required_rate=0.11)
    assert (rule.log_speed(urgent) > 1.0).all()


def test_waiting_pays_in_a_drought_that_ends_and_costs_nothing_in_calm() -> None:
    def costs(policy_of: object, scenario: object) -> NDArray[np.float64]:
        envs = lanes(scenario=scenario)
        policy = policy_of(envs)  # type: ignore[operator]
        return np.asarray(rollout(policy, envs, 7).sums["parent_cost_bps"])

    def patient(envs: ExecutionVectorEnv) -> Patience:
        return Patience(clock_of(envs))

    def hasty(envs: ExecutionVectorEnv) -> Patience:
        return Patience(clock_of(envs), patience=0.0)

    def twap(envs: ExecutionVectorEnv) -> Twap:
        return Twap(envs.layout)

    saved = costs(hasty, DROUGHT) - costs(patient, DROUGHT)
    assert saved.mean() > 4.0 * saved.std() / np.sqrt(len(saved))
    assert costs(patient, DROUGHT).mean() < 0.8 * costs(twap, DROUGHT).mean()
    difference = costs(hasty, None) - costs(patient, None)  # only wild volatility slows it
    assert abs(difference.mean()) < 0.05 * costs(hasty, None).mean()


def test_a_network_of_zeros_is_the_rule_and_another_stays_within_its_reach() -> None:
    envs = lanes(16, DROUGHT)
    clock = clock_of(envs)
    inputs = len(PaceInputs(clock, feedback=True).names)
    observation, _ = envs.reset(seed=1)
    silent = PacePolicy(network(inputs, size=0.0), clock)
    assert (silent.act(observation, {}) == Patience(clock).act(observation, {})).all()
    loud = PacePolicy(network(inputs, size=50.0), clock).act(observation, {})
    left = clock.steps_left(observation)
    fastest = clock.paces(observation, Patience(clock).log_speed(observation) + REACH)
    slowest = clock.paces(observation, Patience(clock).log_speed(observation) - REACH)
    assert (slowest <= loud).all() and (loud <= fastest).all() and (left == LENGTH).all()


def test_without_feedback_nothing_of_quotes_or_fills_is_seen() -> None:
    envs = lanes(4)
    clock = clock_of(envs)
    inputs = PaceInputs(clock, feedback=False)
    assert not set(FEEDBACK) & set(inputs.names)
    calm = observed(envs)
    for name in FEEDBACK:
        changed = calm.copy()
        changed[:, envs.layout.columns(name)] = 0.5
        assert (inputs(changed) == inputs(calm)).all()
        assert (inputs.log_speed(changed) == FAST).all()


@pytest.mark.parametrize("feedback", [True, False])
def test_a_pace_survives_being_saved(tmp_path: Path, feedback: bool) -> None:
    envs = lanes(8, DROUGHT)
    clock = clock_of(envs)
    count = len(PaceInputs(clock, feedback=feedback).names)
    policy = PacePolicy(network(count), clock, feedback=feedback)
    policy.save(tmp_path / "policy", scenarios=["drought"])
    loaded = PacePolicy.load(tmp_path / "policy", envs.layout)
    observation, _ = envs.reset(seed=5)
    assert (loaded.act(observation, {}) == policy.act(observation, {})).all()
    assert loaded.clock.length == LENGTH and loaded.feedback is feedback


def test_what_is_no_pace_is_refused(tmp_path: Path) -> None:
    clock = clock_of(lanes(1))
    with pytest.raises(PolicyError, match="takes 3 inputs"):
        PacePolicy(network(3), clock)
    count = len(PaceInputs(clock, feedback=True).names)
    PacePolicy(network(count), clock).save(tmp_path)
    text = (tmp_path / "policy.json").read_text().replace('"last_cost"', '"first_cost"')
    (tmp_path / "policy.json").write_text(text)
    with pytest.raises(PolicyError, match=r"policy\.json: inputs: of other ones"):
        PacePolicy.load(tmp_path, clock.layout)
    (tmp_path / "policy.json").write_text('{"format": "trading-env policy 1"}')
    with pytest.raises(PolicyError, match=r"policy\.json: kind: "):
        PacePolicy.load(tmp_path, clock.layout)


def test_the_registered_task_draws_its_crises_by_the_band() -> None:
    for band, family in (("train", "crises_train"), ("test", "crises_test")):
        env = gym.make("trading_env/AdaptiveExecution-v0", seed_band=band)
        setup = env.unwrapped.setup  # type: ignore[attr-defined]
        assert [scenario.name for scenario in setup.scenarios] == [family]
        assert setup.world.episode[0].length == ADAPTIVE_EXECUTION["episode_length"]
        env.close()


def test_a_pace_is_refused_where_there_is_no_parent_order() -> None:
    spec = policies.load("adaptive-execution-v0")
    asked: dict[str, Any] = {"scenarios": ["calm"], "episodes": 1, "seed": 0}
    with pytest.raises(PolicyError, match="works parent orders") as refused:
        evaluate({"a": spec}, env_kwargs={"episode_length": 10}, **asked)
    assert "trading_env/Execution-v0" in str(refused.value)
    assert len(evaluate({"a": spec}, env="execution", **asked)) == 1
