"""Kelly: the size that makes wealth grow fastest.

An asset with drift mu above the cash rate r and volatility sigma; f is the share of wealth in it:

    growth   g(f) = r + f mu - f^2 sigma^2 / 2
    optimum  f* = mu / sigma^2

At c times the optimum, with S = mu / sigma the Sharpe ratio, g - r = (S^2 / 2) c (2 - c).

Not modelled: costs, jumps, limits on f.

Sources: Kelly (1956), "A new interpretation of information rate", Bell System Technical J. 35;
Thorp (2006), "The Kelly criterion in blackjack, sports betting and the stock market".
"""

from trading_env.problems.closed_forms.checks import require_finite, require_positive


def growth(fraction: float, drift: float, volatility: float, rate: float = 0.0) -> float:
    """Return the growth rate of log wealth, 1 / time, when rebalanced continuously."""
    require_finite("fraction", fraction)
    return rate + fraction * drift - 0.5 * (fraction * volatility) ** 2


def optimal_fraction(drift: float, volatility: float) -> float:
    """Return the share of wealth f* = mu / sigma^2; `drift` is above the cash rate."""
    require_finite("drift", drift)
    require_positive("volatility", volatility)
    return drift / volatility**2
