"""A fault that is planted in sound bars is found at its row, and a repair takes it out.

The file is long because the faults are one list: what finds one must not find another.
"""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.reading.corpus import COINS, DAILY, FIELDS, HOURLY, bars, named
from trading_env.cli.main import main
from trading_env.markets import load_market

PRICES = FIELDS[:4]
Plant = Callable[[pd.DataFrame], pd.DataFrame | None]
LONG = bars(pd.bdate_range("2021-01-04", periods=300), seed=8, digits=4)
SESSION = pd.DatetimeIndex(
    [
        day + pd.Timedelta(minutes=30 * half)
        for day in pd.bdate_range("2023-01-02", periods=40)
        for half in range(29, 42)
    ]
)
INTRADAY = bars(SESSION, seed=9, digits=4)


def split(frame: pd.DataFrame) -> None:
    frame.loc[150:, PRICES] /= 4.0
    frame.loc[150:, "volume"] *= 4.0


def reverse_split(frame: pd.DataFrame) -> None:
    frame.loc[150:, PRICES] *= 10.0
    frame.loc[150:, "volume"] /= 10.0


def in_cents(frame: pd.DataFrame) -> None:
    frame.loc[[40, 41], PRICES] *= 100.0


def high_alone(frame: pd.DataFrame) -> None:
    frame.loc[40, "high"] *= 10.0


def silent(frame: pd.DataFrame) -> None:
    frame.loc[20:29, "volume"] = 0.0


def stale(frame: pd.DataFrame) -> None:
    frame.loc[20:29, PRICES] = frame.loc[19, "close"]


def copied(frame: pd.DataFrame) -> None:
    frame.loc[20, FIELDS] = frame.loc[19, FIELDS]


def hole(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(index=range(60, 70))


def later_that_day(frame: pd.DataFrame) -> None:
    frame.loc[len(frame)] = frame.iloc[-1]
    frame.loc[len(frame) - 1, "time"] += 57_600
    frame.loc[len(frame) - 1, "close"] = frame.loc[len(frame) - 1, "low"]


def short_bar(frame: pd.DataFrame) -> None:
    frame.loc[100, "time"] += 120


def half_day(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(index=range(13 * 20 + 6, 13 * 21))


def wick(frame: pd.DataFrame) -> None:
    frame.loc[40, "low"] *= 1e-4


def spike(frame: pd.DataFrame) -> None:
    frame.loc[40, ["close", "high"]] *= 3.0


def other_unit(frame: pd.DataFrame) -> None:
    frame.loc[150:, PRICES] *= 100.0


def in_lots(frame: pd.DataFrame) -> None:
    frame.loc[150:, "volume"] /= 100.0


def weekends(frame: pd.DataFrame) -> None:
    for day in range(4, 290, 6):
        frame.loc[day : day + 1, "volume"] = 0.0
        frame.loc[day : day + 1, PRICES] = frame.loc[day - 1, "close"]


# fault: bars, what is planted, kind, line, part of the guess
FAULTS: dict[str, tuple[pd.DataFrame, Plant, str, int, str]] = {
    "split": (LONG, split, "split", 152, "4:1"),
    "reverse_split": (LONG, reverse_split, "split", 152, "1:10"),
    "in_cents": (LONG, in_cents, "misplaced point", 42, "cents"),
    "high_alone": (LONG, high_alone, "misplaced point", 42, "misplaced"),
    "wick": (LONG, wick, "stray price", 42, "bad print"),
    "spike": (LONG, spike, "stray price", 42, "bad print"),
    "other_unit": (LONG, other_unit, "level", 152, "another unit"),
    "in_lots": (LONG, in_lots, "level", 156, "another unit"),  # seen as its median moves
    "weekends": (LONG, weekends, "no volume", 6, "closed days"),
    "silent": (LONG, silent, "no volume", 22, "halt"),
    "stale": (LONG, stale, "stale", 22, "repeats"),
    "copied": (LONG, copied, "copied", 22, "filled in"),
    "hole": (LONG, hole, "hole", 62, "missing"),
    "day_twice": (LONG, later_that_day, "day twice", 302, "not over"),
    "bar_length": (INTRADAY, short_bar, "bar length", 102, "another length"),
    "half_day": (INTRADAY, half_day, "half day", 262, "half day"),
}
REPAIRED = ("split", "reverse_split", "in_cents", "high_alone", "copied", "day_twice")


def planted(frame: pd.DataFrame, plant: Plant) -> pd.DataFrame:
    """Return a copy of bars with a fault."""
    own = frame.copy()
    changed = plant(own)
    return own if changed is None else changed


def written(path: Path, frame: pd.DataFrame) -> Path:
    named(frame).to_csv(path, index=False)
    return path


def judged(
    capsys: pytest.CaptureFixture[str], path: Path, *options: str, code: int
) -> dict[str, Any]:
    assert main(["data", "validate", str(path), "--json", *options]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("frame", [LONG, INTRADAY, DAILY, HOURLY, COINS])
def test_sound_bars_are_clean(
    frame: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = judged(capsys, written(tmp_path / "a.csv", frame), code=0)
    assert found["verdict"] == "clean"
    assert not found["findings"]


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_at_its_row(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame, plant, kind, line, guess = FAULTS[name]
    frame = planted(frame, plant)
    found = judged(capsys, written(tmp_path / "a.csv", frame), code=1)
    assert found["verdict"] == "usable with notes"
    assert {row["kind"] for row in found["findings"]} == {kind}
    assert found["findings"][0]["line"] == line
    assert guess in found["findings"][0]["guess"]


@pytest.mark.parametrize("name", REPAIRED)
def test_a_repair_takes_it_out_and_says_so(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound, plant, _, _, _ = FAULTS[name]
    frame = planted(sound, plant)
    path, out = written(tmp_path / "a.csv", frame), tmp_path / "b.csv"
    before = path.read_bytes()
    found = judged(capsys, path, "--repair", str(out), code=1)
    assert found["repaired"]
    assert path.read_bytes() == before
    changes = (tmp_path / "b.changes.txt").read_text()
    assert all(line in changes for line in found["repaired"])
    assert judged(capsys, out, code=0)["verdict"] == "clean"
    if name in ("in_cents", "high_alone"):
        assert load_market(out).close[0, :, 0] == pytest.approx(sound["close"], rel=1e-12)
    if name == "split":
        assert load_market(out).close[0, :150, 0] == pytest.approx(sound["close"][:150] / 4)
        assert load_market(out).volume[0, :150, 0] == pytest.approx(sound["volume"][:150] * 4)
    judged_again = main(["data", "validate", str(path), "--repair", str(out)])
    assert judged_again == 2
    assert "overwrites nothing" in capsys.readouterr().err


def with_notices() -> pd.DataFrame:
    """Bars as traded: two dividends and a split between them, all stated, and rates and an end."""
    frame = named(planted(LONG, split))
    frame["dividend"] = np.where(np.isin(np.arange(300), (100, 200)), 2.0, np.nan)
    frame["split"] = np.where(np.arange(300) == 150, 4.0, 1.0)
    frame["funding"] = 1e-4
    frame["borrow"] = np.where(np.arange(300) < 50, 0.01, 0.02)
    frame["delisted"] = (np.arange(300) == 299).astype(float)
    frame["recovery"] = np.where(np.arange(300) == 299, 0.4, np.nan)
    return frame


def test_a_repair_keeps_what_stands_beside_the_bars(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With actions applied a stated split is no fault: the row that repeats is, and that alone."""
    sound, path, out = with_notices(), tmp_path / "a.csv", tmp_path / "b.csv"
    sound.to_csv(tmp_path / "sound.csv", index=False)
    pd.concat([sound, sound.iloc[[30]]]).to_csv(path, index=False)
    found = judged(capsys, path, "--apply-actions", "--repair", str(out), code=2)
    assert len(found["repaired"]) == 1
    assert judged(capsys, out, "--apply-actions", code=0)["verdict"] == "clean"
    repaired = load_market({"path": str(out), "apply_actions": True})
    expected = load_market({"path": str(tmp_path / "sound.csv"), "apply_actions": True})
    assert set(repaired.notices) == set(expected.notices)
    assert {"split", "dividend", "funding", "borrow"} <= set(repaired.notices)
    for name, values in expected.notices.items():
        np.testing.assert_array_equal(repaired.notices[name], values)
    np.testing.assert_allclose(repaired.close, expected.close, rtol=1e-12)


def test_a_split_that_is_divided_out_leaves_its_column_and_scales_the_dividends_before_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A holder of one old share or of four new ones is paid the same."""
    path, out = tmp_path / "a.csv", tmp_path / "b.csv"
    with_notices().to_csv(path, index=False)
    found = judged(capsys, path, "--repair", str(out), code=1)
    assert {row["kind"] for row in found["findings"]} == {"split", "dividend"}
    assert "a column states" in found["findings"][0]["what"]
    notices = load_market({"path": str(out), "apply_actions": True}).notices
    assert (notices["split"] == 1.0).all()
    dividends = notices["dividend"][0, :, 0]
    assert dividends[[100, 200]].tolist() == [0.5, 2.0]
    assert np.count_nonzero(dividends) == 2


def test_an_adjusted_close_that_is_taken_takes_the_dividends_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Prices that have them in them must not pay them once more."""
    frame, out = with_notices(), tmp_path / "b.csv"
    factor = np.where(np.arange(300) < 150, 0.25, 1.0)
    for bar in (100, 200):
        close = frame["close"].iloc[bar - 1]
        factor[:bar] *= 1.0 - 2.0 / close
    frame["adj_close"] = frame["close"] * factor
    frame.to_csv(tmp_path / "a.csv", index=False)
    judged(capsys, tmp_path / "a.csv", "--repair", str(out), code=1)
    market = load_market({"path": str(out), "apply_actions": True})
    assert not market.notices.get("dividend", np.zeros(1)).any()
    assert (market.notices.get("split", np.ones(1)) == 1.0).all()
    np.testing.assert_allclose(market.close[0, :, 0], frame["close"] * factor, rtol=1e-9)


def test_a_crash_with_twice_the_volume_is_no_split(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = LONG.copy()
    frame.loc[150:, PRICES] *= 0.5
    frame.loc[150:153, "volume"] *= 3.0
    assert not judged(capsys, written(tmp_path / "a.csv", frame), code=0)["findings"]


def test_rows_that_repeat_are_refused_and_repaired(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = pd.concat([LONG.iloc[:200], LONG.iloc[190:]])
    path, out = written(tmp_path / "a.csv", frame), tmp_path / "b.csv"
    found = judged(capsys, path, "--repair", str(out), code=2)
    assert found["verdict"] == "refused"
    assert "line 202" in found["faults"][0]
    assert found["findings"][0]["kind"] == "repeated"
    assert found["findings"][0]["line"] == 202
    assert load_market(out).time.tolist() == LONG["time"].tolist()
    assert (load_market(out).close[0, :, 0] == LONG["close"].to_numpy()).all()


def test_a_refusal_shows_ten_faults_at_most(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = LONG.copy()
    frame.loc[[3, 7], "low"] = frame["high"] * 2
    frame.loc[[5], "volume"] = -1.0
    path = written(tmp_path / "a.csv", frame)
    assert main(["data", "validate", str(path)]) == 2
    told = capsys.readouterr()
    faults = [line for line in told.out.splitlines() if line.startswith("fault: ")]
    assert [fault.partition("line ")[2].partition(":")[0] for fault in faults] == [
        "5, column 'high'",
        "7, column 'volume'",
        "9, column 'high'",
    ]
    assert told.err.count("\n") == 1
    assert faults[0].removeprefix("fault: ")[-40:] in told.err
    frame["volume"] = -1.0
    found = judged(capsys, written(path, frame), code=2)
    assert len(found["faults"]) == 10


def test_a_close_that_is_adjusted_alone_is_refused_with_its_cause(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = LONG.copy()
    frame.loc[:199, "close"] *= 0.9
    path, out = written(tmp_path / "a.csv", frame), tmp_path / "b.csv"
    found = judged(capsys, path, code=2)
    assert [row["kind"] for row in found["findings"]] == ["mixed prices"]
    assert "adjusted close beside raw" in found["findings"][0]["guess"]
    assert main(["data", "validate", str(path), "--repair", str(out)]) == 2
    assert not out.exists()  # what would be refused is not written
    assert list(tmp_path.iterdir()) == [path]


def test_dividends_are_seen_in_the_adjusted_close(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = named(LONG).rename(columns={"time": "Date", **{n: n.title() for n in FIELDS}})
    frame["Adj Close"] = frame["Close"] * np.where(frame.index < 100, 0.98, 1.0)
    path, out = tmp_path / "a.csv", tmp_path / "b.csv"
    frame.to_csv(path, index=False)
    found = judged(capsys, path, "--repair", str(out), code=1)
    assert [(row["kind"], row["line"]) for row in found["findings"]] == [("dividend", 102)]
    assert load_market(out).close[0, :, 0] == pytest.approx(frame["Adj Close"].to_numpy())


def as_traded(sound: pd.DataFrame, splits: dict[int, float], in_adjusted: bool) -> pd.DataFrame:
    """Return bars as they were traded, and the adjusted close, of 2% dividends and these splits."""
    frame = named(sound).rename(columns={"time": "Date", **{n: n.title() for n in FIELDS}})
    adjusted = frame["Close"] * np.where(frame.index < 100, 0.98, 1.0)
    for bar, ratio in splits.items():
        before = frame.index < bar
        for name in PRICES:
            frame.loc[before, name.title()] *= ratio
        frame["Volume"] = np.where(before, frame["Volume"] / ratio, frame["Volume"])
        adjusted = adjusted if in_adjusted else adjusted * np.where(before, ratio, 1.0)
    return frame.assign(**{"Adj Close": adjusted})


ONE, TWO, SMALL = {150: 4.0}, {60: 0.1, 150: 4.0}, {200: 1.5}


@pytest.mark.parametrize(
    ("splits", "missed", "in_adjusted"),
    [
        *((splits, missed, True) for splits in (ONE, TWO, SMALL) for missed in (False, True)),
        (ONE, False, False),
        (TWO, False, False),
    ],
)
def test_splits_and_dividends_in_the_adjusted_close_are_told_apart(
    splits: dict[int, float],
    missed: bool,
    in_adjusted: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sound = LONG.copy()
    sound["volume"] *= 1_000.0
    if missed:  # by its volume, which is that of the time before it in shares of then
        for bar, ratio in splits.items():
            sound.loc[bar:, "volume"] /= ratio
    frame = as_traded(sound, splits, in_adjusted)
    path, out = tmp_path / "a.csv", tmp_path / "b.csv"
    frame.to_csv(path, index=False)
    found = judged(capsys, path, "--repair", str(out), code=1)
    told = {(row["kind"], row["line"]) for row in found["findings"]}
    assert told == {("dividend", 102), *(("split", bar + 2) for bar in splits)}
    market = load_market(out)
    expected = sound["close"] * np.where(sound.index < 100, 0.98, 1.0)
    assert market.close[0, :, 0] == pytest.approx(expected.to_numpy(), rel=1e-9)
    assert market.volume[0, :, 0] == pytest.approx(sound["volume"].to_numpy(), rel=1e-9)


def test_a_split_with_a_dividend_on_its_day_is_repaired_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = as_traded(LONG, {100: 4.0}, True)  # the 2% are paid then
    path, out = tmp_path / "a.csv", tmp_path / "b.csv"
    frame.to_csv(path, index=False)
    found = judged(capsys, path, "--repair", str(out), code=1)
    assert [(row["kind"], row["line"]) for row in found["findings"]] == [("split", 102)]
    market = load_market(out)
    assert market.close[0, :, 0] == pytest.approx(frame["Adj Close"].to_numpy(), rel=1e-9)
    assert market.volume[0, :, 0] == pytest.approx(LONG["volume"].to_numpy(), rel=1e-9)


def test_a_dividend_of_the_size_of_no_split_leaves_volume_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = as_traded(LONG, {}, True)
    frame["Adj Close"] *= np.where(frame.index < 200, 1 / 1.28, 1.0)  # near 5:4, and paid in cash
    path, out = tmp_path / "a.csv", tmp_path / "b.csv"
    frame.to_csv(path, index=False)
    found = judged(capsys, path, "--repair", str(out), code=1)
    assert [(row["kind"], row["count"]) for row in found["findings"]] == [("dividend", 2)]
    assert (load_market(out).volume[0, :, 0] == LONG["volume"]).all()


@pytest.mark.filterwarnings("error")
def test_sessions_are_those_of_the_exchange(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calendars = pytest.importorskip("exchange_calendars")
    with warnings.catch_warnings(action="ignore"):  # of the package's own calls
        sessions = calendars.get_calendar("XNYS").sessions_in_range("2021-01-04", "2021-12-30")
    frame = bars(pd.DatetimeIndex(sessions), seed=8, digits=4)
    path = written(tmp_path / "a.csv", frame)
    judged(capsys, path, "--exchange", "XNYS", code=0)
    written(path, frame.drop(index=[30, 31]))
    found = judged(capsys, path, "--exchange", "XNYS", code=1)
    missing = str(sessions[30].date())
    assert [(r["kind"], r["line"], r["count"]) for r in found["findings"]] == [("hole", 32, 2)]
    assert missing in found["findings"][0]["what"]
    assert main(["data", "validate", str(path), "--exchange", "XNYZ"]) == 2
    assert "no exchange 'XNYZ'; did you mean" in capsys.readouterr().err
