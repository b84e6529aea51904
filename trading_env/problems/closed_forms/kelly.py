"""Kelly: the size that makes wealth grow fastest, and what more or less of it costs.

An asset with drift mu above the cash rate r and volatility sigma; f is the share of wealth in it:

    growth   g(f) = r + f mu - f^2 sigma^2 / 2
    optimum  f* = mu / sigma^2;   many assets  f* = Sigma^-1 mu,   g* - r = mu' Sigma^-1 mu / 2

At c times the optimum, with S = mu / sigma the Sharpe ratio, g - r = (S^2 / 2) c (2 - c). The log
of wealth (discounted at r) is a Brownian motion with 2 drift / variance = 2 / c - 1 =: e, so

    P(wealth ever falls to the share x)  = x^e for c < 2, else 1
    P(it reaches u before it falls to d) = (1 - d^e) / (1 - (d / u)^e),   d < 1 < u

A bet won with chance p that pays +u or -d of the stake: f* = p / d - (1 - p) / u. A trade with
barriers at +-k in log price and confidence p to reach the upper one first has the drift
mu = sigma^2 ln(p / (1 - p)) / (2 k), so f* = ln(p / (1 - p)) / (2 k): the map from a confidence
and a stop's distance to a size. With the drift estimated from T years without a prior, c times
the estimated optimum grows on average by c S^2 - (c^2 / 2)(S^2 + 1 / T), most for
c = S^2 / (S^2 + 1 / T).

Not modelled: costs, jumps, limits on f. A near stop makes f* large: a cap belongs beside it.

Sources: Kelly (1956), "A new interpretation of information rate", Bell System Technical J. 35;
Thorp (2006), "The Kelly criterion in blackjack, sports betting and the stock market".
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from trading_env.problems.closed_forms.checks import (
    Floats,
    checked_array,
    checked_covariance,
    require_finite,
    require_fraction,
    require_positive,
)
from trading_env.problems.closed_forms.linear import solved

NODES = 64  # Gauss-Hermite: exact to float64 for the smooth integrand of `rebalanced_growth`


def growth(fraction: float, drift: float, volatility: float, rate: float = 0.0) -> float:
    """Return the growth rate of log wealth, 1 / time, when rebalanced continuously."""
    require_finite("fraction", fraction)
    return rate + fraction * drift - 0.5 * (fraction * volatility) ** 2


def optimal_fraction(drift: float, volatility: float) -> float:
    """Return the share of wealth f* = mu / sigma^2; `drift` is above the cash rate."""
    require_finite("drift", drift)
    require_positive("volatility", volatility)
    return drift / volatility**2


def optimal_fractions(drift: ArrayLike, covariance: ArrayLike) -> Floats:
    """Return the shares of wealth f* = Sigma^-1 mu, shape (assets,).

    Args:
        drift: above the cash rate, 1 / time, shape (assets,).
        covariance: of returns, 1 / time, shape (assets, assets), positive definite.

    Raises:
        ValueError: a shape does not fit, or the matrix is no covariance.
    """
    size = np.size(drift)
    mu = checked_array("drift", drift, (size,))
    return solved(checked_covariance("covariance", covariance, size), mu)


def optimal_growth(drift: ArrayLike, covariance: ArrayLike) -> float:
    """Return the growth above the cash rate of `optimal_fractions`, 1 / time."""
    fractions = optimal_fractions(drift, covariance)
    return 0.5 * float(fractions @ np.asarray(drift, dtype=np.float64))


def growth_at_multiple(multiple: float, sharpe: float) -> float:
    """Return the growth above the cash rate at c times the optimum; 0 at twice it."""
    require_finite("multiple", multiple)
    return 0.5 * sharpe**2 * multiple * (2.0 - multiple)


def chance_ever_at(share: float, multiple: float) -> float:
    """Return the chance that discounted wealth ever falls to a share of its start.

    Args:
        share: in (0, 1).
        multiple: of the optimal fraction, > 0.
    """
    require_fraction("share", share)
    require_positive("multiple", multiple)
    return float(share ** (2.0 / multiple - 1.0)) if multiple < 2.0 else 1.0


def chance_of_reaching(up: float, down: float, multiple: float) -> float:
    """Return the chance that discounted wealth reaches `up` before it falls to `down`.

    Args:
        up: multiple of the start, > 1.
        down: share of the start, in (0, 1).
        multiple: of the optimal fraction, > 0.
    """
    require_fraction("down", down)
    require_positive("multiple", multiple)
    if not (math.isfinite(up) and up > 1.0):
        raise ValueError(f"up = {up}: must be finite and > 1")
    exponent = 2.0 / multiple - 1.0
    if exponent == 0.0:  # no drift: the chances are as the distances
        return math.log(down) / math.log(down / up)
    return math.expm1(exponent * math.log(down)) / math.expm1(exponent * math.log(down / up))


def bet_fraction(chance: float, gain: float, loss: float) -> float:
    """Return the stake, as a share of wealth, that grows fastest; below 0: do not bet.

    Args:
        chance: of winning, in (0, 1).
        gain: paid on a stake of 1 when won, > 0.
        loss: lost of a stake of 1 otherwise, > 0.
    """
    require_fraction("chance", chance)
    require_positive("gain", gain)
    require_positive("loss", loss)
    return chance / loss - (1.0 - chance) / gain


def bet_growth(fraction: float, chance: float, gain: float, loss: float) -> float:
    """Return the expected log growth a bet; -inf where a loss takes everything."""
    require_fraction("chance", chance)
    won, lost = fraction * gain, -fraction * loss
    if min(won, lost) <= -1.0:
        return -math.inf
    return chance * math.log1p(won) + (1.0 - chance) * math.log1p(lost)


def fraction_from_confidence(confidence: float, barrier: float) -> float:
    """Return the share of wealth for a trade with equal barriers.

    Args:
        confidence: chance of reaching the target before the stop, in (0, 1).
        barrier: distance of either from the entry in log price, > 0.
    """
    require_fraction("confidence", confidence)
    require_positive("barrier", barrier)
    return math.log(confidence / (1.0 - confidence)) / (2.0 * barrier)


def multiple_for_estimate(sharpe: float, years: float) -> float:
    """Return the best multiple of the plug-in optimum for a drift estimated from `years`."""
    require_finite("sharpe", sharpe)
    require_positive("years", years)
    return sharpe**2 / (sharpe**2 + 1.0 / years)


def growth_of_estimate(multiple: float, sharpe: float, years: float) -> float:
    """Return the mean growth above the cash rate at c times the plug-in optimum, 1 / year."""
    require_finite("multiple", multiple)
    require_positive("years", years)
    return multiple * sharpe**2 - 0.5 * multiple**2 * (sharpe**2 + 1.0 / years)


def rebalanced_growth(
    fraction: float, drift: float, volatility: float, interval: float, rate: float = 0.0
) -> float:
    """Return the growth rate when the share is restored only once every `interval`.

    Args:
        fraction: in [0, 1], or the wealth could end below 0 before the next rebalancing.
        drift: of the asset above the cash rate, 1 / time.
        volatility: per square root of time.
        interval: time between rebalancings, > 0.
        rate: of cash, 1 / time.
    """
    require_positive("interval", interval)
    if not 0.0 <= fraction <= 1.0:
        raise ValueError(f"fraction = {fraction}: must be in [0, 1]")
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    log_move = (drift - 0.5 * volatility**2) * interval + volatility * math.sqrt(interval) * nodes
    grown = np.log1p(fraction * np.expm1(log_move))
    return rate + float(weights @ grown) / (math.sqrt(2.0 * math.pi) * interval)
