"""The reward: a weighted sum of named terms.

With E and E' equity before and after the step and r = E'/E - 1:

    growth      g(E') - g(E), with g(E) = ln E; the terms of an episode add up to its log growth
    shortfall   -(spread, impact and fees of what filled in the step) / E
    risk        -r^2 / 2
    turnover    -(notional traded) / E
    liquidation g(E' - cost of leaving) - g(E') at the end of an episode, else 0

so that growth and liquidation add up to the log growth of an account that could leave. Growth
contains every cost; weighting `shortfall` as well makes execution count more than luck. What an
order did not fill, and what the price did while it was on its way, are in growth alone: as terms of
their own they would pay for orders that are sent against the market and never fill. Below f, which
is RUIN_SHARE of the initial equity, g goes on along its tangent, ln f + (E - f) / f, so that no
reward is infinite. It is concave all the way: whoever owes more loses more, and on a martingale no
leverage earns reward, however far an account falls below 0 in a bar.

Execution-v0 has terms of its own (`pace.py`).
"""

import math
from enum import IntEnum

from trading_env.core.jit import kernel
from trading_env.core.records import Floats
from trading_env.core.values import Totals

RUIN_SHARE = 1e-2  # of the initial equity; below it growth goes on along the logarithm's tangent


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
def log_growth(after: float, before: float, least: float) -> float:
    """Growth of g from `before` to `after`, g(E) the log of E / least, or its tangent below."""
    if min(after, before) > least:
        return math.log(after / before)
    return log_or_tangent(after / least) - log_or_tangent(before / least)


@kernel
def log_or_tangent(multiple: float) -> float:
    """Logarithm, which below 1 goes on along its tangent there."""
    return math.log(multiple) if multiple > 1.0 else multiple - 1.0


@kernel
def score_account(terms: Floats, totals: Totals, weights: Floats, scale: float) -> float:
    """Fill in the terms and return their weighted sum."""
    change = totals.after / totals.before - 1.0
    least = RUIN_SHARE * totals.initial
    terms[Term.GROWTH] = log_growth(totals.after, totals.before, least)
    terms[Term.SHORTFALL] = -totals.cost / totals.before
    terms[Term.RISK] = -0.5 * change**2
    terms[Term.TURNOVER] = -totals.notional / totals.before
    terms[Term.LIQUIDATION] = 0.0
    if totals.leaving > 0.0 and totals.after > 0.0:
        left = totals.after - totals.leaving
        terms[Term.LIQUIDATION] = log_growth(left, totals.after, least)
    return weighted(terms, weights, scale)
