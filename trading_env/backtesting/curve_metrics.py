"""Metrics of an equity curve: the formula of each, and how it is shown.

With E_0, ..., E_n the equity after reset and after each of n steps, r_k = E_k / E_(k-1) - 1, and Y
steps in a year:

    return              E_n / E_0 - 1, a fraction
    cagr                (E_n / E_0)^(Y / n) - 1, a fraction a year
    volatility          s sqrt(Y), s the sample standard deviation (n - 1) of r
    sharpe              mean(r) / s x sqrt(Y); the risk-free rate is taken as 0
                        (Sharpe 1994, "The Sharpe Ratio", J. Portfolio Management 21)
    sortino             mean(r) / d x sqrt(Y), d = sqrt(mean of min(r, 0)^2) over all n steps;
                        target 0 (Sortino and van der Meer 1991, "Downside Risk", same journal 17)
    max_drawdown        max over k of 1 - E_k / max(E_0, ..., E_k), in [0, 1] while E >= 0
    drawdown_steps      from the peak of the max drawdown until equity is back at it, or until the
                        curve ends; 0 when equity never fell
    calmar              CAGR / max drawdown (Young 1991, "Calmar Ratio", Futures 20), here over the
                        whole curve instead of 36 months
    cvar                minus the mean of the worst 5% of r, a fraction, > 0 for a loss; the step
                        that straddles the 5% counts in part (Rockafellar and Uryasev 2000,
                        "Optimization of Conditional Value-at-Risk", J. Risk 2)
    win_rate            share of the steps begun with a position in which equity rose
    profit_factor       sum of the gains over sum of the losses of those steps, currency

and, over the steps f, ..., l in which a scenario acted,

    shock_drawdown        max drawdown of E_f, ..., E_(l+1): before the first, after the last
    shock_recovery_steps  from the trough of that drawdown until equity is back at its peak, within
                          the episode

Not here: the error of the estimate, and serial correlation of returns (sqrt(Y) assumes none).
"""

import math

import numpy as np

from trading_env.backtesting.metric import (
    EVERYWHERE,
    MORE,
    REPORT,
    TERMINAL,
    Episode,
    Fall,
    Metric,
    Withheld,
    deepest_fall,
)
from trading_env.core.records import Floats

MIN_YEARS = 0.02  # about a week: annualising less would be noise to a large power
WORST_SHARE = 0.05  # of the returns, the worst of which CVaR is the mean


def total_return(episode: Episode) -> float:
    """Return the growth of equity, a fraction."""
    curve = episode.equity
    if len(curve) < 2:
        raise Withheld("no step was taken")
    return float(curve[-1] / curve[0] - 1.0)


def cagr(episode: Episode) -> float:
    """Return the growth rate a year."""
    curve = episode.equity
    if curve[-1] <= 0.0:
        return -1.0  # all is lost, however fast
    years = (len(curve) - 1) / episode.steps_per_year
    if years < MIN_YEARS:
        raise Withheld(f"shorter than {MIN_YEARS} years")
    return float((curve[-1] / curve[0]) ** (1.0 / years) - 1.0)


def _deviation(returns: Floats) -> float:
    if len(returns) < 2:
        raise Withheld("fewer than two returns")
    return float(np.std(returns, ddof=1))


def volatility(episode: Episode) -> float:
    """Return the standard deviation a year."""
    return _deviation(episode.returns) * math.sqrt(episode.steps_per_year)


def sharpe(episode: Episode) -> float:
    """Return the Sharpe ratio."""
    deviation = _deviation(episode.returns)
    mean = float(episode.returns.mean())
    if deviation <= 1e-12 * max(1.0, abs(mean)):
        raise Withheld("equity did not vary")
    return mean / deviation * math.sqrt(episode.steps_per_year)


def sortino(episode: Episode) -> float:
    """Return the Sortino ratio."""
    returns = episode.returns
    if len(returns) < 2:
        raise Withheld("fewer than two returns")
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    if downside <= 1e-12:
        raise Withheld("equity never fell in a step")
    return float(returns.mean()) / downside * math.sqrt(episode.steps_per_year)


def max_drawdown(episode: Episode) -> float:
    """Return the depth of the deepest fall."""
    return episode.fall.depth


def drawdown_steps(episode: Episode) -> float:
    """Return how long that fall lasted."""
    return float(episode.fall.steps)


def calmar(episode: Episode) -> float:
    """Return the Calmar ratio."""
    try:
        growth_rate = cagr(episode)
    except Withheld as reason:
        raise Withheld(f"no CAGR: {reason}") from None
    if episode.fall.depth <= 1e-12:
        raise Withheld("equity never fell")
    return growth_rate / episode.fall.depth


def cvar(episode: Episode) -> float:
    """Return the mean of the worst returns, as a loss."""
    returns = episode.returns
    share = WORST_SHARE * len(returns)
    if share < 1.0:
        raise Withheld(f"fewer than {round(1.0 / WORST_SHARE)} returns")
    worst = np.sort(returns)
    whole = int(share + 1e-9)
    part = max(share - whole, 0.0)
    return -(float(worst[:whole].sum()) + part * float(worst[whole])) / share


def _held_moves(episode: Episode) -> Floats:
    """Return the changes of equity in the steps that were begun with a position."""
    if episode.held is None:
        raise Withheld("positions were not given")
    if not episode.held.any():
        raise Withheld("no step began with a position")
    return np.diff(episode.equity)[episode.held]


def win_rate(episode: Episode) -> float:
    """Return the share of steps with a position that gained."""
    return float(np.mean(_held_moves(episode) > 0.0))


def profit_factor(episode: Episode) -> float:
    """Return gains over losses."""
    moves = _held_moves(episode)
    losses = float(-moves[moves < 0.0].sum())
    if losses <= 0.0:
        raise Withheld("no step begun with a position lost")
    return float(moves[moves > 0.0].sum()) / losses


def _shock_fall(episode: Episode) -> tuple[int, Fall]:
    """Return the first step in which the scenario acted, and the fall from there on."""
    first, last = episode.acting
    if episode.equity[first] <= 0.0:
        raise Withheld("equity was 0 or below before the scenario acted")
    return first, deepest_fall(episode.equity[first : last + 2])


def shock_drawdown(episode: Episode) -> float:
    """Return the fall while the scenario acted."""
    return _shock_fall(episode)[1].depth


def shock_recovery_steps(episode: Episode) -> float:
    """Return how long it took to recover from that fall."""
    first, fall = _shock_fall(episode)
    if fall.depth <= 0.0:
        raise Withheld("equity did not fall")
    peak, trough = episode.equity[first + fall.peak], first + fall.trough
    regained = np.flatnonzero(episode.equity[trough:] >= peak)
    if not len(regained):
        raise Withheld("no recovery before the end")
    return float(regained[0])


NO_STEP = "not defined: no episode was played"
UNVARIED = "not defined: equity never changed, or under a week"
UNHELD = "not defined: no step was begun with a position"
CURVE_METRICS = (
    Metric("return", total_return, "return %", 100.0, 2, +1, NO_STEP, EVERYWHERE),
    Metric("cagr", cagr),
    Metric("volatility", volatility),
    Metric("sharpe", sharpe, "Sharpe", 1.0, 2, +1, UNVARIED, EVERYWHERE),
    Metric("sortino", sortino, "Sortino", 1.0, 2, +1, "not defined: no step lost", (MORE,)),
    Metric("calmar", calmar, "Calmar", 1.0, 2, +1, "not defined: no drawdown", (MORE,)),
    Metric("max_drawdown", max_drawdown, "drawdown %", 100.0, 2, -1, NO_STEP, EVERYWHERE),
    Metric("drawdown_steps", drawdown_steps),
    Metric("cvar", cvar, "CVaR %", 100.0, 2, -1, "not defined: too few steps", (TERMINAL, MORE)),
    Metric("win_rate", win_rate, "win %", 100.0, 1, +1, UNHELD, (REPORT,)),
    Metric("profit_factor", profit_factor),
)
NO_EVENT = "not defined: no event acted"
SHOCK_METRICS = (
    Metric(
        "shock_drawdown",
        shock_drawdown,
        "drawdown in the shock %",
        100.0,
        2,
        -1,
        NO_EVENT,
        (TERMINAL, MORE),
    ),
    Metric("shock_recovery_steps", shock_recovery_steps),
)
