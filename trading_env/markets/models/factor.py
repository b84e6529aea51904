"""Arithmetic prices with predictable changes: the market of the linear closed forms.

With factors f, shown as signals at each close, and prices P in currency,

    f' = (1 - phi) f + e,    e normal with covariance `factor_covariance`
    P' = P + drift + B f + u,    u normal with covariance `covariance`

for mean reversion phi and loadings B (Garleanu and Pedersen 2013, equations 1 and 2, one step a
bar). Without factors prices are arithmetic Brownian motions (Almgren and Chriss 2000; Bachelier
1900). Volume is constant. Every path passes through `price` at bar `start_bar`.

Not modelled: anything else. Arithmetic prices can fall to 0 and below; a pool in which one does is
an error.
"""

from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from trading_env.core.noise import Stream
from trading_env.core.records import Floats
from trading_env.markets.bars import Market
from trading_env.markets.models.draws import fill_normals
from trading_env.markets.models.generator import pool_key
from trading_env.markets.models.textbook import TextbookBars, TextbookMarket, extremes
from trading_env.markets.reading.times import DAY

COVARIANCE_DOUBLINGS = 40  # of the sum that gives the factors' stationary law


def _read_numbers(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """Report one error instead of one for each of the three shapes."""
    try:
        return read(value)
    except ValidationError:
        reason = "must be finite: one number, a list of numbers or a list of rows"
        raise ValueError(reason) from None


Numbers = Annotated[
    float | tuple[float, ...] | tuple[tuple[float, ...], ...], WrapValidator(_read_numbers)
]


class FactorMarket(TextbookMarket):
    """Arithmetic prices, with or without predictable changes."""

    label: ClassVar[str] = "factor"

    price: float = Field(100.0, gt=0.0)
    """Price of every asset at `start_bar`, currency."""
    covariance: Numbers = 1.0
    """Covariance of a bar's price changes, currency squared: a matrix (assets, assets), or a
    variance that every asset has on its own."""
    drift: Numbers = 0.0
    """Mean change a bar, currency: one number, or one for each asset."""
    loadings: Numbers | None = None
    """B, shape (assets, factors); None for no factors."""
    mean_reversion: Numbers = 1.0
    """phi, shape (factors, factors), or one number for all."""
    factor_covariance: Numbers = 1.0
    """Covariance of the innovations, (factors, factors), or a variance for all."""
    volume: Numbers = 1e6
    """Units a bar, >= 0: one number, or one for each asset."""
    bars_per_day: int = Field(1, ge=1)
    """1 for business days, more for an unbroken clock; divides 86400."""

    def generate(self, band: str | None) -> Market:
        """Add up the changes, and move each path to `price` at `start_bar`."""
        paths, bars, assets = self.checked_shape()
        if DAY % self.bars_per_day != 0:
            raise self.refusal("bars_per_day", f"must divide {DAY} seconds")
        units = self._shaped("volume", (assets,))
        if units.min() < 0.0:
            raise self.refusal("volume", "must be >= 0")
        key = pool_key(self.seed, band)
        noise = np.empty((paths, bars, assets))
        fill_normals(noise, key, Stream.MARKET_SHOCK.value)
        covariance = self._matrix("covariance", assets)
        root = self._root("covariance", covariance)
        changes = noise @ root.T + self._shaped("drift", (assets,))
        factors = np.empty((paths, bars, 0))
        if self.loadings is not None:
            count = np.atleast_2d(self._array("loadings")).shape[1]
            matrix = self._shaped("loadings", (assets, count))
            factors = self._factors(count, key)
            changes[:, 1:] += factors[:, :-1] @ matrix.T
        close = np.cumsum(changes, axis=1)
        close += self.price - close[:, self.start_bar : self.start_bar + 1]
        opened = np.concatenate((close[:, :1] - changes[:, :1], close[:, :-1]), axis=1)
        high, low = extremes(opened, close, np.diagonal(covariance), key)
        lowest = low.min()
        if not lowest > 0.0:
            raise self.refusal("price", f"a path falls to {lowest:.4g}; raise the price")
        signals = np.repeat(factors[:, :, None, :], assets, axis=2)
        names = tuple(f"signal_{i + 1}" for i in range(factors.shape[2]))
        volume = np.array(np.broadcast_to(units, close.shape))
        variance = np.diagonal(covariance) / (opened * close)
        table = TextbookBars(opened, high, low, close, volume, variance, signals)
        return self.market_of(table, names, band, self.bars_per_day)

    def _factors(self, count: int, key: np.uint64) -> Floats:
        """Simulate the factors from their stationary law, shape (paths, bars, factors)."""
        step = np.eye(count) - self._matrix("mean_reversion", count)
        if np.abs(np.linalg.eigvals(step)).max() >= 1.0:
            raise self.refusal("mean_reversion", "the factors would not revert; use (0, 2)")
        root = self._root("factor_covariance", self._matrix("factor_covariance", count))
        stationary, power = root @ root.T, step
        for _ in range(COVARIANCE_DOUBLINGS):
            stationary = stationary + power @ stationary @ power.T
            power = power @ power
        noise = np.empty((self.paths, self.bars, count))
        fill_normals(noise, key, Stream.MARKET_FACTOR.value)
        factors = np.empty_like(noise)
        factors[:, 0] = noise[:, 0] @ self._root("factor_covariance", stationary).T
        for bar in range(1, self.bars):
            factors[:, bar] = factors[:, bar - 1] @ step.T + noise[:, bar] @ root.T
        return factors

    def _array(self, name: str) -> Floats:
        """Read an argument as an array; its rows must have one length."""
        try:
            return np.asarray(getattr(self, name), dtype=np.float64)
        except ValueError:
            raise self.refusal(name, "its rows differ in length") from None

    def _shaped(self, name: str, shape: tuple[int, ...]) -> Floats:
        """Read an array of a shape; one number fills it."""
        array = self._array(name)
        if array.shape not in ((), shape) or 0 in shape:
            raise self.refusal(name, f"must have the shape {shape}")
        return np.broadcast_to(array, shape)

    def _matrix(self, name: str, size: int) -> Floats:
        """Read a square matrix; a number stands for a multiple of the identity."""
        if self._array(name).ndim == 0:
            return self._array(name) * np.eye(size)
        return self._shaped(name, (size, size))

    def _root(self, name: str, matrix: Floats) -> Floats:
        """Return L with L L' the covariance; a covariance of 0 is allowed."""
        values, vectors = np.linalg.eigh(matrix)
        if not np.allclose(matrix, matrix.T) or values.min() < -1e-9 * max(values.max(), 1e-300):
            raise self.refusal(name, "must be symmetric and not negative definite")
        root: Floats = vectors * np.sqrt(np.maximum(values, 0.0))
        return root
