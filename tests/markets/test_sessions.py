"""A preset whose bars are minutes of sessions: clock, night, and the U of volume and volatility."""

import math

import numpy as np
import pytest

from tests.markets.pools import pool
from trading_env.markets import Market
from trading_env.markets.models.paths import overnight
from trading_env.markets.models.pools import curves_of
from trading_env.markets.models.presets import PRESETS, US_DAY
from trading_env.markets.models.series import BarAddress
from trading_env.markets.models.synthetic import MultiscaleMarket

DAYS, PATHS, ASSETS = 3, 600, 2
BARS = US_DAY.bars
HALF_HOURS = 13
ERRORS = 4.0


@pytest.fixture(scope="module")
def minutes() -> Market:
    """Some days of many paths, whose slow scales start from their stationary law."""
    return pool(
        "multiscale",
        preset="us_stock_minute",
        assets=ASSETS,
        paths=PATHS,
        bars=DAYS * BARS,
        information_coefficient=0.0,
    )


def by_half_hour(values: np.ndarray) -> np.ndarray:
    """Sum (paths, bars, assets) by path and half hour of the day."""
    shape = (PATHS, DAYS, HALF_HOURS, BARS // HALF_HOURS, ASSETS)
    return np.asarray(values.reshape(shape).sum(axis=(1, 3, 4)))


def assert_shape(of_paths: np.ndarray, curve: np.ndarray) -> None:
    """Shares of the day are the curve's, within the error of a ratio of means over paths."""
    wanted = curve.reshape(HALF_HOURS, -1).sum(axis=1)
    wanted = wanted / wanted.sum()
    found = of_paths.mean(axis=0) / of_paths.mean(axis=0).sum()
    left = of_paths - found * of_paths.sum(axis=1, keepdims=True)
    error = left.std(axis=0) / math.sqrt(PATHS) / of_paths.mean(axis=0).sum()
    assert (np.abs(found - wanted) < ERRORS * error).all()
    assert error.max() < 0.01


@pytest.mark.proof
def test_volume_is_high_at_the_open_and_the_close(minutes: Market) -> None:
    volume, _, _ = curves_of(US_DAY)
    assert_shape(by_half_hour(minutes.volume * minutes.open), volume)
    assert volume.mean() == pytest.approx(1.0, rel=1e-12)
    assert volume[0] > 2.0 and volume[-1] > 3.0 and volume[BARS // 2] < 0.7


@pytest.mark.proof
def test_so_is_volatility(minutes: Market) -> None:
    _, volatility, _ = curves_of(US_DAY)
    assert_shape(by_half_hour(np.log(minutes.close / minutes.open) ** 2), volatility**2)
    assert np.mean(volatility**2) == pytest.approx(1.0, rel=1e-12)
    assert volatility[0] > 1.8 > volatility[-1] > 1.0 > volatility[BARS // 2]


def nights_of(market: Market) -> np.ndarray:
    """Log returns between two sessions, (paths, nights, assets)."""
    opens = np.arange(BARS, market.bars, BARS)
    return np.asarray(np.log(market.open[:, opens] / market.close[:, opens - 1]))


@pytest.mark.proof
def test_a_night_has_its_share_of_a_days_variance(minutes: Market) -> None:
    nights = nights_of(minutes)
    sessions = np.log(minutes.close[:, BARS - 1 :: BARS] / minutes.open[:, ::BARS])
    night, session = ((x**2).mean(axis=(1, 2)) for x in (nights, sessions))
    share = night.mean() / (night + session).mean()
    left = night - share * (night + session)
    error = left.std() / math.sqrt(PATHS) / (night + session).mean()
    assert abs(share - US_DAY.night_share) < ERRORS * error
    assert error < 0.03


def test_a_night_is_a_martingale_however_wild() -> None:
    law = PRESETS["us_stock_minute"]
    model = MultiscaleMarket(assets=1).model_of(law)._replace(night=1.0)
    addresses = (BarAddress(np.uint64(7), 0, bar) for bar in range(4000))
    growth = np.exp([overnight(at, 1, model, 0.3, 0.4) for at in addresses])
    assert growth.std() == pytest.approx(math.sqrt(math.expm1(0.25)), rel=0.1)
    assert abs(growth.mean() - 1.0) < ERRORS * growth.std() / math.sqrt(len(growth))


@pytest.mark.proof
def test_bars_of_a_session_follow_on_without_gaps(minutes: Market) -> None:
    inside = np.arange(1, minutes.bars) % BARS != 0
    gaps = np.log(minutes.open[:, 1:] / minutes.close[:, :-1])
    assert np.abs(gaps[:, inside]).max() < 1e-12
    assert (np.abs(nights_of(minutes)) > 1e-12).all()


def test_a_day_of_minutes_is_a_day_of_the_daily_preset() -> None:
    """In variance from close to close, by the presets' own numbers."""
    daily, minute = PRESETS["us_stock_daily"], PRESETS["us_stock_minute"]
    _, _, night = curves_of(minute.day)
    for of_day, of_minute in ((daily.market, minute.market), (daily.residual, minute.residual)):
        assert of_minute.volatility**2 * (BARS + night**2) == pytest.approx(of_day.volatility**2)


def test_the_clock_runs_in_sessions_of_business_days() -> None:
    time = pool("multiscale", preset="us_stock_minute", assets=1, paths=1, bars=3 * BARS).time
    stamps = time.astype("datetime64[s]").reshape(3, BARS)
    assert [str(each) for each in stamps[:, 0]] == [
        "2020-01-02T14:30:00",
        "2020-01-03T14:30:00",
        "2020-01-06T14:30:00",  # over a weekend
    ]
    assert (np.diff(stamps, axis=1) == np.timedelta64(60, "s")).all()
