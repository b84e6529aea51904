"""The reward: a weighted sum of named terms.

With E and E' equity before and after the step and r = E'/E - 1:

    growth      ln(max(E', f) / max(E, f)); the terms of an episode add up to its log growth
    shortfall   -(spread, impact and fees of what filled in the step) / E
    risk        -r^2 / 2
    turnover    -(notional traded) / E
    liquidation ln(max(E' - cost of leaving, f) / max(E', f)) at the end of an episode, else 0

so that growth and liquidation add up to the log growth of an account that could leave. Growth
contains every cost; weighting `shortfall` as well makes execution count more than luck. What an
order did not fill, and what the price did while it was on its way, are in growth alone: as terms of
their own they would pay for orders that are sent against the market and never fill. f is RUIN_SHARE
of the initial equity, so that no reward is infinite: an account that comes back from below it is
paid for the way from f on, and not for what it was never charged.

Execution-v0 has terms of its own (`pace.py`).
"""

import math
from enum import IntEnum

from trading_env.core.jit import kernel
from trading_env.core.records import Floats
from trading_env.core.values import Totals

RUIN_SHARE = 1e-3  # of the initial equity; less counts as that


class Term(IntEnum):
    """The named terms of the reward; the names of their weights in `RewardConfig`."""

    GROWTH = 0
    SHORTFALL = 1
    RISK = 2
    TURNOVER = 3
    LIQUIDATION = 4


@kernel
def weighted(terms: Floats, weights: Floats, scale: float) -> float:
    """Return the weighted sum of the terms."""
    total = weights[0] * terms[0]
    for k in range(1, terms.shape[0]):
        total += weights[k] * terms[k]
    return float(scale * total)


@kernel
def log_ratio(after: float, before: float, least: float) -> float:
    """Log growth from `before` to `after`, less than `least` (> 0) counting as that."""
    return math.log(max(after, least) / max(before, least))


@kernel
def score_account(terms: Floats, totals: Totals, weights: Floats, scale: float) -> float:
    """Fill in the terms and return their weighted sum."""
    change = totals.after / totals.before - 1.0
    least = RUIN_SHARE * totals.initial
    terms[Term.GROWTH] = log_ratio(totals.after, totals.before, least)
    terms[Term.SHORTFALL] = -totals.cost / totals.before
    terms[Term.RISK] = -0.5 * change**2
    terms[Term.TURNOVER] = -totals.notional / totals.before
    terms[Term.LIQUIDATION] = 0.0
    if totals.leaving > 0.0 and totals.after > 0.0:
        left = totals.after - totals.leaving
        terms[Term.LIQUIDATION] = log_ratio(left, totals.after, least)
    return weighted(terms, weights, scale)
