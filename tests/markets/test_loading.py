"""Every spelling of a market, its bands, and the names that an error suggests."""

import hashlib
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trading_env.markets import Market, MarketDataError, MarketSpecError, load_market
from trading_env.markets.datasets import DATA
from trading_env.markets.loading import GENERATORS
from trading_env.markets.reading.validation import BAR_FIELDS

SMALL = {"generator": "multiscale", "assets": 2, "paths": 3, "bars": 40}


def write_bars(path: Path, close: float = 10.0) -> Path:
    days = np.datetime64("2020-01-01") + np.arange(200)
    rows = [f"{day},10,12,9,{close},100" for day in days]
    path.write_text("\n".join(["date,open,high,low,close,volume", *rows]))
    return path


def test_the_same_specification_is_the_same_object() -> None:
    first = load_market(SMALL, seed_band="train")
    assert load_market(dict(reversed(SMALL.items())), seed_band="train") is first
    assert load_market(SMALL | {"seed": 0, "substeps": 8}, seed_band="train") is first
    assert load_market("us_indices", seed_band=None) is load_market("us_indices", seed_band=None)


@pytest.mark.parametrize("name", GENERATORS)
def test_a_generator_makes_another_sound_pool_for_each_band_and_seed(name: str) -> None:
    spec = {"generator": name, "paths": 3, "bars": 80}
    bands: list[str | None] = ["train", "validation", "test", None]
    markets = [load_market(spec, seed_band=band) for band in bands]
    markets.append(load_market(spec | {"seed": 1}, seed_band=None))
    assert len({market.sha256 for market in markets}) == 5
    assert {market.close.shape for market in markets} == {(3, 80, markets[0].assets)}
    for market in markets:
        names = ("symbols", "time", *BAR_FIELDS, "signals", "signal_names")
        Market(**{name: getattr(market, name) for name in names})  # raises if unsound
    smaller = load_market(spec | {"paths": 2, "bars": 70}, seed_band="test")
    assert (smaller.close == markets[2].close[:2, :70]).all()


@pytest.mark.parametrize("name", GENERATORS)
def test_every_argument_of_a_generator_has_a_default_and_a_meaning(name: str) -> None:
    generator = GENERATORS[name]
    for field, about in generator.model_fields.items():
        assert about.description, field
        assert not about.is_required(), field
    assert generator.label == name


def test_real_indices_are_cut_by_time_with_an_embargo() -> None:
    whole = load_market("us_indices", seed_band=None)
    bands = [load_market("us_indices", seed_band=band) for band in ("train", "validation", "test")]
    assert whole.symbols == ("SP500", "NASDAQ")
    assert whole.bars == 5031
    assert whole.bars_per_year == pytest.approx(251.6, abs=0.1)
    assert sum(band.bars for band in bands) == whole.bars - 40
    for before, after in itertools.pairwise(bands):
        between = (whole.time > before.time[-1]) & (whole.time < after.time[0])
        assert between.sum() == 20


@pytest.mark.parametrize(
    ("band", "digest"),
    [(None, "8d625c336c6e"), ("train", "7ba5ddb0224d"), ("test", "ee8f01f960d5")],
)
def test_real_indices_never_change(band: str | None, digest: str) -> None:
    assert load_market("us_indices", seed_band=band).sha256.startswith(digest)


def test_the_files_of_the_indices_are_the_copies_that_their_page_describes() -> None:
    page = (DATA / "README.md").read_text(encoding="utf-8")
    for name in ("sp500.csv.gz", "nasdaq.csv.gz"):
        digest = hashlib.sha256((DATA / name).read_bytes()).hexdigest()
        assert f"| `{name}` | `{digest}` |" in page


def test_real_indices_match_their_published_first_day() -> None:
    whole = load_market("us_indices", seed_band=None)
    assert whole.time[0] == np.datetime64("1999-01-04", "s").astype(np.int64)
    assert whole.close[0, 0] == pytest.approx([1228.099976, 2208.050049])


@pytest.mark.parametrize("as_text", [True, False])
def test_a_path_is_read_and_read_again_when_it_changes(tmp_path: Path, as_text: bool) -> None:
    path = write_bars(tmp_path / "bars.csv")
    spec = str(path) if as_text else path
    first = load_market(spec, seed_band="test")
    assert first is load_market(spec, seed_band="test")
    assert first.bars == 20
    write_bars(path, close=10.25)
    assert load_market(spec, seed_band="test").close[0, 0, 0] == 10.25


def test_a_market_at_hand_is_cut_by_time() -> None:
    market = load_market(SMALL | {"bars": 400}, seed_band=None)
    assert load_market(market, seed_band=None) is market
    assert load_market(market, seed_band="validation").time[0] == market.time[260]


@pytest.mark.parametrize(
    ("spec", "parts"),
    [
        ("us_indexes", ("did you mean 'us_indices'", "multiscale")),
        ("zzz", ("unknown market 'zzz'; known: ",)),
        ({"generator": "multiscal"}, ("did you mean 'multiscale'",)),
        (SMALL | {"assets": 0}, ("market multiscale: assets = 0: ",)),
        (SMALL | {"paths": 10**6}, ("market multiscale: bars = 40: ", "must be at most")),
        ({"generator": ["gbm"]}, ("unknown generator",)),
        (SMALL | {"asets": 3}, ("'asets'", "did you mean 'assets'")),
        (SMALL | {"band": "test"}, ("'band'", "known:")),
        (SMALL | {"preset": "btc_hour"}, ("did you mean 'btc_hourly'",)),
        (SMALL | {"seed": float("nan")}, ("multiscale: seed = nan",)),
        (SMALL | {"seed": {1, 2}}, ("multiscale: seed = {1, 2}",)),
        ({"assets": 3}, ("'generator' is missing",)),
        (None, ("NoneType",)),
        (7, ("int",)),
    ],
)
def test_an_unknown_name_brings_the_nearest(spec: Any, parts: tuple[str, ...]) -> None:
    with pytest.raises(MarketSpecError) as caught:
        load_market(spec, seed_band="train")
    message = str(caught.value)
    assert len(message) < 200
    for part in parts:
        assert part in message


def test_an_unknown_band_brings_the_nearest() -> None:
    with pytest.raises(MarketSpecError, match="did you mean 'validation'"):
        load_market(SMALL, seed_band="validate")


@pytest.mark.parametrize("path", ["missing.csv", "/no/where/bars.parquet", "/etc", "a\0.csv"])
def test_a_path_to_nothing_is_refused(path: str) -> None:
    with pytest.raises(MarketDataError):
        load_market(path, seed_band=None)


def test_a_file_too_short_for_its_bands_says_so(tmp_path: Path) -> None:
    path = write_bars(tmp_path / "bars.csv")
    path.write_text("\n".join(path.read_text().splitlines()[:30]))
    with pytest.raises(MarketDataError, match="at least 2"):
        load_market(path, seed_band="test")
    assert isinstance(load_market(path, seed_band=None), Market)
