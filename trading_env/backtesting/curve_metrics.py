"""Portfolio metrics from an equity curve.

With E_0, ..., E_n the equity after reset and after each of n steps, r_k = E_k / E_(k-1) - 1, and Y
steps in a year:

    total return        E_n / E_0 - 1, a fraction
    CAGR                (E_n / E_0)^(Y / n) - 1, a fraction a year
    annual volatility   s sqrt(Y), s the sample standard deviation (n - 1) of r
    Sharpe              mean(r) / s x sqrt(Y); the risk-free rate is taken as 0
                        (Sharpe 1994, "The Sharpe Ratio", J. Portfolio Management 21)
    Sortino             mean(r) / d x sqrt(Y), d = sqrt(mean of min(r, 0)^2) over all n steps;
                        target 0 (Sortino and van der Meer 1991, "Downside Risk", same journal 17)
    max drawdown        max over k of 1 - E_k / max(E_0, ..., E_k), in [0, 1] while E >= 0
    drawdown steps      from the peak of the max drawdown until equity is back at it, or until the
                        curve ends; 0 when equity never fell
    Calmar              CAGR / max drawdown (Young 1991, "Calmar Ratio", Futures 20), here over the
                        whole curve instead of 36 months
    CVaR                minus the mean of the worst 5% of r, a fraction, > 0 for a loss; the step
                        that straddles the 5% counts in part (Rockafellar and Uryasev 2000,
                        "Optimization of Conditional Value-at-Risk", J. Risk 2)
    win rate            share of the steps begun with a position in which equity rose
    profit factor       sum of the gains over sum of the losses of those steps, currency

and, over the steps f, ..., l in which a scenario acted (`shock_metrics`),

    shock drawdown      max drawdown of E_f, ..., E_(l+1): before the first, after the last of them
    recovery steps      from the trough of that drawdown until equity is back at its peak, within
                        the episode

A metric that a curve does not define is withheld: its value is None and `withheld` says why. It
is never 0, so that doing nothing is not mistaken for a Sharpe ratio of zero.

Not here: the error of the estimate, and serial correlation of returns (sqrt(Y) assumes none).
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

MIN_YEARS = 0.02  # about a week: annualising less would be noise to a large power
TAIL = 0.05  # of the returns, the worst of which CVaR is the mean


class PortfolioMetrics(NamedTuple):
    """Metrics of one equity curve; fractions, not percent; None where withheld."""

    total_return: float | None
    cagr: float | None
    annual_volatility: float | None
    sharpe: float | None
    sortino: float | None
    max_drawdown: float | None
    drawdown_steps: int | None
    calmar: float | None
    cvar: float | None
    win_rate: float | None
    profit_factor: float | None
    withheld: dict[str, str]  # name of a withheld metric -> why


def portfolio_metrics(
    equity: ArrayLike, steps_per_year: float, held: ArrayLike | None = None
) -> PortfolioMetrics:
    """Compute every metric that the curve defines.

    Args:
        equity: currency, shape (n + 1,), finite, the first one > 0.
        steps_per_year: steps in a year, > 0.
        held: bool, shape (n,): whether step k was begun with a position. None withholds the
            win rate.

    Raises:
        ValueError: an argument has the wrong shape or an impossible value, by name.
    """
    curve = checked_curve(equity)
    if not (math.isfinite(steps_per_year) and steps_per_year > 0.0):
        raise ValueError(f"steps_per_year = {steps_per_year}: must be finite and > 0")
    reasons: dict[str, str] = {}
    years = (len(curve) - 1) / steps_per_year
    scale = math.sqrt(steps_per_year)
    returns = step_returns(curve)
    volatility, sharpe = _per_risk(returns, scale, reasons)
    fall = deepest_fall(curve)
    cagr = _cagr(curve, years, reasons)
    win_rate, profit_factor = _per_held_step(curve, held, reasons)
    return PortfolioMetrics(
        total_return=_total_return(curve, reasons),
        cagr=cagr,
        annual_volatility=volatility,
        sharpe=sharpe,
        sortino=_sortino(returns, scale, reasons),
        max_drawdown=fall.depth,
        drawdown_steps=fall.steps,
        calmar=_calmar(cagr, fall.depth, reasons),
        cvar=_cvar(returns, reasons),
        win_rate=win_rate,
        profit_factor=profit_factor,
        withheld=reasons,
    )


class Fall(NamedTuple):
    """The deepest fall of a curve from an earlier peak."""

    depth: float  # share of the peak
    peak: int  # index
    trough: int  # index
    back: int | None  # first index after the trough at which the peak is regained
    steps: int  # from the peak until it is regained, or until the end


def deepest_fall(equity: ArrayLike) -> Fall:
    """Find the max drawdown; the first one of equals."""
    curve = checked_curve(equity)
    highest = np.maximum.accumulate(curve)
    trough = int(np.argmax(1.0 - curve / highest))
    depth = float(1.0 - curve[trough] / highest[trough])
    peak = int(np.flatnonzero(curve[: trough + 1] == highest[trough])[-1])
    regained = np.flatnonzero(curve[trough:] >= curve[peak])
    back = trough + int(regained[0]) if len(regained) else None
    end = len(curve) - 1 if back is None else back
    return Fall(depth, peak, trough, back, end - peak if depth > 0.0 else 0)


class ShockMetrics(NamedTuple):
    """What a scenario did to one equity curve; None where withheld."""

    drawdown: float | None  # share of the peak
    recovery_steps: int | None
    withheld: dict[str, str]


def shock_metrics(equity: ArrayLike, is_active: ArrayLike) -> ShockMetrics:
    """Measure the fall while a scenario acted, and the time to recover from it.

    Args:
        equity: currency, shape (n + 1,), finite, the first one > 0.
        is_active: bool, shape (n,): whether the scenario acted in step k.

    Raises:
        ValueError: an argument has the wrong shape or an impossible value, by name.
    """
    curve = checked_curve(equity)
    active = np.asarray(is_active, dtype=np.bool_)
    if active.shape != (len(curve) - 1,):
        raise ValueError(f"is_active has shape {active.shape}: must be ({len(curve) - 1},)")
    steps = np.flatnonzero(active)
    if not len(steps):
        reason = "no event of the scenario was active"
        return ShockMetrics(None, None, {"drawdown": reason, "recovery_steps": reason})
    first, last = int(steps[0]), int(steps[-1])
    if curve[first] <= 0.0:
        reason = "equity was 0 or below before the scenario acted"
        return ShockMetrics(None, None, {"drawdown": reason, "recovery_steps": reason})
    fall = deepest_fall(curve[first : last + 2])
    if fall.depth <= 0.0:
        return ShockMetrics(fall.depth, None, {"recovery_steps": "equity did not fall"})
    peak, trough = curve[first + fall.peak], first + fall.trough
    regained = np.flatnonzero(curve[trough:] >= peak)
    if not len(regained):
        return ShockMetrics(fall.depth, None, {"recovery_steps": "no recovery before the end"})
    return ShockMetrics(fall.depth, int(regained[0]), {})


def checked_curve(equity: ArrayLike) -> NDArray[np.float64]:
    """Return an equity curve as float64, or raise ValueError."""
    curve = np.asarray(equity, dtype=np.float64)
    if curve.ndim != 1 or curve.size == 0:
        raise ValueError(f"equity has shape {curve.shape}: must be (steps + 1,), not empty")
    if not np.isfinite(curve).all():
        raise ValueError(f"equity: value {int(np.argmin(np.isfinite(curve)))} is not finite")
    if curve[0] <= 0.0:
        raise ValueError(f"equity begins at {curve[0]}: must be > 0")
    return curve


def max_drawdown(equity: ArrayLike) -> float:
    """Return the largest fall from an earlier peak, as a share of that peak."""
    return deepest_fall(equity).depth


def step_returns(equity: ArrayLike) -> NDArray[np.float64]:
    """Return r_k, shape (n,); a curve that reached 0 or less has none after that."""
    curve = checked_curve(equity)
    return np.diff(curve) / curve[:-1] if (curve[:-1] > 0.0).all() else np.empty(0)


def _total_return(curve: NDArray[np.float64], reasons: dict[str, str]) -> float | None:
    if len(curve) < 2:
        reasons["total_return"] = "no step was taken"
        return None
    return float(curve[-1] / curve[0] - 1.0)


def _cagr(curve: NDArray[np.float64], years: float, reasons: dict[str, str]) -> float | None:
    if years < MIN_YEARS:
        reasons["cagr"] = f"shorter than {MIN_YEARS} years"
    elif curve[-1] <= 0.0:
        reasons["cagr"] = "equity ended at 0 or below"
    else:
        return float((curve[-1] / curve[0]) ** (1.0 / years) - 1.0)
    return None


def _per_risk(
    returns: NDArray[np.float64], scale: float, reasons: dict[str, str]
) -> tuple[float | None, float | None]:
    """Annual volatility and Sharpe ratio."""
    if len(returns) < 2:
        reasons["annual_volatility"] = reasons["sharpe"] = "fewer than two returns"
        return None, None
    deviation = float(np.std(returns, ddof=1))
    if deviation <= 1e-12 * max(1.0, abs(float(returns.mean()))):
        reasons["sharpe"] = "equity did not vary"
        return deviation * scale, None
    return deviation * scale, float(returns.mean()) / deviation * scale


def _sortino(returns: NDArray[np.float64], scale: float, reasons: dict[str, str]) -> float | None:
    if len(returns) < 2:
        reasons["sortino"] = "fewer than two returns"
        return None
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    if downside <= 1e-12:
        reasons["sortino"] = "equity never fell in a step"
        return None
    return float(returns.mean()) / downside * scale


def _calmar(cagr: float | None, depth: float, reasons: dict[str, str]) -> float | None:
    if cagr is None:
        reasons["calmar"] = f"no CAGR: {reasons['cagr']}"
        return None
    if depth <= 1e-12:
        reasons["calmar"] = "equity never fell"
        return None
    return cagr / depth


def _cvar(returns: NDArray[np.float64], reasons: dict[str, str]) -> float | None:
    share = TAIL * len(returns)
    if share < 1.0:
        reasons["cvar"] = f"fewer than {round(1.0 / TAIL)} returns"
        return None
    worst = np.sort(returns)
    whole = int(share + 1e-9)
    part = max(share - whole, 0.0)
    return -(float(worst[:whole].sum()) + part * float(worst[whole])) / share


def _per_held_step(
    curve: NDArray[np.float64], held: ArrayLike | None, reasons: dict[str, str]
) -> tuple[float | None, float | None]:
    """Win rate and profit factor."""
    if held is None:
        reasons["win_rate"] = reasons["profit_factor"] = "positions were not given"
        return None, None
    begun = np.asarray(held, dtype=np.bool_)
    if begun.shape != (len(curve) - 1,):
        raise ValueError(f"held has shape {begun.shape}: must be ({len(curve) - 1},)")
    if not begun.any():
        reasons["win_rate"] = reasons["profit_factor"] = "no step began with a position"
        return None, None
    moves = np.diff(curve)[begun]
    gains, losses = float(moves[moves > 0.0].sum()), float(-moves[moves < 0.0].sum())
    win_rate = float(np.mean(moves > 0.0))
    if losses <= 0.0:
        reasons["profit_factor"] = "no step begun with a position lost"
        return win_rate, None
    return win_rate, gains / losses
