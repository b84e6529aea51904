"""What an answer says of its rows counts: the zone of their clock, prices in fixed point."""

import json
from datetime import UTC
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.reading.corpus import FIELDS, HOURLY, NEW_YORK, stamps
from tests.reading.test_corpus import assert_holds
from trading_env.markets import Market, MarketDataError, load_market


def answer(forms: str, zone: dict[str, str], clock: str) -> dict[str, Any]:
    """Return the answer of an exchange's interface whose times are of New York's clock."""
    frame = HOURLY.iloc[:40]
    times = stamps(frame, clock, NEW_YORK if ":" in clock else UTC)
    rows = [{name: str(getattr(row, name)) for name in FIELDS} for row in frame.itertuples()]
    if forms == "keys":
        by_time = {
            t: {f"{k}. {n}": v for k, (n, v) in enumerate(row.items(), 1)}
            for t, row in zip(times, rows, strict=True)
        }
        return {"Meta Data": {"2. Symbol": "AAA", **zone}, "Time Series (60min)": by_time}
    values = [{"datetime": t, **row} for t, row in zip(times, rows, strict=True)]
    return {"meta": {"symbol": "AAA", "interval": "1h", **zone}, "values": values, "status": "ok"}


ZONES = [
    ("keys", "6. Time Zone", "US/Eastern"),
    ("values", "exchange_timezone", "America/New_York"),
]


@pytest.mark.parametrize(("form", "key", "zone"), ZONES)
def test_json_that_names_its_zone_is_of_its_clock(
    form: str, key: str, zone: str, tmp_path: Path
) -> None:
    path = tmp_path / "AAA.json"
    frame = {"AAA": HOURLY.iloc[:40]}
    path.write_text(json.dumps(answer(form, {key: zone}, "%Y-%m-%d %H:%M:%S")))
    assert_holds(load_market(path), frame)
    assert f"times of {zone}" in load_market(path).read_as
    assert_holds(Market.from_file(path, tz="America/Toronto"), frame)
    path.write_text(json.dumps(answer(form, {key: "Wall Street"}, "%Y-%m-%d %H:%M:%S")))
    with pytest.raises(MarketDataError, match=r"'Wall Street'.* no zone that is known.*--tz"):
        load_market(path)
    assert_holds(Market.from_file(path, tz=zone), frame)
    both = {key: zone, "timezone": "Europe/Paris"}
    path.write_text(json.dumps(answer(form, both, "%Y-%m-%d %H:%M:%S")))
    with pytest.raises(MarketDataError, match=r"--tz"):
        load_market(path)
    days = answer(form, {key: zone}, "%Y-%m-%d")
    if form == "values":
        days["values"] = days["values"][::24]
    path.write_text(json.dumps(days))
    assert (load_market(path).time % 86_400 == 0).all()  # days have no clock


DATABENTO = "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol"


@pytest.mark.parametrize("times", [10**9, 1])
@pytest.mark.parametrize("named", [True, False])
def test_prices_in_fixed_point_are_currency(times: int, named: bool, tmp_path: Path) -> None:
    rows = [
        ",".join(
            [
                f"{row.time}000000000,33,1,4916",
                *(
                    f"{round(v * times, 5)}" if times == 1 else f"{round(v * times)}"
                    for v in prices
                ),
                f"{int(row.volume)},ESH4",
            ]
        )
        for row in HOURLY.itertuples()
        for prices in [(row.open, row.high, row.low, row.close)]
    ]
    header, path = DATABENTO, tmp_path / "4916.csv"
    if not named:
        header, rows = header.rpartition(",")[0], [row.rpartition(",")[0] for row in rows]
    path.write_text("\n".join([header, *rows]) + "\n")
    for market in (load_market(path), load_market(pd.read_csv(path))):
        assert_holds(market, {"ESH4" if named else "4916": HOURLY})
        assert ("prices times 1e-09" in market.read_as) == (times != 1)


def test_whole_prices_of_others_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [f"2024-01-0{k},2000000000,2000000000,2000000000,2000000000,5" for k in range(1, 9)]
    path.write_text("\n".join(["time,open,high,low,close,volume", *rows]))
    assert (load_market(path).close == 2e9).all()
