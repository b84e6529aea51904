"""The GJR-GARCH model with t shocks (Glosten, Jagannathan and Runkle 1993; Bollerslev 1987).

With e = g z the unit-variance t shock of a bar and h the variance of its return r = sqrt(h) e,

    h' = omega + (alpha + gamma [e < 0]) r^2 + beta h,
    omega = volatility^2 (1 - persistence),    persistence = alpha + gamma / 2 + beta < 1,

so that E h = volatility^2 (the chance of e < 0 is a half). The defaults are a fit by maximum
likelihood to S&P 500 closes of 1990-2020. r is the return without drift, signal and the half
variance. Each path starts `BURN_IN` bars before its first, at the mean variance; a persistence near
1 does not forget that start in so few bars.

Not modelled: memory longer than the persistence gives, which is why `multiscale` is the default.
"""

import math
from typing import ClassVar

import numpy as np
from pydantic import Field

from trading_env.markets.bars import Market
from trading_env.markets.models.generator import pool_key
from trading_env.markets.models.volatility_kernels import fill_gjr
from trading_env.markets.models.volatility_models import VolatilityMarket


class GjrGarchMarket(VolatilityMarket):
    """Daily bars of assets of one GJR-GARCH law; tails are each asset's own."""

    label: ClassVar[str] = "gjr_garch"

    volatility: float = Field(0.0102, gt=0.0, lt=1.0)
    """Standard deviation of a bar's return."""
    alpha: float = Field(0.0033, ge=0.0, lt=1.0)
    """Weight of the last squared return."""
    gamma: float = Field(0.1714, ge=0.0, lt=2.0)
    """Weight added after a fall."""
    beta: float = Field(0.8968, ge=0.0, lt=1.0)
    """Weight of the last variance; alpha + gamma / 2 + beta must be below 1."""
    tail_dof: float | None = Field(6.62, gt=2.0)
    """Degrees of freedom of the t shock; None for normal shocks."""

    def generate(self, band: str | None) -> Market:
        """Follow the variance of each asset, then make bars of it."""
        persistence = self.alpha + 0.5 * self.gamma + self.beta
        if not persistence < 1.0:
            given = f"alpha + gamma / 2 + beta = {persistence:g}"
            raise self.refusal("beta", f"{given}: must be below 1, or the variance explodes")
        omega = self.volatility**2 * (1.0 - persistence)
        law = np.array([omega, self.alpha, self.gamma, self.beta])
        dof = math.inf if self.tail_dof is None else self.tail_dof
        found = self.empty_volatility()
        fill_gjr(found, law, dof, self.shock_model(), pool_key(self.seed, band))
        return self.priced(found, band)
