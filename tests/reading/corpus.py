"""Write a corpus of files in the shapes that people have, with rows of its own.

    python -m tests.reading.corpus FOLDER

The file is long because it is one list: a shape is an entry of it and of nothing else. Each shape
says how its file is written and which bars it holds, so that a test can compare what is
read with them to the bit.
"""

import gzip
import json
import re
import sys
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

NEW_YORK = ZoneInfo("America/New_York")
FIVE_WEST = timezone(timedelta(hours=-5))
FIELDS = ["open", "high", "low", "close", "volume"]
TITLED = ["Open", "High", "Low", "Close", "Volume"]


def bars(
    times: pd.DatetimeIndex, seed: int = 0, digits: int = 2, level: float = 100.0
) -> pd.DataFrame:
    """Return sound bars; `time` holds seconds since the epoch."""
    draw = np.random.default_rng(seed)
    close = level * np.exp(np.cumsum(draw.normal(0.0, 0.01, len(times))))
    opened = close * np.exp(draw.normal(0.0, 0.003, len(times)))
    high = np.maximum(opened, close) * (1 + draw.uniform(0.001, 0.004, len(times)))
    low = np.minimum(opened, close) * (1 - draw.uniform(0.001, 0.004, len(times)))
    frame = pd.DataFrame({"open": opened, "high": high, "low": low, "close": close}).round(digits)
    frame["volume"] = draw.integers(1_000, 3_000_000, len(times)).astype(float)
    frame.insert(0, "time", times.as_unit("s").asi8)
    return frame


DAYS = pd.bdate_range("2023-02-20", periods=90)
HOURS = pd.date_range("2023-03-10", periods=96, freq="h")
DAILY = bars(DAYS)
OTHER = bars(DAYS, seed=1, level=20.0)
HOURLY = bars(HOURS, seed=2, digits=5, level=1.1)
COINS = bars(HOURS, seed=3, level=30_000.0)
LAKHS = bars(DAYS, seed=4, level=250_000.0)
COINS["volume"] = (COINS["volume"] / 1e4).round(4)


class Shape(NamedTuple):
    """One file: its name, how it is written, what it holds and what must be stated."""

    name: str
    write: Callable[[Path], object]
    holds: dict[str, pd.DataFrame]
    reading: Mapping[str, Any] = MappingProxyType({})


def stamps(frame: pd.DataFrame, form: str, zone: Any = UTC) -> list[str]:
    """Write the times of bars by a format."""
    return [datetime.fromtimestamp(second, zone).strftime(form) for second in frame["time"]]


def lines(
    frame: pd.DataFrame,
    times: list[str],
    columns: list[str] = FIELDS,
    mark: str = ",",
    show: Callable[[float], str] = repr,
    whole: Callable[[float], str] | None = None,
) -> list[str]:
    """Write rows of bars."""
    rows = []
    for time, (_, row) in zip(times, frame.iterrows(), strict=True):
        cells = [
            (whole or show)(float(row[name])) if name == "volume" else show(float(row[name]))
            for name in columns
        ]
        rows.append(mark.join([time, *cells]))
    return rows


def text(header: str, rows: list[str]) -> Callable[[Path], object]:
    """Return what writes a text file."""
    content = "\n".join([*([header] if header else []), *rows]) + "\n"
    return lambda path: path.write_text(content, encoding="utf-8")


def integer(value: float) -> str:
    return str(int(value))


def comma(value: float) -> str:
    """Write a number as it is written in Germany."""
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


def grouped(value: float) -> str:
    return f'"{int(value):,}"'


def indian(value: float) -> str:
    """Write a number as it is written in India, commas behind every second digit."""
    return '"' + re.sub(r"(?<=\d)(?=(?:\d\d)+\d\.)", ",", f"{value:.2f}") + '"'


def swiss(value: float) -> str:
    """Write a number as it is written in Switzerland."""
    return f"{value:,.2f}".replace(",", "'")


def swiss_whole(value: float) -> str:
    return swiss(value)[:-3]


def rupees(value: float) -> str:
    """Write a whole number so."""
    return indian(value)[:-4] + '"'


def dollars(value: float) -> str:
    return f"${value:.2f}"


def closes(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the bars of closes alone, without volume."""
    flat = frame.copy()
    for name in ("open", "high", "low"):
        flat[name] = flat["close"]
    flat["volume"] = 0.0
    return flat


def at_midnight(frame: pd.DataFrame) -> pd.DataFrame:
    """Return daily bars whose days begin in New York."""
    own = frame.copy()
    index = pd.DatetimeIndex(frame["time"].to_numpy().astype("datetime64[s]")).tz_localize(NEW_YORK)
    own["time"] = index.tz_convert("UTC").tz_localize(None).as_unit("s").asi8
    return own


def yahoo(frames: dict[str, pd.DataFrame], zone: Any = None, first: str = "Price") -> pd.DataFrame:
    """Return the frame of a download: two levels of names, the day as index."""
    frame = next(iter(frames.values()))
    index = pd.DatetimeIndex(frame["time"].to_numpy().astype("datetime64[s]"), name="Date")
    if zone is not None:
        index = index.tz_localize("UTC").tz_convert(zone)
    parts = {}
    for field in ("Adj Close", "Close", "High", "Low", "Open", "Volume"):
        for ticker, own in frames.items():
            name = "close" if field == "Adj Close" else field.lower()
            values = own[name].to_numpy() * (0.97 if field == "Adj Close" else 1.0)
            parts[(field, ticker) if first == "Price" else (ticker, field)] = values
    names = ["Price", "Ticker"] if first == "Price" else ["Ticker", "Price"]
    wide = pd.DataFrame(parts, index=index)
    wide.columns = pd.MultiIndex.from_tuples(list(parts), names=names)
    return wide


def klines(frame: pd.DataFrame, scale: int) -> list[list[Any]]:
    """Return the twelve columns of klines."""
    return [
        [
            int(row.time) * scale,
            *(repr(float(v)) for v in (row.open, row.high, row.low, row.close, row.volume)),
            (int(row.time) + 3600) * scale - 1,
            repr(float(row.volume * row.close)),
            117,
            repr(float(row.volume / 2)),
            repr(float(row.volume * row.close / 2)),
            "0",
        ]
        for row in frame.itertuples()
    ]


def joined(rows: list[list[Any]]) -> list[str]:
    return [",".join(map(str, row)) for row in rows]


def arrays(frame: pd.DataFrame, scale: int, order: list[str] = FIELDS) -> list[list[float]]:
    """Return rows as exchanges answer."""
    return [
        [int(row.time) * scale, *(getattr(row, name) for name in order)]
        for row in frame.itertuples()
    ]


def long_of(frames: dict[str, pd.DataFrame], name: str) -> pd.DataFrame:
    """Return rows in order of time, then symbol."""
    parts = [frame.assign(**{name: symbol}) for symbol, frame in frames.items()]
    table = pd.concat(parts).sort_values(["time", name])
    table["date"] = pd.to_datetime(table["time"], unit="s").dt.strftime("%Y-%m-%d")
    return table[["date", name, "close", "high", "low", "open", "volume"]]


def wide_of(frames: dict[str, pd.DataFrame], name: Callable[[str, str], str]) -> pd.DataFrame:
    """Return columns for each symbol."""
    table = pd.DataFrame({"date": stamps(next(iter(frames.values())), "%Y-%m-%d")})
    for symbol, frame in frames.items():
        for field in FIELDS:
            table[name(symbol, field)] = frame[field].to_numpy()
    return table


def zipped(name: str, content: str) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, content)

    return write


def zipped_each(frames: dict[str, pd.DataFrame]) -> Callable[[Path], object]:
    """Return what writes an archive of a file for each symbol."""

    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("__MACOSX/._AAA.csv", "junk")
            for symbol, frame in frames.items():
                rows = lines(frame, stamps(frame, "%Y-%m-%d"))
                archive.writestr(f"data/{symbol}.csv", "\n".join([CANONICAL, *rows]) + "\n")

    return write


def foldered(frames: dict[str, pd.DataFrame], by_key: bool) -> Callable[[Path], object]:
    """Return what writes a folder of Parquet files."""

    def write(path: Path) -> None:
        for symbol, frame in frames.items():
            file = path / (f"symbol={symbol}/part-0.parquet" if by_key else f"{symbol}.parquet")
            file.parent.mkdir(parents=True, exist_ok=True)
            named(frame).to_parquet(file)

    return write


def parted(path: Path) -> None:
    """Write a series in three Parquet files."""
    path.mkdir()
    for i in range(3):
        named(DAILY.iloc[30 * i : 30 * i + 30]).to_parquet(path / f"part-{i}.parquet")


def monthly(path: Path) -> None:
    """Write a folder of archives of klines: milliseconds at first, then microseconds."""
    path.mkdir()
    for i, scale in enumerate((1_000, 10**6)):
        rows = "\n".join(joined(klines(COINS.iloc[48 * i : 48 * i + 48], scale)))
        zipped(f"BTCUSDT-1h-2023-0{i + 1}.csv", rows)(path / f"BTCUSDT-1h-2023-0{i + 1}.zip")


def named(frame: pd.DataFrame) -> pd.DataFrame:
    """Return bars with dates for times."""
    own = frame.copy()
    own["time"] = pd.to_datetime(own["time"], unit="s")
    return own.reset_index(drop=True)


CANONICAL = "time,open,high,low,close,volume"
BOTH = {"AAA": DAILY, "BBB": OTHER}
PLAIN_ROWS = lines(DAILY, stamps(DAILY, "%Y-%m-%d"))
CANONICAL_TEXT = "\n".join([CANONICAL, *PLAIN_ROWS]) + "\n"
KRAKEN = {
    "error": [],
    "result": {
        "XXBTZUSD": [
            [
                int(r.time),
                str(r.open),
                str(r.high),
                str(r.low),
                str(r.close),
                str(r.close),
                str(r.volume),
                9,
            ]
            for r in COINS.itertuples()
        ],
        "last": 1,
    },
}
ALPHA = {
    "Meta Data": {"2. Symbol": "AAA"},
    "Time Series (Daily)": {
        day: {
            "1. open": repr(row.open),
            "2. high": repr(row.high),
            "3. low": repr(row.low),
            "4. close": repr(row.close),
            "5. volume": integer(row.volume),
        }
        for day, row in zip(stamps(DAILY, "%Y-%m-%d"), DAILY.itertuples(), strict=True)
    },
}

SOUND = [
    Shape("canonical.csv", text(CANONICAL, PLAIN_ROWS), {"canonical": DAILY}),
    Shape(
        "packed.csv.gz",
        lambda path: path.write_bytes(gzip.compress(CANONICAL_TEXT.encode())),
        {"packed": DAILY},
    ),
    Shape("archive.zip", zipped("AAA.csv", CANONICAL_TEXT), {"archive": DAILY}),
    Shape("assets.zip", zipped_each(BOTH), BOTH),
    Shape("yfinance.csv", lambda path: yahoo({"AAA": DAILY}).to_csv(path), {"AAA": DAILY}),
    Shape("yfinance_two.csv", lambda path: yahoo(BOTH).to_csv(path), BOTH),
    Shape(
        "yfinance_by_ticker.csv",
        lambda path: yahoo(BOTH, first="Ticker").to_csv(path),
        BOTH,
    ),
    Shape("yfinance.parquet", lambda path: yahoo(BOTH).to_parquet(path), BOTH),
    Shape(
        "yfinance_zone.parquet",
        lambda path: yahoo({"AAA": HOURLY}, zone=NEW_YORK).to_parquet(path),
        {"AAA": HOURLY},
    ),
    Shape(
        "yfinance_old.csv",
        text(
            "Date,Open,High,Low,Close,Adj Close,Volume",
            [
                f"{day},{r.open},{r.high},{r.low},{r.close},{r.close * 0.97},{int(r.volume)}"
                for day, r in zip(stamps(DAILY, "%Y-%m-%d"), DAILY.itertuples(), strict=True)
            ],
        ),
        {"yfinance_old": DAILY},
    ),
    Shape(
        "history.csv",
        text(
            "Date,Open,High,Low,Close,Volume,Dividends,Stock Splits",
            [
                f"{row},0.0,0.0"
                for row in lines(
                    at_midnight(DAILY),
                    [
                        s[:-2] + ":00"
                        for s in stamps(at_midnight(DAILY), "%Y-%m-%d %H:%M:%S%z", NEW_YORK)
                    ],
                )
            ],
        ),
        {"history": at_midnight(DAILY)},
    ),
    Shape(
        "binance_header.csv",
        text(
            "open_time,open,high,low,close,volume,close_time,quote_volume,count,"
            "taker_buy_volume,taker_buy_quote_volume,ignore",
            joined(klines(COINS, 1_000)),
        ),
        {"binance_header": COINS},
    ),
    Shape("BTCUSDT-1h-ms.csv", text("", joined(klines(COINS, 1_000))), {"BTCUSDT-1h-ms": COINS}),
    Shape("BTCUSDT-1h-us.csv", text("", joined(klines(COINS, 10**6))), {"BTCUSDT-1h-us": COINS}),
    Shape("BTCUSDT-1h-s.csv", text("", joined(klines(COINS, 1))), {"BTCUSDT-1h-s": COINS}),
    Shape(
        "BTCUSDT-1h-zip.zip",
        zipped("BTCUSDT-1h.csv", "\n".join(joined(klines(COINS, 1_000)))),
        {"BTCUSDT-1h-zip": COINS},
    ),
    Shape(
        "binance_mixed.csv",
        text("", joined(klines(COINS.iloc[:50], 1_000) + klines(COINS.iloc[50:], 10**6))),
        {"binance_mixed": COINS},
    ),
    Shape(
        "klines.json", lambda p: p.write_text(json.dumps(klines(COINS, 1_000))), {"klines": COINS}
    ),
    Shape(
        "mt4.csv",
        text("", lines(HOURLY, stamps(HOURLY, "%Y.%m.%d,%H:%M"), whole=integer)),
        {"mt4": HOURLY},
    ),
    Shape(
        "mt5.csv",
        text(
            "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>",
            [
                f"{row}\t0\t3"
                for row in lines(
                    HOURLY, stamps(HOURLY, "%Y.%m.%d\t%H:%M:%S"), mark="\t", whole=integer
                )
            ],
        ),
        {"mt5": HOURLY},
    ),
    Shape(
        "mt5_daily.csv",
        text(
            "<DATE>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>",
            [
                f"{day}\t{r.open}\t{r.high}\t{r.low}\t{r.close}\t77\t{int(r.volume)}\t3"
                for day, r in zip(stamps(DAILY, "%Y.%m.%d"), DAILY.itertuples(), strict=True)
            ],
        ),
        {"mt5_daily": DAILY},
    ),
    Shape(
        "mt5_athens.csv",
        text(
            "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>",
            [
                f"{row}\t0\t3"
                for row in lines(
                    HOURLY,
                    stamps(HOURLY, "%Y.%m.%d\t%H:%M:%S", ZoneInfo("Europe/Athens")),
                    mark="\t",
                    whole=integer,
                )
            ],
        ),
        {"mt5_athens": HOURLY},
        {"tz": "Europe/Athens"},
    ),
    Shape(
        "stooq.csv",
        text(
            "Date,Open,High,Low,Close,Volume",
            lines(DAILY, stamps(DAILY, "%Y-%m-%d"), whole=integer),
        ),
        {"stooq": DAILY},
    ),
    Shape(
        "stooq_bulk.txt",
        text(
            "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>",
            [f"AAA.US,D,{row},0" for row in lines(DAILY, stamps(DAILY, "%Y%m%d,%H%M%S"))],
        ),
        {"AAA.US": DAILY},
    ),
    Shape(
        "stooq_hours.txt",
        text(
            "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>",
            [f"EURUSD,60,{row},0" for row in lines(HOURLY, stamps(HOURLY, "%Y%m%d,%H%M%S"))],
        ),
        {"EURUSD": HOURLY},
    ),
    Shape(
        "alpha_vantage.csv",
        text(
            "timestamp,open,high,low,close,volume",
            lines(DAILY, stamps(DAILY, "%Y-%m-%d"), whole=integer)[::-1],
        ),
        {"alpha_vantage": DAILY},
    ),
    Shape(
        "alpha_vantage.json", lambda p: p.write_text(json.dumps(ALPHA)), {"alpha_vantage": DAILY}
    ),
    Shape(
        "nasdaq.csv",
        text(
            "Date,Close/Last,Volume,Open,High,Low",
            lines(
                DAILY,
                stamps(DAILY, "%m/%d/%Y"),
                ["close", "volume", "open", "high", "low"],
                show=dollars,
                whole=grouped,
            )[::-1],
        ),
        {"nasdaq": DAILY},
    ),
    Shape(
        "tradingview_epoch.csv",
        text(
            "time,open,high,low,close,Volume,Volume MA,Plot,Plot",
            [
                f"{row},NaN,,1.0"
                for row in lines(HOURLY, [str(t) for t in HOURLY["time"]], whole=integer)
            ],
        ),
        {"tradingview_epoch": HOURLY},
    ),
    Shape(
        "tradingview_iso.csv",
        text(
            "time,open,high,low,close,Volume",
            lines(
                HOURLY, [s[:-2] + ":00" for s in stamps(HOURLY, "%Y-%m-%dT%H:%M:%S%z", NEW_YORK)]
            ),
        ),
        {"tradingview_iso": HOURLY},
    ),
    Shape(
        "cryptodatadownload.csv",
        text(
            "https://www.CryptoDataDownload.com\n"
            "unix,date,symbol,open,high,low,close,Volume BTC,Volume USD",
            [
                f"{r.time},{s},BTC/USD,{r.open},{r.high},{r.low},{r.close},{r.volume},"
                f"{r.volume * r.close}"
                for s, r in zip(stamps(COINS, "%Y-%m-%d %H:%M:%S"), COINS.itertuples(), strict=True)
            ][::-1],
        ),
        {"BTC/USD": COINS},
    ),
    Shape(
        "cryptodatadownload_old.csv",
        text(
            "https://www.CryptoDataDownload.com\n"
            "Date,Symbol,Open,High,Low,Close,Volume USDT,Volume BTC",
            [
                f"{s},BTCUSDT,{r.open},{r.high},{r.low},{r.close},{r.volume * r.close},{r.volume}"
                for s, r in zip(stamps(COINS, "%Y-%m-%d %I-%p"), COINS.itertuples(), strict=True)
            ][::-1],
        ),
        {"BTCUSDT": COINS},
    ),
    Shape(
        "XBTUSD_60.csv",
        text("", [f"{row},42" for row in lines(COINS, [str(t) for t in COINS["time"]])]),
        {"XBTUSD_60": COINS},
    ),
    Shape("kraken.json", lambda path: path.write_text(json.dumps(KRAKEN)), {"kraken": COINS}),
    Shape("ccxt.json", lambda p: p.write_text(json.dumps(arrays(COINS, 1_000))), {"ccxt": COINS}),
    Shape(
        "ccxt.csv",
        text("timestamp,open,high,low,close,volume", joined(arrays(COINS, 1_000))),
        {"ccxt": COINS},
    ),
    Shape(
        "ccxt_unnamed.csv",
        lambda path: pd.DataFrame(arrays(COINS, 1_000)).to_csv(path, index=False),
        {"ccxt_unnamed": COINS},
    ),
    Shape(
        "bitfinex.json",
        lambda path: path.write_text(
            json.dumps(arrays(COINS, 1_000, ["open", "close", "high", "low", "volume"])[::-1])
        ),
        {"bitfinex": COINS},
    ),
    Shape(
        "mexc.json",
        lambda path: path.write_text(json.dumps([row[:8] for row in klines(COINS, 1_000)])),
        {"mexc": COINS},
    ),
    Shape(
        "bitget.json",
        lambda path: path.write_text(
            json.dumps([[*row[:6], row[7], row[7]] for row in klines(COINS, 1_000)])
        ),
        {"bitget": COINS},
    ),
    Shape(
        "hours_apart.csv",
        text(
            "date,hour,open,high,low,close,volume",
            lines(COINS, [stamp.replace(",0", ",") for stamp in stamps(COINS, "%Y-%m-%d,%H")]),
        ),
        {"hours_apart": COINS},
    ),
    Shape(
        "hour_beside.csv",
        text(
            "date,open,high,low,close,volume,hour",
            [
                f"{row},{hour}"
                for row, hour in zip(
                    lines(COINS, stamps(COINS, "%Y-%m-%d %H:%M:%S")),
                    stamps(COINS, "%H"),
                    strict=True,
                )
            ],
        ),
        {"hour_beside": COINS},
    ),
    Shape(
        "year_of_two_digits.csv",
        text(CANONICAL, lines(DAILY, stamps(DAILY, "%y/%m/%d"))),
        {"year_of_two_digits": DAILY},
    ),
    Shape(
        "coinbase.json",
        lambda path: path.write_text(
            json.dumps(arrays(COINS, 1, ["low", "high", "open", "close", "volume"])[::-1])
        ),
        {"coinbase": COINS},
    ),
    Shape(
        "dukascopy.csv",
        text(
            "Gmt time,Open,High,Low,Close,Volume",
            lines(HOURLY, stamps(HOURLY, "%d.%m.%Y %H:%M:%S.000")),
        ),
        {"dukascopy": HOURLY},
    ),
    Shape(
        "dukascopy_local.csv",
        text(
            "Local time,Open,High,Low,Close,Volume",
            lines(HOURLY, stamps(HOURLY, "%d.%m.%Y %H:%M:%S.000 GMT%z", ZoneInfo("Europe/Zurich"))),
        ),
        {"dukascopy_local": HOURLY},
    ),
    Shape(
        "dukascopy_eet.csv",
        text(
            "Time (EET),Open,High,Low,Close,Volume",
            lines(HOURLY, stamps(HOURLY, "%Y.%m.%d %H:%M:%S", ZoneInfo("EET"))),
        ),
        {"dukascopy_eet": HOURLY},
    ),
    Shape(
        "shifted_clock.csv",
        text(
            "Date (UTC+2),Open,High,Low,Close,Volume",
            lines(HOURLY, stamps(HOURLY, "%Y/%m/%d %H:%M", timezone(timedelta(hours=2)))),
        ),
        {"shifted_clock": HOURLY},
    ),
    Shape(
        "two_ends.csv",
        text(
            "timeOpen;timeClose;open;high;low;close;volume;timestamp",
            [
                f'"{day}T00:00:00.000Z";"{day}T23:59:59.999Z";{bar};"{day}T23:59:59.999Z"'
                for day, _, bar in (
                    row.partition(";") for row in lines(DAILY, stamps(DAILY, "%Y-%m-%d"), mark=";")
                )
            ],
        ),
        {"two_ends": DAILY},
    ),
    Shape(
        "postgres.csv",
        text(
            CANONICAL,
            lines(COINS, [f"{s}-05" for s in stamps(COINS, "%Y-%m-%d %H:%M:%S", FIVE_WEST)]),
        ),
        {"postgres": COINS},
        {"tz": "America/New_York"},  # of stamps without an offset alone
    ),
    Shape(
        "histdata.csv",
        text("", lines(HOURLY, stamps(HOURLY, "%Y%m%d %H%M%S"), mark=";", whole=integer)),
        {"histdata": HOURLY},
    ),
    Shape(
        "german.csv",
        text(
            "Datum;Eröffnung;Hoch;Tief;Schluss;Volumen",
            lines(DAILY, stamps(DAILY, "%d.%m.%Y"), mark=";", show=comma)[::-1],
        ),
        {"german": DAILY},
    ),
    Shape(
        "excel.csv",
        text(
            "sep=;\nDate;Open;High;Low;Close;Volume",
            lines(DAILY, stamps(DAILY, "%Y-%m-%d"), mark=";", show=comma),
        ),
        {"excel": DAILY},
    ),
    Shape("long_symbol.csv", lambda p: long_of(BOTH, "symbol").to_csv(p, index=False), BOTH),
    Shape("long_ticker.csv", lambda p: long_of(BOTH, "ticker").to_csv(p), BOTH),
    Shape(
        "long_tic.csv", lambda p: long_of(BOTH, "tic").assign(day=3).to_csv(p, index=False), BOTH
    ),
    Shape(
        "wide_under.csv",
        lambda path: wide_of(BOTH, lambda s, f: f"{s}_{f}").to_csv(path, index=False),
        BOTH,
    ),
    Shape(
        "wide_point.csv",
        lambda path: wide_of(BOTH, lambda s, f: f"{s}.{f.title()}").to_csv(path, index=False),
        BOTH,
    ),
    Shape(
        "wide_first.csv",
        lambda path: wide_of(BOTH, lambda s, f: f"{f} {s}").to_csv(path, index=False),
        BOTH,
    ),
    Shape(
        "wide_closes.csv",
        text(
            "Date,AAA,BBB",
            [
                f"{d},{a},{b}"
                for d, a, b in zip(
                    stamps(DAILY, "%Y-%m-%d"), DAILY["close"], OTHER["close"], strict=True
                )
            ],
        ),
        {"AAA": closes(DAILY), "BBB": closes(OTHER)},
    ),
    Shape(
        "close_only.csv",
        text("date,close", lines(DAILY, stamps(DAILY, "%Y-%m-%d"), ["close"])),
        {"close_only": closes(DAILY)},
    ),
    Shape(
        "american_dates.csv",
        text("Date,Open,High,Low,Close,Volume", lines(DAILY, stamps(DAILY, "%m/%d/%Y"))),
        {"american_dates": DAILY},
    ),
    Shape(
        "index_of_frame.csv",
        lambda path: named(DAILY).set_index("time").rename_axis(None).to_csv(path),
        {"index_of_frame": DAILY},
    ),
    Shape("numbered_rows.csv", lambda path: named(DAILY).to_csv(path), {"numbered_rows": DAILY}),
    Shape("plain.parquet", lambda path: named(DAILY).to_parquet(path), {"plain": DAILY}),
    Shape("folder_parts", parted, {"folder_parts": DAILY}),
    Shape("folder_assets", foldered(BOTH, by_key=False), BOTH),
    Shape("folder_keys", foldered(BOTH, by_key=True), BOTH),
    Shape("folder_months", monthly, {"folder_months": COINS}),
    Shape(
        "stooq_polish.csv",
        text("Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen", PLAIN_ROWS),
        {"stooq_polish": DAILY},
    ),
    Shape(
        "lines.jsonl",
        lambda path: DAILY.to_json(path, orient="records", lines=True, double_precision=15),
        {"lines": DAILY},
    ),
    Shape(
        "split.json",
        lambda path: (
            named(DAILY)
            .set_index("time")
            .to_json(path, orient="split", date_format="iso", double_precision=15)
        ),
        {"split": DAILY},
    ),
    Shape(
        "adjusted_alone.csv",
        text("Date,Adj Close", lines(DAILY, stamps(DAILY, "%Y-%m-%d"), ["close"])),
        {"adjusted_alone": closes(DAILY)},
    ),
    Shape(
        "swiss.csv",
        text(CANONICAL, lines(LAKHS, stamps(LAKHS, "%Y-%m-%d"), show=swiss, whole=swiss_whole)),
        {"swiss": LAKHS},
    ),
    Shape(
        "lakhs.csv",
        text(
            "Date,Open (₹),High (₹),Low (₹),Close (₹),Volume",
            lines(LAKHS, stamps(LAKHS, "%d-%b-%Y"), show=indian, whole=rupees),
        ),
        {"lakhs": LAKHS},
    ),
    Shape(
        "lakhs_of_volume.csv",
        text(CANONICAL, lines(DAILY, stamps(DAILY, "%Y-%m-%d"), whole=rupees)),
        {"lakhs_of_volume": DAILY},
    ),
    Shape(
        "utf16.csv",
        lambda path: path.write_text(CANONICAL_TEXT, encoding="utf-16"),
        {"utf16": DAILY},
    ),
]


def rows_with(row: int, line: str, header: str = CANONICAL) -> Callable[[Path], object]:
    """Return what writes canonical rows with another one at a line."""
    rows = [header, *PLAIN_ROWS]
    rows[row - 1] = line
    return text("", rows)


def bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bars.csv", CANONICAL_TEXT + "2023-09-01,1,1,1,1,1\n" * (1 << 21))


COMPANIES = [row.replace(",", f",{name},", 1) for row in PLAIN_ROWS for name in ("Aa", "Bb")]


def bomb_of_many(path: Path) -> None:
    """Write an archive of files that are each within the limit, and together above it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for day in range(1, 4):
            rows = f"2023-09-0{day},1,1,1,1,{'0' * 500_000}1\n" * 15
            archive.writestr(f"{day}.csv", f"{CANONICAL}\n{rows}")


DATES = stamps(DAILY, "%Y-%m-%d")
AMBIGUOUS = [f"0{d}/0{m}/2023" for m in range(1, 2) for d in range(1, 10)]

# file, how it is written, parts of the message, what settles it
BROKEN: list[tuple[str, Callable[[Path], object], tuple[str, ...], dict[str, Any]]] = [
    (
        "day_or_month.csv",
        text("Date,Open,High,Low,Close,Volume", lines(DAILY.iloc[:9], AMBIGUOUS)),
        ("line 2", "'Date'", "'01/01/2023'", "day or month", "--date-order"),
        {"date_order": "day"},
    ),
    (
        "two_times.csv",
        text(
            "date,unix,open,high,low,close,volume",
            [f"2023-01-01,{r}" for r in lines(HOURLY, [str(t) for t in HOURLY["time"]])],
        ),
        ("'date' and 'unix'", "line 2", "--time-column"),
        {"time_column": "unix"},
    ),
    (
        "unnamed_time.csv",
        text("when,open,high,low,close,volume", PLAIN_ROWS),
        ("'time'", "is it 'when'", "--time-column"),
        {"time_column": "when"},
    ),
    (
        "thousands.csv",
        text("date;close", [f"{d};1,{100 + i}" for i, d in enumerate(stamps(DAILY, "%Y-%m-%d"))]),
        ("'close'", "'1,100'", "--decimal"),
        {"decimal": "comma"},
    ),
    (
        "amount.csv",
        text("date,open,high,low,close,amount", PLAIN_ROWS),
        ("'amount'", "units or currency", "--volume-in"),
        {"volume_in": "units"},
    ),
    (
        "clock_put_back.csv",
        text(
            CANONICAL,
            lines(HOURLY.iloc[:3], ["2023-11-05 01:00", "2023-11-05 01:30", "2023-11-05 01:00"]),
        ),
        ("line 4", "'time'", "--tz"),
        {},
    ),
    (
        "symbols_or_fields.csv",
        text("date,AAA,LOW", [f"{d},10.5,20.5" for d in stamps(DAILY, "%Y-%m-%d")]),
        ("'open'", "missing", "--layout wide"),
        {"layout": "wide"},
    ),
    (
        "two_volumes.csv",
        text("time,open,high,low,close,Volume EUR,Volume USD", [f"{row},5" for row in PLAIN_ROWS]),
        ("'Volume EUR' and 'Volume USD'", "two volumes"),
        {},
    ),
    (
        "unknown_names.csv",
        text("date,avaus,ylin,alin,viimeinen", [r.rpartition(",")[0] for r in PLAIN_ROWS]),
        ("'close'", "look like open, high, low and close", "--layout wide"),
        {"layout": "wide"},
    ),
    (
        "company.csv",
        text("date,company,open,high,low,close,volume", COMPANIES),
        ("line 3", "'date'", "repeats", "name them in a column 'symbol'"),
        {},
    ),
    (
        "unknown_zone.csv",
        text("Time (server),open,high,low,close,volume", PLAIN_ROWS),
        ("'Time (server)'", "zone that is not known", "--tz"),
        {"tz": "UTC"},
    ),
    (
        "volume_of_a_day.csv",
        text("timestamp,open,high,low,close,volume_24h", PLAIN_ROWS),
        ("'volume_24h'", "units or currency", "--volume-in"),
        {"volume_in": "quote"},
    ),
    (
        "both_marks.csv",
        text("date;close;volume", ["2023-01-02;1,5;5", "2023-01-03;2.5;5", "2023-01-04;2,5;5"]),
        ("'close'", "a decimal comma or thousands", "--decimal"),
        {},
    ),
    (
        "year_or_day.csv",
        text(CANONICAL, lines(DAILY.iloc[:6], stamps(DAILY.iloc[:6], "%y/%m/%d"))),
        ("line 2", "'time'", "'23/02/20'", "day or year first", "--date-order"),
        {"date_order": "year"},
    ),
    (
        "comma_beside_comma.csv",
        text("Datum,Zuletzt", [f'{d},"148,{100 + i}"' for i, d in enumerate(DATES)]),
        ("'Zuletzt'", "'148,100'", "--decimal"),
        {"decimal": "comma"},
    ),
    (
        "volume_of_lots.csv",
        text("time,open,high,low,close,Volume (lots)", PLAIN_ROWS),
        ("'Volume (lots)'", "units or currency", "--volume-in"),
        {"volume_in": "units"},
    ),
    (
        "parts_or_assets.zip",
        zipped_each({"AAA": DAILY.iloc[:40], "BBB": OTHER.iloc[40:]}),
        ("'AAA' and 'BBB'", "parts of one series, or assets"),
        {},
    ),
    (
        "bid_and_ask.csv",
        lambda path: wide_of({"bid": DAILY, "ask": OTHER}, lambda s, f: f"{s} {f}").to_csv(
            path, index=False
        ),
        ("'bid open'", "one asset", "--layout wide"),
        {"layout": "wide"},
    ),
    (
        "thirty_seconds.csv",
        text(
            "date,open,high,low,close,volume",
            [
                f"{d},112'160,112'245,112'0{i % 32:02},112'200,{1000 + i}"
                for i, d in enumerate(DATES)
            ],
        ),
        ("'open'", '"112\'160"', "32nds", "--decimal"),
        {"decimal": "point"},
    ),
    (
        "offset_in_some.csv",
        text(
            CANONICAL,
            lines(HOURLY.iloc[:3], ["2023-01-02 09:00", "2023-01-02 10:00+00", "2023-01-02 11:00"]),
        ),
        ("line 3", "'time'", "time zones differ"),
        {},
    ),
    ("bomb_of_many.zip", bomb_of_many, ("unpacks to more than",), {}),
    ("no_number.csv", rows_with(7, "2023-02-27,1,2,ten,1,5"), ("line 7", "'low'", "'ten'"), {}),
    ("empty_cell.csv", rows_with(7, "2023-02-27,1,2,,1,5"), ("line 7", "'low'", "empty cell"), {}),
    ("cut_row.csv", rows_with(9, "2023-03-01,1,2"), ("line 9", "3 fields", "cut off"), {}),
    ("comma_row.csv", rows_with(9, "2023-03-01,1,2,5,1,1,5"), ("line 9", "decimal comma"), {}),
    ("no_day.csv", rows_with(9, "2023-02-30,1,2,1,1,5"), ("line 9", "'time'", "not a time"), {}),
    (
        "serial_days.csv",
        text(CANONICAL, lines(DAILY, [str(44_977 + i) for i in range(len(DAILY))])),
        ("line 2", "'time'", "spreadsheet"),
        {},
    ),
    ("high_below.csv", rows_with(5, "2023-02-23,5,4,6,5,5"), ("line 5", "'high'", "below low"), {}),
    ("repeated.csv", rows_with(5, PLAIN_ROWS[2]), ("line 5", "'time'", "repeats"), {}),
    (
        "unsorted.csv",
        rows_with(5, "2023-01-02,10,10,10,10,5"),
        ("line 5", "'time'", "earlier"),
        {},
    ),
    (
        "typo.csv",
        text("time,open,high,low,close,volumn", PLAIN_ROWS),
        ("'volume'", "is it 'volumn'"),
        {},
    ),
    (
        "no_close.csv",
        text("time,open,high,low,vwap", [r.rpartition(",")[0] for r in PLAIN_ROWS]),
        ("'close'", "missing"),
        {},
    ),
    ("bare.csv", text("", [",".join(["2023-02-20", *"123"])] * 9), ("line 1", "no header"), {}),
    ("bomb.zip", bomb, ("unpacks to more than",), {}),
    ("empty.csv", text("", []), ("empty",), {}),
    ("broken.json", lambda path: path.write_text("[[1704067200000, 1, 2, 1"), ("broken JSON",), {}),
    ("workbook.csv", zipped("xl/workbook.xml", "<x/>"), ("Excel workbook", "save it as CSV"), {}),
]


def write_all(folder: Path) -> None:
    """Write every file of the corpus."""
    folder.mkdir(parents=True, exist_ok=True)
    for shape in SOUND:
        shape.write(folder / shape.name)
    for name, write, _, _ in BROKEN:
        write(folder / name)


if __name__ == "__main__":
    write_all(Path(sys.argv[1]))
