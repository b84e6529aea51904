"""Where bars come from: files, data frames, named data sets and synthetic generators."""

from trading_env.core.errors import MarketDataError, MarketSpecError
from trading_env.markets.bars import Market
from trading_env.markets.loading import load_market

__all__ = ["Market", "MarketDataError", "MarketSpecError", "load_market"]
