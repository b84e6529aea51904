"""A market is read-only, and its bands do not overlap in time."""

import itertools
import json
import pickle
from typing import Any

import numpy as np
import pytest

from trading_env.markets import Market, MarketDataError
from trading_env.markets.reading.times import DAY, measure_clock

BARS = 200


def arrays(bars: int = BARS, paths: int = 2, assets: int = 3) -> dict[str, Any]:
    shape = (paths, bars, assets)
    close = 100.0 + np.arange(np.prod(shape)).reshape(shape) % 7
    return {
        "symbols": tuple("ABC"[:assets]),
        "time": np.arange(bars) * DAY,
        "open": close,
        "high": close + 1.0,
        "low": close - 1.0,
        "close": close,
        "volume": np.ones(shape),
        "path_variance": np.full(shape, 1e-4),
        "signals": np.zeros((*shape, 1)),
        "signal_names": ("signal_a",),
    }


def test_the_path_scale_is_1_where_the_variance_is_not_known() -> None:
    fields = arrays()
    known = Market(**fields)
    assert known.path_scale == pytest.approx(1e-4 / (0.5 * np.log(known.high / known.low) ** 2))
    standing = Market(**{**fields, "high": fields["close"], "low": fields["close"]})
    unknown = Market(**{**fields, "path_variance": None})
    for market in (standing, unknown):
        assert (market.path_scale == 1.0).all()
    assert len({known.sha256, standing.sha256, unknown.sha256}) == 3


def test_arrays_are_read_only_copies() -> None:
    fields = arrays()
    market = Market(**fields)
    for name in ("time", "open", "high", "low", "close", "volume", "path_variance", "signals"):
        for owner in (market, market.slice_bars(3, 9), pickle.loads(pickle.dumps(market))):
            with pytest.raises(ValueError, match="read-only"):
                getattr(owner, name)[...] = 1
        assert fields[name].flags.writeable
    fields["close"][0, 0, 0] = 55.0
    assert market.close[0, 0, 0] == 100.0


@pytest.mark.parametrize(
    ("name", "index", "value", "place"),
    [
        ("close", (1, 4, 2), np.nan, "path 1, bar 4, C, close"),
        ("open", (0, 0, 0), -1.0, "path 0, bar 0, A, open"),
        ("high", (1, 199, 1), 1.0, "path 1, bar 199, B, high"),
        ("low", (0, 7, 1), 103.9, "path 0, bar 7, B"),
        ("volume", (0, 7, 1), -1e-9, "path 0, bar 7, B, volume"),
        ("path_variance", (0, 7, 1), -1e-9, "path 0, bar 7, B, path_variance"),
        ("path_variance", (1, 0, 0), np.nan, "path 1, bar 0, A, path_variance"),
        ("signals", (0, 7, 1, 0), np.inf, "path 0, bar 7, B, signal_a"),
        ("time", (5,), 4 * DAY, "bar 5, time"),
    ],
)
def test_one_wrong_value_is_found_and_placed(
    name: str, index: tuple[int, ...], value: float, place: str
) -> None:
    fields = arrays()
    fields[name] = fields[name].copy()
    fields[name][index] = value
    with pytest.raises(MarketDataError, match=place):
        Market(**fields)


@pytest.mark.parametrize(
    "change",
    [
        {"volume": np.ones((2, BARS, 2))},
        {"signals": np.zeros((2, BARS, 3))},
        {"time": np.arange(BARS - 1)},
        {"time": np.arange(BARS) * 1.5},
        {"symbols": ("A", "A", "B")},
        {"symbols": ("A", "B")},
        {"symbols": "ABC"},
        {"signal_names": ("momentum",)},
        {"close": np.full((2, BARS, 3), "100")},
    ],
)
def test_shapes_and_names_must_agree(change: dict[str, Any]) -> None:
    with pytest.raises(MarketDataError) as caught:
        Market(**arrays() | change)
    assert len(str(caught.value)) < 200


def test_the_hash_holds_names_times_and_values_and_nothing_else() -> None:
    fields = arrays()
    market = Market(**fields)
    assert market.sha256 == Market(**fields, source="elsewhere").sha256
    changed = [
        {"symbols": ("A", "B", "D")},
        {"time": fields["time"] + 1},
        {"volume": fields["volume"] * 2},
        {"signal_names": ("signal_b",)},
    ]
    assert market.sha256 not in {Market(**fields | change).sha256 for change in changed}


def test_bands_are_in_order_and_apart_by_the_embargo() -> None:
    market = Market(**arrays())
    bands = [market.split(band, embargo_bars=15) for band in ("train", "validation", "test")]
    for before, after in itertools.pairwise(bands):
        assert after.time[0] - before.time[-1] == 16 * DAY
    assert bands[0].time[0] == market.time[0]
    assert bands[2].time[-1] == market.time[-1]
    assert [band.bars for band in bands] == [120, 25, 25]
    assert bands[1].close[1, 0, 2] == market.close[1, 135, 2]
    assert {band.bars_per_year for band in bands} == {market.bars_per_year}


def test_a_band_that_is_too_short_or_unknown_is_refused() -> None:
    market = Market(**arrays(bars=60))
    with pytest.raises(MarketDataError, match="at least 2"):
        market.split("test")
    with pytest.raises(MarketDataError, match="known: train"):
        market.split("holdout")
    with pytest.raises(MarketDataError, match="shares"):
        market.split("train", train=0.9, validation=0.2)


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (np.arange(1000) * DAY, (DAY, 365.25, 1.0)),
        (np.arange(24 * 400) * 3600, (3600.0, 8766.0, 24.0)),
        (np.arange(48) * 3600, (3600.0, 8766.0, 24.0)),
        (np.array([i for i in range(4, 40) if i % 7 not in (2, 3)]) * DAY, (DAY, 252.0, 1.0)),
        (np.arange(60) * 7 * DAY, (7 * DAY, 365.25 / 7, 0.2)),
    ],
)
def test_the_clock_is_measured(time: np.ndarray, expected: tuple[float, ...]) -> None:
    assert measure_clock(time) == pytest.approx(expected, rel=1e-9)


def test_a_description_is_json() -> None:
    described = Market(**arrays()).describe()
    assert json.loads(json.dumps(described, allow_nan=False)) == described
    assert described["start"] == "1970-01-01T00:00:00Z"
