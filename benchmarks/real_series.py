"""Real series that the synthetic markets are compared with, read from a folder that a user has.

Nothing of them is in the repository; what they measured is recorded in a result. The files, all
csv.gz with the time first:

    us_equities_daily        14 large US stocks and SP500, closes of 1990-2020 (skfolio 1.12.2)
    btcusd_hourly            BTC/USD, hours of 2019-10 to 2022-03 (CryptoDataDownload)
    btcusdt_5min_2024_06_07  BTC/USDT, 5 minutes of June and July 2024 (Binance)
    eurusd_hourly_ask        EUR/USD ask, hours of January to August 2017 (gym-anytrading 2.0.0)

Hourly currency returns are divided by the root mean square of their hour of the day, and closed
hours are dropped. Residuals are those of least squares on the S&P 500 over all days.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_env.markets import load_market

Array = NDArray[np.float64]


class Series(NamedTuple):
    """Real bars: returns (1, bars, assets), volume of the same shape or None, and their origin."""

    returns: Array
    volume: Array | None
    source: str


# Recorded when the presets were calibrated, from minutes that none of the files above holds.
POUND_MINUTES = {
    "Hill index of the top 5%": 3.19,
    "excess kurtosis after EWMA volatility": 49.0,
    "autocorrelation of r, lag 1": -0.033,
    "autocorrelation of |r|, lag 1": 0.26,
    "autocorrelation of |r|, lag 10": 0.15,
    "autocorrelation of |r|, near lag 50": 0.106,
    "autocorrelation of |r|, near lag 100": 0.086,
    "leverage E[z z'^2], lags 1-10": 0.02,
    "skewness": 0.54,
    "0.5% over 99.5% quantile": 0.94,
    "kurtosis of 21 bars over 1": 0.23,
}
POUND_SOURCE = "GBP/USD minutes, recorded when the preset was calibrated; bars not kept"


def index() -> Series:
    """The S&P 500 of the `arch` package, 1999 to 2018."""
    market = load_market("us_indices", seed_band=None)
    returns = np.diff(np.log(market.close[:, :, :1]), axis=1)
    return Series(returns, market.volume[:, 1:, :1], "S&P 500, days of 1999-2018 (package arch)")


def stocks(folder: Path) -> Series:
    """Fourteen stocks."""
    closes = _read(folder, "us_equities_daily").drop(columns="SP500")
    return Series(_log_returns(closes), None, "14 US stocks, days of 1990-2020 (skfolio 1.12.2)")


def residuals(folder: Path) -> Series:
    """What the S&P 500 does not explain of fourteen stocks."""
    table = _log_returns(_read(folder, "us_equities_daily"))[0]
    market, own = table[:, -1], table[:, :-1]
    centred = market - market.mean()
    beta = centred @ own / (centred @ centred)
    left = own - np.outer(market, beta)
    return Series(left[None], None, "residuals of 14 US stocks on the S&P 500, days of 1990-2020")


def bitcoin_hours(folder: Path) -> Series:
    """Hours of BTC/USD."""
    return _with_volume(folder, "btcusd_hourly", "BTC/USD, hours of 2019-2022 (CryptoDataDownload)")


def bitcoin_minutes(folder: Path) -> Series:
    """Five minutes of BTC/USDT: the shortest bars of it in the folder."""
    name = "btcusdt_5min_2024_06_07"
    return _with_volume(folder, name, "BTC/USDT, 5 minutes of June-July 2024 (Binance)")


def euro_hours(folder: Path) -> Series:
    """Hours of EUR/USD without the profile of the day."""
    table = _read(folder, "eurusd_hourly_ask")
    table = table[table["volume"] > 0]
    returns = _log_returns(table[["close"]])[0, :, 0]
    hour = pd.to_datetime(table.index[1:]).hour
    profile = pd.Series(returns**2).groupby(np.asarray(hour)).transform("mean")
    scaled = returns / np.sqrt(profile.to_numpy())
    source = "EUR/USD ask, hours of January-August 2017 (gym-anytrading 2.0.0)"
    return Series(scaled[None, :, None], None, source)


READERS: dict[str, Callable[[Path], Series]] = {
    "us_stock_daily": stocks,
    "us_stock_residual_daily": residuals,
    "btc_hourly": bitcoin_hours,
    "btc_minute": bitcoin_minutes,
    "eurusd_hourly": euro_hours,
}


def _read(folder: Path, name: str) -> pd.DataFrame:
    """Read one file, the time as its index."""
    return pd.read_csv(folder / f"{name}.csv.gz", index_col=0)


def _log_returns(closes: pd.DataFrame) -> Array:
    """Log returns, (1, bars, columns)."""
    return np.diff(np.log(closes.to_numpy(dtype=np.float64)), axis=0)[None]


def _with_volume(folder: Path, name: str, source: str) -> Series:
    """Closes and volume of one coin."""
    table = _read(folder, name)
    volume = table["volume_btc"].to_numpy(dtype=np.float64)[1:]
    return Series(_log_returns(table[["close"]]), volume[None, :, None], source)
