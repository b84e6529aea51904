"""The default market and the geometric Brownian motion, both from the kernels of `paths.py`.

`multiscale` takes its law from a row of `presets.PRESETS`; `gbm` is the same machine with constant
volatility, for problems with a known answer.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field

from trading_env.markets.bars import Market
from trading_env.markets.models.generator import pool_key
from trading_env.markets.models.paths import fill_pool
from trading_env.markets.models.pools import PooledMarket
from trading_env.markets.models.presets import NO_LEVERAGE, PRESETS, SeriesLaw


class MultiscaleMarket(PooledMarket):
    """Correlated assets with clustered volatility, fat tails and one weak signal each."""

    label: ClassVar[str] = "multiscale"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        name: {"preset": name} for name in PRESETS
    }

    preset: str = "us_stock_daily"
    """Name of a row of `presets.PRESETS`."""

    def generate(self, band: str | None) -> Market:
        """Fill the pool of a preset."""
        pool, law = self.empty_pool(), PRESETS[self.preset]
        fill_pool(pool, self.model_of(law), pool_key(self.seed, band))
        return self.market_of(pool, law, self.pool_name(band, self.preset))


class GbmMarket(PooledMarket):
    """Daily geometric Brownian motions without gaps, all of one law."""

    label: ClassVar[str] = "gbm"

    volatility: float = Field(0.02, gt=0.0, lt=1.0)
    """Standard deviation of a bar's log return."""
    drift: float = Field(0.0, gt=-1.0, lt=1.0)
    """Log of the expected growth of the price in a bar."""
    correlation: float = Field(0.0, ge=0.0, lt=1.0)
    """Correlation of every pair."""
    information_coefficient: float = Field(0.0, gt=-1.0, lt=1.0)
    """As for `multiscale`."""

    def generate(self, band: str | None) -> Market:
        """Fill the pool of a law without scales, tails or gaps."""
        flat = SeriesLaw(self.volatility, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), NO_LEVERAGE, math.inf)
        law = replace(
            PRESETS["us_stock_daily"],
            market=flat,
            residual=flat,
            betas=None,
            correlation=self.correlation,
            gap_share=0.0,
        )
        pool = self.empty_pool()
        fill_pool(pool, self.model_of(law, self.drift), pool_key(self.seed, band))
        return self.market_of(pool, law, self.pool_name(band))
