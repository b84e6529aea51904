"""Almgren-Chriss: the schedule with the least expected cost plus risk aversion times variance.

X shares are brought to 0 in N slices of length tau = T / N. Slice k trades n_k:

    mid     S_k  = S_(k-1) + sigma sqrt(tau) xi_k - gamma n_k
    fill    S~_k = S_(k-1) - epsilon sign(n_k) - (eta / tau) n_k
    cost    C    = X S_0 - sum n_k S~_k

With x_k the holdings after slice k and eta~ = eta - gamma tau / 2,

    E[C] = gamma X^2 / 2 + epsilon sum |n_k| + (eta~ / tau) sum n_k^2
    V[C] = sigma^2 tau sum_(k=1..N) x_k^2

and E + lambda V is least for x_j = X sinh(kappa (T - t_j)) / sinh(kappa T), where
cosh(kappa tau) = 1 + lambda sigma^2 tau^2 / (2 eta~). The same kappa from half the angle,
sinh(kappa tau / 2) = (sigma tau / 2) sqrt(lambda / eta~), keeps its digits and cannot overflow.

A quantity below 0 buys |X| shares; every cost is the same by symmetry.

Not modelled: drift, nonlinear impact, impact that decays, information that arrives on the way.

Source: Almgren and Chriss (2000), "Optimal execution of portfolio transactions", J. Risk 3(2).
"""

import math
from dataclasses import dataclass

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

FLAT = 1e-8  # below this kappa T the trajectory is a straight line to float64's last digit
CLOSED = 1e-9  # share of the quantity that rounding may leave over


@dataclass(frozen=True, kw_only=True)
class AlmgrenChriss:
    """One problem of liquidation; time in any unit, the same one throughout.

    Raises:
        ValueError: a field has an impossible value, by name.
    """

    initial_price: float
    """Mid before the first slice, currency per share, > 0."""
    quantity: float
    """Shares held at the start and to be brought to 0: above 0 sells, below 0 buys."""
    horizon: float
    """Time T to do it in, > 0."""
    steps: int
    """Slices N, >= 1."""
    volatility: float
    """Standard deviation sigma of the mid, currency per share per square root of time, >= 0."""
    half_spread: float
    """Fixed cost epsilon, currency per share, >= 0."""
    permanent: float
    """Permanent impact gamma, currency per share for each share traded, >= 0."""
    temporary: float
    """Temporary impact eta, currency per share for each share per time, > gamma tau / 2."""
    risk_aversion: float
    """Price lambda of a unit of variance, 1 / currency, >= 0."""

    def __post_init__(self) -> None:
        require_quantity(self.quantity)
        require_count("steps", self.steps, 1)
        for field in ("initial_price", "horizon", "temporary"):
            require_positive(field, getattr(self, field))
        for field in ("volatility", "half_spread", "permanent", "risk_aversion"):
            require_not_negative(field, getattr(self, field))
        if self.effective_temporary <= 0.0:
            raise ValueError(
                f"temporary = {self.temporary}: must be above permanent x slice / 2 = "
                f"{self.permanent * self.slice_length / 2:g}, or slicing would earn money"
            )

    @property
    def slice_length(self) -> float:
        """Length tau of one slice."""
        return self.horizon / self.steps

    @property
    def effective_temporary(self) -> float:
        """The coefficient eta~ = eta - gamma tau / 2 of what slicing can save."""
        return self.temporary - 0.5 * self.permanent * self.slice_length

    @property
    def kappa(self) -> float:
        """Urgency: the optimal holdings fall by about this rate, 1 / time."""
        urgency = math.sqrt(self.risk_aversion) / math.sqrt(self.effective_temporary)
        half_angle = math.asinh(0.5 * self.volatility * self.slice_length * urgency)
        return 2.0 * half_angle / self.slice_length

    def holdings(self) -> Floats:
        """Return the optimal holdings at the slices' ends, shares, shape (steps + 1,)."""
        left = np.linspace(1.0, 0.0, self.steps + 1)  # share of the horizon
        angle = self.kappa * self.horizon
        if angle < FLAT:
            return self.quantity * left
        # sinh(a left) / sinh(a), written with exponentials that only shrink.
        shrunk = np.exp(-angle * (1.0 - left))
        ratio: Floats = shrunk * np.expm1(-2.0 * angle * left) / math.expm1(-2.0 * angle)
        return self.quantity * ratio

    def schedule(self) -> Floats:
        """Return the optimal trades n_k, shares in the direction of `quantity`, (steps,)."""
        return -np.diff(self.holdings())

    def twap(self) -> Floats:
        """Return equal trades, shares, shape (steps,): optimal for risk aversion 0."""
        return np.full(self.steps, self.quantity / self.steps)

    def immediate(self) -> Floats:
        """Return everything in the first slice, shares, shape (steps,): no variance."""
        trades = np.zeros(self.steps)
        trades[0] = self.quantity
        return trades

    def expected_cost(self, schedule: ArrayLike) -> PerSchedule:
        """Return E[C], currency, of schedules of shape (..., steps).

        Raises:
            ValueError: a schedule has another length or does not add up to `quantity`.
        """
        trades = self._complete(schedule)
        squares: PerSchedule = np.sum(trades**2, axis=-1)
        shares: PerSchedule = np.sum(np.abs(trades), axis=-1)
        return (
            0.5 * self.permanent * self.quantity**2
            + self.half_spread * shares
            + self.effective_temporary / self.slice_length * squares
        )

    def variance(self, schedule: ArrayLike) -> PerSchedule:
        """Return V[C], currency squared, of schedules of shape (..., steps).

        Raises:
            ValueError: a schedule has another length or does not add up to `quantity`.
        """
        left = self.quantity - np.cumsum(self._complete(schedule), axis=-1)[..., :-1]
        squares: PerSchedule = np.sum(left**2, axis=-1)
        return self.volatility**2 * self.slice_length * squares

    def utility(self, schedule: ArrayLike) -> PerSchedule:
        """Return E[C] + lambda V[C], currency: what the optimal schedule makes least."""
        return self.expected_cost(schedule) + self.risk_aversion * self.variance(schedule)

    def basis_points(self, cost: float) -> float:
        """Express a cost in basis points of the initial value |X| S_0."""
        return 1e4 * cost / (abs(self.quantity) * self.initial_price)

    def _complete(self, schedule: ArrayLike) -> Floats:
        trades = checked_schedule(schedule, self.steps)
        left = self.quantity - trades.sum(axis=-1)
        traded = np.maximum(np.abs(trades).sum(axis=-1), abs(self.quantity))
        if np.any(np.abs(left) > CLOSED * traded):
            over = float(np.ravel(left)[np.argmax(np.abs(left))])
            raise ValueError(f"schedule leaves {over:g} shares: it must add up to quantity")
        return trades
