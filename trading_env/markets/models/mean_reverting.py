"""Mean-reverting prices on a tick: the market of Ritter's problem.

    price = p e^x, rounded to the tick, at least one;   x' = x - (ln 2 / H) x + s xi

with p the mean price, H the half-life of the linear pull, s the volatility and xi standard normal;
assets are independent (Ritter 2017, "Machine learning for trading", Risk 30). Every path passes
through p at bar `start_bar`; before and after it x has the stationary law given that (which is the
same backwards in time). The signal `signal_level` is x in its stationary standard deviations, which
a coarse tick would hide. Volume is constant.

Not modelled: anything else; the pull is constant.
"""

import math
from typing import ClassVar

import numpy as np
from pydantic import Field

from trading_env.core.noise import Stream
from trading_env.core.records import Floats
from trading_env.markets.bars import Market
from trading_env.markets.models.draws import fill_normals
from trading_env.markets.models.generator import pool_key
from trading_env.markets.models.textbook import TextbookBars, TextbookMarket, extremes

TOO_WILD = "prices overflow; lower it"
LEAST_HALF_LIFE = math.log(2.0) / 2.0  # bars; below it x overshoots by more than it closes


class MeanRevertingMarket(TextbookMarket):
    """Daily prices whose logs are pulled back to a mean; every path starts at `price`."""

    label: ClassVar[str] = "mean_reverting"

    price: float = Field(50.0, gt=0.0)
    """Mean price, and price of every path at `start_bar` (rounded to the tick), currency."""
    half_life: float = Field(5.0, gt=LEAST_HALF_LIFE)
    """Half-life H of the pull, bars, above ln 2 / 2."""
    volatility: float = Field(0.1, gt=0.0)
    """Standard deviation s of a bar's shock to the log price."""
    tick: float = Field(0.0, ge=0.0)
    """Closes are multiples of it, currency; 0 for any price."""
    volume: float = Field(1e6, gt=0.0)
    """Units a bar."""

    def generate(self, band: str | None) -> Market:
        """Walk the log prices from `start_bar` to both ends, then round to the tick."""
        key = pool_key(self.seed, band)
        noise = np.empty(self.checked_shape())
        fill_normals(noise, key, Stream.MARKET_SHOCK.value)
        keep = 1.0 - math.log(2.0) / self.half_life
        x = _log_prices(noise, keep, self.volatility, self.start_bar)
        with np.errstate(over="ignore"):
            close = self.price * np.exp(x)
        if self.tick != 0:
            close = np.maximum(np.rint(close / self.tick), 1.0) * self.tick
        if not (np.isfinite(close).all() and close.min() > 0.0):
            raise self.refusal("volatility", TOO_WILD)
        opened = np.concatenate((close[:, :1], close[:, :-1]), axis=1)
        variance = np.full(close.shape[2], self.volatility**2)
        logs = extremes(np.log(opened), np.log(close), variance, key)
        with np.errstate(over="ignore"):
            high = np.maximum(np.exp(logs[0]), np.maximum(opened, close))
            low = np.minimum(np.exp(logs[1]), np.minimum(opened, close))
        if not (np.isfinite(high).all() and low.min() > 0.0):
            raise self.refusal("volatility", TOO_WILD)
        levels = x[..., None] * (math.sqrt(1.0 - keep**2) / self.volatility)
        volume, known = (np.full_like(close, value) for value in (self.volume, variance[0]))
        bars = TextbookBars(opened, high, low, close, volume, known, levels)
        return self.market_of(bars, ("signal_level",), band)


def _log_prices(noise: Floats, keep: float, volatility: float, start_bar: int) -> Floats:
    """Walk x from 0 at `start_bar` to both ends, shape (paths, bars, assets)."""
    x = np.zeros_like(noise)
    for bar in range(start_bar + 1, noise.shape[1]):
        x[:, bar] = keep * x[:, bar - 1] + volatility * noise[:, bar]
    for bar in range(start_bar - 1, -1, -1):
        x[:, bar] = keep * x[:, bar + 1] + volatility * noise[:, bar]
    return x
