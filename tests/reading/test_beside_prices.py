"""What stands beside prices: a volume that names no symbol, and two quotes of one asset."""

from pathlib import Path

import pytest

from tests.reading.corpus import DAILY, stamps
from trading_env.markets import Market, MarketDataError, load_market

DAYS = stamps(DAILY, "%Y-%m-%d")
PRICES = ("open", "high", "low", "close")


def table(path: Path, columns: dict[str, object]) -> Path:
    """Write a table, its days in front."""
    cells = zip(DAYS, *columns.values(), strict=True)
    rows = [",".join(str(cell) for cell in row) for row in cells]
    path.write_text("\n".join([",".join(["date", *columns]), *rows]) + "\n")
    return path


@pytest.mark.parametrize(
    ("form", "names"),
    [
        ("PX_{}", {"close": "LAST", "open": "OPEN", "high": "HIGH", "low": "LOW"}),
        ("AAPL_{}", {name: name for name in PRICES}),
        ("{} AAPL", {name: name for name in PRICES}),
    ],
)
@pytest.mark.parametrize("volume", ["VOLUME", "volume", "Vol (K)"])
def test_a_volume_without_the_name_of_the_one_symbol_is_its_own(
    form: str, names: dict[str, str], volume: str, tmp_path: Path
) -> None:
    prices = {form.format(title): DAILY[name] for name, title in names.items()}
    market = load_market(table(tmp_path / "a.csv", {**prices, volume: DAILY["volume"]}))
    scale = 1e3 if "K" in volume else 1.0
    assert (market.volume[0, :, 0] == scale * DAILY["volume"]).all()
    own = {**prices, form.format("volume"): DAILY["volume"], volume: DAILY["volume"] + 5}
    market = load_market(table(tmp_path / "own.csv", own))
    assert (market.volume[0, :, 0] == DAILY["volume"]).all()


def test_money_without_the_name_of_the_one_symbol_is_divided(tmp_path: Path) -> None:
    prices = {f"AAPL_{name}": DAILY[name] for name in PRICES}
    path = table(tmp_path / "a.csv", {**prices, "quote_volume": DAILY["volume"]})
    assert (load_market(path).volume[0, :, 0] == DAILY["volume"] / DAILY["close"]).all()
    path = table(tmp_path / "b.csv", {**prices, "volume": DAILY["volume"]})
    quote = Market.from_file(path, volume_in="quote")
    assert (quote.volume[0, :, 0] == DAILY["volume"] / DAILY["close"]).all()


def test_a_volume_of_several_symbols_is_refused_by_name(tmp_path: Path) -> None:
    prices = {f"{s}_{name}": DAILY[name] for s in ("AAA", "BBB") for name in PRICES}
    path = table(tmp_path / "a.csv", {**prices, "Volume": DAILY["volume"]})
    with pytest.raises(MarketDataError, match=r"'Volume'.*of which symbol.*--liquidity"):
        load_market(path)
    assert Market.from_file(path, liquidity=1e6).assets == 2
    whole = {**prices, "AAA_volume": DAILY["volume"], "BBB_volume": DAILY["volume"]}
    path = table(tmp_path / "b.csv", {**whole, "Volume": 2 * DAILY["volume"]})
    assert (load_market(path).volume[0, :, 1] == DAILY["volume"]).all()


@pytest.mark.parametrize(
    "names",
    [
        ("Ask", "Bid", "AskVolume", "BidVolume"),
        ("bid", "ask", "bid_size", "ask_size"),
        ("bid_price", "ask_price", "bid_size", "ask_size"),
        ("AAPL_bid", "AAPL_ask", "x", "y"),
        ("bid_px_00", "ask_px_00", "bid_sz_00", "ask_sz_00"),
        ("best_bid", "best_ask", "mid", "spread"),
    ],
)
def test_two_quotes_of_one_asset_are_no_assets(names: tuple[str, ...], tmp_path: Path) -> None:
    prices = {name: DAILY["close"] + k for k, name in enumerate(names[:2])}
    columns = prices | {name: DAILY["volume"] + k for k, name in enumerate(names[2:])}
    path = table(tmp_path / "a.csv", columns)
    with pytest.raises(MarketDataError, match=rf"'{names[0]}'.* one asset.*--layout wide"):
        load_market(path)
    assert Market.from_file(path, layout="wide").symbols == names
