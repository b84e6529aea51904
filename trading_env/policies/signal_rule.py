"""The reference for a market with one known signal: trade towards it, and keep what is held.

With s the asset's signal and w its weight in the account,

    conviction = clip(aim s + keep w, -1, 1)

linear in the signal and in the position, as the optimal trade is when returns are predicted by a
mean-reverting signal, costs are quadratic and risk is charged by its variance (Garleanu and
Pedersen 2013, proposition 2). Costs here are not quadratic and sizes pass the risk manager, so the
two numbers are not computed: `agents/reference.py` takes the pair of a grid with the highest Sharpe
ratio on the validation band. It is a strong reference and no proven optimum.
"""

import numpy as np

from trading_env.core.errors import PolicyError
from trading_env.envs.spaces import ObservationLayout
from trading_env.policies.policy import Action, Info, Observation, Policy


class SignalRule(Policy):
    """Follow the market's only signal.

    Args:
        layout: of an environment whose market has one signal.
        aim: conviction of a signal of one.
        keep: conviction of a weight of one.

    Raises:
        PolicyError: the market has no signal, or several.
    """

    def __init__(self, layout: ObservationLayout, aim: float, keep: float) -> None:
        if len(layout.signal_names) != 1:
            count = len(layout.signal_names)
            raise PolicyError(f"signal_rule: the market has {count} signals, and it follows one")
        self.signal = layout.columns(layout.signal_names[0])
        self.weight = layout.columns("weight")
        self.aim, self.keep = aim, keep

    def act(self, observation: Observation, info: Info) -> Action:
        """Return convictions (num_envs, assets)."""
        seen = observation.astype(np.float64)
        wanted = self.aim * seen[:, self.signal] + self.keep * seen[:, self.weight]
        return np.clip(wanted, -1.0, 1.0)
