"""The base of the classical volatility models, which share everything but the volatility."""

from dataclasses import replace

import numpy as np
from pydantic import Field

from trading_env.markets.bars import Market
from trading_env.markets.models.generator import pool_key
from trading_env.markets.models.paths import Model
from trading_env.markets.models.pools import PooledMarket
from trading_env.markets.models.presets import NO_LEVERAGE, PRESETS, SeriesLaw
from trading_env.markets.models.volatility_kernels import VolatilityPath, fill_prices

UNUSED = SeriesLaw(0.01, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), NO_LEVERAGE, np.inf)
DAILY = replace(PRESETS["us_stock_daily"], market=UNUSED, residual=UNUSED, betas=None)


class VolatilityMarket(PooledMarket):
    """Daily bars of assets whose shocks are correlated."""

    correlation: float = Field(0.3, ge=0.0, lt=1.0)
    """Correlation of the normal shocks of every pair."""

    def shock_model(self) -> Model:
        """Return the numbers of the kernels; of the preset's law only gap and volume are used."""
        model = self.model_of(replace(DAILY, correlation=self.correlation))
        if self.assets == 1:  # the asset's own shocks are enough
            model = model._replace(beta=np.zeros(1), residual_weight=np.ones(1))
        return model

    def empty_volatility(self) -> VolatilityPath:
        """Allocate the arrays of a model, with no tails and no drift until it sets them."""
        shape = self.pool_shape(self.assets)
        return VolatilityPath(np.empty(shape), np.ones(shape), np.zeros(shape))

    def priced(self, volatility: VolatilityPath, band: str | None) -> Market:
        """Make bars of a volatility path."""
        pool = self.empty_pool()
        fill_prices(pool, self.shock_model(), volatility, pool_key(self.seed, band))
        return self.market_of(pool, DAILY, self.pool_name(band))
