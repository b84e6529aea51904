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

from trading_env.core.codes import Term
from trading_env.core.jit import kernel
from trading_env.core.params import EpisodeParams
from trading_env.core.records import Floats
from trading_env.core.values import Totals

RUIN_RATIO = 1e-3


@kernel
def weighted(terms: Floats, episode: EpisodeParams) -> float:
    """Return the weighted sum of the terms."""
    total = episode.weight[0] * terms[0]
    for k in range(1, terms.shape[0]):
        total += episode.weight[k] * terms[k]
    return float(episode.scale * total)


@kernel
def score_account(terms: Floats, totals: Totals, episode: EpisodeParams) -> float:
    """Fill in the terms and return their weighted sum."""
    ratio = totals.after / totals.before
    terms[Term.GROWTH] = math.log(max(ratio, RUIN_RATIO))
    terms[Term.SHORTFALL] = -totals.shortfall / totals.before
    terms[Term.RISK] = -0.5 * (ratio - 1.0) ** 2
    terms[Term.TURNOVER] = -totals.notional / totals.before
    return weighted(terms, episode)
