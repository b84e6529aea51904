"""Garleanu-Pedersen: trade part of the way, every step, towards an aim in front of the target.

    returns   r_(t+1) = B f_t + u,   cov u = Sigma        x_t: holdings after the trade at t
    factors   f_(t+1) = (I - Phi) f_t + e,   cov e = Omega
    reward    (1 - rho)^(t+1) (x_t' r_(t+1) - (gamma / 2) x_t' Sigma x_t)
              - (1 - rho)^t (1 / 2) dx_t' Lambda dx_t

The value before the trade is V(x, f) = -x' Axx x / 2 + x' Axf f + f' Aff f / 2 + A0. With
b = 1 - rho and J = Lambda + b (gamma Sigma + Axx) the Bellman equation reads

    Axx = Lambda - Lambda J^-1 Lambda
    Axf = Lambda J^-1 K,               K = b (B + Axf (I - Phi))
    Aff = K' J^-1 K + b (I - Phi)' Aff (I - Phi),     A0 = b tr(Aff Omega) / (2 rho)

The first line has a closed form (`linear.value_of_holdings`), the others are linear. The policy is

    x_t = x_(t-1) + Lambda^-1 Axx (aim_t - x_(t-1)),   aim_t = Axx^-1 Axf f_t

Long-run rewards are means a step of x'B f - (gamma / 2) x' Sigma x - dx' Lambda dx / 2, without
discount, under the stationary law that a linear policy brings about. The optimum is that of the
discounted problem: its long-run reward falls short of the highest by a term of order rho^2.

Not modelled: transient impact (the paper's section 4), limits on holdings, a spread.

Source: Garleanu and Pedersen (2013), "Dynamic trading with predictable returns and transaction
costs", J. Finance 68.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from trading_env.core.records import Floats
from trading_env.problems.closed_forms.checks import (
    PerSchedule,
    checked_array,
    checked_covariance,
    require_fraction,
    require_positive,
)
from trading_env.problems.closed_forms.linear import (
    LinearPolicy,
    highest,
    sandwich_sum,
    solved,
    spectral_radius,
    stationary_covariance,
    value_of_holdings,
)


class ConstantSpeed(NamedTuple):
    """The best of the policies that trade one share of the way to Markowitz every step."""

    speed: float  # in (0, 1]
    reward: float  # long-run, a step


@dataclass(frozen=True, kw_only=True, eq=False)
class GarleanuPedersen:
    """One problem; array fields are kept as read-only float64 copies.

    Raises:
        ValueError: a field has the wrong shape or an impossible value, by name.
    """

    loadings: Floats
    """Expected return per share for each factor B, currency, shape (assets, factors)."""
    mean_reversion: Floats
    """Phi, a step, shape (factors, factors); a vector stands for a diagonal matrix."""
    factor_covariance: Floats
    """Omega, of the factors' shocks, shape (factors, factors), positive semidefinite."""
    covariance: Floats
    """Sigma, of returns per share, currency squared, (assets, assets), positive definite."""
    cost: Floats
    """Lambda, currency per share squared, shape (assets, assets), positive definite."""
    risk_aversion: float
    """gamma, 1 / currency, > 0."""
    discount_rate: float
    """rho, a step, in (0, 1)."""

    def __post_init__(self) -> None:
        loadings = np.asarray(self.loadings, dtype=np.float64)
        if loadings.ndim != 2 or 0 in loadings.shape:
            raise ValueError(f"loadings has shape {loadings.shape}: must be (assets, factors)")
        assets, factors = loadings.shape
        reversion = np.asarray(self.mean_reversion, dtype=np.float64)
        reversion = np.diag(reversion) if reversion.ndim == 1 else reversion
        arrays = {
            "loadings": checked_array("loadings", loadings, loadings.shape),
            "mean_reversion": checked_array("mean_reversion", reversion, (factors, factors)),
        }
        for field, size in (
            ("factor_covariance", factors),
            ("covariance", assets),
            ("cost", assets),
        ):
            strict = field != "factor_covariance"  # a factor may be without shocks
            arrays[field] = checked_covariance(field, getattr(self, field), size, strict=strict)
        for field, array in arrays.items():
            object.__setattr__(self, field, array)
        require_positive("risk_aversion", self.risk_aversion)
        require_fraction("discount_rate", self.discount_rate)
        if (radius := spectral_radius(self.persistence)) >= 1.0:
            raise ValueError(f"mean_reversion keeps {radius:g} of a factor: must be below 1")

    @cached_property
    def persistence(self) -> Floats:
        """I - Phi: what is left of the factors after a step, shape (factors, factors)."""
        return np.eye(len(self.mean_reversion)) - self.mean_reversion

    @cached_property
    def value_holdings(self) -> Floats:
        """Axx, currency per share squared, shape (assets, assets)."""
        risk = self.risk_aversion * self.covariance
        return value_of_holdings(self.cost, risk, self.discount_rate)

    @cached_property
    def value_cross(self) -> Floats:
        """Axf, currency per share for a unit of the factor, shape (assets, factors)."""
        passed = self.cost @ np.linalg.inv(self._curvature)
        kept = 1.0 - self.discount_rate
        return sandwich_sum(kept * passed, kept * passed @ self.loadings, self.persistence)

    @cached_property
    def value_factors(self) -> Floats:
        """Aff, currency for a unit of two factors, shape (factors, factors)."""
        kept, pull = 1.0 - self.discount_rate, self._pull
        once = pull.T @ solved(self._curvature, pull)
        return sandwich_sum(kept * self.persistence.T, once, self.persistence)

    @cached_property
    def trade_rate(self) -> Floats:
        """Lambda^-1 Axx: the share of the way to the aim, shape (assets, assets)."""
        return solved(self.cost, self.value_holdings)

    @cached_property
    def aim(self) -> Floats:
        """Axx^-1 Axf: shares aimed at for a unit of each factor, shape (assets, factors)."""
        return solved(self.value_holdings, self.value_cross)

    @cached_property
    def markowitz(self) -> Floats:
        """(gamma Sigma)^-1 B: the target were trading free, shape (assets, factors)."""
        return solved(self.risk_aversion * self.covariance, self.loadings)

    @property
    def optimum(self) -> LinearPolicy:
        """The policy with the highest value from every state."""
        return LinearPolicy.towards(self.trade_rate, self.aim)

    def trade(self, holdings: ArrayLike, factors: ArrayLike) -> Floats:
        """Return the optimal trades, shares, like `holdings` before them, (..., assets)."""
        x, f = np.asarray(holdings, dtype=np.float64), np.asarray(factors, dtype=np.float64)
        return np.asarray((f @ self.aim.T - x) @ self.trade_rate.T, dtype=np.float64)

    def value(self, holdings: ArrayLike, factors: ArrayLike) -> PerSchedule:
        """Return V(x, f), currency, of states of shape (..., assets) and (..., factors)."""
        x, f = np.asarray(holdings, dtype=np.float64), np.asarray(factors, dtype=np.float64)
        noise = float(np.sum(self.value_factors * self.factor_covariance))
        constant = 0.5 * (1.0 - self.discount_rate) / self.discount_rate * noise
        ahead: PerSchedule = np.sum(
            (x @ self.value_cross + 0.5 * f @ self.value_factors) * f, axis=-1
        )
        behind: PerSchedule = np.sum(x @ self.value_holdings * x, axis=-1)
        return ahead - 0.5 * behind + constant

    def long_run_reward(self, policy: LinearPolicy | None = None) -> float:
        """Return the mean reward a step, currency, of a linear policy; by default the optimum.

        Raises:
            ValueError: the policy's holdings have no stationary law.
        """
        assets, factors = self.loadings.shape
        policy = policy or self.optimum
        state = stationary_covariance(policy, self.persistence, self.factor_covariance)
        after = np.hstack(policy)  # x_t from the state (x_(t-1), f_t)
        change = after - np.eye(assets, assets + factors)
        gain = np.sum(self.loadings * (after @ state)[:, assets:])
        risk = np.sum(self.covariance * (after @ state @ after.T))
        paid = np.sum(self.cost * (change @ state @ change.T))
        return float(gain - 0.5 * self.risk_aversion * risk - 0.5 * paid)

    def best_constant_speed(self) -> ConstantSpeed:
        """Find the best single speed of trading towards `markowitz`."""
        speeds, aim = np.geomspace(1e-4, 1.0, 81), self.markowitz
        best = highest(lambda speed: self.long_run_reward(LinearPolicy.towards(speed, aim)), speeds)
        return ConstantSpeed(*best)

    @cached_property
    def _curvature(self) -> Floats:
        """J, shape (assets, assets)."""
        risk = self.risk_aversion * self.covariance
        return self.cost + (1.0 - self.discount_rate) * (risk + self.value_holdings)

    @cached_property
    def _pull(self) -> Floats:
        """K, shape (assets, factors)."""
        return (1.0 - self.discount_rate) * (self.loadings + self.value_cross @ self.persistence)
