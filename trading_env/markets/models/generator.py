"""The base of all generators: arguments, size, clock, and a pool of its own for each band.

A generator is a class of settings with one method, `generate`, which is a function of the settings
and the band alone. Each argument is checked by its field; `generate` refuses arguments that do not
fit together. The first bars, or the first paths, of a larger pool are the smaller pool.

Bands. The key of a pool's noise is 62 bits of SHA-256(seed) followed by a two-bit code of the
band, so pools of two bands never share a key, even if their seeds differ.
"""

import hashlib
from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, field_validator

from trading_env.core.errors import MarketSpecError, shown
from trading_env.core.settings import Settings
from trading_env.markets.bars import BANDS, Market
from trading_env.markets.models.presets import Day
from trading_env.markets.reading.times import DAY

MAX_ASSETS = 10_000
MAX_BARS = 1_000_000
MAX_CELLS = 50_000_000
FIRST_DAY = np.datetime64("2000-01-03")
FIRST_SECOND = 1_577_836_800  # 2020-01-01
FIRST_SESSION = np.datetime64("2020-01-02")


class MarketGenerator(Settings):
    """Arguments of a synthetic market; `label` is its name in a specification."""

    model_config = ConfigDict(strict=True, use_attribute_docstrings=True)

    paths: int = Field(64, ge=1, le=MAX_BARS)
    """Number of paths."""
    bars: int = Field(1024, ge=2, le=MAX_BARS)
    """Bars a path."""
    seed: int = Field(0, ge=0)
    """Seed of the pool."""

    @field_validator("*", mode="before")
    @classmethod
    def _tuples(cls, value: Any) -> Any:
        """Turn the lists of JSON into tuples, so that equal settings have equal hashes."""
        return tuple(cls._tuples(item) for item in value) if isinstance(value, list) else value

    @abstractmethod
    def generate(self, band: str | None) -> Market:
        """Make the pool of a band; pools of different bands are independent.

        Raises:
            MarketSpecError: the arguments do not fit together.
        """

    def pool_shape(self, assets: int) -> tuple[int, int, int]:
        """Return (paths, bars, assets), or refuse a pool that is too large."""
        cells = assets * self.paths * self.bars
        if cells > MAX_CELLS:
            size = f"assets x paths x bars = {cells}"
            raise self.refusal("bars", f"{size}: must be at most {MAX_CELLS} (2.8 GB)")
        return self.paths, self.bars, assets

    def refusal(self, name: str, reason: str) -> MarketSpecError:
        """Build the error of an argument that does not fit the others."""
        given = f"{name} = {shown(getattr(self, name))}"
        return MarketSpecError(f"market {self.label}: {given}: {reason}")

    def pool_name(self, band: str | None, origin: str = "") -> str:
        """Name the pool, for errors and reports."""
        return f"{self.label}{origin and f' {origin}'} seed={self.seed} band={band}"


def pool_key(seed: int, band: str | None) -> np.uint64:
    """Derive the key of a pool's noise; keys of different bands are never equal."""
    code = 0 if band is None else 1 + BANDS.index(band)
    digest = hashlib.sha256(f"{seed:x}".encode()).digest()
    return np.uint64(int.from_bytes(digest[:8], "little") & ~3 | code)


def asset_names(count: int) -> tuple[str, ...]:
    """Name synthetic assets S1, S2, and so on."""
    return tuple(f"S{i + 1}" for i in range(count))


def times_of(bar_seconds: float, bars: int, day: Day | None = None) -> NDArray[np.int64]:
    """Business days from 2000-01-03, or a clock from 2020-01-01 UTC.

    The clock is unbroken, or runs through the sessions of business days.
    """
    if bar_seconds >= DAY:
        return business_days(FIRST_DAY, bars)
    inside = int(bar_seconds) * np.arange(bars, dtype=np.int64)
    if day is None:
        return FIRST_SECOND + inside
    dates = business_days(FIRST_SESSION, -(-bars // day.bars))
    session = inside[: day.bars] + day.opens_s
    return np.asarray((dates[:, None] + session).ravel()[:bars])


def business_days(first: np.datetime64, days: int) -> NDArray[np.int64]:
    """Return the first seconds of business days, UTC."""
    dates = np.busday_offset(np.full(days, first), np.arange(days), roll="forward")
    return dates.astype("datetime64[s]").astype(np.int64)
