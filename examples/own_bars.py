"""Bring bars of your own: a data frame becomes a market, split by time into train and test.

Run it with `python examples/own_bars.py`.
"""

import gymnasium as gym
import numpy as np
import pandas as pd

import trading_env


def bars(days: int = 1500, seed: int = 0) -> pd.DataFrame:
    """Make daily bars of one stock; yours come from a file or a database."""
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0002, 0.012, days)))
    opened = np.concatenate([[50.0], close[:-1]])
    reach = np.exp(np.abs(rng.normal(0.0, 0.004, (2, days))))
    columns = {
        "open": opened,
        "high": np.maximum(opened, close) * reach[0],
        "low": np.minimum(opened, close) / reach[1],
        "close": close,
        "volume": rng.integers(200_000, 900_000, days),
    }
    return pd.DataFrame(columns, index=pd.bdate_range("2015-01-02", periods=days, name="time"))


def main() -> None:
    """Read the bars, show what was understood of them, and trade the last years."""
    market = trading_env.Market.from_frame(bars(), symbol="STOCK")
    for name, value in market.describe().items():
        print(f"{name:16} {value}")
    env = gym.make(
        "trading_env/Portfolio-v0",
        market=market,
        seed_band="test",
        episode_length=60,
        detail="full",
    )
    env.reset(seed=0)
    for _ in range(60):
        _, _, _, _, info = env.step(np.array([0.3]))
    print(f"equity after 60 days of the test band: {float(info['equity']):,.0f}")


if __name__ == "__main__":
    main()
