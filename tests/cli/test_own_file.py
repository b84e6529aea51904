"""The whole path on a file of one's own, from an empty folder, as a newcomer takes it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.cli.refusals import refusal
from trading_env import evaluate
from trading_env.cli.main import main
from trading_env.markets import load_market
from trading_env.markets.bars import BANDS, bars_for

TRAIN = Path(__file__).resolve().parents[2] / "train.py"
CASH = 10_000.0


def write_daily(path: Path, days: int) -> Path:
    """A daily file as yfinance writes it: three header rows, the close first."""
    rng = np.random.default_rng(3)
    close = 50.0 * np.exp(np.cumsum(rng.normal(3e-4, 0.012, days)))
    opened = np.append(50.0, close[:-1])
    high, low = np.maximum(opened, close) * 1.004, np.minimum(opened, close) * 0.996
    volume = rng.integers(1_000_000, 5_000_000, days)
    stamps = pd.bdate_range("2012-01-03", periods=days).strftime("%Y-%m-%d")
    lines = ["Price,Close,High,Low,Open,Volume", "Ticker" + ",ACME" * 5, "Date,,,,,"]
    rows = zip(stamps, close, high, low, opened, volume, strict=True)
    lines += [",".join(map(str, row)) for row in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.proof
def test_a_file_is_judged_played_on_and_reported(
    empty: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_daily(empty / "ACME.csv", 700)
    assert main(("data", "validate", "ACME.csv")) == 0
    assert capsys.readouterr().out.startswith("clean: ")
    few = ("--market", "ACME.csv", "--scenarios", "calm", "--episodes", "2")
    assert main(("evaluate", "buy_and_hold", *few, "--out", "played")) == 0
    windows = ("--windows", "train=252d,test=126d", "--episodes", "1")
    assert main(("backtest", "momentum", "--market", "ACME.csv", *windows, "--out", "walked")) == 0
    for folder in ("played", "walked"):
        assert main(("report", folder)) == 0
        assert (empty / folder / "report.html").stat().st_size > 10_000
    assert "Traceback" not in capsys.readouterr().err


def test_an_account_of_ten_thousand_plays_with_ten_thousand(empty: Path) -> None:
    market = load_market(write_daily(empty / "ACME.csv", 700))
    account = {"account": {"initial_cash": CASH}, "market": market, "episode_length": 60}
    rows = evaluate("always_long", scenarios=["calm"], episodes=2, seed=1, env_kwargs=account)
    assert len(rows) >= 2 and rows["return"].abs().max() < 1.0


def test_a_short_file_is_told_how_many_bars_would_do(
    empty: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_daily(empty / "short.csv", 200)
    few = ("--market", "short.csv", "--scenarios", "calm", "--episodes", "1")
    said = refusal(capsys, "evaluate", "flat", *few)
    assert "20 bars in the band 'test', 66 are needed, so about 435 in all" in said
    write_daily(empty / "long.csv", 435)
    assert main(("evaluate", "flat", "--market", "long.csv", *few[2:])) == 0
    capsys.readouterr()
    write_daily(empty / "tiny.csv", 57)
    said = refusal(capsys, "evaluate", "flat", "--market", "tiny.csv", *few[2:])
    assert "band 'test': 57 bars are too few for it" in said and "115 or more in all" in said
    said = refusal(capsys, "backtest", "flat", "--market", "short.csv")
    assert (
        "one takes 635 bars, the market has 200: shorten 504 train + 5 embargo + 126 test" in said
    )


@pytest.mark.parametrize("band", BANDS)
@pytest.mark.parametrize("bars", [2, 66, 317])
def test_the_bars_that_would_do_do(band: str, bars: int) -> None:
    needed = bars_for(band, bars)
    market = load_market({"generator": "gbm", "paths": 1, "bars": needed, "assets": 1})
    assert bars <= market.split(band).bars <= bars + 2


def test_a_run_whose_bars_are_not_here_says_so(
    empty: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (empty / "run").mkdir()
    (empty / "run" / "policy.json").write_text(json.dumps({"kind": "adaptive", "scenarios": []}))
    said = refusal(capsys, "evaluate", "played")
    assert "POLICY 'played'" in said
    (empty / "played").mkdir()
    assert "of train.py: it holds no policy.json" in refusal(capsys, "evaluate", "played")


@pytest.mark.slow
def test_a_newcomer_trains_evaluates_backtests_and_reads_the_report(empty: Path) -> None:
    write_daily(empty / "ACME.csv", 1_200)
    environment = {**os.environ, "PYTHONPATH": str(TRAIN.parent)}

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, *words], cwd=empty, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    cli = ("-m", "trading_env")
    assert run(*cli, "data", "validate", "ACME.csv").startswith("clean: ")
    said = run(str(TRAIN), "--market", "ACME.csv", "--quick", "--out", "run")
    assert "Verdict, portfolio" in said
    few = ("--scenarios", "calm", "--episodes", "4")
    said = run(*cli, "evaluate", "run", "--market", "ACME.csv", *few, "--out", "played")
    assert "Trained on: calm" in said
    write_daily(empty / "other.csv", 700)
    windows = ("--windows", "train=252d,test=126d", "--episodes", "1", "--out", "walked")
    said = run(*cli, "backtest", "run", "--market", "other.csv", *windows)
    assert "Trained on ACME.csv, played on other.csv." in said
    run(*cli, "report", "walked")
    assert (empty / "walked" / "report.html").exists()
    (empty / "ACME.csv").rename(empty / "moved.csv")
    done = subprocess.run(
        [sys.executable, *cli, "evaluate", "run"], cwd=empty, env=environment, capture_output=True
    )
    assert done.returncode == 2
    assert b"the bars it was trained on are not here: give --market" in done.stderr
