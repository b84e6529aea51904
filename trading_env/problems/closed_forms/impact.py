"""Laws of market impact: what a metaorder moves the price, and what it pays.

Almgren, Thum, Hauptmann and Li, for X shares traded evenly over T days in a stock with V shares a
day, Theta shares outstanding and daily volatility sigma:

    permanent  I = sigma gamma (X / V) (Theta / V)^(1/4)
    realised   J = I / 2 + sigma eta sign(X) |X / (V T)|^(3/5)

as fractions of the price, with gamma = 0.314 and eta = 0.142 (standard errors 0.041 and 0.0062).

The square-root law: the peak is Y sigma sqrt(Q / V), Y of order one, whatever the time it takes;
the mean fill pays two thirds of it.

The propagator: a trade's impact decays as t^-g, 0 < g < 1, so the expected cost of the rate v on
[0, T] is (1/2) double integral v_s v_t |t - s|^-g. It is least for v in proportion to
[t (T - t)]^(-(1 - g) / 2). For X = T = 1, with B the beta function,

    optimum  (pi / (2 cos(pi g / 2))) / B((1 + g) / 2, (1 + g) / 2)
    even     1 / ((1 - g)(2 - g))

and an even rate's displacement, over its peak at T, is t^(1 - g) - (t - T)^(1 - g) (times
T^(g - 1)) for t > T.

Not modelled: the spread, the scatter about these means (it is many times larger).

Sources: Almgren, Thum, Hauptmann and Li (2005), "Direct estimation of equity market impact",
Risk 18; Gatheral, Schied and Slynko (2012), "Transient linear price impact and Fredholm integral
equations", Mathematical Finance 22.
"""

import math

from trading_env.problems.closed_forms.checks import (
    require_finite,
    require_fraction,
    require_not_negative,
    require_positive,
)

PERMANENT = 0.314
TEMPORARY = 0.142
RATE_EXPONENT = 0.6


def permanent_impact(
    quantity: float, day_volume: float, shares_outstanding: float, volatility: float
) -> float:
    """Return I, the lasting move as a fraction of the price, with the sign of `quantity`.

    Args:
        quantity: shares X, above 0 buys.
        day_volume: shares V traded on an average day, > 0.
        shares_outstanding: shares Theta, > 0.
        volatility: of daily returns, a fraction, >= 0.

    Raises:
        ValueError: an argument has an impossible value, by name.
    """
    require_finite("quantity", quantity)
    require_positive("day_volume", day_volume)
    require_positive("shares_outstanding", shares_outstanding)
    require_not_negative("volatility", volatility)
    turnover = math.sqrt(math.sqrt(shares_outstanding / day_volume))
    return volatility * PERMANENT * quantity / day_volume * turnover


def realised_cost(
    quantity: float,
    day_volume: float,
    shares_outstanding: float,
    volatility: float,
    days: float,
) -> float:
    """Return J, mean fill price over arrival price less 1, when traded evenly over `days` > 0.

    The other arguments, the sign and the errors are those of `permanent_impact`.
    """
    require_positive("days", days)
    lasting = permanent_impact(quantity, day_volume, shares_outstanding, volatility)
    speed = abs(quantity) / (day_volume * days)
    return 0.5 * lasting + math.copysign(volatility * TEMPORARY * speed**RATE_EXPONENT, quantity)


def square_root_impact(
    quantity: float, volume: float, volatility: float, prefactor: float = 1.0
) -> float:
    """Return the peak displacement Y sigma sqrt(Q / V) as a fraction, signed like `quantity`.

    Args:
        quantity: shares, above 0 buys.
        volume: shares traded in the time `volatility` is for, > 0.
        volatility: of returns over that time, a fraction, >= 0.
        prefactor: the constant Y, >= 0.
    """
    require_finite("quantity", quantity)
    require_positive("volume", volume)
    require_not_negative("volatility", volatility)
    require_not_negative("prefactor", prefactor)
    return math.copysign(prefactor * volatility * math.sqrt(abs(quantity) / volume), quantity)


def propagator_optimal_cost(exponent: float) -> float:
    """Return the least expected cost for X = T = 1 when impact decays as t^-exponent."""
    require_fraction("exponent", exponent)
    half = 0.5 * (1.0 + exponent)
    beta = math.gamma(half) ** 2 / math.gamma(2.0 * half)
    return 0.5 * math.pi / math.cos(0.5 * math.pi * exponent) / beta


def propagator_even_cost(exponent: float) -> float:
    """Return the expected cost of an even rate for X = T = 1."""
    require_fraction("exponent", exponent)
    return 1.0 / ((1.0 - exponent) * (2.0 - exponent))


def displacement_after(time: float, exponent: float) -> float:
    """Return an even metaorder's displacement over its peak.

    Args:
        time: since the start, in units of the metaorder's duration, >= 0.
        exponent: of the decay, in (0, 1).
    """
    require_not_negative("time", time)
    require_fraction("exponent", exponent)
    power = 1.0 - exponent
    return float(time**power - max(time - 1.0, 0.0) ** power)
