"""Mean-reverting prices on a tick: the market of Ritter's problem.

    price = p e^x, rounded to the tick, at least one;   x' = x - (ln 2 / H) x + s xi

with p the mean price, H the half-life of the linear pull, s the volatility and xi standard normal;
assets are independent (Ritter 2017, "Machine learning for trading", Risk 30). Every path passes
through p at bar `start_bar`, where an episode of the longest length begins; before and after it x
has the stationary law given that (which is the same backwards in time).

A bar opens at the last close and reaches no further than its open and close, so that an order
without latency trades at the price of its decision. The signal `signal_level` is x in its
stationary standard deviations, which a coarse tick would hide. Volume is constant.

Not modelled: anything else; the pull is known and never changes.
"""

import math

import numpy as np
from numpy.typing import NDArray

from trading_env.core.errors import MarketSpecError, clip
from trading_env.core.noise import Stream
from trading_env.markets.bars import Market
from trading_env.markets.models.factor import DAYS_PER_YEAR, fill_normals
from trading_env.markets.models.synthetic import check_between, check_size, daily_times, pool_key
from trading_env.markets.reading.times import DAY

LEAST_HALF_LIFE = math.log(2.0) / 2.0  # bars; below it x overshoots by more than it closes


def mean_reverting(
    *,
    price: float = 50.0,
    half_life: float = 5.0,
    volatility: float = 0.1,
    tick: float = 0.0,
    volume: float = 1e6,
    assets: int = 1,
    paths: int = 64,
    bars: int = 1024,
    start_bar: int = 64,
    seed: int = 0,
    band: str | None = None,
) -> Market:
    """Generate daily prices whose logs are pulled back to a mean.

    Args:
        price: That log prices are pulled to, and of every path at `start_bar`, currency.
        half_life: H, bars, above ln 2 / 2.
        volatility: s, standard deviation of a bar's shock to the log price.
        tick: Closes are multiples of it, currency; 0 for any price.
        volume: Units a bar.
        assets: Number of assets.
        paths: Number of paths.
        bars: Bars a path.
        start_bar: Bar at which every path is at `price`, rounded to the tick.
        seed: Names the pool, >= 0.
        band: "train", "validation", "test" or None: pools of different bands are independent.

    Raises:
        MarketSpecError: a parameter out of its range; prices beyond what a number holds.
    """
    check_size(assets=assets, paths=paths, bars=bars, substeps=1)
    if not isinstance(start_bar, int) or not 0 <= start_bar < bars:
        raise MarketSpecError(f"start_bar '{clip(start_bar)}': must be whole, 0 to {bars - 1}")
    for name, value in {"price": price, "volatility": volatility, "volume": volume}.items():
        check_between(name, value, 0.0, math.inf)
    check_between("half_life", half_life, LEAST_HALF_LIFE, math.inf)
    if tick != 0:
        check_between("tick", tick, 0.0, math.inf)
    keep = 1.0 - math.log(2.0) / half_life
    noise = np.empty((paths, bars, assets))
    fill_normals(noise, pool_key(seed, band), Stream.MARKET_SHOCK.value)
    x = _log_prices(noise, keep, volatility, start_bar)
    with np.errstate(over="ignore"):
        close = price * np.exp(x)
    if tick != 0:
        close = np.maximum(np.rint(close / tick), 1.0) * tick
    if not (np.isfinite(close).all() and close.min() > 0.0):
        raise MarketSpecError(f"volatility '{clip(volatility)}': prices overflow; lower it")
    opened = np.concatenate((close[:, :1], close[:, :-1]), axis=1)
    return Market(
        symbols=tuple(f"S{i + 1}" for i in range(assets)),
        time=daily_times(bars),
        open=opened,
        high=np.maximum(opened, close),
        low=np.minimum(opened, close),
        close=close,
        volume=np.full_like(close, volume),
        signals=x[..., None] * (math.sqrt(1.0 - keep**2) / volatility),
        signal_names=("signal_level",),
        bar_seconds=DAY,
        bars_per_year=DAYS_PER_YEAR,
        bars_per_day=1.0,
        source=f"mean_reverting seed={seed} band={band}",
        trusted=True,
    )


def _log_prices(
    noise: NDArray[np.float64], keep: float, volatility: float, start_bar: int
) -> NDArray[np.float64]:
    """Walk x from 0 at `start_bar` to both ends, shape (paths, bars, assets)."""
    x = np.zeros_like(noise)
    for bar in range(start_bar + 1, noise.shape[1]):
        x[:, bar] = keep * x[:, bar - 1] + volatility * noise[:, bar]
    for bar in range(start_bar - 1, -1, -1):
        x[:, bar] = keep * x[:, bar + 1] + volatility * noise[:, bar]
    return x
