"""Fresh pools for tests: `load_market` would hand out the one that it keeps in memory."""

from typing import Any

import numpy as np

from trading_env.markets import Market
from trading_env.markets.loading import GENERATORS


def pool(generator: str, band: str | None = None, **arguments: Any) -> Market:
    """Run a generator, with its defaults for all other arguments."""
    return GENERATORS[generator].of(arguments).generate(band)


def returns_of(market: Market) -> np.ndarray:
    """Log returns, (paths, bars - 1, assets)."""
    return np.diff(np.log(market.close), axis=1)
