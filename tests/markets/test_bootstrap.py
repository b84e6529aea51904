"""The bootstrap: real bars in blocks, assets together, no band's bars in another."""

import numpy as np
import pytest

from tests.markets.pools import pool, returns_of
from trading_env.markets import Market, MarketSpecError, load_market
from trading_env.markets.models.bootstrap import BootstrapMarket, relative_volume


def rows_of(market: Market, source: Market) -> np.ndarray:
    """Which bar of the source each bar of a pool is, (paths, bars - 1), by its first asset."""
    real = returns_of(source)[0, :, 0]
    order = np.argsort(real)
    drawn = returns_of(market)[:, :, 0]
    place = np.clip(np.searchsorted(real[order], drawn), 1, len(real) - 1)
    nearer = np.abs(real[order][place - 1] - drawn) < np.abs(real[order][place] - drawn)
    return order[place - nearer]


@pytest.fixture(scope="module")
def indices() -> Market:
    return load_market("us_indices", seed_band=None)


def test_every_bar_is_a_bar_of_the_source_for_all_assets(indices: Market) -> None:
    market = pool("bootstrap", paths=4, bars=400)
    names = ("symbols", "time", "open", "high", "low", "close", "volume", "signals")
    Market(**{name: getattr(market, name) for name in names})  # raises if unsound
    rows = rows_of(market, indices)
    assert returns_of(market) == pytest.approx(returns_of(indices)[0][rows], abs=1e-12)
    for name in ("open", "high", "low"):
        shape = np.log(getattr(indices, name)[0] / indices.close[0])[1:]
        drawn = np.log(getattr(market, name) / market.close)[:, 1:]
        assert drawn == pytest.approx(shape[rows], abs=1e-9)


@pytest.mark.parametrize("block", [5.0, 60.0])
def test_blocks_are_geometric_with_the_mean_asked_for(indices: Market, block: float) -> None:
    rows = rows_of(pool("bootstrap", paths=200, bars=1001, block=block), indices)
    begins = np.diff(rows, axis=1) % (indices.bars - 1) != 1
    count = begins.size
    error = np.sqrt((1 - 1 / block) / block / count)
    assert begins.mean() == pytest.approx(1 / block, abs=4 * error + 1e-3)  # 1e-3: equal returns


def test_blocks_begin_anywhere_and_go_round(indices: Market) -> None:
    rows = rows_of(pool("bootstrap", paths=400, bars=501), indices)
    counts = np.histogram(rows, bins=10, range=(0, indices.bars - 1))[0]
    # Blocks of 60 bars: 200,000 bars are worth 3,300 draws, 330 a bin.
    assert counts / counts.sum() == pytest.approx(np.full(10, 0.1), abs=0.025)


def test_a_band_resamples_its_own_years_alone(indices: Market) -> None:
    parts = {band: indices.split(band) for band in ("train", "validation", "test")}
    for band, part in parts.items():
        market = pool("bootstrap", paths=3, bars=200, band=band)
        rows = rows_of(market, part)
        assert returns_of(market) == pytest.approx(returns_of(part)[0][rows], abs=1e-12)


def test_the_first_bars_of_a_pool_do_not_know_how_long_it_is() -> None:
    long, short = (
        pool("bootstrap", paths=3, bars=200, seed=4),
        pool("bootstrap", paths=2, bars=50, seed=4),
    )
    for name in ("open", "high", "low", "close", "volume"):
        assert np.array_equal(getattr(long, name)[:2, :50], getattr(short, name))
    assert pool("bootstrap", paths=2, bars=50, seed=5).sha256 != short.sha256


def test_volume_is_taken_over_its_last_quarter() -> None:
    steady = np.full((200, 1), 7.0)
    assert relative_volume(steady) == pytest.approx(steady)
    growing = np.exp(0.02 * np.arange(2000.0))[:, None]
    level = relative_volume(growing)[200:]
    assert level == pytest.approx(np.full_like(level, level[0, 0]))
    assert relative_volume(np.zeros((100, 2))) == pytest.approx(np.zeros((100, 2)))


def test_it_is_named_like_any_other_market() -> None:
    spec = {"generator": "bootstrap", "paths": 2, "bars": 40, "block": 20}
    assert load_market(spec, seed_band="test").symbols == ("SP500", "NASDAQ")


def test_a_market_in_memory_can_be_resampled() -> None:
    source = load_market({"generator": "gbm", "assets": 2, "paths": 1, "bars": 100}, seed_band=None)
    assert BootstrapMarket(paths=3, bars=150).resample(source, None).close.shape == (3, 150, 2)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"source": "us_indicies"}, "us_indices"),
        ({"source": {"generator": "gbm"}}, "source"),
        ({"block": 1.0}, "block"),
        ({"block": "60"}, "block"),
        ({"paths": 0}, "paths"),
        ({"seed": -1}, "seed"),
    ],
)
def test_an_invalid_argument_is_named(arguments: dict[str, object], word: str) -> None:
    with pytest.raises(MarketSpecError, match=word):
        load_market({"generator": "bootstrap", **arguments}, seed_band=None)


def test_a_source_of_many_paths_is_refused() -> None:
    many = load_market({"generator": "gbm", "paths": 2, "bars": 40}, seed_band=None)
    with pytest.raises(MarketSpecError, match="one path"):
        BootstrapMarket().resample(many, None)
