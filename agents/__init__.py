"""What trains: learners on Stable-Baselines3 and torch. What acts is in `trading_env.policies`."""

import trading_env  # noqa: F401  (says how threads wait, before torch loads OpenMP)
