"""A file in a shape that people have holds the bars it was written with, to the bit."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.reading.corpus import BROKEN, FIELDS, SOUND, Shape
from trading_env.markets import Market, MarketDataError, load_market

pytestmark = pytest.mark.filterwarnings("error")


def assert_holds(market: Market, frames: dict[str, pd.DataFrame]) -> None:
    """Compare a market with bars to the bit."""
    assert set(market.symbols) == set(frames)
    for asset, symbol in enumerate(market.symbols):
        frame = frames[symbol]
        assert market.time.tolist() == frame["time"].tolist()
        for name in FIELDS:
            assert np.array_equal(getattr(market, name)[0, :, asset], frame[name].to_numpy()), name


def needs_pyarrow(name: str) -> None:
    if "parquet" in name or name.startswith("folder"):
        pytest.importorskip("pyarrow")


@pytest.mark.parametrize("shape", SOUND, ids=lambda shape: shape.name)
def test_a_file_in_a_usual_shape_is_its_bars_to_the_bit(shape: Shape, tmp_path: Path) -> None:
    needs_pyarrow(shape.name)
    path = tmp_path / shape.name
    shape.write(path)
    spec = {"path": str(path), **shape.reading} if shape.reading else str(path)
    market = load_market(spec)
    assert_holds(market, shape.holds)
    assert "\n" not in market.read_as
    assert "layout" in market.read_as


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case[0])
def test_a_broken_file_is_refused_in_one_line_and_read_once_it_is_settled(
    case: tuple, tmp_path: Path
) -> None:
    name, write, parts, settles = case
    path = tmp_path / name
    write(path)
    with pytest.raises(MarketDataError) as caught:
        load_market(str(path))
    message = str(caught.value)
    assert len(message) < 200
    assert "\n" not in message
    for part in (name, *parts):
        assert part in message
    if settles:
        assert load_market({"path": str(path), **settles}).bars > 2


def test_the_corpus_is_large() -> None:
    assert len(SOUND) + len(BROKEN) >= 46
