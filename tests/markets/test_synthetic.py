"""Synthetic markets: sound bars, the stated volatility, no future in the signal."""

import hashlib
import math

import numpy as np
import pytest

from tests.lanes import quick_first
from tests.markets.pools import pool
from trading_env.markets import Market, MarketSpecError, load_market
from trading_env.markets.models import paths
from trading_env.markets.models.generator import pool_key
from trading_env.markets.models.pools import curves_of
from trading_env.markets.models.presets import PRESETS
from trading_env.markets.models.synthetic import MultiscaleMarket

FIELDS = ("time", "open", "high", "low", "close", "volume", "path_variance", "signals")


def returns_of(market: Market) -> np.ndarray:
    """Log returns of each path and asset, one a row."""
    returns = np.diff(np.log(market.close), axis=1)
    return returns.transpose(0, 2, 1).reshape(-1, market.bars - 1)


def autocorrelation(rows: np.ndarray, lag: int) -> float:
    centred = rows - rows.mean(axis=1, keepdims=True)
    products = (centred[:, lag:] * centred[:, :-lag]).mean(axis=1)
    return float((products / centred.var(axis=1)).mean())


def ranks(values: np.ndarray) -> np.ndarray:
    return values.ravel().argsort().argsort()


@pytest.fixture(scope="module")
def stocks() -> Market:
    return pool("multiscale", assets=14, paths=6, bars=7800, seed=11)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("substeps", [1, 8])
def test_every_preset_makes_sound_bars(preset: str, substeps: int) -> None:
    market = pool("multiscale", preset=preset, assets=3, paths=4, bars=300, substeps=substeps)
    names = ("symbols", *FIELDS, "signal_names")
    checked = Market(**{name: getattr(market, name) for name in names})  # raises if unsound
    assert checked.sha256 == market.sha256
    assert (market.volume > 0).all()


@pytest.mark.parametrize("preset", PRESETS)
def test_the_first_bars_of_a_pool_do_not_know_how_long_it_is(preset: str) -> None:
    long = pool("multiscale", preset=preset, assets=2, paths=3, bars=90)
    short = pool("multiscale", preset=preset, assets=2, paths=2, bars=40)
    for name in FIELDS[1:]:
        assert np.array_equal(getattr(long, name)[:2, :40], getattr(short, name))


@pytest.mark.parametrize("threads", [1, 3, 7])
def test_a_pool_is_the_same_however_many_threads_fill_it(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with more threads than paths."""
    monkeypatch.setattr(paths, "MAX_THREADS", threads)
    settings = MultiscaleMarket(assets=2, paths=5, bars=40)
    one_by_one = MultiscaleMarket(assets=2, paths=5, bars=40).empty_pool()
    law = PRESETS[settings.preset]
    for path in range(5):
        paths.fill_paths(one_by_one, settings.model_of(law), pool_key(0, "test"), path, path + 1)
    market = settings.generate("test")
    assert np.array_equal(market.close, one_by_one.close) and (market.close > 0.0).all()


def test_what_a_thread_raises_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "fill_paths", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        MultiscaleMarket(assets=2, paths=5, bars=40).generate("test")


@pytest.mark.proof
@pytest.mark.parametrize("preset", quick_first(PRESETS, 3))
def test_volatility_a_bar_is_the_presets(preset: str) -> None:
    # Many short paths: the slow scales start from their stationary law.
    market = pool("multiscale", preset=preset, assets=3, paths=4000, bars=24)
    law = PRESETS[preset]
    beta, weight = law.loadings(3)
    from_market = np.array(beta) * law.market.volatility
    nominal = np.hypot(from_market, np.array(weight) * law.residual.volatility)
    _, curve, _ = curves_of(law.day)
    nominal *= np.sqrt(np.mean(np.resize(curve, 24)[1:] ** 2))  # of the bars that have a return
    measured = np.diff(np.log(market.close), axis=1).std(axis=(0, 1))
    # E sigma^2 of 4,000 lognormal volatilities of log-variance 1.9: 2.5% a standard error.
    assert measured / nominal == pytest.approx(np.ones(3), abs=0.08)


def test_prices_without_signal_are_a_martingale() -> None:
    market = pool(
        "multiscale",
        preset="btc_hourly",
        assets=1,
        paths=3000,
        bars=64,
        information_coefficient=0.0,
    )
    growth = (market.close[:, -1] / market.close[:, 0] - 1.0).ravel()
    assert abs(growth.mean()) < 4 * growth.std() / np.sqrt(len(growth))


@pytest.mark.proof
def test_daily_stocks_show_the_stylised_facts(stocks: Market) -> None:
    rows = returns_of(stocks)
    size = np.abs(rows)
    top = np.sort(size, axis=1)[:, ::-1][:, : size.shape[1] // 20]
    hill = 1.0 / np.log(top[:, :-1] / top[:, -1:]).mean(axis=1)
    assert 2.2 < hill.mean() < 4.0
    assert -0.12 < autocorrelation(rows, 1) < 0.06
    assert 0.14 < autocorrelation(size, 1) < 0.46
    assert 0.09 < autocorrelation(size, 10) < 0.40
    assert 0.04 < autocorrelation(size, 50) < 0.33
    assert 0.03 < autocorrelation(size, 100) < 0.27
    pairs = np.triu_indices(14, 1)
    correlation = [
        np.corrcoef(path.T)[pairs].mean() for path in np.diff(np.log(stocks.close), axis=1)
    ]
    assert 0.25 < np.mean(correlation) < 0.45


def test_a_fall_is_followed_by_larger_moves_than_a_rise() -> None:
    rows = returns_of(pool("multiscale", preset="us_index_daily", assets=1, paths=40, bars=7800))
    leverage = np.mean(
        [[np.corrcoef(r[:-lag], r[lag:] ** 2)[0, 1] for lag in range(1, 11)] for r in rows]
    )
    assert -0.40 < leverage < -0.03


@pytest.mark.proof
@pytest.mark.parametrize(("preset", "real"), [("us_index_daily", 1.16), ("btc_hourly", 1.32)])
@pytest.mark.parametrize("substeps", [4, 16])
def test_the_range_of_a_bar_is_as_narrow_as_a_real_one(
    preset: str, real: float, substeps: int
) -> None:
    market = pool("multiscale", preset=preset, assets=1, paths=2000, bars=64, substeps=substeps)
    inside = np.log(market.close / market.open)
    ratio = np.log(market.high / market.low).mean() / inside.std()
    assert ratio == pytest.approx(real, rel=0.10)  # constant volatility gives 1.60


def test_a_share_of_the_daily_variance_is_overnight() -> None:
    market = pool("multiscale", assets=2, paths=200, bars=500)
    gap = np.log(market.open[:, 1:] / market.close[:, :-1])
    assert gap.var() / np.diff(np.log(market.close), axis=1).var() == pytest.approx(0.35, abs=0.03)
    hourly = pool("multiscale", preset="btc_hourly", assets=2, paths=2, bars=50)
    assert np.array_equal(hourly.open[:, 1:], hourly.close[:, :-1])


def test_volume_grows_with_the_size_of_the_move() -> None:
    market = pool("multiscale", preset="btc_hourly", assets=1, paths=50, bars=1000)
    volume = np.log(market.volume * market.open)[:, 1:].ravel()
    size = np.abs(np.diff(np.log(market.close), axis=1)).ravel()
    assert 0.12 < np.corrcoef(size, volume)[0, 1] < 0.60
    value_a_day = (market.volume * market.open).mean() * market.bars_per_day
    assert value_a_day == pytest.approx(1e8, rel=0.1)


@pytest.mark.proof
@pytest.mark.parametrize("coefficient", quick_first([0.05, 0.0, -0.2]))
def test_the_signal_has_its_information_coefficient(coefficient: float) -> None:
    size = {"assets": 4, "paths": 100, "bars": 1000}
    for generator in ("gbm", "multiscale"):
        market = pool(generator, information_coefficient=coefficient, **size)
        signal = market.signals[:, :-1, :, 0]
        returns = np.diff(np.log(market.close), axis=1)
        measured = np.corrcoef(ranks(signal), ranks(returns))[0, 1]
        # Normal case: correlation c / sqrt(1 + c^2), whose rank correlation is 6/pi asin(./2).
        # 400,000 bars with correlated assets: a standard error near 0.003, times four.
        linear = coefficient / math.sqrt(1.0 + coefficient**2)
        ranked = 6.0 / math.pi * math.asin(linear / 2.0)
        assert measured == pytest.approx(ranked, abs=0.012)


def test_the_signal_knows_no_later_bar_than_the_next() -> None:
    with_it = pool("multiscale", assets=1, paths=2, bars=60)
    without = pool("multiscale", assets=1, paths=2, bars=60, information_coefficient=0.0)
    # The signal is made of its own draws alone; only the price listens to it.
    assert np.array_equal(with_it.signals, without.signals)
    assert np.array_equal(with_it.close[:, 0], without.close[:, 0])
    lifted = np.diff(np.log(with_it.close), axis=1) - np.diff(np.log(without.close), axis=1)
    assert (np.sign(lifted) == np.sign(with_it.signals[:, :-1, :, 0])).all()


def test_the_signal_is_a_unit_process_with_a_half_life_of_ten_bars() -> None:
    signal = pool("gbm", assets=2, paths=200, bars=400).signals[..., 0]
    assert signal.var() == pytest.approx(1.0, abs=0.05)
    rows = signal.transpose(0, 2, 1).reshape(-1, 400)
    assert np.mean(rows[:, 10:] * rows[:, :-10]) == pytest.approx(0.5, abs=0.05)


@pytest.mark.proof
def test_brownian_prices_have_the_drift_volatility_and_correlation_asked_for() -> None:
    market = pool(
        "gbm", assets=2, paths=3000, bars=100, volatility=0.01, drift=0.001, correlation=0.5
    )
    returns = np.diff(np.log(market.close), axis=1)
    error = 0.01 / np.sqrt(returns.size)
    growth = np.log((market.close[:, 1:] / market.close[:, :-1]).mean())
    assert growth == pytest.approx(0.001, abs=6 * error)
    assert returns.std() == pytest.approx(0.01, rel=0.01)
    assert np.corrcoef(returns.reshape(-1, 2).T)[0, 1] == pytest.approx(0.5, abs=0.01)


def test_same_arguments_make_the_same_pool_and_another_seed_another() -> None:
    first = pool("multiscale", assets=2, paths=2, bars=30, seed=3)
    assert first.sha256 == pool("multiscale", assets=2, paths=2, bars=30, seed=3).sha256
    assert first.sha256 != pool("multiscale", assets=2, paths=2, bars=30, seed=4).sha256


def test_no_two_bands_share_a_key_even_for_different_seeds() -> None:
    bands = (None, "train", "validation", "test")
    keys = {band: {int(pool_key(seed, band)) for seed in range(2000)} for band in bands}
    assert len(set.union(*keys.values())) == 8000
    for code, band in enumerate(bands):
        assert {key % 4 for key in keys[band]} == {code}


def test_no_path_is_in_two_bands_or_twice_in_one() -> None:
    seen = [
        hashlib.sha256(path.tobytes()).digest()
        for band in ("train", "validation", "test")
        for path in pool("multiscale", assets=2, paths=20, bars=30, band=band).close
    ]
    assert len(set(seen)) == 60


@pytest.mark.parametrize(
    "arguments",
    [
        {"preset": "us_stok_daily"},
        {"assets": 0},
        {"assets": 2.5},
        {"assets": True},
        {"paths": -1},
        {"bars": 1},
        {"bars": 10**9},
        {"bars": 10_000, "assets": 10_000},
        {"substeps": 63},
        {"seed": -1},
        {"seed": 1.5},
        {"seed": True},
        {"information_coefficient": 1.0},
        {"information_coefficient": float("nan")},
        {"information_coefficient": "0.05"},
    ],
)
def test_an_invalid_argument_is_named_in_one_line(arguments: dict[str, object]) -> None:
    with pytest.raises(MarketSpecError) as caught:
        load_market({"generator": "multiscale", **arguments}, seed_band=None)
    message = str(caught.value)
    assert message.startswith("market multiscale: ")
    assert next(iter(arguments)) in message
    assert len(message) < 200
