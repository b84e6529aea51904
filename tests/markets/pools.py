"""Fresh pools for tests: `load_market` would hand out the one that it keeps in memory."""

from typing import Any

from trading_env.markets import Market
from trading_env.markets.loading import GENERATORS


def pool(generator: str, band: str | None = None, **arguments: Any) -> Market:
    """Run a generator, with its defaults for all other arguments."""
    return GENERATORS[generator].of(arguments).generate(band)
