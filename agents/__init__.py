"""What trains: learners on Stable-Baselines3 and torch. What acts is in `trading_env.policies`."""

import trading_env.step.sharing  # noqa: F401  (how threads wait, before torch loads OpenMP)
