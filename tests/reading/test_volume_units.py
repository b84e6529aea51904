"""Volumes that are not units of the asset, told by whose they are or by what their row says."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.reading.corpus import COINS, DAILY, FIELDS, named, yahoo
from trading_env.markets import Market, MarketDataError, load_market

TITLED = {"time": "Date", **{name: name.title() for name in FIELDS}}
YAHOO = named(DAILY).rename(columns=TITLED)
UNITS = DAILY["volume"] / DAILY["close"]


@pytest.mark.parametrize(
    "beside", [{"Adj Close": 1.0}, {"Dividends": 0.0, "Stock Splits": 0.0}, {}]
)
@pytest.mark.parametrize("stem", ["BTC-USD", "eth-eur", "BTC-USD (1)", "DOGE-JPY_2023"])
def test_dollars_of_yahoo_s_coins_are_units(
    stem: str, beside: dict[str, float], tmp_path: Path
) -> None:
    path = tmp_path / f"{stem}.csv"
    YAHOO.assign(**beside).to_csv(path, index=False)
    market = load_market(path)
    assert (market.volume[0, :, 0] == UNITS).all()
    assert "volume of a coin is currency over the close" in market.read_as
    stated = Market.from_file(path, volume_in="units")
    assert (stated.volume[0, :, 0] == DAILY["volume"]).all()


@pytest.mark.parametrize("stem", ["SPY", "BRK-B", "EUR-USD", "BTC-USDT-SWAP", "BTC-USD-PERP"])
def test_what_is_no_coin_of_yahoo_stays_in_units(stem: str, tmp_path: Path) -> None:
    path = tmp_path / f"{stem}.csv"
    YAHOO.to_csv(path, index=False)
    assert (load_market(path).volume[0, :, 0] == DAILY["volume"]).all()


def test_a_volume_with_fractions_is_none_of_yahoo_s(tmp_path: Path) -> None:
    path = tmp_path / "BTC-USD.csv"  # so exchanges call the pair too
    YAHOO.assign(Volume=YAHOO["Volume"] + 0.5).to_csv(path, index=False)
    assert (load_market(path).volume[0, :, 0] == DAILY["volume"] + 0.5).all()


@pytest.mark.parametrize("form", ["wide", "long"])
def test_a_coin_beside_a_share(form: str, tmp_path: Path) -> None:
    table = yahoo({"SPY": DAILY, "BTC-USD": DAILY})
    if form == "long":
        table = table.stack(level="Ticker", future_stack=True)
    path = tmp_path / "both.csv"
    table.to_csv(path)
    for market in (load_market(path), load_market(table)):
        coin, share = (market.symbols.index(name) for name in ("BTC-USD", "SPY"))
        assert (market.volume[0, :, coin] == UNITS).all()
        assert (market.volume[0, :, share] == DAILY["volume"]).all()


def test_a_coin_that_a_folder_names(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    for name in ("BTC-USD", "SPY"):
        file = tmp_path / "bars" / f"ticker={name}" / "part-0.parquet"
        file.parent.mkdir(parents=True)
        YAHOO.assign(Date=pd.to_datetime(YAHOO["Date"])).to_parquet(file)
    market = load_market(tmp_path / "bars")
    volume = market.volume[0, :, market.symbols.index("BTC-USD")]
    assert np.array_equal(volume, UNITS)


def tushare(columns: list[str], vol: float, amount: float) -> pd.DataFrame:
    """Return bars as tushare names them, with a volume and an amount in some units."""
    frame = named(DAILY).rename(columns={"time": "trade_date"})
    frame["trade_date"] = frame["trade_date"].dt.strftime("%Y%m%d")
    middle = (frame["high"] + frame["low"]) / 2.0
    frame = frame.assign(ts_code="600000.SH", pre_close=1.0, change=0.1, pct_chg=0.1)
    frame["amount"] = frame["volume"] * middle / amount
    frame["vol"] = frame["volume"] / vol
    return frame[["ts_code", "trade_date", "open", "high", "low", "close", *columns]]


@pytest.mark.parametrize("columns", [["vol"], ["vol", "amount"], ["pct_chg", "vol"]])
def test_lots_of_tushare_are_shares_whatever_columns_are_left(columns: list[str]) -> None:
    market = load_market(tushare(columns, 100.0, 1000.0))
    assert market.volume[0, :, 0] == pytest.approx(DAILY["volume"], rel=1e-12)
    assert "volume times 100" in market.read_as


@pytest.mark.parametrize("amount", [1.0, 1000.0])
def test_a_tushare_volume_that_the_amount_says_is_shares_stays_so(amount: float) -> None:
    market = load_market(tushare(["vol", "amount"], 1.0, amount))
    assert (market.volume[0, :, 0] == DAILY["volume"]).all()
    adjusted = tushare(["vol", "amount"], 100.0, 1000.0)
    adjusted[["open", "high", "low", "close"]] *= 7.3  # prices of later, which prove nothing
    market = load_market(adjusted)
    assert market.volume[0, :, 0] == pytest.approx(DAILY["volume"], rel=1e-12)


FACE = 100.0  # currency, of a contract of the coin
MIDDLE = (COINS["high"] + COINS["low"]) / 2.0
HEADER = [
    *("open_time", *FIELDS, "close_time", "quote_volume", "count"),
    *("taker_buy_volume", "taker_buy_quote_volume", "ignore"),
]


def rows_of(*beside: pd.Series | float) -> list[list[object]]:
    """Return rows without names: time, prices, and what stands behind them."""
    columns = [COINS["time"] * 1000, *(COINS[name] for name in FIELDS[:4]), *beside]
    filled = [
        column if isinstance(column, pd.Series) else [column] * len(COINS) for column in columns
    ]
    return [list(row) for row in zip(*filled, strict=True)]


COIN, MONEY = COINS["volume"], (COINS["volume"] * MIDDLE).round(2)
CONTRACTS = (MONEY / FACE).round(0)
LINEAR = COIN * 1000.0  # contracts of a thousandth of the coin
BINANCE = rows_of(CONTRACTS, 1_700_000_000_000, COIN, 500, CONTRACTS / 2, COIN / 2, 0)
SPOT = rows_of(COIN, 1_700_000_000_000, MONEY, 500, COIN / 2, MONEY / 2, 0)
LONG = {"volume": CONTRACTS, "homeNotional": COIN, "foreignNotional": MONEY}


def framed(beside: dict[str, pd.Series]) -> pd.DataFrame:
    return pd.DataFrame(rows_of(*beside.values()), columns=["timestamp", *FIELDS[:4], *beside])


IN_COINS = {
    "binance": BINANCE,
    "binance_names": pd.DataFrame(BINANCE, columns=HEADER),
    "binance_spot": SPOT,
    "okx_swap": rows_of(LINEAR, COIN, MONEY, 1),
    "okx_inverse": rows_of(CONTRACTS, COIN, MONEY, 1),
    "okx_spot": rows_of(COIN, MONEY, MONEY, 1),
    "okx_names": framed({"vol": LINEAR, "volCcy": COIN, "volCcyQuote": MONEY}),
    "bybit_inverse": rows_of(MONEY.round(0), COIN),
    "bybit_linear": rows_of(COIN, MONEY),
    "bybit_names": framed({"volume": MONEY.round(0), "turnover": COIN}),
    "bitmex": framed(LONG),
    "bitmex_symbols": framed(LONG).assign(symbol="XBTUSD"),
    "base_asset": framed({"Volume": CONTRACTS, "Base asset volume": COIN}),
    "names_changed": framed({"Volume BTC": MONEY, "Volume USD": COIN}),
    "kraken": rows_of(COIN, 13),
    "mexc": rows_of(COIN, 1_700_000_000_000, MONEY),
    "mexc_silent": rows_of(COIN, 1_700_000_000_000, 0),
}


@pytest.mark.parametrize("name", IN_COINS)
def test_of_two_amounts_the_one_that_its_row_says_is_units(name: str, tmp_path: Path) -> None:
    table = IN_COINS[name]
    path = tmp_path / "a.csv"
    frame = table if isinstance(table, pd.DataFrame) else pd.DataFrame(table)
    frame.to_csv(path, index=False, header=isinstance(table, pd.DataFrame))
    for market in (load_market(path), load_market(table)):
        assert (market.volume[0, :, 0] == COIN).all()
    first = frame.iloc[:, [5]].to_numpy()[:, 0]
    stated = Market.from_file(path, volume_in="units")
    assert (stated.volume[0, :, 0] == first).all()


LOTS = {
    "lots": framed({"volume": COIN / 100.0, "amount": MONEY}),
    "contracts": rows_of(LINEAR, 1_700_000_000_000, MONEY, 500, LINEAR / 2, MONEY / 2, 0),
    "contracts_names": framed({"volume": LINEAR, "quote_volume": MONEY}),
    "seven": rows_of(LINEAR, MONEY),
}


@pytest.mark.parametrize("name", LOTS)
def test_a_volume_that_its_row_disproves_is_refused_by_name(name: str) -> None:
    table = LOTS[name]
    with pytest.raises(MarketDataError, match=r"column '(volume|6)'.*state volume_in") as refused:
        load_market(table)
    assert len(str(refused.value)) < 200
    assert Market.from_frame(table, volume_in="units").bars == len(COINS)
    quote = Market.from_frame(table, volume_in="quote")  # the amount is the currency
    assert quote.volume[0, :, 0] == pytest.approx((MONEY / COINS["close"]).to_numpy(), rel=1e-9)


def test_prices_of_later_prove_nothing_of_a_volume() -> None:
    frame = framed({"volume": COIN, "amount": MONEY})
    frame[FIELDS[:4]] = frame[FIELDS[:4]].mul(np.linspace(0.3, 1.0, len(frame)), axis=0)
    assert (load_market(frame).volume[0, :, 0] == COIN).all()
    in_thousands = framed({"volume": COIN, "turnover": MONEY / 1e5})
    assert (load_market(in_thousands).volume[0, :, 0] == COIN).all()


@pytest.mark.parametrize(
    ("row", "units"),
    [
        ('["1704067200000",42000,42100,41900,42050,"2081","0.05"]', 0.05),
        ('["1704067200000",42283.5,42554.5,42261.0,42475.2,"10000","100","4247520","1"]', 100.0),
        (
            '[1704067200000,42283.5,42554.5,42261.0,42475.2,"100000",1704070799999,"235.4",500,'
            '"50000","117.7","0"]',
            235.4,
        ),
    ],
)
def test_one_row_is_enough(row: str, units: float, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(f"[{row}, {row.replace('17040672', '17040708')}]")
    assert (load_market(path).volume == units).all()
