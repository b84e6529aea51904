"""An invalid file raises an error of one line with the place and the reason."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from trading_env.markets import Market, MarketDataError

HEADER = "time,open,high,low,close,volume\n"
FIRST = "2020-01-01,10,11,9,10,100\n"
SECOND = "2020-01-02,10,12,9,11,100\n"
GOOD = HEADER + FIRST + SECOND + "2020-01-03,11,12,10,11,0\n"


def with_row(row: str) -> str:
    return HEADER + FIRST + SECOND + row + "\n2020-01-09,11,12,10,11,5\n"


# name: (bytes of the file, parts of the message)
MALFORMED: dict[str, tuple[bytes | str, tuple[str, ...]]] = {
    "empty": ("", ("empty",)),
    "header_only": (HEADER, ("line 1", "no data rows")),
    "one_bar": (HEADER + FIRST, ("1 bars", "at least 2")),
    "missing_column": (GOOD.replace("close", "shut"), ("'close'", "missing")),
    "missing_time": (GOOD.replace("time", "when"), ("'time'", "missing")),
    "near_column": (GOOD.replace("volume", "volumn"), ("'volume'", "is it 'volumn'")),
    "one_column": (GOOD.replace(",", " "), ("one column", "comma")),
    "duplicate_column": (GOOD.replace("high", "Open"), ("'open'", "twice")),
    "two_times": (
        "time,date,open,high,low,close,volume\n2020-01-01,2020-01-02,1,1,1,1,1\n",
        ("line 2", "'time' and 'date'", "two time columns"),
    ),
    "duplicate_time": (with_row("2020-01-02,11,12,10,11,5"), ("line 4", "'time'", "repeats")),
    "out_of_order": (with_row("2019-12-31,11,12,10,11,5"), ("line 4", "'time'", "earlier")),
    "nan": (with_row("2020-01-03,11,12,nan,11,5"), ("line 4", "'low'", "not finite")),
    "inf": (with_row("2020-01-03,11,inf,10,11,5"), ("line 4", "'high'", "not finite")),
    "huge": (with_row("2020-01-03,11,1e999,10,11,5"), ("line 4", "'high'", "not finite")),
    "negative_price": (with_row("2020-01-03,11,12,-10,11,5"), ("line 4", "'low'", "> 0")),
    "zero_price": (with_row("2020-01-03,0,12,0,11,5"), ("line 4", "'open'", "> 0")),
    "negative_volume": (with_row("2020-01-03,11,12,10,11,-5"), ("line 4", "'volume'", ">= 0")),
    "nan_volume": (with_row("2020-01-03,11,12,10,11,nan"), ("line 4", "'volume'", "not finite")),
    "high_below_low": (with_row("2020-01-03,11,9,10,11,5"), ("line 4", "'high'", "below low")),
    "open_outside": (with_row("2020-01-03,13,12,10,11,5"), ("line 4", "'open'", "outside")),
    "close_outside": (with_row("2020-01-03,11,12,10,9,5"), ("line 4", "'close'", "outside")),
    "text_number": (with_row("2020-01-03,11,12,ten,11,5"), ("line 4", "'low'", "'ten' is not")),
    "empty_cell": (with_row("2020-01-03,11,12,,11,5"), ("line 4", "'low'", "empty cell")),
    "underscore": (with_row("2020-01-03,11,1_2,10,11,5"), ("line 4", "'high'", "is not a number")),
    "foreign_digits": (with_row("2020-01-03,11,١٢,10,11,5"), ("line 4", "'high'", "not a number")),
    "quoted_comma": (with_row('2020-01-03,11,"12,5",10,11,5'), ("line 4", "decimal point")),
    "decimal_comma": (with_row("2020-01-03,11,12,5,10,11,5"), ("line 4", "decimal comma")),
    "short_row": (with_row("2020-01-03,11,12"), ("line 4", "3 fields")),
    "latin_1": (with_row("2020-01-03,11,12,10,11,5é").encode("latin-1"), ("line 4", "UTF-8")),
    "utf_16_cut": (GOOD.encode("utf-16")[:-1], ("line 4", "not UTF-16")),
    "utf_16_without_mark": (GOOD.encode("utf-16-le"), ("line 1", "NUL")),
    "nul_byte": (with_row("2020-01-03,11,12,10,1\x001,5"), ("line 4", "NUL")),
    "milliseconds": (with_row("1577923200000,1,1,1,1,1"), ("line 4", "time zones differ")),
    "half_milliseconds": (
        HEADER + "1577836800000,1,1,1,1,1\n1577923200500,1,1,1,1,1\n",
        ("line 3", "'time'", "fraction of a second"),
    ),
    "year_1677": (with_row("1677-01-03,11,12,10,11,5"), ("line 4", "1900 to 2200")),
    "year_2262": (with_row("2262-01-03,11,12,10,11,5"), ("line 4", "1900 to 2200")),
    "no_such_day": (with_row("2020-02-30,11,12,10,11,5"), ("line 4", "'time'", "is not a time")),
    "american_day": (with_row("01/03/2020,11,12,10,11,5"), ("line 4", "'time'", "is not a time")),
    "half_second": (with_row("2020-01-03 00:00:00.5,11,12,10,11,5"), ("line 4", "fraction")),
    "mixed_zones": (with_row("2020-01-03 00:00Z,11,12,10,11,5"), ("line 4", "zones differ")),
    "open_quote": (with_row('2020-01-03,"11,12,10,11,5'), ("broken CSV",)),
    "old_mac": (GOOD.replace("\n", "\r"), ("broken CSV",)),
    "huge_cell": (
        with_row("2020-01-03," + "1" * 200_000 + ",12,10,11,5"),
        ("line 4", "'open'", "not finite"),
    ),
    "huge_line": (with_row("9" * (1 << 21)), ("line 4", "1 MiB")),
    "wide_header": (",".join(f"c{i}" for i in range(300_000)), ("line 1", "1 MiB")),
    "cut_gzip": (gzip.compress(GOOD.encode() * 50)[:-20], ("unreadable",)),
    "broken_gzip": (b"\x1f\x8b" + b"junk" * 50, ("unreadable",)),
    "gzip_of_blanks": (gzip.compress(GOOD.encode() + b"\n" * (1 << 23)), ("blank lines in a row",)),
    "gzip_of_rows": (
        gzip.compress(GOOD.encode() + b"2020-01-03,11,12,10,11,%1000d\n" % 5 * (1 << 15)),
        ("unpacks to more than",),
    ),
    "gzip_of_zeros": (gzip.compress(b"0" * (1 << 23)), ("line 1", "1 MiB")),
    "long_empty_symbol": (
        "symbol," + HEADER + f"A,{FIRST},{SECOND}".replace("\n,", "\n,"),
        ("line 3", "'symbol'", "empty"),
    ),
    "long_without_overlap": (
        "symbol," + HEADER + f"A,{FIRST}A,{SECOND}B,2021-01-01,1,1,1,1,1\n",
        ("0 bars", "2 symbols"),
    ),
    "long_duplicate": (
        "symbol," + HEADER + f"A,{FIRST}B,{FIRST}A,{SECOND}B,{FIRST}",
        ("line 5", "'time'", "repeats"),
    ),
    "nan_signal": (
        "signal_x," + HEADER + f"0,{FIRST}nan,{SECOND}",
        ("line 3", "'signal_x'", "not finite"),
    ),
}


def message_of(load: Callable[[], object]) -> str:
    with pytest.raises(MarketDataError) as caught:
        load()
    message = str(caught.value)
    assert len(message) < 200
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_file_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    content, parts = MALFORMED[name]
    path = tmp_path / "bars.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    message = message_of(lambda: Market.from_csv(path))
    assert "bars.csv" in message
    for part in parts:
        assert part in message


def test_a_path_that_is_not_a_regular_file_is_refused(tmp_path: Path) -> None:
    assert "no such file" in message_of(lambda: Market.from_csv(tmp_path / "none.csv"))
    assert "regular" in message_of(lambda: Market.from_csv(tmp_path))
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    assert "regular" in message_of(lambda: Market.from_csv(pipe))
    message_of(lambda: Market.from_csv("a\0b.csv"))
    message_of(lambda: Market.from_csv("x" * 5000))


def test_legal_spellings_of_one_file_are_one_market(tmp_path: Path) -> None:
    plain = tmp_path / "bars.csv"
    plain.write_text(GOOD)
    market = Market.from_csv(plain)
    assert market.symbols == ("bars",)
    assert market.volume[0, 2, 0] == 0.0  # zero volume is legal
    spellings = [
        gzip.compress(GOOD.encode()),
        GOOD.encode("utf-8-sig"),
        GOOD.encode("utf-16"),
        GOOD.replace(",", ";").encode(),
        GOOD.replace(",", "\t").encode(),
        ("\n" + GOOD).encode(),
        GOOD.replace("volume", "volume_btc").encode(),
        GOOD.replace("2020-01-01", "1577836800000")
        .replace("2020-01-02", "1577923200000")
        .replace("2020-01-03", "1578009600000")
        .encode(),
        GOOD.replace("\n", "\r\n").encode(),
        GOOD.replace("time,open", "Date, OPEN").encode(),
        GOOD.replace("2020-01-0", "2020010").encode(),
        (GOOD + "\n").encode(),
    ]
    for i, content in enumerate(spellings):
        path = tmp_path / f"{i}.csv"
        path.write_bytes(content)
        assert Market.from_csv(path, symbol="bars").sha256 == market.sha256


def test_offsets_are_turned_into_utc(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    rows = [f"2020-01-01T0{hour}:00:00+01:00,1,1,1,1,1\n" for hour in range(3)]
    path.write_text(HEADER + "".join(rows))
    first = np.datetime64("2019-12-31T23:00:00").astype(np.int64)
    assert Market.from_csv(path).time.tolist() == [first, first + 3600, first + 7200]


def test_the_long_layout_keeps_the_times_that_all_listed_symbols_have(tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    third, fourth = "2020-01-03,11,12,10,11,7\n", "2020-01-04,11,12,10,12,8\n"
    rows = f"B,{FIRST}B,{SECOND}B,{third}B,{fourth}A,{SECOND}A,{fourth}"
    path.write_text("symbol," + HEADER + rows)
    with pytest.warns(UserWarning) as caught:
        market = Market.from_csv(path)
    said = "\n".join(str(warning.message) for warning in caught)
    assert "1 rows dropped" in said
    assert "1 of 2 symbols are listed late ('A' from 2020-01-02T00:00:00Z)" in said
    assert market.symbols == ("B", "A")
    assert market.close[0].tolist() == [[10.0, 10.0], [11.0, 11.0], [12.0, 12.0]]
    assert market.high[0, :, 1].tolist() == [10.0, 12.0, 12.0]
    assert market.volume[0].tolist() == [[100.0, 0.0], [100.0, 100.0], [8.0, 8.0]]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_frame_survives_the_way_through_a_file(tmp_path: Path, suffix: str) -> None:
    frame = pd.read_csv(pd.io.common.StringIO("signal_a," + HEADER + f"1,{FIRST}2,{SECOND}"))
    frame["time"] = pd.to_datetime(frame["time"])
    path = tmp_path / f"bars.{suffix}"
    if suffix == "csv":
        frame.to_csv(path, index=False)
        market = Market.from_csv(path)
    else:
        pytest.importorskip("pyarrow")
        frame.to_parquet(path)
        market = Market.from_parquet(path)
    assert market.sha256 == Market.from_frame(frame, symbol="bars").sha256
    assert market.signals[0, :, 0, 0].tolist() == [1.0, 2.0]


def test_a_broken_parquet_file_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "bars.parquet"
    path.write_bytes(b"PAR1" + b"junk" * 100)
    assert "Parquet" in message_of(lambda: Market.from_parquet(path))
    pd.DataFrame({"time": [1], "open": [1.0]}).to_parquet(path)
    assert "'high'" in message_of(lambda: Market.from_parquet(path))
    path.write_bytes(path.read_bytes()[:-30])
    assert "Parquet" in message_of(lambda: Market.from_parquet(path))


@pytest.mark.parametrize(
    ("column", "values", "reason"),
    [
        ("low", ["9", "nine"], "'nine' is not a number"),
        ("low", [9.0, None], "not finite"),
        ("volume", [True, False], "is not a number"),
        ("time", [20200101, 20200132], "'20200132' is not a time (read as YYYYMMDD)"),
        ("time", [2020010113, 2020010125], "is not a time (read as YYYYMMDDHH)"),
        ("time", [20200101, 1577923200], "time zones differ"),
        ("time", [1577836800.5, 1577923200.0], "whole epoch second"),
        ("time", [1577836800000, 1577923200001], "fraction of a second"),
        ("time", pd.to_datetime(["2020-01-01", None]), "whole epoch second"),
        ("time", pd.to_datetime(["2020-01-02", "2020-01-02"]), "repeats"),
        ("time", ["2020-01-01", "tomorrow"], "is not a time"),
    ],
)
def test_a_malformed_frame_is_refused_in_one_line(column: str, values: object, reason: str) -> None:
    frame = pd.DataFrame(
        {
            "time": [1577836800, 1577923200],
            "open": 10.0,
            "high": 11.0,
            "low": 9.0,
            "close": 10.0,
            "volume": 1,
        }
    )
    Market.from_frame(frame)
    frame[column] = values
    message = message_of(lambda: Market.from_frame(frame))
    assert "row " in message
    assert f"'{column}'" in message
    assert reason in message


@pytest.mark.proof
def test_any_change_of_one_byte_is_read_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    for position in range(len(GOOD)):
        for byte in b'\x00",;-.9eN\n\r\xff':
            content = bytearray(GOOD.encode())
            content[position] = byte
            path.write_bytes(content)
            try:
                Market.from_csv(path)
            except MarketDataError as error:
                assert len(str(error)) < 200
