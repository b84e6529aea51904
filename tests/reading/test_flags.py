"""Every setting of a file is an option of every command that takes one."""

from pathlib import Path

import gymnasium as gym
import pandas as pd
import pytest

import train
from tests.reading.corpus import DAILY, PLAIN_ROWS, bars, lines, stamps
from trading_env.cli import answers
from trading_env.cli.main import main
from trading_env.markets import MarketDataError
from trading_env.markets.reading.settings import ReadingSettings

COMMANDS = (("data", "validate"), ("data", "describe"), ("evaluate",), ("backtest",))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_setting_is_an_option(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main([*command, "--help"]) == 0
    told = capsys.readouterr().out
    for name in ReadingSettings.model_fields:
        assert f"--{name.replace('_', '-')}" in told


def test_the_option_that_settles_a_file_is_the_one_that_its_refusal_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("when;open;high;low;close;amount\n" + "\n".join(PLAIN_ROWS).replace(",", ";"))
    options: list[str] = []
    for flag, value in (("--time-column", "when"), ("--volume-in", "quote")):
        assert main(["data", "describe", str(path), *options]) == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1
        assert flag in told
        options += [flag, value]
    assert main(["data", "describe", str(path), *options]) == 0
    told = capsys.readouterr()
    assert "layout bars, semicolons" in told.err  # one line, and not among the answer
    assert told.err.count("\n") == 1


def test_what_is_found_is_said_of_all_but_the_canonical_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("time,open,high,low,close,volume\n" + "\n".join(PLAIN_ROWS))
    assert main(["data", "describe", str(path)]) == 0
    assert capsys.readouterr().err == ""
    newest = lines(DAILY, stamps(DAILY, "%Y-%m-%d"))[::-1]
    path.write_text("time,open,high,low,close,volume\n" + "\n".join(newest))
    assert main(["data", "describe", str(path)]) == 0
    assert "newest first, turned round" in capsys.readouterr().err


@pytest.mark.parametrize("market", ["us_indices", "gbm", '{"generator": "gbm"}'])
def test_settings_of_a_file_are_refused_for_what_is_none(
    market: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "describe", market, "--tz", "Europe/Athens"]) == 2
    assert "--tz: of a file of bars" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["evaluate flat", "backtest flat"])
def test_they_are_refused_where_no_market_is_named(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command.split(), "--bars-per-day", "7"]) == 2
    assert "--bars-per-day: of a file of bars, and '' is none" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["evaluate flat", "backtest flat", "train"])
def test_a_file_without_volume_needs_liquidity(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.csv"
    frame = bars(pd.bdate_range("2018-01-02", periods=900))
    rows = lines(frame, stamps(frame, "%Y-%m-%d"), ["open", "high", "low", "close"])
    path.write_text("time,open,high,low,close\n" + "\n".join(rows))
    argv = ["--market", str(path), "--out", str(tmp_path / "run")]
    if command == "train":
        code = answers.run(train.app, "train.py", argv)
    else:
        code = main([*command.split(), *argv])
    error = capsys.readouterr().err.splitlines()
    assert code == 2
    assert "nothing fills until liquidity is stated" in error[0]
    assert error[-1].startswith("error: ")
    assert "have no volume" in error[-1]
    assert "--liquidity" in error[-1]
    assert not (tmp_path / "run").exists()
    with pytest.raises(MarketDataError, match="have no volume"):
        gym.make("trading_env/Portfolio-v0", market=str(path))
    gym.make("trading_env/Portfolio-v0", market={"path": str(path), "liquidity": 1e9}).close()


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [("--tz", "Europe/Atens", "no such time zone"), ("--liquidity", "much", "a value a day")],
)
def test_a_wrong_setting_is_one_line(
    option: str, value: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("time,open,high,low,close,volume\n" + "\n".join(PLAIN_ROWS))
    assert main(["data", "validate", str(path), option, value]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
