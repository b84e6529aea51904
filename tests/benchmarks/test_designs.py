"""Designs of the pace: what each sees, when a limited patience ends, and what imitation finds."""

from typing import Any

import numpy as np
import pytest

from agents.pace import clock_of, input_moments, lanes
from benchmarks.designs import (
    ARGUMENTS,
    BLIND,
    DEFAULT,
    DESIGNS,
    FILLS,
    QUOTES,
    DesignInputs,
    DesignPace,
    Estimated,
    Limited,
    taught,
)
from trading_env.envs.vector import ExecutionVectorEnv
from trading_env.policies.adaptive import Network
from trading_env.policies.pace import FEEDBACK, PaceInputs
from trading_env.policies.patience import Patience, columns_of

LANES = 64


@pytest.fixture(scope="module")
def envs() -> ExecutionVectorEnv:
    return lanes(LANES, "train", {**ARGUMENTS, "scenario": "crises"})


def shown(envs: ExecutionVectorEnv, **features: float) -> Any:
    """Observations of one lane each: as after a reset, but for some features."""
    observation = envs.reset(seed=1)[0].copy()
    for name, value in features.items():
        observation[:, columns_of(envs.layout)[name]] = value
    return observation


def test_the_default_sees_all_and_the_others_less(envs: ExecutionVectorEnv) -> None:
    clock = clock_of(envs)
    names = {name: DesignInputs(clock, design).names for name, design in DESIGNS.items()}
    assert names[DEFAULT] == PaceInputs(clock, feedback=True).names
    assert names[BLIND] == PaceInputs(clock, feedback=False).names
    assert {*QUOTES, *FILLS} == set(FEEDBACK)
    assert not {*QUOTES} & {*names["without quotes"]}


def test_patience_with_a_limit_ends_there(envs: ExecutionVectorEnv) -> None:
    clock = clock_of(envs)
    for bars, waits in ((0.0, True), (44.0, True), (46.0, False)):
        crisis = shown(envs, half_spread=0.8, depth=-0.8, crisis=bars / (bars + 10.0))
        speed = Limited(clock, longest=45.0).log_speed(crisis)
        assert np.all(speed == Patience(clock).log_speed(crisis)) == waits
        assert np.all((speed < 0.0) == waits)


def test_without_quotes_the_rule_waits_by_the_estimate(envs: ExecutionVectorEnv) -> None:
    rule = Estimated(clock_of(envs))
    dear = rule.log_speed(shown(envs, cost_level=1.0, half_spread=0.0, depth=0.0))
    calm = rule.log_speed(shown(envs, cost_level=0.0, half_spread=0.9, depth=-0.9))
    assert np.all(dear < 0.0) and np.all(calm > 0.0)


def test_a_student_of_one_of_its_own_kind_finds_its_weights(envs: ExecutionVectorEnv) -> None:
    inputs = DesignInputs(clock_of(envs), DESIGNS["without quotes"])
    mean, scale = input_moments(envs, inputs, np.random.default_rng(0))
    weights = np.zeros((1, len(inputs.names)))
    weights[0, inputs.names.index("left")] = 0.2
    named = {"mean": mean, "scale": scale, "layer_0.weight": weights, "layer_0.bias": [0.1]}
    teacher = DesignPace(Network({k: np.float32(w) for k, w in named.items()}), inputs)
    student = taught(
        teacher, envs, envs, seed=1
    )  # on its paths the teacher pays less than the rule
    observation, _ = envs.reset(seed=5)
    np.testing.assert_allclose(
        student.log_speed(observation), teacher.log_speed(observation), atol=0.02
    )
