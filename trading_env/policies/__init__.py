"""What acts in an environment: one interface, the baselines, and the adaptive agents.

    policy = trading_env.policies.load("adaptive-execution-v0")

gives a trained policy that comes with the package, as every evaluation takes one.
"""

from trading_env.policies.saved import load as load
