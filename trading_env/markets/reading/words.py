"""What the columns of a table of bars are called, by those who publish them.

A name counts by its letters and digits alone, in lower case: `<TICKVOL>`, `Tick Vol` and `tick_vol`
are one word. Of several words for one thing the first in the list that a header has is taken.
"""

import re
from collections.abc import Sequence

TIME = (
    *("time", "date", "datetime", "timestamp", "opentime", "opendate", "openat"),
    *("gmttime", "localtime", "timeutc", "timegmt", "dateutc"),
    *("timestamputc", "datetimeutc", "utctime", "utc", "unix", "unixtimestamp", "unixtime"),
    *("timestampms", "timems", "epoch", "epochms", "ts", "tms", "dtyyyymmdd", "yyyymmdd"),
    *("tradedate", "tradingdate", "tradingday", "pricedate", "barstart", "bartime", "starttime"),
    *("candlebegintime", "klineopentime", "periodstart", "timeperiodstart", "windowstart"),
    *("timeopen", "caldt", "datum", "fecha", "data", "datadate", "observationdate"),
    *("tsevent", "dates"),
)
LATE_TIME = ("", "index", "unnamed0", "level0", "day", "month", "dt", "start", "begin", "t")
"""Names that are the time only where no column has one of the above."""
OPEN_TIME = ("opentime", "timeopen", "klineopentime", "candlebegintime")
"""Names of the time at which a bar begins, where other columns hold other times of it."""
CLOCK = ("time", "hour", "timeofday", "zeit", "uhrzeit", "hora", "ora", "starttime")
SYMBOL = (
    *("symbol", "ticker", "tic", "symbols", "tickers", "tickersymbol", "stocksymbol", "asset"),
    *("instrument", "instrumentid", "tradingsymbol", "tscode", "secid", "secucode", "stockcode"),
    *("permno", "ric", "isin", "sid", "code", "pair", "currencypair", "coin", "contract"),
    *("name", "stock"),
)
OPEN = (
    *("open", "openprice", "priceopen", "opening", "openingprice", "popen", "eröffnung", "eröffn"),
    *("eroffnung", "eroeffnung", "erster", "first", "apertura", "abertura", "ouverture"),
    *("otwarcie",),
)
HIGH = (
    *("high", "highprice", "pricehigh", "dayhigh", "max", "highest", "hoch", "tageshoch", "haut"),
    *("maximo", "máximo", "hightrade", "najwyzszy", "najwyższy"),
)
LOW = (
    *("low", "lowprice", "pricelow", "daylow", "min", "lowest", "tief", "tagestief", "bas"),
    *("minimo", "mínimo", "lowtrade", "najnizszy", "najniższy"),
)
CLOSE = (
    *("close", "closeprice", "priceclose", "closing", "closingprice", "closelast", "schluss"),
    *("schlusskurs", "zuletzt", "cierre", "cloture", "clôture", "fechamento", "zamkniecie"),
    *("zamknięcie", "last", "latest", "lasttrade", "lastprice", "price", "settle", "settlement"),
    *("settlementprice", "kurs", "dernier"),
)
ADJUSTED = ("adjclose", "adjustedclose", "adjcloseprice", "closeadj", "closeadjusted", "adjusted")
EXTRAS = {
    "adjusted": ADJUSTED,
    "dividend": ("dividends", "dividend", "dividendamount", "divcash", "exdividend"),
    "split": ("stocksplits", "split", "splitcoefficient", "splitfactor", "splitratio"),
    "listed": ("listed",),
    "delisted": ("delisted",),
    "recovery": ("recovery",),
    "funding": ("funding", "fundingrate"),
    "borrow": ("borrow", "borrowrate", "borrowfee"),
}
"""What is read beside the bars: evidence of what its prices are, and notices."""
NOTICES = ("listed", "delisted", "recovery", "funding", "borrow")
"""Those that always count; splits and dividends do where they are to be applied."""
UNITS = (
    *("volume", "vol", "basevolume", "volumebase", "baseassetvolume", "volumefrom", "realvolume"),
    *("volumetraded", "tradedvolume", "volumeunits", "volumeshares", "shares"),
    *("sharestraded", "stuecke", "stücke", "stück", "stuck", "tottrdqty", "ttltrdqnty"),
    *("totaltradedquantity", "tradedquantity", "quantitytraded", "quantity", "qty", "tradedqty"),
    *("noofshares", "numberofshares", "tradevolume", "tradingvolume", "成交量"),
    *("totaltradequantity", "quantity", "qty", "volumen", "wolumen"),
)
TICKS = ("tickvol", "tickvolume", "ticks")
"""Counts of price changes, taken as units where a file has no other volume."""
EXACT = ("quotevolume", "quoteassetvolume", "volumequote", "volumeto", "volumecurrency")
"""Names of currency of this bar and price: exchanges of coins give them."""
QUOTE = (*EXACT, "dollarvolume", "tradedvalue", "notionalvolume")
UNSURE = ("totalvolume", "amount", "turnover", "value", "turnoverrs", "umsatz")
"""Names that some use for units and some for money."""
NOTIONAL = (
    *("basevolume", "volumebase", "baseassetvolume", "homenotional", "foreignnotional"),
    *("volccy", "volccyquote"),
)
"""Names of units or currency beside a volume that may count contracts."""
AMOUNT_KINDS = {"amount": "exact", "other amount": "loose", "turnover": "count"}
"""What the shapes without a header call amounts, and how they are held against the volume."""
LETTERS = {"o": "open", "h": "high", "l": "low", "c": "close", "v": "volume", "t": "time"}
"""Names that count where a header has each of o, h, l and c: else they may be symbols."""

MISSING = frozenset(
    (
        *("", "-", "--", ".", "null", "NULL", "none", "None"),
        *("NA", "N/A", "n/a", "#N/A", "<NA>", "nan", "NaN"),
    )
)
"""What stands in a cell for no value."""
FIELDS = {"open": OPEN, "high": HIGH, "low": LOW, "close": CLOSE}
MONEY = frozenset(
    (
        *("usd", "usdt", "usdc", "busd", "tusd", "fdusd", "dai", "zusd", "zeur", "eur", "gbp"),
        *("jpy", "krw", "try", "brl", "aud", "cad", "chf", "cny", "inr", "rub"),
    )
)
FIAT = "USD|EUR|GBP|JPY|KRW|TRY|BRL|AUD|CAD|CHF|CNY|INR|RUB|HKD|SGD|MXN|ZAR"
COINS = frozenset(("btc", "xbt", "eth", "ltc", "xrp", "bch", "bnb", "ada", "sol", "doge"))
_SUFFIX = re.compile(r"vol(?:ume)?[ _(]+([a-z][a-z0-9]{1,11})\)?", re.IGNORECASE)
AVERAGES = frozenset(("ma", "sma", "ema", "wma", "avg", "mean", "average", "delta", "profile"))
_SCALE = r" *\((?:in )?(k|'?000s?|thousands?|m|mn|mln|millions?|b|bn|billions?)\)"
_SCALED = re.compile(rf"{_SCALE}$", re.IGNORECASE)
_SCALES = {"k": 1e3, "0": 1e3, "t": 1e3, "m": 1e6, "b": 1e9}
BESIDE = AVERAGES | frozenset(
    (
        *("rsi", "macd", "atr", "adx", "cci", "roc", "mom", "obv", "mfi", "vwap", "twap", "std"),
        *("ret", "rets", "diff", "chg", "pct", "bid", "ask", "mid", "mcap", "cap", "trend"),
        *("score", "rank", "label", "flag", "id", "year", "week", "hour", "beta", "pe", "eps"),
    )
)
"""What stands beside one asset's close, short as it is: the name of no symbol."""
_TICKER = re.compile(r"[A-Z]{1,5}|[a-z]{1,5}")
_NOT_LETTERS = re.compile(r"[^\w]|_", re.UNICODE)
_NUMBERED = re.compile(r"\d+[ab]?\. +")
_BRACKET = re.compile(r" *\([^()]*\)$")
_SIGN = re.compile(r"[$€£¥₹]")
_LAST_BRACKET = re.compile(r" *[\[(]([^\[\]()]+)[\])]$")
_UNIT = re.compile(r" *\((?:[A-Za-z]{3,4}|[$€£¥₹])\)$")


def plain(name: str) -> str:
    """Return the letters and digits of a column's name, in lower case.

    The numbers of `1. open`, and in brackets a currency, as of `open (USD)`, a zone, as of `Time
    (EET)`, and thousands or millions of a volume, as of `Vol (K)`, are left out of it. A volume in
    money has a word of its own, as of `Volume ($)`.
    """
    text = _NUMBERED.sub("", name.strip().lower(), count=1)
    if text.startswith(("time", "date")):
        text = _BRACKET.sub("", text)
    of_volume = _volume_word(text)
    if of_volume:
        return of_volume
    return _NOT_LETTERS.sub("", (_SCALED if text.startswith("vol") else _UNIT).sub("", text))


def _volume_word(text: str) -> str:
    """Return the word of a column of units with something beside it; empty for other columns.

    Money beside it makes it currency, a coin or another word for units leaves it units, and with
    anything else, as lots or percent, nobody knows. `Volume BTC` is of `currency_of`.
    """
    text = _SCALED.sub("", text)
    bare, signs = _SIGN.subn("", text)
    found = _LAST_BRACKET.search(bare)
    word = _NOT_LETTERS.sub("", bare[: found.start()] if found else bare)
    if word not in UNITS or currency_of(text):
        return ""
    inner = _NOT_LETTERS.sub("", found[1]) if found else ""
    if signs or inner in MONEY or inner.upper() in FIAT.split("|"):
        return "dollarvolume"
    if "%" in bare:
        return "volumepercent"
    return word if inner in ("", "units", *COINS, *UNITS) else f"volume{inner}"


def is_ticker(name: str) -> bool:
    """Tell whether a column may be called as a symbol is: a few letters, all large or all small."""
    return _TICKER.fullmatch(name.strip()) is not None


def scale_of(name: str) -> float:
    """Return of how many units the numbers of a column of volume are; 1 where it names nothing."""
    found = re.search(_SCALE, name, re.IGNORECASE)
    return _SCALES[found[1].lower().lstrip("'")[0]] if found else 1.0


def currency_of(name: str) -> str:
    """Return the currency or coin of a column such as `Volume BTC`; empty where it names none."""
    found = _SUFFIX.fullmatch(name.strip())
    code = found[1].lower() if found else ""
    return "" if code in AVERAGES else code


def words_of(header: Sequence[str]) -> list[str]:
    """Return the word of each column; single letters count where all four prices have one."""
    words = [plain(name) for name in header]
    if {"o", "h", "l", "c"} <= set(words):
        words = [LETTERS.get(word, word) for word in words]
    return words
