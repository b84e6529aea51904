"""Problems whose optimum is known: environment arguments, optimal policy, optimal value.

    problem = problems.almgren_chriss(risk_aversion=1e-6)
    env = gymnasium.make(problem.env_id, detail="full", **problem.env_kwargs)

Each function takes any valid parameters, not only its paper's.
"""

from trading_env.problems.mean_reversion import ritter
from trading_env.problems.optimal_execution import almgren_chriss, obizhaeva_wang
from trading_env.problems.optimal_trading import garleanu_pedersen, kelly
from trading_env.problems.problem import Problem

__all__ = ["Problem", "almgren_chriss", "garleanu_pedersen", "kelly", "obizhaeva_wang", "ritter"]
