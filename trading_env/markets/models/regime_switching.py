"""A Markov chain of regimes, each with a volatility and a drift (Hamilton 1989).

All assets are in the same regime. A path's first regime is drawn from the chain's stationary law;
row k of `transition` holds the chances of the next bar's regime after regime k. Shocks are normal,
so tails and clustering come from the regimes alone:

    E r^2 = sum pi_k s_k^2,    kurtosis = 3 sum pi_k s_k^4 / (sum pi_k s_k^2)^2   (without drift).

The defaults are calm, usual and stressed days, fitted by expectation-maximisation to S&P 500 closes
of 1990-2020: 50%, 43% and 7% of the days. That fit gives the chances to stay; that calm and stress
only follow each other through the usual regime is assumed.

Not modelled: leverage, tails inside a regime, and memory longer than the longest regime's.
"""

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from trading_env.core.records import Floats
from trading_env.markets.bars import Market
from trading_env.markets.models.draws import fill_regimes
from trading_env.markets.models.generator import pool_key
from trading_env.markets.models.volatility_models import VolatilityMarket

MAX_REGIMES = 20
RegimeVolatility = Annotated[float, Field(gt=0.0, lt=1.0)]
RegimeDrift = Annotated[float, Field(gt=-1.0, lt=1.0)]


class RegimeSwitchingMarket(VolatilityMarket):
    """Daily bars of assets that share a regime."""

    label: ClassVar[str] = "regime_switching"

    volatilities: tuple[RegimeVolatility, ...] = Field(
        (0.0055, 0.0115, 0.0288), min_length=1, max_length=MAX_REGIMES
    )
    """Standard deviation of a bar's log return in each regime."""
    drifts: tuple[RegimeDrift, ...] | None = None
    """Log of the expected growth of the price in a bar in each regime; None for 0."""
    transition: tuple[tuple[float, ...], ...] = (
        *((0.98, 0.02, 0.0), (0.0233, 0.97, 0.0067)),
        (0.0, 0.039, 0.961),
    )
    """Chances of the next regime, a row for each regime, rows that sum to 1. Every regime must be
    reached from every other."""

    def generate(self, band: str | None) -> Market:
        """Draw the regimes, then make bars of their volatilities and drifts."""
        count = len(self.volatilities)
        deviation = np.array(self.volatilities)
        drift = np.zeros(count) if self.drifts is None else np.array(self.drifts)
        if len(drift) != count:
            raise self.refusal("drifts", f"needs {count} numbers, as volatilities has")
        chances = self._chances(count)
        found = self.empty_volatility()
        regimes = np.empty((self.paths, self.bars), dtype=np.int64)
        start, following = np.cumsum(stationary(chances)), np.cumsum(chances, axis=1)
        fill_regimes(regimes, start, following, pool_key(self.seed, band))
        found.sigma[:] = deviation[regimes][:, :, None]
        found.drift[:] = drift[regimes][:, :, None]
        return self.priced(found, band)

    def _chances(self, count: int) -> Floats:
        """Read the transition matrix."""
        if [len(row) for row in self.transition] != [count] * count:
            raise self.refusal("transition", f"needs {count} rows of {count} numbers")
        chances = np.array(self.transition)
        if not ((chances >= 0.0).all() and np.allclose(chances.sum(axis=1), 1.0, atol=1e-9)):
            raise self.refusal("transition", "needs chances >= 0 and rows that sum to 1")
        reached = np.linalg.matrix_power((chances > 0.0) + np.eye(count), count) > 0.0
        if not reached.all():
            raise self.refusal("transition", "a regime is never reached from another")
        return chances


def stationary(chances: Floats) -> Floats:
    """Long-run share of each regime, for a chain that has one law of them."""
    count = len(chances)
    system = np.vstack([chances.T - np.eye(count), np.ones(count)])
    shares = np.linalg.lstsq(system, np.r_[np.zeros(count), 1.0], rcond=None)[0]
    found: Floats = np.maximum(shares, 0.0) / np.maximum(shares, 0.0).sum()
    return found
