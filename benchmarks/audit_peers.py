"""Peers on bars of the audit's making, as hooks for `trading-env audit`.

    pip install gym-anytrading gym-trading-env
    python -m trading_env audit benchmarks.audit_peers:gym_anytrading --out FILE
    python -m trading_env audit benchmarks.audit_peers:gym_trading_env --out FILE
    python -m trading_env audit benchmarks.audit_peers:gym_trading_env \
        --kwargs '{"windows": 20}' --out FILE

Both are made as their own examples make them. The peers are imported when they are built.
"""

from typing import Any

import gymnasium as gym
import pandas as pd

WINDOW = 10


def gym_anytrading(bars: pd.DataFrame) -> gym.Env[Any, Any]:
    """Build `stocks-v0`: two actions, a window of closes and their differences."""
    from gym_anytrading.envs import StocksEnv

    frame = bars.rename(columns=str.capitalize)
    env: gym.Env[Any, Any] = StocksEnv(
        df=frame, window_size=WINDOW, frame_bound=(WINDOW, len(frame))
    )
    return env


def gym_trading_env(bars: pd.DataFrame, windows: int | None = None) -> gym.Env[Any, Any]:
    """Build `TradingEnv` with positions -1, 0 and 1 and four features of the bar just closed."""
    from gym_trading_env.environments import TradingEnv

    frame = bars.copy()
    frame["feature_close"] = frame["close"].pct_change()
    frame["feature_open"] = frame["close"] / frame["open"]
    frame["feature_high"] = frame["high"] / frame["close"]
    frame["feature_low"] = frame["low"] / frame["close"]
    env: gym.Env[Any, Any] = TradingEnv(
        df=frame.dropna(),
        positions=[-1, 0, 1],
        windows=windows,
        trading_fees=0.0001,
        borrow_interest_rate=0.000003,
        max_episode_duration=100,
        verbose=0,
    )
    return env
