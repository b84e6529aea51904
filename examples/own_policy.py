"""Bring a policy of your own and compare it with baselines on the same seeds.

Run it with `python examples/own_policy.py`; from a shell, with the baselines and intervals:
`trading-env evaluate own_policy:policy --out DIR` in this folder.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

import trading_env
from trading_env.envs.spaces import ObservationLayout

Act = Callable[[NDArray[np.float32], Mapping[str, Any]], NDArray[Any]]


def policy(layout: ObservationLayout) -> Act:
    """Return a policy that follows the trend of the last 20 bars, for any number of assets."""
    trend = layout.columns("trend_20")

    def act(observation: NDArray[np.float32], info: Mapping[str, Any]) -> NDArray[Any]:
        return np.tanh(observation[:, trend])  # conviction in [-1, 1], one column an asset

    return act


def main() -> None:
    """Play 32 episodes of each policy in calm and in a crash; print mean return and cost."""
    rows = trading_env.evaluate(
        {"own": policy, "buy_and_hold": "buy_and_hold", "flat": "flat"},
        scenarios=["calm", "covid_2020"],
        episodes=32,
        seed=0,
        env_kwargs={"episode_length": 120, "seed_band": "test"},
    )
    shown = rows.groupby(["scenario", "policy"])[["return", "max_drawdown", "shortfall_bps"]]
    print(shown.mean().round(4).to_string())


if __name__ == "__main__":
    main()
