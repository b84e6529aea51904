"""A stamp is read as the instant that it is, or refused; never as another."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from trading_env.markets import Market, MarketDataError
from trading_env.markets.reading.stamps import parse_time_stamp

PRICES = {"open": 10.0, "high": 10.0, "low": 10.0, "close": 10.0, "volume": 5.0}


MONTHS = ["2020-13", "2020-00", "13/2020", "Foo 2020"]


def seconds(text: str) -> int:
    return int(np.datetime64(text, "s").astype(np.int64))


@pytest.mark.parametrize(
    ("text", "instant", "kind"),
    [
        ("20200131", "2020-01-31", "no offset"),
        ("2020013113", "2020-01-31T13:00", "no offset"),
        ("202001311330", "2020-01-31T13:30", "no offset"),
        ("20200131133059", "2020-01-31T13:30:59", "no offset"),
        ("2020013113.0", "2020-01-31T13:00", "no offset"),
        ("1580475600", "2020-01-31T13:00", "epoch"),
        ("999999999", "2001-09-09T01:46:39", "epoch"),
        ("2020-01-31 13:00", "2020-01-31T13:00", "no offset"),
        ("2020-01-31 08:00:00-05:00", "2020-01-31T13:00", "offset"),
        ("2020-01-31T13:00Z", "2020-01-31T13:00", "offset"),
        ("2020-02", "2020-02-01", "no offset"),
        ("2020/2", "2020-02-01", "no offset"),
        ("02/2020", "2020-02-01", "no offset"),
        ("February 2020", "2020-02-01", "no offset"),
        ("feb-2020", "2020-02-01", "no offset"),
    ],
)
def test_a_stamp_is_the_instant_that_it_says(text: str, instant: str, kind: str) -> None:
    assert parse_time_stamp(text) == (seconds(instant), kind)


@pytest.mark.parametrize(
    "text", ["2020013124", "2020023113", "2020130101", "202001311360", "2e9", *MONTHS]
)
def test_digits_that_are_no_time_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        parse_time_stamp(text)


@pytest.mark.parametrize(
    "text",
    ["201501", "2015M01", "2015.01", "01.2015", "Jan-15", "2015-Jan", "2015Q1", "Q1 2015", "2015"],
)
def test_what_may_be_a_month_is_refused_with_what_helps(text: str) -> None:
    with pytest.raises(ValueError, match=r"a month, quarter or year\? write its first day"):
        parse_time_stamp(text)


FAR = ["0001-01-01T00:00+14:00", "9999-12-31T23:59:59-14:00", "-9223372036854775808"]
FAR += ["9223372036854775807", "9223372036854775808", "-9999999999999999999"]


@pytest.mark.parametrize("text", FAR)
@pytest.mark.parametrize("way", ["csv", "frame", "index"])
def test_a_time_far_beyond_any_market_is_one_line(text: str, way: str, tmp_path: Path) -> None:
    """At the ends of what a date and an integer can hold, where arithmetic on it would overflow."""
    frame = pd.DataFrame({"time": [text, text], **PRICES})
    with pytest.raises(MarketDataError, match="time") as refused:
        if way == "csv":
            frame.to_csv(tmp_path / "bars.csv", index=False)
            Market.from_csv(tmp_path / "bars.csv")
        else:
            Market.from_frame(frame.set_index("time") if way == "index" else frame)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("form", ["%Y%m%d", "%Y%m%d%H", "%Y%m%d%H%M", "%Y%m%d%H%M%S"])
@pytest.mark.parametrize("typed", [False, True])
def test_digits_in_a_frame_are_read_as_in_a_file(form: str, typed: bool, tmp_path: Path) -> None:
    index = pd.date_range("2029-12-30", periods=40, freq="D")
    text = index.strftime(form)
    frame = pd.DataFrame({"time": text.astype("int64") if typed else text, **PRICES})
    path = tmp_path / "bars.csv"
    frame.to_csv(path, index=False)
    for market in (Market.from_frame(frame), Market.from_csv(path)):
        assert market.time.tolist() == index.as_unit("s").asi8.tolist()


def of_new_york() -> pd.DataFrame:
    """Days on both sides of two changes of the clocks."""
    index = pd.bdate_range("2023-01-02", "2023-12-29", tz="America/New_York", name="Date")
    return pd.DataFrame(PRICES, index=index)


@pytest.mark.parametrize("way", ["index", "column", "text", "csv", "parquet"])
def test_one_zone_across_a_change_of_clocks_is_one_series(way: str, tmp_path: Path) -> None:
    frame = of_new_york()
    expected = frame.index.tz_convert("UTC").tz_localize(None).as_unit("s").asi8.tolist()
    path = tmp_path / f"bars.{way}"
    if way == "csv":
        frame.to_csv(path)
        assert {"-05:00", "-04:00"} <= {line[19:25] for line in path.read_text().splitlines()}
        market = Market.from_csv(path)
    elif way == "parquet":
        pytest.importorskip("pyarrow")
        frame.to_parquet(path)
        market = Market.from_parquet(path)
    else:
        table = frame if way == "index" else frame.reset_index()
        if way == "text":
            table["Date"] = [str(stamp) for stamp in frame.index]
        market = Market.from_frame(table)
    assert market.time.tolist() == expected


@pytest.mark.parametrize("zone", ["US/Eastern", "America/New_York", "Asia/Hong_Kong"])
@pytest.mark.parametrize("form", ["%Y%m%d %H:%M:%S", "%Y%m%d  %H:%M:%S", "%Y-%m-%d %H:%M"])
def test_a_zone_behind_each_stamp_is_that_of_its_clock(
    form: str, zone: str, tmp_path: Path
) -> None:
    """Also in the hour that is put back, and whatever zone is stated for stamps without one."""
    index = pd.date_range("2023-11-05 03:00", periods=30, freq="h")
    text = index.tz_localize("UTC").tz_convert(zone).strftime(f"{form} {zone}")
    path = tmp_path / "bars.csv"
    pd.DataFrame({"date": text, **PRICES}).to_csv(path, index=False)
    for market in (Market.from_file(path), Market.from_file(path, tz="Europe/Berlin")):
        assert market.time.tolist() == index.as_unit("s").asi8.tolist()
        assert f"times of {zone} in 'date'" in market.read_as


@pytest.mark.parametrize(
    ("stamps", "row", "said"),
    [
        (("20240102 09:30:00 US/Eastern", "20240102 09:31:00 US/Central"), 2, "zones differ"),
        (("20240102 09:30:00 US/Eastern", "20240102 09:31:00"), 2, "zones differ: .* 'none' here"),
        (("20240102 09:30:00", "20240102 09:31:00 US/Eastern"), 2, "is not a time"),
        (("20240102 09:30:00 US/East", "20240102 09:31:00 US/East"), 1, "'US/East' is no zone"),
        (("20240102 09:30:00 EST", "20240102 09:31:00 EST"), 1, "a zone behind it.*--tz"),
    ],
)
def test_zones_that_differ_or_are_not_known_are_refused(
    stamps: tuple[str, str], row: int, said: str
) -> None:
    with pytest.raises(MarketDataError, match=f"row {row}, column 'time': .*{said}") as refused:
        Market.from_frame(pd.DataFrame({"time": stamps, **PRICES}))
    assert len(str(refused.value)) < 200


def test_that_a_month_is_its_first_day_is_said() -> None:
    index = pd.date_range("2020-01-01", periods=24, freq="MS")
    frame = pd.DataFrame({"Month": index.strftime("%Y-%m"), **PRICES})
    market = Market.from_frame(frame)
    assert market.time.tolist() == index.as_unit("s").asi8.tolist()
    assert "a month is its first day" in market.read_as


@pytest.mark.parametrize(
    "stamps",
    [
        ("2020-01-01 00:00", "2020-01-02 00:00+01:00"),
        ("2020-01-01 00:00Z", "1577923200"),
        ("20200101", "1577923200"),
    ],
)
def test_two_kinds_of_stamps_in_a_column_are_refused(stamps: tuple[str, str]) -> None:
    with pytest.raises(MarketDataError, match="row 2, column 'time': time zones differ"):
        Market.from_frame(pd.DataFrame({"time": stamps, **PRICES}))


@pytest.mark.parametrize("name", ["time", "Date", "Datetime", "timestamp", None])
def test_an_index_is_the_time_by_every_usual_name(name: str | None) -> None:
    index = pd.date_range("2024-01-02", periods=9, name=name)
    assert Market.from_frame(pd.DataFrame(PRICES, index=index)).bars == 9


@pytest.mark.parametrize(
    ("header", "parts"),
    [
        ("when", ("'time'", "time or date or datetime or timestamp")),
        ("stamped", ("'time'", "is it 'stamped'", "--time-column")),
    ],
)
def test_a_time_column_that_is_missing_says_which_names_count(
    header: str, parts: tuple[str, ...]
) -> None:
    frame: Any = pd.DataFrame({header: ["2020-01-01", "2020-01-02"], **PRICES})
    with pytest.raises(MarketDataError) as caught:
        Market.from_frame(frame)
    assert all(part in str(caught.value) for part in parts)
