"""The reward: a weighted sum of named terms.

With E and E' equity before and after the step and r = E'/E - 1:

    growth     ln(E'/E); the terms of an episode add up to its log growth
    shortfall  -(implementation shortfall of the step) / E
    risk       -r^2 / 2
    turnover   -(notional traded) / E

Growth already contains every cost; weighting `shortfall` as well makes execution count more than
luck. At ruin growth is floored at ln(RUIN_RATIO), so that no reward is infinite.
"""

import math

from trading_env.core.jit import kernel
from trading_env.core.params import EpisodeParams
from trading_env.core.records import RewardTerms

RUIN_RATIO = 1e-3


@kernel
def score(
    terms: RewardTerms,
    episode: EpisodeParams,
    before: float,
    after: float,
    shortfall: float,
    notional: float,
) -> float:
    """Fill in the terms and return their weighted sum."""
    ratio = after / before
    terms.growth = math.log(max(ratio, RUIN_RATIO))
    terms.shortfall = -shortfall / before
    terms.risk = -0.5 * (ratio - 1.0) ** 2
    terms.turnover = -notional / before
    return episode.scale * (
        episode.growth * terms.growth
        + episode.shortfall * terms.shortfall
        + episode.risk * terms.risk
        + episode.turnover * terms.turnover
    )
