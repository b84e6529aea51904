"""Portfolio metrics from an equity curve.

With E_0, ..., E_n the equity after reset and after each of n steps, and r_k = E_k / E_(k-1) - 1:

    total return        E_n / E_0 - 1
    CAGR                (E_n / E_0)^(Y / n) - 1, with Y steps in a year
    annual volatility   s sqrt(Y), s the sample standard deviation (n - 1) of r
    Sharpe              mean(r) / s x sqrt(Y); the risk-free rate is taken as 0
                        (Sharpe 1994, "The Sharpe Ratio", J. Portfolio Management 21)
    max drawdown        max over k of 1 - E_k / max(E_0, ..., E_k), in [0, 1] while E >= 0
    win rate            share of the steps begun with a position in which equity rose

A metric that a curve does not define is withheld: its value is None and `withheld` says why. It
is never 0, so that doing nothing is not mistaken for a Sharpe ratio of zero.

Not here: the error of the estimate, and serial correlation of returns (sqrt(Y) assumes none).
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

MIN_YEARS = 0.02  # about a week: annualising less would be noise to a large power


class PortfolioMetrics(NamedTuple):
    """Metrics of one equity curve; fractions, not percent; None where withheld."""

    total_return: float | None
    cagr: float | None
    annual_volatility: float | None
    sharpe: float | None
    max_drawdown: float | None
    win_rate: float | None
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
    volatility, sharpe = _per_risk(curve, steps_per_year, reasons)
    return PortfolioMetrics(
        total_return=_total_return(curve, reasons),
        cagr=_cagr(curve, years, reasons),
        annual_volatility=volatility,
        sharpe=sharpe,
        max_drawdown=max_drawdown(curve),
        win_rate=_win_rate(curve, held, reasons),
        withheld=reasons,
    )


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
    curve = checked_curve(equity)
    return float(np.max(1.0 - curve / np.maximum.accumulate(curve)))


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
    curve: NDArray[np.float64], steps_per_year: float, reasons: dict[str, str]
) -> tuple[float | None, float | None]:
    """Annual volatility and Sharpe ratio."""
    returns = step_returns(curve)
    if len(returns) < 2:
        reasons["annual_volatility"] = reasons["sharpe"] = "fewer than two returns"
        return None, None
    deviation = float(np.std(returns, ddof=1))
    if deviation <= 1e-12 * max(1.0, abs(float(returns.mean()))):
        reasons["sharpe"] = "equity did not vary"
        return deviation * math.sqrt(steps_per_year), None
    sharpe = float(returns.mean()) / deviation * math.sqrt(steps_per_year)
    return deviation * math.sqrt(steps_per_year), sharpe


def _win_rate(
    curve: NDArray[np.float64], held: ArrayLike | None, reasons: dict[str, str]
) -> float | None:
    if held is None:
        reasons["win_rate"] = "positions were not given"
        return None
    begun = np.asarray(held, dtype=np.bool_)
    if begun.shape != (len(curve) - 1,):
        raise ValueError(f"held has shape {begun.shape}: must be ({len(curve) - 1},)")
    if not begun.any():
        reasons["win_rate"] = "no step began with a position"
        return None
    return float(np.mean(np.diff(curve)[begun] > 0.0))
