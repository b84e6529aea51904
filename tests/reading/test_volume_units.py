"""Volumes that are not units of the asset, told by whose they are or by what their row says."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.reading.corpus import DAILY, FIELDS, named, yahoo
from trading_env.markets import Market, load_market

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
