"""Gymnasium environments in which execution is the dynamics.

Importing this package registers the environments and says how the threads of a batch wait; the
names below are loaded when they are first used. It imports neither torch nor Stable-Baselines3.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

import gymnasium

__version__ = "0.1.0"
if "OMP_WAIT_POLICY" not in os.environ:  # before OpenMP is loaded: see `step/sharing.py`
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")  # tens of microseconds

# Two hours of one-minute bars in which liquidity comes and goes: whoever sees what trading costs
# can wait. The family of crises follows the band: train and validation, or test.
ADAPTIVE_EXECUTION: dict[str, Any] = {
    "market": {"generator": "multiscale", "preset": "btc_minute", "assets": 1},
    "scenario": "crises",
    "episode_length": 120,
}

_HOMES = {
    "AccountConfig": "trading_env.execution_engine.funds",
    "ExecutionEnv": "trading_env.envs.execution",
    "ExecutionConfig": "trading_env.execution_engine.config",
    "ExecutionEngine": "trading_env.execution_engine.engine",
    "Market": "trading_env.markets.bars",
    "MarketState": "trading_env.execution_engine.bench",
    "Order": "trading_env.execution_engine.bench",
    "PortfolioEnv": "trading_env.envs.portfolio",
    "RewardConfig": "trading_env.step.config",
    "RiskConfig": "trading_env.risk_manager.config",
    "RiskManager": "trading_env.risk_manager.manager",
    "Scenario": "trading_env.stress.scenario",
    "SB3VecEnv": "trading_env.envs.sb3",
    "evaluate": "trading_env.backtesting",
    "load_market": "trading_env.markets",
    "plot": "trading_env.report.plots",
}

__all__ = sorted(_HOMES)

if TYPE_CHECKING:
    from trading_env.backtesting import evaluate as evaluate
    from trading_env.envs.execution import ExecutionEnv as ExecutionEnv
    from trading_env.envs.portfolio import PortfolioEnv as PortfolioEnv
    from trading_env.envs.sb3 import SB3VecEnv as SB3VecEnv
    from trading_env.execution_engine.bench import MarketState as MarketState
    from trading_env.execution_engine.bench import Order as Order
    from trading_env.execution_engine.config import ExecutionConfig as ExecutionConfig
    from trading_env.execution_engine.engine import ExecutionEngine as ExecutionEngine
    from trading_env.execution_engine.funds import AccountConfig as AccountConfig
    from trading_env.markets import load_market as load_market
    from trading_env.markets.bars import Market as Market
    from trading_env.report.plots import plot as plot
    from trading_env.risk_manager.config import RiskConfig as RiskConfig
    from trading_env.risk_manager.manager import RiskManager as RiskManager
    from trading_env.step.config import RewardConfig as RewardConfig
    from trading_env.stress.scenario import Scenario as Scenario


def __getattr__(name: str) -> Any:
    """Load a public name from its home module."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'trading_env' has no attribute {name!r}")


def register_envs() -> None:
    """Register the environments' ids with Gymnasium; doing it twice changes nothing."""
    for name, task, arguments in (
        ("Portfolio", "Portfolio", {}),
        ("Execution", "Execution", {}),
        ("AdaptiveExecution", "Execution", ADAPTIVE_EXECUTION),
    ):
        if f"trading_env/{name}-v0" not in gymnasium.registry:
            gymnasium.register(
                id=f"trading_env/{name}-v0",
                entry_point=f"trading_env.envs.{task.lower()}:{task}Env",
                vector_entry_point=f"trading_env.envs.vector:{task}VectorEnv",
                kwargs=arguments,
                # Gymnasium's passive checker doubles the cost of a step. The suite runs the full
                # checker instead; `gym.make(..., disable_env_checker=False)` brings it back.
                disable_env_checker=True,
            )


register_envs()
