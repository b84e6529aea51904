"""The confidence calibrator: what fills tell the agent about its own confidence, online.

The observation carries, per asset, `surprise` s = (realised - expected) / (realised + expected)
cost of its fills, and `fill_ratio` q, the share of live orders that was filled; both are
exponentially weighted means over fills. So realised over expected cost is

    r = (1 + s) / (1 - s)

A trade was sized for a cost that turned out r times as large, of which a share q could be had.
The confidence that spends no more than it was sized for is q / r of the one stated. Costs up to
`tolerance` times the expected ones are not taken as evidence:

    wanted = clip(q min(1, tolerance / r), lowest, 1)

After a fill the multiplier moves towards `wanted` by `rate`; in a step without one it moves back
towards 1 by `fade`, because the market that the evidence came from is passing. No gradients, no
memory across episodes, nothing but the observation. Tolerance, rate and fade were chosen, when
`surprise` still held the price's move before arrival,
among twelve combinations on the validation band (one network; calm, price_shock,
volatility_regime, liquidity_drought, gfc_2008, covid_2020), so in these scenarios its gain over
the ablation is not that of a crisis never met.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trading_env.envs.spaces import ObservationLayout

MAX_SURPRISE = 0.95  # r stays between 1/39 and 39


@dataclass
class ConfidenceCalibrator:
    """Multipliers on confidence, one a lane and asset.

    Raises:
        ValueError: a setting is out of its range.
    """

    layout: ObservationLayout
    lowest: float = 0.25
    tolerance: float = 2.0
    rate: float = 0.2
    fade: float = 0.1
    multiplier: NDArray[np.float64] = field(init=False)  # (lanes, assets)

    def __post_init__(self) -> None:
        """Check the settings and find the feedback in the observation."""
        for name, low in (("lowest", 0.0), ("rate", 0.0), ("fade", 0.0)):
            if not low <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} = {getattr(self, name)}: must be in [0, 1]")
        if not self.tolerance >= 1.0:
            raise ValueError(f"tolerance = {self.tolerance}: must be >= 1")
        self._surprise = self.layout.columns("surprise")
        self._fill_ratio = self.layout.columns("fill_ratio")
        self.reset(1)

    def reset(self, num_envs: int) -> None:
        """Forget: every multiplier is 1, and no fill has been seen."""
        shape = (num_envs, len(self.layout.symbols))
        self.multiplier = np.ones(shape)
        self._seen = np.full((2, *shape), np.nan)

    def update(self, observations: NDArray[np.float32]) -> NDArray[np.float64]:
        """Move the multipliers by one step, and return them."""
        surprise = observations[:, self._surprise].astype(np.float64)
        filled = observations[:, self._fill_ratio].astype(np.float64)
        now = np.stack([surprise, filled])
        has_news = (now != self._seen).any(axis=0) & ~np.isnan(self._seen[0])
        self._seen = now
        wanted = self.wanted(surprise, filled)
        towards_evidence = self.rate * (wanted - self.multiplier)
        towards_one = self.fade * (1.0 - self.multiplier)
        self.multiplier = self.multiplier + np.where(has_news, towards_evidence, towards_one)
        return self.multiplier

    def wanted(
        self, surprise: NDArray[np.float64], filled: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the multiplier that the evidence asks for; the module has the rule."""
        bounded = np.clip(surprise, -MAX_SURPRISE, MAX_SURPRISE)
        cost_ratio = (1.0 + bounded) / (1.0 - bounded)
        kept = filled * np.minimum(1.0, self.tolerance / cost_ratio)
        return np.clip(kept, self.lowest, 1.0)
