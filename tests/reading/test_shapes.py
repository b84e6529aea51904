"""What the page shows is read; frames of every kind are read as their files are."""

import json
import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

from tests.reading.corpus import (
    BOTH,
    COINS,
    DAILY,
    DAYS,
    FIELDS,
    HOURLY,
    NEW_YORK,
    arrays,
    bars,
    closes,
    lines,
    named,
    stamps,
    yahoo,
)
from tests.reading.test_corpus import assert_holds
from trading_env.backtesting.runs import market_name
from trading_env.markets import Market, MarketDataError, load_market
from trading_env.markets.reading.published import BARE, WITH_HEADER
from trading_env.markets.reading.reader import read_path
from trading_env.markets.reading.settings import ReadingSettings


@pytest.mark.parametrize("shape", [*WITH_HEADER, *BARE], ids=lambda shape: shape.name)
def test_every_example_of_the_page_is_read_as_the_shape_it_shows(shape, tmp_path: Path) -> None:
    path = tmp_path / "example.csv"
    path.write_text(shape.example)
    table, said = read_path(path, ReadingSettings())
    assert (table.numbers["low"] <= table.numbers["high"]).all()
    if getattr(shape, "names", True):
        assert f"({shape.name})" in said


def test_a_frame_of_polars_is_read_as_one_of_pandas() -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(
        {"date": named(DAILY)["time"].to_numpy(), **{n: DAILY[n].to_numpy() for n in FIELDS}}
    )
    for table in (frame, frame.lazy(), frame.with_columns(polars.col("date").dt.strftime("%F"))):
        assert_holds(load_market(table), {"asset": DAILY})
    zoned = polars.DataFrame({"ts": polars.from_epoch(HOURLY["time"].to_list())}).with_columns(
        polars.col("ts").dt.replace_time_zone("UTC").dt.convert_time_zone("America/New_York"),
        *(polars.Series(name, HOURLY[name].to_numpy()) for name in FIELDS),
    )
    assert_holds(load_market(zoned), {"asset": HOURLY})


ON_DAYS = [np.datetime64(int(second), "s").astype(object).date() for second in DAILY["time"]]
RECORDS = named(DAILY).assign(time=DAILY["time"].to_numpy()).to_dict("records")
FRAMES = {
    "canonical": (named(DAILY), {"asset": DAILY}),
    "download": (yahoo(BOTH), BOTH),
    "by_ticker": (yahoo(BOTH, first="Ticker"), BOTH),
    "zone": (yahoo({"AAA": HOURLY}, zone=NEW_YORK), {"AAA": HOURLY}),
    "stacked": (
        yahoo(BOTH).stack(level="Ticker", future_stack=True),
        BOTH,
    ),
    "strings": (named(DAILY).astype({n: str for n in FIELDS}), {"asset": DAILY}),
    "nullable": (named(DAILY).convert_dtypes(), {"asset": DAILY}),
    "arrow": (named(DAILY).convert_dtypes(dtype_backend="pyarrow"), {"asset": DAILY}),
    "newest_first": (named(DAILY)[::-1], {"asset": DAILY}),
    "arrays": (arrays(COINS, 1_000), {"asset": COINS}),
    "matrix": (np.array(arrays(COINS, 1_000)), {"asset": COINS}),
    "objects": (RECORDS, {"asset": DAILY}),
    "dates": (named(DAILY).assign(time=ON_DAYS), {"asset": DAILY}),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_table_in_python_is_its_bars_to_the_bit(name: str) -> None:
    table, holds = FRAMES[name]
    assert_holds(load_market(table), holds)


def test_an_environment_takes_a_frame() -> None:
    env = gym.make(
        "trading_env/Portfolio-v0", market=named(DAILY), seed_band=None, episode_length=9
    )
    env.reset(seed=1)
    assert market_name(named(DAILY)) == "data frame"


def test_rounding_is_mended_where_a_source_adjusts_and_nowhere_else() -> None:
    frame = named(DAILY).rename(columns={n: n.title() for n in [*FIELDS, "time"]})
    frame.loc[5, "Close"] = np.nextafter(frame.loc[5, "High"], np.inf)
    with pytest.warns(UserWarning, match="1 rows mended"):
        market = load_market(frame)
    assert market.high[0, 5, 0] == frame.loc[5, "Close"]
    with pytest.raises(MarketDataError, match="row 6, column 'Close'"):
        Market.from_frame(frame, mend=False)
    with pytest.raises(MarketDataError, match="row 6, column 'close'"):
        load_market(frame.rename(columns=str.lower))


@pytest.mark.proof
def test_a_wide_header_takes_linear_time(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"

    names = ",".join(f"signal_{i}" for i in range(60_000))
    path.write_text(f"time,open,high,low,close,{names}\n2020-01-01,1,1,1,1{',x' * 60_000}\n")
    begin = time.process_time()
    with pytest.raises(MarketDataError, match="'signal_0': 'x' is not a number"):
        load_market(path)
    assert time.process_time() - begin < 10.0  # one second; with quadratic steps 22 and more


def test_a_column_of_prices_is_no_volume() -> None:
    rows = [[*row[:5], row[4]] for row in arrays(COINS, 1_000)]
    with pytest.raises(MarketDataError, match="no header, and its 6 columns"):
        load_market(rows)


def test_what_volume_is_in_is_what_is_stated() -> None:
    frame = named(DAILY).rename(columns={"volume": "amount"})
    with pytest.raises(MarketDataError, match=r"'amount': units or currency\?.*--volume-in"):
        load_market(frame)
    units = Market.from_frame(frame, volume_in="units")
    quote = Market.from_frame(frame, volume_in="quote")
    assert (quote.volume == units.volume / units.close).all()


@pytest.mark.parametrize(
    ("name", "scale"),
    [
        ("Vol (K)", 1e3),
        ("Vol. (k)", 1e3),
        ("Volume (000s)", 1e3),
        ("Volume ('000)", 1e3),
        ("Volume (in thousands)", 1e3),
        ("Volume(M)", 1e6),
        ("volume (millions)", 1e6),
        ("Volume (B)", 1e9),
        ("Vol.", 1.0),
    ],
)
def test_a_volume_in_thousands_or_millions_is_in_units(
    name: str, scale: float, tmp_path: Path
) -> None:
    """Its name says so, or each of its cells does; then once."""
    frame = named(DAILY).assign(volume=np.arange(1.0, len(DAILY) + 1.0))
    frame = frame.rename(columns={"volume": name})
    market = load_market(frame)
    assert (market.volume[0, :, 0] == scale * frame[name]).all()
    assert (f"volume times {scale:,.0f}" in market.read_as) == (scale != 1.0)
    lettered = frame.assign(**{name: [f"{value:.1f}M" for value in frame[name]]})
    path = tmp_path / "bars.csv"
    lettered.to_csv(path, index=False)
    assert (load_market(path).volume[0, :, 0] == 1e6 * frame[name]).all()
    stacked = frame.set_index("time")
    stacked.columns = pd.MultiIndex.from_product([stacked.columns, ["AAA"]])
    assert (load_market(stacked).volume[0, :, 0] == scale * frame[name]).all()


@pytest.mark.parametrize(
    ("symbol", "reading", "scale"),
    [
        ("000001.SZ", {}, 100.0),
        ("600000.sh", {}, 100.0),
        ("00700.HK", {}, 1.0),  # whose volume it counts in shares
        ("000001.SZ", {"volume_in": "units"}, 1.0),
    ],
)
def test_lots_of_tushare_are_shares(symbol: str, reading: dict[str, Any], scale: float) -> None:
    frame = named(DAILY).rename(columns={"time": "trade_date", "volume": "vol"})
    frame["trade_date"] = frame["trade_date"].dt.strftime("%Y%m%d")
    frame = frame.assign(ts_code=symbol, pre_close=1.0, change=0.1, pct_chg=0.1, amount=5.0)
    market = Market.from_frame(frame[::-1], **reading)
    assert (market.volume[0, :, 0] == scale * DAILY["volume"]).all()
    assert ("volume times 100" in market.read_as) == (scale != 1.0)


def test_dollars_of_coinmarketcap_are_units() -> None:
    names = {"time": "timeOpen"}
    frame = named(DAILY).rename(columns=names).assign(timeHigh="", timeLow="", marketCap=1e9)
    market = load_market(frame)
    assert (market.volume[0, :, 0] == DAILY["volume"] / DAILY["close"]).all()
    assert "volume is currency over the close" in market.read_as
    market = Market.from_frame(frame, volume_in="units")
    assert (market.volume[0, :, 0] == DAILY["volume"]).all()


@pytest.mark.parametrize(("cell", "unit"), [("1.2Mio", "Mio"), ("3.4 Cr", "Cr"), ("5L", "L")])
def test_a_unit_that_is_not_known_is_named(cell: str, unit: str) -> None:
    with pytest.raises(MarketDataError, match=rf"'{cell}' is not a number \('{unit}' behind it\?"):
        load_market(named(DAILY).assign(volume=cell))


@pytest.mark.parametrize("backwards", [False, True])
def test_an_hour_that_is_put_back_is_told_by_the_order_of_its_rows(
    backwards: bool, tmp_path: Path
) -> None:
    autumn = bars(pd.date_range("2023-10-28 12:00", periods=48, freq="h"), digits=4)
    rows = lines(autumn, stamps(autumn, "%Y.%m.%d %H:%M:%S", ZoneInfo("Europe/Athens")))
    header = "Time (EET),Open,High,Low,Close,Volume"
    path = tmp_path / "a.csv"
    rows = rows[::-1] if backwards else rows
    path.write_text("\n".join([header.replace("EET", "Europe/Athens"), *rows]))
    assert_holds(load_market(path), {"a": autumn})
    path.write_text("\n".join([header.replace(" (EET)", ""), *rows]))
    with pytest.raises(MarketDataError, match=r"a clock put back.*--tz"):
        load_market(path)
    assert_holds(Market.from_file(path, tz="Europe/Athens"), {"a": autumn})
    lonely = [row for i, row in enumerate(rows) if "2023.10.29 03:00" not in row or i % 2]
    assert len(lonely) == len(rows) - 1
    path.write_text("\n".join([header.replace(" (EET)", ""), *lonely]))
    with pytest.raises(MarketDataError, match=r"2023-10-29 03:00:00 is one of two hours.*--tz"):
        Market.from_file(path, tz="Europe/Athens")


def test_a_time_that_a_clock_never_shows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    spring = ["2023-03-26 02:00", "2023-03-26 03:00", "2023-03-26 04:00"]
    path.write_text("\n".join(["time,open,high,low,close,volume", *lines(HOURLY[:3], spring)]))
    with pytest.raises(MarketDataError, match=r"line 3, column 'time'.*does not exist"):
        Market.from_file(path, tz="Europe/Athens")


@pytest.mark.parametrize(
    "content",
    [
        '{"close": [1, 2], "open": [1]}',
        '{"columns": ["a"], "index": [0], "data": [[1, 2]]}',
        '[{"time": 1}, [1]]',
        "[[1, 2], [1]]",
        "[1, 2]",
        "[]",
        '{"a": {"b": 1}}',
        '[{"time": {"a": 1}, "close": [1]}]',
        "[" * 100_000,
    ],
)
def test_json_that_is_no_table_is_refused_in_one_line(content: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(MarketDataError, match=r"a\.json") as caught:
        load_market(path)
    assert len(str(caught.value)) < 200


def test_prices_that_rows_hold_under_one_key_are_those_of_the_row(tmp_path: Path) -> None:
    prices = {"o": "1.10", "h": "1.20", "l": "1.00", "c": "1.15"}
    rows = [
        {"complete": True, "volume": 7 + k, "time": f"2024-01-0{k}T00:00:00.000000000Z"}
        for k in range(1, 6)
    ]
    path = tmp_path / "EURUSD.json"
    path.write_text(
        json.dumps({"granularity": "D", "candles": [{**r, "mid": prices} for r in rows]})
    )
    market = load_market(path)
    assert market.symbols == ("EURUSD",)
    assert (market.close == 1.15).all() and market.volume[0, :, 0].tolist() == [8, 9, 10, 11, 12]
    both = [{**row, "bid": prices, "ask": prices} for row in rows]
    path.write_text(json.dumps({"candles": both}))
    with pytest.raises(MarketDataError, match=r"EURUSD\.json"):
        load_market(path)


def test_json_of_several_symbols_is_one_market(tmp_path: Path) -> None:
    """As Alpaca and Twelve Data answer; lists of other things stay refused."""
    path = tmp_path / "answer.json"
    days = [f"2024-01-{day:02d}" for day in range(1, 10)]
    bars = {
        symbol: [dict(t=day, o=price, h=price, l=price, c=price, v=5) for day in days]
        for symbol, price in (("AAPL", 100.0), ("BRK.B", 300.0))
    }
    named = {
        symbol: {"meta": {"interval": "1day"}, "values": rows} for symbol, rows in bars.items()
    }
    for content in ({"bars": bars, "next_page_token": None}, bars, named):
        path.write_text(json.dumps(content))
        market = load_market(path)
        assert market.symbols == ("AAPL", "BRK.B")
        assert (market.close == [100.0, 300.0]).all()
    dividends = [{"date": "2024-01-02", "amount": 1.0}]
    rows = bars["AAPL"]
    for other in ({"bid": rows, "ask": rows}, {"AAPL": rows, "DIV": dividends}):
        path.write_text(json.dumps(other))
        with pytest.raises(MarketDataError, match=r"answer\.json"):
            load_market(path)


@pytest.mark.parametrize("volume", ["Total Traded Quantity", "quantity", "No. of Shares"])
@pytest.mark.parametrize("time", ["ts_event", "Date"])
def test_names_that_exchanges_give_are_known(time: str, volume: str, tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    days = "".join(f"2024-01-0{k},10,11,9,10,{100 * k}\n" for k in range(1, 6))
    path.write_text(f"{time},Open Price,High Price,Low Price,Close Price,{volume}\n{days}")
    assert load_market(path).volume[0, :, 0].tolist() == [100, 200, 300, 400, 500]


@pytest.mark.parametrize("row", [3, True, None, "x", 1.5])
def test_a_table_in_parts_with_a_row_that_is_none_is_one_line(row: Any, tmp_path: Path) -> None:
    """Of JSON as `DataFrame.to_json` writes it in parts; pandas asks such a row its length."""
    rows: list[Any] = [[1_577_836_800 + 60 * k, 1.0, 2.0, 0.5, 1.5, 10.0] for k in range(9)]
    names = ["time", "open", "high", "low", "close", "volume"]
    content = {"columns": names, "index": list(range(9)), "data": [*rows[:4], row, *rows[5:]]}
    (tmp_path / "bars.json").write_text(json.dumps(content))
    with pytest.raises(MarketDataError, match="not every row of data is a list"):
        Market.from_file(tmp_path / "bars.json")


@pytest.mark.parametrize("layout", [{}, {"layout": "wide"}])
def test_a_symbol_may_be_called_as_a_time_is(layout: dict[str, str], tmp_path: Path) -> None:
    symbols = ["AAPL", "T", "DAY", "DT"]
    days = pd.date_range("2024-01-01", periods=30, freq="B")
    values = 10.0 + np.arange(120.0).reshape(30, 4) % 7.0
    table = pd.DataFrame(values, days, symbols)
    table.insert(0, "index", np.arange(30))
    table.iloc[3, 2] = np.nan  # a gap of T is no time
    path = tmp_path / "wide.csv"
    table.bfill().to_csv(path, index_label="date")
    assert Market.from_file(path, **layout).symbols == tuple(symbols)
    fields = pd.concat(
        {name: table[symbols].bfill() for name in ("Close", "Open", "High", "Low")}, axis=1
    )
    fields.columns = fields.columns.set_levels(["AAPL", "DATE", "TS", "T"], level=1)
    assert set(Market.from_frame(fields.rename_axis("Date")).symbols) == {"AAPL", "DATE", "TS", "T"}


@pytest.mark.parametrize(
    "symbol", ["LAST", "CLOSE", "PRICE", "last", "OPEN", "LOW", "MAX", "VOLUME"]
)
def test_a_symbol_may_be_called_as_a_field_is(symbol: str, tmp_path: Path) -> None:
    """A name alone makes no bars of one asset of a table of closes: it is refused until stated."""
    symbols = ["AAPL", symbol, "MSFT"] if symbol.isupper() else ["aapl", symbol, "msft"]
    days = pd.date_range("2024-01-01", periods=30, freq="B")
    table = pd.DataFrame(10.0 + np.arange(90.0).reshape(30, 3) % 7.0, days, symbols)
    path = tmp_path / "wide.csv"
    table.to_csv(path, index_label="date")
    for read in (lambda **stated: Market.from_file(path, **stated), table_of(table)):
        with pytest.raises(MarketDataError, match="--layout wide") as refused:
            read()
        assert len(str(refused.value)) < 220
        market = read(layout="wide")
        assert market.symbols == tuple(symbols)
        assert (market.close[0] == table.to_numpy()).all()


@pytest.mark.parametrize(
    "name",
    ["{symbol}_{field}", "{field}_{symbol}", "{symbol} {field}", "{field}-{symbol}", "two rows"],
)
@pytest.mark.parametrize("symbols", [["AAA", "LAST"], ["LOW", "AAA", "VOLUME"], ["LAST"]])
def test_a_field_beside_a_symbol_that_is_called_as_one(name: str, symbols: list[str]) -> None:
    frames = {symbol: bars(DAYS, seed=k) for k, symbol in enumerate(symbols)}
    joined = {(s, f): frame[f].to_numpy() for s, frame in frames.items() for f in FIELDS}
    table = pd.DataFrame(joined, DAYS).rename_axis("date")
    orders = [table, table.swaplevel(axis=1)] if name == "two rows" else [table]
    for own in orders:
        if name != "two rows":
            own.columns = pd.Index([name.format(symbol=s, field=f) for s, f in joined])
        assert_holds(load_market(own), frames)


def test_closes_whose_names_have_the_field_in_front() -> None:
    columns = {f"close_{symbol}": DAILY["close"].to_numpy() for symbol in ("AAA", "LAST")}
    market = load_market(pd.DataFrame(columns, DAYS).rename_axis("date"))
    assert market.symbols == ("AAA", "LAST")


def table_of(table: pd.DataFrame) -> Any:
    return lambda **stated: Market.from_frame(table.rename_axis("date"), **stated)


@pytest.mark.parametrize("symbol", ["COIN", "NAME", "pair"])
def test_a_symbol_may_be_called_as_a_column_of_symbols_is(symbol: str) -> None:
    columns = {"AAA": DAILY["close"], symbol: DAILY["close"] / 3.0, "BBB": DAILY["close"] / 7.0}
    table = pd.DataFrame({"date": named(DAILY)["time"], **columns})
    market = load_market(table)
    assert market.symbols == ("AAA", symbol, "BBB")
    assert (market.close[0, :, 1] == DAILY["close"] / 3.0).all()
    numbered = named(DAILY).assign(**{symbol: 10_001.0})  # as permno, where pandas met a gap
    assert load_market(numbered).symbols == ("10001.0",)


@pytest.mark.parametrize(
    "beside",
    [
        {"volume": 5.0},
        {"SMA": 9.0},
        {"RSI": 40.0, "MACD": -1.0},
        {"FOO": -1.0},
        {"Foo": 9.0},
        {"foo": 9.0},
        {"SMA20": 9.0},
        {"SIGNAL_A": 9.0, "FOO": 9.0},
        {"DIVIDEND": 0.1, "FOO": 9.0},
        {"TEXT": "a"},
    ],
)
@pytest.mark.parametrize("close", ["CLOSE", "Adj Close"])
def test_what_stands_beside_a_close_and_is_no_symbol_leaves_it_one_asset(
    close: str, beside: dict[str, Any]
) -> None:
    frame = closes(DAILY)[["time", "close"]].rename(columns={"close": close}).assign(**beside)
    market = load_market(frame)
    assert market.assets == 1 and (market.close[0, :, 0] == DAILY["close"]).all()


def test_a_close_beside_a_name_that_may_be_a_symbol_is_read_as_stated() -> None:
    frame = named(DAILY)[["time", "close"]].assign(foo=9.0)
    with pytest.raises(MarketDataError, match=r"'close' and 'foo': .*--layout wide or bars"):
        load_market(frame)
    assert_holds(Market.from_frame(frame, layout="bars"), {"asset": closes(DAILY)})
