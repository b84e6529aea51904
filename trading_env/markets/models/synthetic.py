"""Synthetic markets: pools of paths from a preset, a size and a seed.

`multiscale` is the default market (its law is in `paths.py`, its numbers in `presets.py`); `gbm`
is the same machine with constant volatility, for problems with a known answer. A pool is a
function of its arguments alone: the first bars, or the first paths, of a larger pool are the
smaller pool.

Bands. The key of a pool's noise is 62 bits of SHA-256(seed) followed by a two-bit code of the
band, so no two bands share a key, whatever their seeds.
"""

import hashlib
import math
import operator
from dataclasses import replace
from typing import SupportsIndex

import numpy as np
from numpy.typing import NDArray

from trading_env.core.errors import MarketSpecError, clip, unknown
from trading_env.markets.bars import BANDS, Market
from trading_env.markets.models.paths import Model, Pool, fill_pool
from trading_env.markets.models.presets import DAILY_VALUE, NO_LEVERAGE, PRESETS, Preset, Series
from trading_env.markets.models.series import MAX_SUBSTEPS, Scales
from trading_env.markets.reading.times import DAY
from trading_env.markets.reading.validation import FIELDS

ASSETS = 5
PATHS = 64
BARS = 1024
SUBSTEPS = 8
INFORMATION_COEFFICIENT = 0.05
SIGNAL_NAME = "signal_weak"
MAX_BARS = 1_000_000
MAX_CELLS = 50_000_000
FIRST_DAY = np.datetime64("2000-01-03")
FIRST_SECOND = 1_577_836_800  # 2020-01-01
SHOCK_VARIANCE = 0.36  # of |z|, z near normal


def multiscale(
    *,
    preset: str = "us_stock_daily",
    assets: int = ASSETS,
    paths: int = PATHS,
    bars: int = BARS,
    seed: int = 0,
    information_coefficient: float = INFORMATION_COEFFICIENT,
    substeps: int = SUBSTEPS,
    band: str | None = None,
) -> Market:
    """Generate correlated assets with clustered volatility, fat tails and one weak signal each.

    Args:
        preset: Name of a row of `presets.PRESETS`.
        assets: Number of assets.
        paths: Number of paths.
        bars: Bars a path.
        seed: Names the pool, >= 0.
        information_coefficient: Correlation of `signal_weak` at one close with the next bar's
            return in units of its volatility, in (-1, 1).
        substeps: Steps inside a bar that its high and low are made from.
        band: "train", "validation", "test" or None: pools of different bands are independent.
    """
    if preset not in PRESETS:
        raise MarketSpecError(unknown("preset", preset, PRESETS))
    law = PRESETS[preset]
    check_size(assets=assets, paths=paths, bars=bars, substeps=substeps)
    check_between("information_coefficient", information_coefficient, -1.0, 1.0)
    model = model_of(law, assets, substeps, float(information_coefficient), 0.0)
    return _generate(f"multiscale {preset}", law, model, (paths, bars, assets), seed, band)


def gbm(
    *,
    assets: int = ASSETS,
    paths: int = PATHS,
    bars: int = BARS,
    seed: int = 0,
    volatility: float = 0.02,
    drift: float = 0.0,
    correlation: float = 0.0,
    information_coefficient: float = 0.0,
    substeps: int = SUBSTEPS,
    band: str | None = None,
) -> Market:
    """Generate daily geometric Brownian motions without gaps, all of one law.

    Args:
        assets: Number of assets.
        paths: Number of paths.
        bars: Bars a path.
        seed: Names the pool, >= 0.
        volatility: Standard deviation of a bar's log return, in (0, 1).
        drift: Log of the expected growth of the price in a bar, in (-1, 1).
        correlation: Of every pair, in [0, 1).
        information_coefficient: As for `multiscale`; at 0 the signal is noise.
        substeps: Steps inside a bar.
        band: As for `multiscale`.
    """
    check_size(assets=assets, paths=paths, bars=bars, substeps=substeps)
    check_between("volatility", volatility, 0.0, 1.0)
    check_between("drift", drift, -1.0, 1.0)
    check_between("information_coefficient", information_coefficient, -1.0, 1.0)
    if correlation != 0:
        check_between("correlation", correlation, 0.0, 1.0)
    flat = Series(float(volatility), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), NO_LEVERAGE, math.inf)
    law = replace(
        PRESETS["us_stock_daily"],
        market=flat,
        residual=flat,
        betas=None,
        correlation=float(correlation),
        gap_share=0.0,
    )
    model = model_of(law, assets, substeps, float(information_coefficient), float(drift))
    return _generate("gbm", law, model, (paths, bars, assets), seed, band)


def pool_key(seed: SupportsIndex, band: str | None) -> np.uint64:
    """Derive the key of a pool's noise; keys of different bands are never equal."""
    try:
        number = -1 if isinstance(seed, bool) else operator.index(seed)
    except TypeError:
        number = -1
    if number < 0:
        raise MarketSpecError(f"market seed '{clip(seed)}': must be a whole number >= 0")
    if band is not None and band not in BANDS:
        raise MarketSpecError(unknown("band", band, BANDS))
    code = 0 if band is None else 1 + BANDS.index(band)
    digest = hashlib.sha256(f"{number:x}".encode()).digest()
    return np.uint64(int.from_bytes(digest[:8], "little") & ~3 | code)


def _generate(
    name: str,
    law: Preset,
    model: Model,
    shape: tuple[int, int, int],
    seed: int,
    band: str | None,
) -> Market:
    """Allocate, fill and wrap a pool."""
    pool = empty_pool(shape)
    fill_pool(pool, model, pool_key(seed, band))
    return wrapped(pool, law, f"{name} seed={seed} band={band}")


def empty_pool(shape: tuple[int, int, int]) -> Pool:
    """Allocate a pool of (paths, bars, assets)."""
    return Pool(**{name: np.empty(shape) for name in FIELDS}, signals=np.empty((*shape, 1)))


def wrapped(pool: Pool, law: Preset, source: str) -> Market:
    """Make a market of a filled pool."""
    _, bars, assets = pool.close.shape
    return Market(
        symbols=tuple(f"S{i + 1}" for i in range(assets)),
        time=times_of(law.bar_seconds, bars),
        **pool._asdict(),
        signal_names=(SIGNAL_NAME,),
        bar_seconds=law.bar_seconds,
        bars_per_year=law.bars_per_year,
        bars_per_day=law.bars_per_day,
        source=source,
        trusted=True,
    )


def daily_times(bars: int) -> NDArray[np.int64]:
    """Business days from 2000-01-03, in seconds since 1970."""
    days = np.busday_offset(np.full(bars, FIRST_DAY), np.arange(bars))
    return days.astype("datetime64[s]").astype(np.int64)


def times_of(bar_seconds: float, bars: int) -> NDArray[np.int64]:
    """Business days from 2000-01-03, or an unbroken clock from 2020-01-01 UTC."""
    if bar_seconds >= DAY:
        return daily_times(bars)
    return FIRST_SECOND + int(bar_seconds) * np.arange(bars, dtype=np.int64)


def model_of(law: Preset, assets: int, substeps: int, coefficient: float, drift: float) -> Model:
    """Turn a preset into the numbers of the kernels."""
    beta, weight = law.loadings(assets)
    volume = law.volume
    surprise = SHOCK_VARIANCE * volume.response**2 + volume.noise**2
    return Model(
        market=_scales(law.market),
        residual=_scales(law.residual),
        beta=np.array(beta),
        residual_weight=np.array(weight),
        volatility_share=law.volatility_share,
        gap_share=law.gap_share,
        substeps=int(substeps),
        information_coefficient=coefficient,
        drift=drift,
        volume_persistence=volume.persistence,
        volume_response=volume.response,
        volume_noise=volume.noise,
        volume_variance=surprise / (1.0 - volume.persistence**2),
        value_a_bar=DAILY_VALUE / law.bars_per_day,
    )


def _scales(law: Series) -> Scales:
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


def check_size(*, assets: int, paths: int, bars: int, substeps: int) -> None:
    """Refuse sizes that are no whole numbers, out of range or too large together."""
    limits = {
        "assets": (assets, 1, 10_000),
        "paths": (paths, 1, MAX_BARS),
        "bars": (bars, 2, MAX_BARS),
        "substeps": (substeps, 1, MAX_SUBSTEPS),
    }
    for name, (value, low, high) in limits.items():
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if not whole or not low <= value <= high:
            raise MarketSpecError(f"{name} '{clip(value)}': must be whole, {low} to {high}")
    if assets * paths * bars > MAX_CELLS:
        size = f"assets x paths x bars = {assets * paths * bars}"
        raise MarketSpecError(f"{size}: must be at most {MAX_CELLS} (2.4 GB)")


def check_between(name: str, value: float, low: float, high: float) -> None:
    """Refuse what is no number strictly between two bounds."""
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not number or not low < value < high:
        raise MarketSpecError(f"{name} '{clip(value)}': must be a number in ({low:g}, {high:g})")
