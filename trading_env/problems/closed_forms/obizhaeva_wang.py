"""Obizhaeva-Wang: the cheapest way through a book that refills.

A block book holds q shares per unit of price. A trade of x shares (above 0 buys) at time t_k, with
F the price that lasts and D the displacement that decays, pays

    cost    x (F + D) + (lambda + kappa) x^2 / 2,        kappa = 1 / q - lambda
    after   F += lambda x,   D += kappa x,   then D decays by a = exp(-rho T / N) to the next trade

where N + 1 trades are made at 0, T / N, ..., T. Cost is counted above F_0 X. The optimum for X:

    ends  X / (2 + (N - 1)(1 - a)),   inner trades  (1 - a) times that
    cost  lambda X^2 / 2 + (kappa X^2 / 2)(1 + a) / (2 + (N - 1)(1 - a))

and for N to infinity blocks X / (rho T + 2) at 0 and T with the rate rho X / (rho T + 2) between,
at the cost lambda X^2 / 2 + kappa X^2 / (rho T + 2). No round trip earns money.

Not modelled: risk aversion (the price's own moves are a martingale and cost nothing on average),
a spread, a book of another shape.

Source: Obizhaeva and Wang (2013), "Optimal trading strategy and supply/demand dynamics",
J. Financial Markets 16.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from trading_env.core.records import Floats
from trading_env.problems.closed_forms.checks import (
    PerSchedule,
    checked_schedule,
    require_count,
    require_not_negative,
    require_positive,
    require_quantity,
)


class ContinuousOptimum(NamedTuple):
    """The limit of infinitely many trades: a block, a constant rate, a block."""

    block: float  # shares, at the start and again at the end
    rate: float  # shares per time in between
    cost: float  # currency above the initial price


@dataclass(frozen=True, kw_only=True)
class ObizhaevaWang:
    """One problem of execution; time in any unit, the same one throughout.

    Raises:
        ValueError: a field has an impossible value, by name.
    """

    initial_price: float
    """Price F_0 before the first trade, currency per share, > 0."""
    quantity: float
    """Shares X to trade: above 0 buys, below 0 sells."""
    horizon: float
    """Time T from the first trade to the last, > 0."""
    trades: int
    """Number of trades N + 1, >= 2."""
    depth: float
    """Density q of the book, shares per unit of price, > 0."""
    permanent: float
    """Lasting impact lambda, currency per share for each share, in [0, 1 / depth)."""
    resilience: float
    """Rate rho at which the displacement decays, 1 / time, > 0."""

    def __post_init__(self) -> None:
        require_quantity(self.quantity)
        require_count("trades", self.trades, 2)
        for field in ("initial_price", "horizon", "depth", "resilience"):
            require_positive(field, getattr(self, field))
        require_not_negative("permanent", self.permanent)
        if self.transient <= 0.0:
            raise ValueError(
                f"permanent = {self.permanent}: must be below 1 / depth = {1 / self.depth:g}, "
                "the whole displacement of a trade"
            )

    @property
    def transient(self) -> float:
        """Impact kappa = 1 / q - lambda that decays, currency per share for each share."""
        return 1.0 / self.depth - self.permanent

    @property
    def decay(self) -> float:
        """Share a of the displacement that is left at the next trade."""
        return math.exp(-self.resilience * self.horizon / (self.trades - 1))

    def schedule(self) -> Floats:
        """Return the optimal trades, signed shares, shape (trades,)."""
        shares = np.full(self.trades, self._refilled * self.quantity / self._weight)
        shares[[0, -1]] = self.quantity / self._weight
        return shares

    def twap(self) -> Floats:
        """Return equal trades, signed shares, shape (trades,)."""
        return np.full(self.trades, self.quantity / self.trades)

    def immediate(self) -> Floats:
        """Return everything in the first trade, signed shares, shape (trades,)."""
        shares = np.zeros(self.trades)
        shares[0] = self.quantity
        return shares

    def cost(self, schedule: ArrayLike) -> PerSchedule:
        """Return the cost above the initial price, currency, by the definition's recursion.

        Args:
            schedule: signed shares, shape (..., trades); they may add up to anything, so that a
                round trip has a cost too.

        Raises:
            ValueError: a schedule has another length or a value that is not finite.
        """
        shares = checked_schedule(schedule, self.trades)
        lasting = np.zeros(shares.shape[:-1])  # F - F_0
        displacement = np.zeros(shares.shape[:-1])  # D
        total: PerSchedule = np.zeros(shares.shape[:-1])
        for k in range(self.trades):
            x = shares[..., k]
            total = total + x * (lasting + displacement) + 0.5 / self.depth * x**2
            lasting = lasting + self.permanent * x
            displacement = (displacement + self.transient * x) * self.decay
        return total

    def optimal_cost(self) -> float:
        """Return the cost of `schedule()`, currency, in closed form."""
        share = (1.0 + self.decay) / self._weight
        return 0.5 * self.quantity**2 * (self.permanent + self.transient * share)

    def continuous(self) -> ContinuousOptimum:
        """Return the optimum for infinitely many trades."""
        block = self.quantity / (self.resilience * self.horizon + 2.0)
        cost = 0.5 * self.permanent * self.quantity**2 + self.transient * self.quantity * block
        return ContinuousOptimum(block, self.resilience * block, cost)

    def basis_points(self, cost: float) -> float:
        """Express a cost in basis points of the initial value |X| F_0."""
        return 1e4 * cost / (abs(self.quantity) * self.initial_price)

    @property
    def _refilled(self) -> float:
        """The share 1 - a of a displacement that is gone by the next trade."""
        return -math.expm1(-self.resilience * self.horizon / (self.trades - 1))

    @property
    def _weight(self) -> float:
        """The quantity, counted in trades of an end's size."""
        return 2.0 + (self.trades - 2) * self._refilled
