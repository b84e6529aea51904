"""Simple policies for `trading_env/Execution-v0`; the optimal ones come with their problems.

TWAP asks for the even pace, immediate for all that is left, POV for a fixed share of the volume
that a mean bar has (on bars of one volume, VWAP). Almgren-Chriss and Obizhaeva-Wang schedules are
`trading_env.problems.problem.Schedule`.
"""

import numpy as np

from agents.baselines import Actions, Constant, Observations
from trading_env.envs.spaces import ObservationLayout
from trading_env.problems.problem import pace_of


class Twap(Constant):
    """The even pace: what is left over the steps left."""

    def __init__(self, layout: ObservationLayout) -> None:
        super().__init__(layout, 0.0)


class Immediate(Constant):
    """Everything, as fast as the limits allow."""

    def __init__(self, layout: ObservationLayout) -> None:
        super().__init__(layout, 1.0)


class Participation:
    """Percentage of volume: each step a fixed share of the mean volume shown.

    Args:
        layout: where the features stand.
        length: steps to the deadline.
        rate: share of a mean bar's volume.
    """

    def __init__(self, layout: ObservationLayout, length: int, rate: float = 0.05) -> None:
        self.required = layout.columns("required_rate")
        self.time_left = layout.account_column("time_left")
        self.length = length
        self.rate = rate

    def reset(self, num_envs: int) -> None:
        """Nothing to forget."""

    def act(self, observations: Observations) -> Actions:
        """Return the paces that ask for `rate` times the mean volume."""
        steps_left = np.maximum(np.rint(observations[:, [self.time_left]] * self.length), 1.0)
        left = observations[:, self.required].astype(np.float64) * steps_left  # mean volumes
        share = np.minimum(self.rate / np.maximum(left, 1e-12), 1.0)
        return pace_of(share, steps_left)
