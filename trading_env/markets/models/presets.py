"""Parameters of the synthetic markets, one row a market.

Volatility of a series is multi-scale: ln sigma = ln vol + sum of three unit AR(1) processes, each
with its own amplitude and half-life (in bars), after Calvet and Fisher (2004) and Cont (2001).
The rows named daily, hourly and minute were fitted by moments to S&P 500 and US stock closes of
1990-2020, BTC/USD hours of 2019-2022 and minutes of BTC/USD and GBP/USD; FX is without its
hour-of-day profile. The betas are those of 14 large US stocks; the gap share is SPY's.

`us_stock_minute` is the daily law of US stocks cut into the 390 minutes of a day of trading, with
a night between two days. Volume and volatility are high at the open and the close (the U of Jain
and Joh 1988 and of Andersen and Bollerslev 1997); fast scales are those of the fitted minutes.

Assumed, not fitted: the correlations of indices (0.85) and of FX pairs (0.6), the volume law of
FX (taken from BTC), the numbers of the U and of `us_stock_minute`'s scales, and one traded value
for every market.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from trading_env.core.records import Floats

DAILY_VALUE = 1e8  # mean traded value of one asset a day, currency
HOUR = 3600.0
MINUTE = 60.0
HOURS_PER_YEAR = 24 * 365.25


@dataclass(frozen=True)
class SeriesLaw:
    """The law of one return series."""

    volatility: float
    """Standard deviation of a bar's log return."""
    amplitudes: tuple[float, float, float]
    """Standard deviation of each scale of ln sigma."""
    half_lives: tuple[float, float, float]
    """Bars in which a scale's deviation halves."""
    leverage: tuple[float, float, float]
    """Correlation of a bar's shock with the next innovation of each scale."""
    tail_dof: float
    """Degrees of freedom of the t shock, > 2; inf for a normal one."""


@dataclass(frozen=True)
class VolumeLaw:
    """Log volume less its mean: y' = persistence y + response (|r| / sigma - 0.8) + noise."""

    persistence: float
    response: float
    noise: float


@dataclass(frozen=True)
class Day:
    """A day of trading: the bars of a session, and the night before the next one.

    At share u of the session an amount is over its value at midday by a factor of
    1 + open exp(-u / fade) + close exp(-(1 - u) / fade).
    """

    bars: int
    opens_s: int
    """Seconds after midnight UTC."""
    volume: tuple[float, float]
    """Its excess over midday at the open and at the close, as a share of midday's."""
    volatility: tuple[float, float]
    """Likewise of a bar's standard deviation."""
    fade: float
    """Share of the session in which an excess falls to 1/e."""
    night_share: float
    """Share of the variance from close to close that falls in the night."""

    def curve(self, excess: tuple[float, float]) -> Floats:
        """Return the factor of each bar, at its middle, over midday."""
        at = (np.arange(self.bars) + 0.5) / self.bars
        start, end = np.exp(-at / self.fade), np.exp((at - 1.0) / self.fade)
        return np.asarray(1.0 + excess[0] * start + excess[1] * end)


@dataclass(frozen=True)
class Preset:
    """A market: one common factor and a residual for each asset."""

    market: SeriesLaw
    residual: SeriesLaw
    volume: VolumeLaw
    bar_seconds: float
    bars_per_year: float
    bars_per_day: float
    betas: tuple[float, float] | None = None
    """Lowest and highest loading on the factor, spread evenly; None to use `correlation`."""
    correlation: float = 0.0
    """Correlation of every pair if `betas` is None; each asset then has the factor's own law."""
    gap_share: float = 0.0
    """Share of a bar's variance between the last close and the open."""
    volatility_share: float = 0.5
    """Share of the factor's log-volatility that moves every residual's."""
    day: Day | None = None
    """None where trading never stops and every hour is like another, or a bar is a day."""

    def loadings(self, assets: int) -> tuple[list[float], list[float]]:
        """Return the weights of the factor and of the residual for each asset."""
        if self.betas is not None:
            low, high = self.betas
            step = (high - low) / max(assets - 1, 1)
            alone = [(low + high) / 2]
            betas = [low + i * step for i in range(assets)] if assets > 1 else alone
            return betas, [1.0] * assets
        common = 1.0 if assets == 1 else self.correlation
        return [math.sqrt(common)] * assets, [math.sqrt(1.0 - common)] * assets


NO_LEVERAGE = (0.0, 0.0, 0.0)
US_INDEX = SeriesLaw(
    0.0115, (0.135, 0.548, 0.383), (4.0, 30.0, 250.0), (-0.55, -0.55, 0.0), tail_dof=10.3
)
US_RESIDUAL = SeriesLaw(
    0.0153, (0.30, 0.35, 0.25), (2.0, 30.0, 250.0), (-0.15, -0.15, 0.0), tail_dof=5.0
)
BTC_HOUR = SeriesLaw(
    0.00855, (0.261, 0.421, 0.364), (2.0, 24.0, 480.0), (-0.62, -0.62, 0.0), tail_dof=9.6
)
BTC_MINUTE = SeriesLaw(
    0.000988, (0.072, 0.470, 0.435), (3.0, 45.0, 1440.0), NO_LEVERAGE, tail_dof=14.3
)
GBP_MINUTE = SeriesLaw(
    0.000125, (0.415, 0.247, 0.147), (3.0, 45.0, 1440.0), NO_LEVERAGE, tail_dof=5.8
)
EUR_HOUR = SeriesLaw(0.00107, (0.315, 0.289, 0.297), (2.0, 24.0, 720.0), NO_LEVERAGE, tail_dof=5.7)

MINUTES_A_DAY = 390  # from 9:30 to 16:00 in New York
NIGHT_SHARE = 0.35  # as the daily preset's gap
OF_A_MINUTE = math.sqrt((1.0 - NIGHT_SHARE) / MINUTES_A_DAY)
US_INDEX_MINUTE = replace(
    BTC_MINUTE, volatility=OF_A_MINUTE * US_INDEX.volatility, tail_dof=US_INDEX.tail_dof
)
US_RESIDUAL_MINUTE = replace(
    BTC_MINUTE, volatility=OF_A_MINUTE * US_RESIDUAL.volatility, tail_dof=US_RESIDUAL.tail_dof
)
US_DAY = Day(
    MINUTES_A_DAY,
    opens_s=52_200,  # 9:30 in New York in winter; the change of clocks is left out
    volume=(2.5, 4.0),
    volatility=(1.5, 0.4),
    fade=1.0 / 13.0,  # half an hour
    night_share=NIGHT_SHARE,
)

DAILY_VOLUME = VolumeLaw(0.54, 0.055, 0.16)
BTC_HOUR_VOLUME = VolumeLaw(0.58, 0.375, 0.60)
BTC_5_MINUTE_VOLUME = VolumeLaw(0.66, 0.31, 0.53)

US_STOCK_DAILY = Preset(
    US_INDEX, US_RESIDUAL, DAILY_VOLUME, 86_400.0, 252.0, 1.0, betas=(0.62, 1.51), gap_share=0.35
)
BTC_HOURLY = Preset(
    BTC_HOUR, BTC_HOUR, BTC_HOUR_VOLUME, HOUR, HOURS_PER_YEAR, 24.0, correlation=0.75
)

PRESETS = {
    "us_stock_daily": US_STOCK_DAILY,
    "us_index_daily": replace(US_STOCK_DAILY, residual=US_INDEX, betas=None, correlation=0.85),
    "us_stock_residual_daily": replace(
        US_STOCK_DAILY, market=US_RESIDUAL, betas=None, correlation=0.0
    ),
    "us_stock_minute": replace(
        US_STOCK_DAILY,
        market=US_INDEX_MINUTE,
        residual=US_RESIDUAL_MINUTE,
        volume=BTC_5_MINUTE_VOLUME,
        bar_seconds=MINUTE,
        bars_per_year=252.0 * MINUTES_A_DAY,
        bars_per_day=float(MINUTES_A_DAY),
        gap_share=0.0,
        day=US_DAY,
    ),
    "btc_hourly": BTC_HOURLY,
    "btc_minute": replace(
        BTC_HOURLY,
        market=BTC_MINUTE,
        residual=BTC_MINUTE,
        volume=BTC_5_MINUTE_VOLUME,
        bar_seconds=MINUTE,
        bars_per_year=60 * HOURS_PER_YEAR,
        bars_per_day=1440.0,
    ),
    "gbpusd_minute": Preset(
        GBP_MINUTE,
        GBP_MINUTE,
        BTC_5_MINUTE_VOLUME,
        MINUTE,
        60 * HOURS_PER_YEAR,
        1440.0,
        correlation=0.6,
    ),
    "eurusd_hourly": Preset(
        EUR_HOUR, EUR_HOUR, BTC_HOUR_VOLUME, HOUR, HOURS_PER_YEAR, 24.0, correlation=0.6
    ),
}
