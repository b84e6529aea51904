"""Problems whose optimum is known: environment arguments, optimal policy, optimal value.

    problem = problems.almgren_chriss(risk_aversion=1e-6)
    env = gymnasium.make(problem.env_id, **problem.env_kwargs)
    observation, info = env.reset(seed=0)
    action = problem.optimal_policy.act(observation, info)

Each function takes any valid parameters; its defaults are an example of its paper, or like one.
"""

from collections.abc import Callable

from trading_env.problems.mean_reversion import ritter
from trading_env.problems.optimal_execution import almgren_chriss, obizhaeva_wang
from trading_env.problems.optimal_trading import garleanu_pedersen, kelly
from trading_env.problems.problem import Problem

PROBLEMS: dict[str, Callable[..., Problem]] = {
    make.__name__: make
    for make in (almgren_chriss, garleanu_pedersen, kelly, obizhaeva_wang, ritter)
}

__all__ = [
    "PROBLEMS",
    "Problem",
    "almgren_chriss",
    "garleanu_pedersen",
    "kelly",
    "obizhaeva_wang",
    "ritter",
]
