"""Names of volumes with something beside them: money, a scale, lots, percent."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from trading_env.core.errors import MarketDataError
from trading_env.markets import load_market

UNITS = 1000.0 + np.arange(80.0)


def read(folder: Path, name: str, cells: np.ndarray, wide: bool) -> np.ndarray:
    close = 100.0 + np.arange(80.0) % 7
    days = pd.date_range("2023-01-02", periods=80, freq="D")
    symbols = ("AAA", "BBB") if wide else ("",)
    columns = {}
    for symbol in symbols:
        before = f"{symbol}_" if wide else ""
        for field in ("open", "high", "low", "close"):
            columns[f"{before}{field}"] = close
        columns[f"{before}{name}"] = cells
    path = folder / "bars.csv"
    pd.DataFrame({"date": days, **columns}).to_csv(path, index=False)
    return load_market(str(path)).volume[0, :, 0]


SIGNS = ("Volume ($)", "$Volume", "Volume€", "Volume [$]", "Volume $", "Vol ($)", "Shares ($)")
CODES = ("Quantity (USD)", "Traded Volume (EUR)", "Vol. (USD)", "Qty (HKD)", "Volume (₹)")


@pytest.mark.parametrize(
    ("name", "wide"),
    [*((n, wide) for n in SIGNS for wide in (False, True)), *((n, False) for n in CODES)],
)
def test_money_beside_a_volume_is_currency(name: str, wide: bool, tmp_path: Path) -> None:
    close = 100.0 + np.arange(80.0) % 7
    found = read(tmp_path, name.lower() if wide else name, UNITS * close, wide)
    assert found == pytest.approx(UNITS, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "scale"),
    [
        ("Shares (000)", 1e3),
        ("Quantity (K)", 1e3),
        ("Shares Traded (mn)", 1e6),
        ("Volume (000)", 1e3),
        ("Trade Volume", 1.0),
        ("成交量", 1.0),
        ("Quantity (BTC)", 1.0),
        ("Qty (units)", 1.0),
    ],
)
def test_a_scale_multiplies_any_name_of_units(name: str, scale: float, tmp_path: Path) -> None:
    assert read(tmp_path, name, UNITS, False) == pytest.approx(scale * UNITS, rel=1e-9)


@pytest.mark.parametrize("name", ["Qty (lots)", "Volume (lots)", "Volume (%)", "Shares (%)"])
def test_what_is_neither_units_nor_money_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(MarketDataError, match="volume_in"):
        read(tmp_path, name, UNITS, False)


def test_units_go_before_money(tmp_path: Path) -> None:
    close = 100.0 + np.arange(80.0) % 7
    days = pd.date_range("2023-01-02", periods=80, freq="D")
    bars = dict.fromkeys(("open", "high", "low", "close"), close)
    table = pd.DataFrame({"date": days, **bars, "Volume ($)": UNITS * close, "Shares": UNITS})
    path = tmp_path / "bars.csv"
    table.to_csv(path, index=False)
    assert load_market(str(path)).volume[0, :, 0] == pytest.approx(UNITS, rel=1e-9)
