"""What trains: learners on Stable-Baselines3 and torch. What acts is in `trading_env.policies`."""
