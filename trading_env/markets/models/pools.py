"""The base of the generators that share the compiled bars: arguments, kernel model, market.

`Model` holds the numbers that the kernels of `paths.py` and `volatility_kernels.py` read;
`model_of` derives it from a preset and a generator's arguments.
"""

import math

import numpy as np
from pydantic import Field

from trading_env.core.records import Floats
from trading_env.markets.bars import Market
from trading_env.markets.models.generator import MAX_ASSETS, MarketGenerator, asset_names, times_of
from trading_env.markets.models.paths import Model, Pool
from trading_env.markets.models.presets import DAILY_VALUE, Day, Preset, SeriesLaw
from trading_env.markets.models.series import MAX_SUBSTEPS, Scales
from trading_env.markets.reading.validation import BAR_FIELDS, PATH_VARIANCE

SIGNAL_NAME = "signal_weak"
SHOCK_VARIANCE = 0.36  # of |z|, z near normal


class PooledMarket(MarketGenerator):
    """Size, signal and sub-steps of a pool of compiled bars."""

    assets: int = Field(5, ge=1, le=MAX_ASSETS)
    """Number of assets."""
    information_coefficient: float = Field(0.05, gt=-1.0, lt=1.0)
    """Correlation of `signal_weak` at one close with the next bar's return in units of its
    volatility; at 0 the signal is noise."""
    substeps: int = Field(8, ge=1, le=MAX_SUBSTEPS)
    """Steps inside a bar from which its high and low are made."""

    def model_of(self, law: Preset, drift: float = 0.0) -> Model:
        """Turn a preset into the numbers of the kernels."""
        beta, weight = law.loadings(self.assets)
        volume = law.volume
        volume_curve, volatility_curve, night = curves_of(law.day)
        surprise = SHOCK_VARIANCE * volume.response**2 + volume.noise**2
        return Model(
            market=_scales(law.market),
            residual=_scales(law.residual),
            beta=np.array(beta),
            residual_weight=np.array(weight),
            volatility_share=law.volatility_share,
            gap_share=law.gap_share,
            substeps=self.substeps,
            information_coefficient=self.information_coefficient,
            drift=drift,
            volume_persistence=volume.persistence,
            volume_response=volume.response,
            volume_noise=volume.noise,
            volume_variance=surprise / (1.0 - volume.persistence**2),
            value_a_bar=DAILY_VALUE / law.bars_per_day,
            volume_curve=volume_curve,
            volatility_curve=volatility_curve,
            night=night,
        )

    def empty_pool(self) -> Pool:
        """Allocate the arrays that a kernel fills."""
        shape = self.pool_shape(self.assets)
        values = {name: np.empty(shape) for name in (*BAR_FIELDS, PATH_VARIANCE)}
        return Pool(**values, signals=np.empty((*shape, 1)))

    def market_of(self, pool: Pool, law: Preset, name: str) -> Market:
        """Make a market of a filled pool."""
        return Market(
            symbols=asset_names(self.assets),
            time=times_of(law.bar_seconds, self.bars, law.day),
            **pool._asdict(),
            signal_names=(SIGNAL_NAME,),
            bar_seconds=law.bar_seconds,
            bars_per_year=law.bars_per_year,
            bars_per_day=law.bars_per_day,
            source=name,
            trusted=True,
        )


def curves_of(day: Day | None) -> tuple[Floats, Floats, float]:
    """Return how volume and volatility go over a day, and the night's deviation in that of a bar.

    Over the bars of a day, volume keeps its mean and volatility its mean square.
    """
    if day is None:
        return np.ones(1), np.ones(1), 0.0
    volume, volatility = day.curve(day.volume), day.curve(day.volatility)
    night = math.sqrt(day.bars * day.night_share / (1.0 - day.night_share))
    return volume / np.mean(volume), volatility / math.sqrt(np.mean(volatility**2)), night


def _scales(law: SeriesLaw) -> Scales:
    """Derive the stationary law of the scales.

    Two scales that share the shock z have covariance rho_k rho_l sqrt((1 - phi_k^2)(1 - phi_l^2))
    / (1 - phi_k phi_l).
    """
    phi = 0.5 ** (1.0 / np.array(law.half_lives))
    rho = np.array(law.leverage)
    amplitude = np.array(law.amplitudes)
    size = rho * np.sqrt(1.0 - phi**2)
    covariance = np.outer(size, size) / (1.0 - np.outer(phi, phi))
    np.fill_diagonal(covariance, 1.0)
    rows = np.linalg.cholesky(covariance).tolist()
    return Scales(
        volatility=law.volatility,
        log_variance=float(amplitude @ covariance @ amplitude),
        amplitude=law.amplitudes,
        persistence=(float(phi[0]), float(phi[1]), float(phi[2])),
        leverage=law.leverage,
        start=(tuple(rows[0]), tuple(rows[1]), tuple(rows[2])),
        tail_dof=law.tail_dof,
    )
