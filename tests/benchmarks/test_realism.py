"""The synthetic markets look like real ones, a random walk does not, and the page says so."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import real_series, realism
from benchmarks.realism_facts import FACTS, KINDS, NEEDED, measure, passed

SHORT = {
    "us_stock_daily": realism.Size("equity", 6, 2, 7_800),
    "us_index_daily": realism.Size("equity", 1, 12, 7_800),
    "btc_hourly": realism.Size("crypto", 1, 8, 12_000),
    "gbpusd_minute": realism.Size("fx", 1, 8, 12_000),
}


@pytest.mark.proof
@pytest.mark.parametrize("preset", SHORT)
def test_a_preset_shows_the_stylised_facts(preset: str) -> None:
    found = realism.judge(preset, SHORT[preset], seed=31)
    assert found["passed"] >= found["needed"], found["facts"]


def test_a_random_walk_does_not() -> None:
    found = realism.control(SHORT["us_index_daily"], seed=31)
    # No linear memory (2) and symmetry (2) hold by nature; the rest by luck.
    assert 4 <= found["passed"] <= 7


def test_the_real_index_passes_what_the_synthetic_one_must() -> None:
    series = real_series.index()
    medians = realism.medians_of(measure(series.returns, series.volume))
    assert passed(medians, "equity") == (14, 14)
    # Two statistics of one series, which are easily taken for each other.
    assert medians["leverage E[z z'^2], lags 1-10"] == pytest.approx(-0.265, abs=0.001)
    assert medians["leverage as a correlation"] == pytest.approx(-0.083, abs=0.001)


def test_equities_are_judged_by_fourteen_facts_the_others_by_eleven() -> None:
    counts = [sum(1 for f in FACTS if f.counted and f.band(kind)) for kind in KINDS]
    assert dict(zip(KINDS, counts, strict=True)) == {"equity": 14, "crypto": 11, "fx": 11}
    assert NEEDED == {"equity": 12, "crypto": 10, "fx": 10}


def test_a_fact_that_is_no_number_does_not_hold() -> None:
    judged = [fact for fact in FACTS if fact.band("equity")]
    assert not any(fact.holds("equity", float("nan")) for fact in judged)
    assert not any(fact.holds("equity", fact.equity[1] + 0.01) for fact in judged if fact.equity)


def test_too_few_facts_make_the_command_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"btc_minute": realism.Size("crypto", 1, 2, 2_000)}
    small["us_index_daily"] = realism.Size("equity", 1, 2, 2_000)
    monkeypatch.setattr(realism, "SIZES", small)
    monkeypatch.setitem(NEEDED, "crypto", 12)
    assert realism.main(["--presets", "btc_minute"]) == 1
    monkeypatch.setitem(NEEDED, "crypto", 0)
    assert realism.main(["--presets", "btc_minute"]) == 0


def test_the_page_is_written_from_the_record() -> None:
    record = json.loads(realism.RECORDED.read_text(encoding="utf-8"))
    assert realism.PAGE.read_text(encoding="utf-8") == realism.page(record)
    assert [market["preset"] for market in record["markets"]] == list(realism.SIZES)
    assert all(market["passed"] >= market["needed"] for market in record["markets"])


def test_series_of_a_folder_are_read_and_the_hours_profile_taken_out(tmp_path: Path) -> None:
    hours = np.arange("2017-01-01", "2017-03-01", dtype="datetime64[h]")
    size = np.where(hours.astype(int) % 24 < 12, 0.001, 0.004)
    moves = size * np.random.default_rng(0).choice([-1.0, 1.0], len(hours))
    closes = np.exp(np.cumsum(moves))
    lines = [
        f"{str(hour).replace('T', ' ')}:00:00,1,1,1,{close!r},5"
        for hour, close in zip(hours, closes.tolist(), strict=True)
    ]
    closed = "2017-03-01 00:00:00,1,1,1,99.0,0"  # no volume: not a bar
    text = "\n".join(["time,open,high,low,close,volume", *lines, closed])
    with gzip.open(tmp_path / "eurusd_hourly_ask.csv.gz", "wt") as file:
        file.write(text)
    returns = real_series.euro_hours(tmp_path).returns
    assert returns.shape == (1, len(hours) - 1, 1)
    assert np.abs(returns) == pytest.approx(1.0)
