"""A market's clock is that of its usual week, whatever a few odd bars say, or what is stated."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from trading_env.backtesting.windows import Walk
from trading_env.core.errors import ConfigError
from trading_env.core.records import Ints
from trading_env.markets import Market
from trading_env.markets.reading.times import DAY, measure_clock, settled_clock

HOUR = 3600
MONDAY = 18_267 * DAY  # 2020-01-06


def days(count: int, closed: tuple[int, ...] = (5, 6)) -> Ints:
    """Dates of `count` days in a row from a Monday, without some weekdays (Monday is 0)."""
    dates = np.arange(count)
    return MONDAY + DAY * dates[~np.isin(dates % 7, closed)]


def sessions(dates: Ints, first_hour: int, bars: int, step: int = HOUR) -> Ints:
    """Bars of a session on each date."""
    return (dates[:, None] + first_hour * HOUR + step * np.arange(bars)).reshape(-1)


def forex(weeks: int, step: int) -> Ints:
    """Sunday 22:00 to Friday 22:00 UTC."""
    week = np.arange(-2 * HOUR, 4 * DAY + 22 * HOUR, step)
    return (MONDAY + 7 * DAY * np.arange(weeks)[:, None] + week).reshape(-1)


def with_and_without(dates: Ints, added: int, dropped: int) -> Ints:
    return np.sort(np.append(np.delete(dates, dropped), MONDAY + DAY * added))


SERIES: dict[str, tuple[Ints, float, float]] = {  # times, bars a year, bars a day
    "one Saturday session": (with_and_without(days(180), 19, 15), 252.0, 1.0),
    "holidays": (np.delete(days(300), [30, 61, 94, 150]), 252.0, 1.0),
    "Sunday to Thursday": (days(200, closed=(4, 5)), 252.0, 1.0),
    "six days a week": (days(200, closed=(6,)), 302.4, 1.0),
    "one week": (days(8), 252.0, 1.0),
    "every day": (days(200, closed=()), 365.25, 1.0),
    "late trading into Saturday": (sessions(days(70), 9, 16), 16 * 252.0, 16.0),
    "a session over midnight": (sessions(days(70), 20, 8), 8 * 252.0, 8.0),
    "minutes of a session": (sessions(days(30), 14, 390, 60), 390 * 252.0, 390.0),
    "forex hours": (forex(12, HOUR), 24 * 252.0, 24.0),
    "forex four hours": (forex(12, 4 * HOUR), 6 * 252.0, 6.0),
    "hours without a break": (np.arange(24 * 60) * HOUR, 24 * 365.25, 24.0),
    "weeks": (MONDAY + 7 * DAY * np.arange(40), 365.25 / 7, 1 / 5),
    "three days without a break": (MONDAY + 3 * DAY * np.arange(60), 365.25 / 3, 1 / 3),
    "a year's hole": (np.delete(days(2000), slice(300, 600)), 261.2, 1.0),
}


@pytest.mark.parametrize("name", SERIES)
def test_the_clock_is_that_of_the_usual_week(name: str) -> None:
    time, a_year, a_day = SERIES[name]
    clock = measure_clock(time)
    assert clock.bars_per_year == pytest.approx(a_year, rel=2e-3)
    assert clock.bars_per_day == pytest.approx(a_day)


def test_months_have_twenty_one_trading_days() -> None:
    time = pd.date_range("2010-01-31", periods=120, freq="ME").as_unit("s").asi8
    clock = measure_clock(time)
    assert clock.bars_per_day == pytest.approx(1 / 21)
    assert clock.bars_per_year == pytest.approx(12.0, rel=1e-3)


@pytest.mark.parametrize("name", SERIES)
def test_bars_left_out_or_added_do_not_make_another_market(name: str) -> None:
    time, a_year, a_day = SERIES[name]
    rng = np.random.default_rng(7)
    if len(time) < 40:
        return  # one week: nothing to spare
    thinned = np.delete(time, rng.choice(np.arange(1, len(time) - 1), len(time) // 50))
    assert measure_clock(thinned).bars_per_day == pytest.approx(a_day, rel=0.07)
    assert measure_clock(thinned).bars_per_year == pytest.approx(a_year, rel=0.07)


@pytest.mark.parametrize(("days_a_bar", "bars"), [(1, 520), (5, 104), (21, 25)])
def test_a_walk_in_trading_days_is_as_many_bars(days_a_bar: int, bars: int) -> None:
    assert Walk.read("train=520d,test=130d", 1.0 / days_a_bar).train == bars


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({"calendar": "24/7"}, (365.25, 1.0)),
        ({"calendar": "exchange"}, (252.0, 1.0)),
        ({"bars_per_year": 260.0}, (260.0, 1.0)),
        ({"bars_per_day": 2.0, "calendar": "exchange"}, (504.0, 2.0)),
        ({"bars_per_day": 2.0, "bars_per_year": 500.0, "calendar": "24/7"}, (500.0, 2.0)),
    ],
)
def test_what_is_stated_stands(stated: dict[str, Any], expected: tuple[float, float]) -> None:
    clock = settled_clock(days(800), **stated)
    assert (clock.bars_per_year, clock.bars_per_day) == expected


def test_a_week_of_a_market_that_never_closes_is_seven_days() -> None:
    assert settled_clock(MONDAY + 7 * DAY * np.arange(40), "24/7").bars_per_day == 1 / 7


READERS: dict[str, Callable[..., Market]] = {
    "frame": Market.from_frame,
    "csv": lambda frame, **reading: _written(frame, "csv", **reading),
    "parquet": lambda frame, **reading: _written(frame, "parquet", **reading),
}


def _written(frame: pd.DataFrame, suffix: str, **reading: Any) -> Market:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"bars.{suffix}"
        if suffix == "parquet":
            pytest.importorskip("pyarrow")
            frame.to_parquet(path)
            return Market.from_parquet(path, **reading)
        frame.to_csv(path, index=False)
        return Market.from_csv(path, **reading)


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_takes_a_stated_clock(reader: str) -> None:
    frame = pd.DataFrame({"time": days(30), "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0})
    frame["volume"] = 1.0
    market = READERS[reader](frame, calendar="24/7", bars_per_day=3.0)
    assert (market.bars_per_day, market.bars_per_year) == (3.0, 3 * 365.25)
    assert market.slice_bars(0, 9).bars_per_day == 3.0
    with pytest.raises(ConfigError, match="market: calendar = '24/6'"):
        READERS[reader](frame, calendar="24/6")
