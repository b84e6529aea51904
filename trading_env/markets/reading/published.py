"""The shapes in which bars are published, each with an example: one list for code, page and tests.

A table with a header is known by names that it has, one without by the number and the kinds of its
columns. Of several orders that could be, it is the first in which every bar of the sample keeps
low <= open, close and mean <= high, and the volume is not between low and high in all of them. What
a shape adds to the general rules is declared here and nowhere else.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

LOT = 100.0
BILLIONTH = 1e-9
YAHOO = "yfinance"  # how the names of its shapes begin
TITLES = frozenset(("Open", "High", "Low", "Close", "Volume"))


class Published(NamedTuple):
    """A shape with a header."""

    name: str
    names: frozenset[str]  # names by which its header is known, in lower case; none: by no name
    example: str
    note: str = ""
    month_first: bool = False
    adjusts: bool = False  # its prices are products, so that rounding is to be expected
    quote: bool = False  # its volume is currency
    fixed_point: bool = False  # its prices, where they are whole, are billionths of currency
    lots_of: tuple[str, ...] = ()  # ends of the symbols whose volume is in lots of `LOT`


class Bare(NamedTuple):
    """A shape without a header: kind and meaning of each column.

    Kinds: `epoch`, `date` (any stamp that is no epoch), `clock`, `word`, `number`. An `amount` and
    its like are held against the volume (`amounts.py`).
    """

    name: str
    columns: tuple[str, ...]
    first: tuple[str, ...]  # kinds of the first columns; the rest are numbers
    example: str


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split(",")) if text else frozenset()


WITH_HEADER = (
    Published(
        "yfinance",
        _names("price,ticker"),
        "Price,Close,High,Low,Open,Volume\nTicker,SPY,SPY,SPY,SPY,SPY\nDate,,,,,\n"
        "2024-01-02,472.65,473.67,470.49,472.16,123623700\n",
        "also with several tickers, as a frame, and as Parquet; Adj Close is left out: prices are "
        "those as traded; whole volumes of a coin (`BTC-USD`) are currency, divided by the close",
        adjusts=True,
    ),
    Published(
        "yfinance, one ticker",
        _names("date,adj close"),
        "Date,Open,High,Low,Close,Adj Close,Volume\n"
        "2024-01-02,472.16,473.67,470.49,472.65,465.04,123623700\n",
        adjusts=True,
    ),
    Published(
        "yfinance, history of a ticker",
        _names("dividends,stock splits"),
        "Datetime,Open,High,Low,Close,Volume,Dividends,Stock Splits\n"
        "2024-01-02 09:30:00-05:00,472.16,473.67,470.49,472.65,123623700,0.0,0.0\n",
        adjusts=True,
    ),
    Published(
        "Binance klines",
        _names("open_time,close_time"),
        "open_time,open,high,low,close,volume,close_time,quote_volume,count,"
        "taker_buy_volume,taker_buy_quote_volume,ignore\n"
        "1704067200000,42283.58,42554.57,42261.02,42475.23,1271.68,1704070799999,53957248.9,"
        "47134,682.57,28957416.8,0\n",
    ),
    Published(
        "MetaTrader 5",
        _names("<date>,<tickvol>"),
        "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n"
        "2024.01.02\t00:00:00\t1.10427\t1.10450\t1.10399\t1.10433\t1220\t0\t2\n",
        "the clock is the server's: state `tz`; ticks are the volume where VOL is 0 in every row",
    ),
    Published(
        "Stooq, bulk",
        _names("<ticker>,<per>,<date>"),
        "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\n"
        "SPY.US,D,20240102,000000,472.16,473.67,470.49,472.65,123623700,0\n",
        adjusts=True,
    ),
    Published(
        "Alpha Vantage",
        _names("timestamp,adjusted_close,dividend_amount"),
        "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient\n"
        "2024-01-02,472.16,473.67,470.49,472.65,465.04,123623700,0.0000,1.0\n",
        "newest first is turned round; its JSON too",
    ),
    Published(
        "Nasdaq",
        _names("date,close/last"),
        "Date,Close/Last,Volume,Open,High,Low\n"
        '01/02/2024,$472.65,"123,623,700",$472.16,$473.67,$470.49\n',
        "month first, newest first",
        month_first=True,
    ),
    Published(
        "CryptoDataDownload",
        _names("unix,date,symbol"),
        "https://www.CryptoDataDownload.com\n"
        "unix,date,symbol,open,high,low,close,Volume BTC,Volume USD\n"
        "1704067200,2024-01-01 00:00:00,BTC/USD,42283.58,42554.57,42261.02,42475.23,271.68,"
        "11539464.5\n",
        "lines above the header are passed over; the coin of the pair is the volume",
    ),
    Published(
        "Dukascopy",
        _names("gmt time"),
        "Gmt time,Open,High,Low,Close,Volume\n"
        "02.01.2024 00:00:00.000,1.10427,1.10450,1.10399,1.10433,2310.55\n",
        "`Local time` with an offset in each row too",
    ),
    Published(
        "Kaggle, bitcoin by the minute",
        _names("timestamp,volume_(btc),volume_(currency)"),
        "Timestamp,Open,High,Low,Close,Volume_(BTC),Volume_(Currency),Weighted_Price\n"
        "1704067200,42283.58,42554.57,42261.02,42475.23,12.68,538000.2,42400.1\n",
        "minutes without a trade are left out",
    ),
    Published(
        "CoinMarketCap",
        _names("timeopen,timehigh,timelow,marketcap"),
        "timeOpen;timeClose;timeHigh;timeLow;open;high;low;close;volume;marketCap\n"
        "2024-01-01T00:00:00.000Z;2024-01-01T23:59:59.999Z;2024-01-01T20:01:00.000Z;"
        "2024-01-01T02:10:00.000Z;42280.23;44175.43;42214.97;44167.33;18426978443.98;865.1e9\n",
        "the volume is in dollars, divided by the close",
        quote=True,
    ),
    Published(
        "tushare",
        _names("ts_code,trade_date,vol"),
        "ts_code,trade_date,open,high,low,close,pre_close,change,pct_chg,vol,amount\n"
        "000001.SZ,20240102,9.39,9.42,9.21,9.21,9.39,-0.18,-1.9169,1158366.45,1075742.252\n",
        "the volume of symbols in .SH, .SZ and .BJ is in lots of 100 shares, and multiplied, "
        "unless the amount says that it is shares",
        lots_of=(".SH", ".SZ", ".BJ"),
    ),
    Published(
        "Databento",
        _names("ts_event,rtype,publisher_id"),
        "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume\n"
        "1704205800000000000,33,1,4916,472160000000,473670000000,470490000000,472650000000,1236\n",
        "whole prices are billionths, and multiplied",
        fixed_point=True,
    ),
    Published(
        "decimal comma",
        _names(""),
        "Datum;Eröffnung;Hoch;Tief;Schluss;Volumen\n"
        "02.01.2024;4.721,16;4.736,67;4.704,49;4.726,65;1.236.237\n",
        "any names; the marks are found in the rows",
    ),
    Published(
        "TradingView",
        _names(""),
        "time,open,high,low,close,Volume,Volume MA\n"
        "2024-01-02T14:30:00Z,472.16,473.67,470.49,472.65,1236237,1100000\n",
        "indicators beside the bars are ignored, epoch seconds too",
    ),
    Published(
        "long",
        _names(""),
        "date,tic,open,high,low,close,volume\n"
        "2024-01-02,AAA,47.2,47.4,47.0,47.3,1236237\n2024-01-02,BBB,7.2,7.4,7.0,7.3,36237\n",
        "`symbol`, `ticker`, `tic` and their like",
    ),
    Published(
        "wide",
        _names(""),
        "date,AAA_open,AAA_high,AAA_low,AAA_close,AAA_volume\n2024-01-02,47.2,47.4,47.0,47.3,1236\n",
        "field and symbol in either order, apart by space, _, . or -",
    ),
    Published(
        "wide, closes alone",
        _names(""),
        "date,AAA,BBB\n2024-01-02,47.3,7.3\n2024-01-03,47.1,7.4\n",
        "each bar is its close four times; it has no volume, so nothing fills until `liquidity` "
        "is stated",
    ),
    Published(
        "closes alone",
        _names(""),
        "date,close,volume\n2024-01-02,47.3,1236237\n",
        "each bar is its close four times",
    ),
)

KLINE = ("time", "open", "high", "low", "close", "volume", "", "amount", *[""] * 4)
BARE = (
    Bare(
        "Binance klines, bare",
        KLINE,
        ("epoch",),
        "1704067200000,42283.58,42554.57,42261.02,42475.23,1271.68,1704070799999,53957248.9,"
        "47134,682.57,28957416.8,0\n",
    ),
    Bare(
        "ccxt",
        KLINE[:6],
        ("epoch",),
        "[[1704067200000, 42283.58, 42554.57, 42261.0, 42475.2, 1.6]]",
    ),
    Bare(
        "Kraken, files",
        (*KLINE[:6], "turnover"),
        ("epoch",),
        "1704067200,42283.5,42554.5,42261.0,42475.2,1.6,13\n",
    ),
    Bare(
        "Kraken, answers",
        ("time", "open", "high", "low", "close", "mean", "volume", ""),
        ("epoch",),
        '{"error": [], "result": {"XXBTZUSD": [[1704067200, "42283.5", "42554.5", "42261.0", '
        '"42475.2", "42400.1", "1.6", 13]], "last": 1704067200}}',
    ),
    Bare(
        "MEXC and Bitget",
        (*KLINE[:6], "other amount", "amount"),
        ("epoch",),
        '[[1704067200000, "42283.58", "42554.57", "42261.0", "42475.2", "1.6", 1704070800000, '
        '"67960.4"]]',
    ),
    Bare(
        "MetaTrader 4",
        ("time", "clock", "open", "high", "low", "close", "volume"),
        ("date", "clock"),
        "2024.01.02,00:00,1.10427,1.10450,1.10399,1.10433,1220\n",
    ),
    Bare(
        "MetaTrader 5, bare",
        ("time", "clock", "open", "high", "low", "close", "ticks", "volume", ""),
        ("date", "clock"),
        "2024.01.02\t00:00:00\t1.10427\t1.10450\t1.10399\t1.10433\t1220\t0\t2\n",
    ),
    Bare(
        "symbol, date and clock",
        ("symbol", "time", "clock", "open", "high", "low", "close", "volume"),
        ("word", "date", "clock"),
        "EURUSD,20240102,000000,1.10427,1.10450,1.10399,1.10433,1220\n",
    ),
    Bare(
        "KuCoin",
        ("time", "open", "close", "high", "low", "volume", "turnover"),
        ("epoch",),
        '[["1704067200", "42283.58", "42475.23", "42554.57", "42261.02", "1.6", "67960.4"]]',
    ),
    Bare(
        "OKX",
        (*KLINE[:6], "amount", "other amount", ""),
        ("epoch",),
        '[["1704067200000", "42283.5", "42554.5", "42261.0", "42475.2", "160", "1.6", "67960.3", '
        '"1"]]',
    ),
    Bare(
        "HistData", KLINE[:6], ("date",), "20240102 170000;1.104270;1.104500;1.103990;1.104330;0\n"
    ),
    Bare(
        "Bitfinex",
        ("time", "open", "close", "high", "low", "volume"),
        ("epoch",),
        "[[1704067200000, 42283.58, 42475.23, 42554.57, 42261.02, 1271.68]]",
    ),
    Bare(
        "Coinbase",
        ("time", "low", "high", "open", "close", "volume"),
        ("epoch",),
        "[[1704067200, 42261.02, 42554.57, 42283.58, 42475.23, 1271.68]]",
    ),
    Bare(
        "prices without volume",
        KLINE[:5],
        ("epoch",),
        "1704067200,42283.5,42554.5,42261.0,42475.2\n",
    ),
    Bare("prices without volume", KLINE[:5], ("date",), "2024-01-02,472.16,473.67,470.49,472.65\n"),
    Bare("closes alone, bare", ("time", "close"), ("epoch",), "1704067200,42475.2\n"),
    Bare("closes alone, bare", ("time", "close"), ("date",), "2024-01-02,472.65\n"),
)

_NUMBER = re.compile(r"[-+]?[$€£₹]?[0-9]*[.,]?[0-9.,' ]*(?:[eE][-+]?[0-9]+)?|nan|NaN")
_EPOCH = re.compile(r"-?[0-9]{9,19}(?:\.[0-9]*)?(?:[eE]\+?[0-9]+)?|[0-9]\.[0-9]+[eE]\+?[0-9]+")
_CLOCK = re.compile(
    r"[0-2]?[0-9]:[0-5][0-9](?::[0-5][0-9](?:\.0*)?)?(?: ?[aApP][mM])?|[0-9]{3,6}|0"
)
_DATE = re.compile(
    r"(?:19|20|21)[0-9]{2}([-./])[0-9]{1,2}\1[0-9]{1,2}(?:[-T ,_]*[0-9].*)?"
    r"|(?:19|20|21)[0-9]{2}[01][0-9][0-3][0-9](?:[-T ,_]*[0-9].*)?"
    r"|(?:19|20|21)[0-9]{2}[-/](?:0?[1-9]|1[0-2])|(?:0?[1-9]|1[0-2])/(?:19|20|21)[0-9]{2}"
    r"|(?i:jan|feb|mar|mär|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[a-zä]*\.?[- ,]+"
    r"(?:19|20|21)[0-9]{2}"
    r"|[0-9]{1,2}([-./])[0-9]{1,2}\2(?:[0-9]{2}){1,2}(?:[T ,].*)?"
    r"|[0-9]{1,2}[- .]?[A-Za-z]{3,9}\.?[- ,]+[0-9]{2,4}.*"
    r"|(?:[A-Za-z]{3,4}[, ]+)?[A-Za-z]{3,9}\.? [0-9]{1,2},? [0-9]{4}.*"
)


def kinds_of(text: str) -> frozenset[str]:
    """Return every kind of cell that a text can be."""
    cell = text.strip()
    found = {"empty"} if not cell else set()
    if _EPOCH.fullmatch(cell):
        found.add("epoch")
    if _DATE.fullmatch(cell):
        found.add("date")
    if _CLOCK.fullmatch(cell):
        found.add("clock")
    if cell and _NUMBER.fullmatch(cell):
        found.add("number")
    return frozenset(found or {"word"})


def published(header: Sequence[str]) -> Published | None:
    """Return the shape of a header, or None where it is none of those that have a name."""
    names = {name.strip().lower() for name in header}
    for shape in WITH_HEADER:
        if shape.names and shape.names <= names:
            return shape
    if {name.strip() for name in header} >= TITLES:
        return Published("yfinance or Stooq", TITLES, "", adjusts=True)
    return None
