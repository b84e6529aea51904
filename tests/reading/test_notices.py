"""Splits, dividends, listings and rates, as columns of a table."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from trading_env.core.errors import MarketDataError
from trading_env.markets import Market, load_market

DAYS = pd.bdate_range("2024-01-01", periods=8)


def rows(symbol: str, first: int = 0, after: int = 8, **columns: Any) -> pd.DataFrame:
    """Rows of one symbol, raw: two for one before day 4."""
    price = np.where(np.arange(8) < 4, 100.0, 50.0)[first:after]
    table = {"time": DAYS[first:after], "symbol": symbol}
    table |= dict.fromkeys(("open", "high", "low", "close"), price)
    return pd.DataFrame({**table, "volume": 1e6, **columns})


def read(*tables: pd.DataFrame, **reading: Any) -> Market:
    return Market.from_frame(pd.concat(tables, ignore_index=True), **reading)


def test_splits_and_dividends_count_where_prices_are_raw_alone() -> None:
    split = np.where(np.arange(8) == 4, 2.0, 0.0)
    dividend = np.where(np.arange(8) == 6, 0.5, np.nan)
    table = rows("A", split=split, dividend=dividend)
    assert read(table).notices == {}
    found = read(table, apply_actions=True).notices
    assert found["split"][0, :, 0].tolist() == [1.0, 1.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0]
    assert found["dividend"][0, :, 0].tolist() == [0.0] * 6 + [0.5, 0.0]


def test_a_split_in_adjusted_prices_is_refused() -> None:
    table = rows("A", first=4, after=8, split=[1.0, 1.0, 2.0, 1.0])
    with pytest.raises(MarketDataError, match=r"bar 2, A, split.*adjusted already"):
        read(table, apply_actions=True)


def test_the_columns_of_a_source_that_states_both_are_read_as_its_own() -> None:
    """Alpha Vantage's names: raw prices, `split_coefficient` 1 for none, `dividend_amount`."""
    coefficient = np.where(np.arange(8) == 4, 2.0, 1.0)
    table = rows("A", split_coefficient=coefficient, dividend_amount=0.0)
    assert read(table, apply_actions=True).notices["split"].sum() == 9.0


def test_an_end_that_is_said_to_be_a_delisting_drops_no_rows() -> None:
    last = np.where(np.arange(5) == 4, 1.0, 0.0)
    dead = rows("B", after=5, delisted=last, recovery=np.where(last == 1.0, 0.3, np.nan))
    market = read(rows("A"), dead)
    assert market.bars == 8
    assert market.notices["listed"][0, :, 1].tolist() == [1.0] * 5 + [0.0] * 3
    assert market.notices["recovery"][0, 5:, 1].tolist() == [0.3] * 3
    assert market.close[0, 4:, 1].tolist() == [50.0] * 4
    assert market.volume[0, :, 1].tolist() == [1e6] * 5 + [0.0] * 3
    assert (market.notices["listed"][0, :, 0] == 1.0).all()


@pytest.mark.filterwarnings("ignore:data frame. 3 rows dropped")
def test_an_end_without_a_word_is_a_hole() -> None:
    assert read(rows("A"), rows("B", after=5)).bars == 5


@pytest.mark.filterwarnings("ignore:data frame. 1 of 2 symbols are listed late")
def test_a_late_symbol_is_not_listed_before_its_first_row() -> None:
    market = read(rows("A"), rows("B", first=3))
    assert market.notices["listed"][0, :, 1].tolist() == [0.0] * 3 + [1.0] * 5


def test_a_delisting_before_another_row_is_refused() -> None:
    early = np.where(np.arange(8) == 2, 1.0, 0.0)
    with pytest.raises(MarketDataError, match="row 3, column 'delisted'"):
        read(rows("A", delisted=early))


def test_rates_are_read_with_empty_cells_as_none() -> None:
    found = read(rows("A", funding=[np.nan] * 7 + [1e-4], borrow=0.02)).notices
    assert found["funding"][0, :, 0].tolist() == [0.0] * 7 + [1e-4]
    assert (found["borrow"] == 0.02).all()


def test_a_folder_in_which_one_file_ends_says_so_for_that_asset(tmp_path: Path) -> None:
    rows("A").drop(columns="symbol").to_csv(tmp_path / "A.csv", index=False)
    dead = rows("B", after=5, delisted=[0, 0, 0, 0, 1]).drop(columns="symbol")
    dead.to_csv(tmp_path / "B.csv", index=False)
    market = load_market(tmp_path)
    assert market.bars == 8
    assert market.notices["listed"].sum(axis=1).tolist() == [[8.0, 5.0]]


def test_notices_travel_with_the_bars_and_count_for_the_market_digest() -> None:
    funded = read(rows("A", funding=np.arange(8.0) / 1e4))
    assert funded.slice_bars(2, 6).notices["funding"][0, :, 0].tolist() == [2e-4, 3e-4, 4e-4, 5e-4]
    assert funded.sha256 != read(rows("A")).sha256
