"""All problems are asked for in one way."""

from typing import Any

import gymnasium as gym
import pytest

from trading_env.backtesting.evaluation import evaluate
from trading_env.problems import PROBLEMS

SMALL: dict[str, dict[str, Any]] = {
    "almgren_chriss": {"paths": 4},
    "garleanu_pedersen": {"paths": 4, "episode_length": 8},
    "kelly": {"paths": 4, "episode_length": 8},
    "obizhaeva_wang": {},
    "ritter": {"paths": 4, "episode_length": 8, "cells": 81},
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_problem_is_made_by_the_same_call(name: str) -> None:
    problem = PROBLEMS[name](**SMALL[name])
    env = gym.make(problem.env_id, **problem.env_kwargs)
    observation, info = env.reset(seed=0)
    assert env.action_space.contains(
        problem.optimal_policy.act(observation, info).astype(env.action_space.dtype)
    )


def test_a_problem_s_arguments_are_those_of_an_evaluation() -> None:
    problem = PROBLEMS["garleanu_pedersen"](**SMALL["garleanu_pedersen"])
    policies = {"optimum": problem.optimal_policy, **problem.policies}
    asked: dict[str, Any] = {"scenarios": ["calm"], "episodes": 1, "seed": 0}
    frame = evaluate(policies, env_kwargs=problem.env_kwargs, **asked)
    assert (frame["turnover"] > 0.0).all()
