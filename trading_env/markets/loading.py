"""Load a market from a name, a path, a generator's arguments or a `Market`.

Bands. Real data and a given `Market` are cut by time with an embargo (`Market.split`); a generator
makes a separate pool for each band (`generator.pool_key`). None means everything. The last few
markets stay in memory; a file is read again when its size or modification time changes.
"""

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from trading_env.core.compiling import speak
from trading_env.core.errors import ConfigError, MarketSpecError, shown, unknown
from trading_env.core.files import path_from
from trading_env.markets.bars import BANDS, Market
from trading_env.markets.datasets import DATASETS
from trading_env.markets.models.bootstrap import BootstrapMarket
from trading_env.markets.models.factor import FactorMarket
from trading_env.markets.models.generator import MarketGenerator
from trading_env.markets.models.gjr_garch import GjrGarchMarket
from trading_env.markets.models.mean_reverting import MeanRevertingMarket
from trading_env.markets.models.regime_switching import RegimeSwitchingMarket
from trading_env.markets.models.synthetic import GbmMarket, MultiscaleMarket
from trading_env.markets.reading.settings import ReadingSettings
from trading_env.markets.reading.sources import SUFFIXES, folder_files

if TYPE_CHECKING:
    import pandas as pd

GENERATORS: dict[str, type[MarketGenerator]] = {
    generator.label: generator
    for generator in (
        MultiscaleMarket,
        GbmMarket,
        FactorMarket,
        GjrGarchMarket,
        RegimeSwitchingMarket,
        BootstrapMarket,
        MeanRevertingMarket,
    )
}
KEPT = 8

speak()  # every environment has a market, so this is before its first compilation

MarketSpec: TypeAlias = "Market | str | os.PathLike[str] | Mapping[str, Any] | pd.DataFrame"


def load_market(spec: MarketSpec, *, seed_band: str | None = None) -> Market:
    """Load the market of a specification, or one band of it.

    Args:
        spec: A `Market`; the name of a data set or a generator; the path of a file or a folder of
            bars; a data frame; a mapping with the key `generator` and that generator's arguments;
            or one with the key `path` and what the file does not tell (see `ReadingSettings`).
        seed_band: "train", "validation", "test", or None for everything.

    Raises:
        MarketSpecError: The specification has an unknown name, an unknown key or a bad value.
        MarketDataError: A bar in the file breaks a rule, or the band is too short.
    """
    if seed_band is not None and not (isinstance(seed_band, str) and seed_band in BANDS):
        raise MarketSpecError(unknown("seed_band", seed_band, BANDS))
    if isinstance(spec, Market):
        return spec if seed_band is None else spec.split(seed_band)
    if isinstance(spec, Mapping):
        if "path" in spec and "generator" not in spec:
            return _from_path(*_reading_of(spec), seed_band)
        return _generated(_settings_of(spec), seed_band)
    if isinstance(spec, os.PathLike):
        return _from_path(Path(spec), ReadingSettings(), seed_band)
    if not isinstance(spec, str):
        return _of_table(spec, seed_band)
    if spec in GENERATORS:
        return _generated(GENERATORS[spec](), seed_band)
    if spec in DATASETS:
        return _named(spec, seed_band)
    if is_file_name(spec) or (spec and Path(spec).exists()):
        return _from_path(Path(spec), ReadingSettings(), seed_band)
    raise MarketSpecError(unknown("market", spec, [*DATASETS, *GENERATORS]))


def _of_table(spec: Any, seed_band: str | None) -> Market:
    """Take a table in Python; only then pandas is imported, which is slow."""
    from trading_env.markets.reading.frames import frame_of

    if frame_of(spec) is None:
        known = "a name, a path, a data frame, a mapping or a Market"
        raise MarketSpecError(f"market = {shown(spec)} ({type(spec).__name__}): give {known}")
    market = Market.from_frame(spec)
    return market if seed_band is None else market.split(seed_band)


def is_generated(spec: Any) -> bool:
    """Tell whether a specification is a generator's: its dates are made up, its bands no dates."""
    if isinstance(spec, Mapping):
        return "generator" in spec
    return isinstance(spec, str) and spec in GENERATORS


def is_file_name(text: str) -> bool:
    """Tell whether a text can only be the name of a file, be it there or not."""
    return os.sep in text or text.lower().endswith((*SUFFIXES, ".zip"))


def market_from(spec: Any, folder: str | None) -> Any:
    """Return a specification that was typed in a folder: the file that it names is found there."""
    if isinstance(spec, Mapping) and isinstance(spec.get("path"), str):
        return {**spec, "path": path_from(spec["path"], folder)}
    if not isinstance(spec, str) or spec in (*DATASETS, *GENERATORS, ""):
        return spec
    return path_from(spec, folder)


def _reading_of(spec: Mapping[str, Any]) -> tuple[Path, ReadingSettings]:
    """Split a mapping into a file and how it is to be read."""
    reading = dict(spec)
    path = reading.pop("path")
    if not isinstance(path, str | os.PathLike):
        raise MarketSpecError(f"market: path = {shown(path)}: give the name of a file")
    try:
        return Path(path), ReadingSettings.of(reading)
    except ConfigError as error:
        raise MarketSpecError(error) from None


def _settings_of(spec: Mapping[str, Any]) -> MarketGenerator:
    """Build a generator from a mapping."""
    if "generator" not in spec:
        raise MarketSpecError("market mapping: the key 'generator' is missing, or 'path' of a file")
    arguments = dict(spec)
    name = arguments.pop("generator")
    if not isinstance(name, str) or name not in GENERATORS:
        raise MarketSpecError(unknown("generator", name, GENERATORS))
    try:
        return GENERATORS[name].of(arguments)
    except ConfigError as error:
        raise MarketSpecError(f"market {error}") from None


@lru_cache(maxsize=KEPT)
def _generated(settings: MarketGenerator, band: str | None) -> Market:
    """Run a generator, unless its pool is still in memory."""
    return settings.generate(band).remade_by(_generated, settings, band)


@lru_cache(maxsize=KEPT)
def _named(name: str, band: str | None) -> Market:
    """Load a data set, unless it is still in memory."""
    market = DATASETS[name]()
    cut = market if band is None else market.split(band)
    return cut.remade_by(_named, name, band)


def _from_path(path: Path, reading: ReadingSettings, band: str | None) -> Market:
    """Read a file or a folder, unless it is still in memory and has not changed since."""
    try:
        files = folder_files(path) if path.is_dir() else [path]
        states = [(str(file), file.stat()) for file in files]
    except (OSError, ValueError):
        return _read(path, (), reading, band)
    changed = tuple((name, state.st_mtime_ns, state.st_size) for name, state in states)
    return _read(path.absolute(), changed, reading, band)


@lru_cache(maxsize=KEPT)
def _read(
    path: Path,
    changed: tuple[tuple[str, int, int], ...],
    reading: ReadingSettings,
    band: str | None,
) -> Market:
    """Read a file or a folder; `changed` tells one state of it from another."""
    if band is not None:
        return _read(path, changed, reading, None).split(band)
    return Market.from_file(path, **reading.as_arguments())
