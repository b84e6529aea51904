"""Write a scenario of your own and raise its severity: what does it cost a holder?

Run it with `python examples/own_scenario.py`.
"""

from typing import Any

import numpy as np

from trading_env.envs.vector import PortfolioVectorEnv

SCENARIO: dict[str, Any] = {
    "name": "gap and drought",
    "events": [
        {"kind": "price", "shape": "gap", "start": "20 bars", "move": -0.15},
        {"kind": "liquidity", "start": "20 bars", "duration": "15 bars", "spread": 5.0},
    ],
}
LANES, STEPS = 64, 60


def growth(severity: float) -> float:
    """Return the mean log growth of equity of accounts that always hold."""
    envs = PortfolioVectorEnv(
        LANES,
        scenario=SCENARIO,
        severity=severity,
        episode_length=STEPS,
        autoreset_mode="Disabled",
        detail="full",
    )
    _, info = envs.reset(seed=0)
    start = info["equity"].copy()
    for _ in range(STEPS):
        _, _, _, _, info = envs.step(np.full(envs.action_space.shape, 0.5))
    return float(np.log(info["equity"] / start).mean())


def main() -> None:
    """Print the growth at each severity; 0 is the same market without the scenario."""
    for severity in (0.0, 0.5, 1.0, 2.0):
        print(f"severity {severity:3.1f}: log growth {growth(severity):+.4f}")


if __name__ == "__main__":
    main()
