"""Whatever is wrong with an input, the command line says so in one line and leaves nothing behind.

The tables of malformed files are those of the readers' own tests (`markets/test_files.py`,
`test_scenario.py`); here each goes through `main()`, once to be checked and once to be played on.
"""

import bz2
import json
import math
import os
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.cli.refusals import refusal
from tests.markets.test_files import GOOD, HEADER, MALFORMED
from tests.stress.test_scenario import BAD_EVENTS, BAD_FILES
from trading_env.cli.main import main

HUGE = 10**5000
MORE_DATA: dict[str, bytes | str] = {
    "autumn_fold": HEADER
    + "".join(
        f"2024-10-27 {hour}:30,10,11,9,10,5\n" for hour in ("00", "01", "02", "02", "03")
    ),  # a local clock put back
    "million_columns": ",".join("c" * 1_000_000) + "\n",
    "two_files_in_one": GOOD + GOOD,
    "html": "<!doctype html><html><body>404</body></html>",
    "json": '{"time": [1, 2], "open": [1, 2]}',
    "pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x07builtin\x94.",
    "zip": b"PK\x03\x04" + bytes(200),
    "formula": GOOD.replace("10,11,9", '"=cmd()",11,9'),
    "escape": GOOD.replace("close", "clo\x1b[2Jse"),
    "year_0": HEADER + "0000-01-01,1,1,1,1,1\n",
    "day_first": HEADER + "31.12.2020,1,1,1,1,1\n",
    "hexadecimal": HEADER + "2020-01-01,0x10,11,9,10,5\n",
    "percent": HEADER + "2020-01-01,10%,11,9,10,5\n",
    "currency": HEADER + "2020-01-01,$10,11,9,10,5\n",
    "only_blank_lines": "\n\n\n\n",
    "integer_of_400_digits": f"[[1577836800,10,{10**400},9,10,5],[1577923200,10,11,9,10,5]]",
    "header_twice": HEADER + HEADER + "2020-01-01,1,1,1,1,1\n",
    "nameless_column": GOOD.replace("close", ""),
}
MORE_SCENARIOS: dict[str, bytes] = {
    "yaml_object": b"!!python/object/apply:os.system ['echo 1']\n",
    "yaml_bomb": b"a: &a [x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n",
    "million_digits": b"name = " + b"9" * 1_000_000,
    "many_tables": b"[[events]]\n" * 5_000,
    "duplicate_key": b'name = "a"\nname = "b"\n',
    "duplicate_table": b'name = "a"\n[x]\n[x]\n',
    "date": b"name = 2020-01-01\n",
    "list": b'[["name", "events"]]\n',
    "json": b'{"name": "x", "events": []}',
    "open_string": b'name = "x\n',
    "bom_and_text": b"\xef\xbb\xbfname = 3\n",
    "dotted": b'name.first = "x"\n',
    "too_long_name": b'name = "' + b"x" * 81 + b'"\nevents = []\n',
    "events_table": b'name = "x"\n[events]\nkind = "price"\n',
}
PATHS = (
    *("~/bars.csv", "../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "/dev/zero"),
    *("\\\\server\\share\\bars.csv", "bars.xlsx", "nowhere/bars.parquet", "a\x00b/bars.csv"),
    *("/" + "x/" * 3000 + "bars.csv", "$HOME/bars.csv", "bars.csv;rm", "http://host/bars.csv"),
)


def refused_market(capsys: pytest.CaptureFixture[str], folder: Path, market: str) -> None:
    """Refuse a market in every command that takes one; nothing is written."""
    before = sorted(folder.iterdir())
    out = str(folder / "out")
    refusal(capsys, "evaluate", "flat", "--market", market, "--out", out)
    refusal(capsys, "backtest", "flat", "--market", market, "--out", out)
    assert sorted(folder.iterdir()) == before


def refused_scenario(capsys: pytest.CaptureFixture[str], path: Path) -> None:
    """Refuse a scenario's file in every command that takes one; nothing is written."""
    before = sorted(path.parent.iterdir())
    refusal(capsys, "scenarios", "validate", str(path))
    refusal(capsys, "scenarios", "diff", "calm", str(path))
    out = str(path.parent / "out")
    refusal(capsys, "evaluate", "flat", "--scenarios", f"calm,{path}", "--out", out)
    assert sorted(path.parent.iterdir()) == before


def content_of(value: bytes | str) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


SLOW = "gzip_of_blanks"  # sixteen million lines; the reader's own test has it
DATA = {**{name: content for name, (content, _) in MALFORMED.items() if name != SLOW}, **MORE_DATA}


@pytest.mark.proof
@pytest.mark.parametrize("name", DATA)
def test_a_malformed_file_of_bars(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bars.csv"
    path.write_bytes(content_of(DATA[name]))
    assert "bars.csv" in refusal(capsys, "data", "validate", str(path))
    refused_market(capsys, tmp_path, str(path))


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_leads_to_no_bars(
    path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refusal(capsys, "data", "validate", path)
    refused_market(capsys, tmp_path, path)


@pytest.mark.proof
def test_what_is_no_regular_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for suffix in (".csv", ".parquet", ".toml"):
        (tmp_path / f"folder{suffix}").mkdir()
        os.mkfifo(tmp_path / f"pipe{suffix}")
        (tmp_path / f"dangling{suffix}").symlink_to(tmp_path / "nothing")
        (tmp_path / f"circle{suffix}").symlink_to(tmp_path / f"circle{suffix}")
        (tmp_path / f"to_pipe{suffix}").symlink_to(tmp_path / f"pipe{suffix}")
        for name in ("folder", "pipe", "dangling", "circle", "to_pipe"):
            path = tmp_path / f"{name}{suffix}"
            if suffix == ".toml":
                refused_scenario(capsys, path)
            else:
                refusal(capsys, "data", "validate", str(path))
                refused_market(capsys, tmp_path, str(path))


def test_a_cell_of_a_gigabyte_takes_no_memory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bars.csv"
    with path.open("wb") as file:
        file.write(HEADER.encode())
        file.truncate(1 << 30)  # sparse: nothing on the disk
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refusal(capsys, "data", "validate", str(path))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024  # KiB


def damaged_parquet(path: Path, name: str) -> None:
    """Write a Parquet file that cannot be traded on."""
    times = pd.date_range("2020-01-01", periods=5, freq="D")
    frame = pd.DataFrame({"time": times, "open": 1.0, "high": 2.0, "low": 0.5, "close": 1.0})
    frame["volume"] = 10.0
    if name == "nested":
        frame["open"] = [[1.0]] * 5
    elif name == "text":
        frame["close"] = "one"
    elif name == "no_close":
        frame = frame.drop(columns="close")
    elif name == "nulls":
        frame.loc[2, "high"] = None
    elif name == "no_rows":
        frame = frame[:0]
    elif name == "unsorted":
        frame = frame.iloc[[0, 2, 1, 4, 3]]
    elif name == "infinite":
        frame.loc[1, "high"] = np.inf
    frame.to_parquet(path, index=False)
    content = path.read_bytes()
    if name == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif name == "bytes":
        path.write_bytes(content[:4] + bytes(len(content) - 8) + content[-4:])
    elif name == "bzip2":
        path.write_bytes(bz2.compress(content))
    elif name == "empty":
        path.write_bytes(b"")


@pytest.mark.parametrize(
    "name",
    [
        *("nested", "text", "no_close", "nulls", "no_rows", "unsorted", "infinite"),
        *("truncated", "bytes", "bzip2", "empty"),
    ],
)
def test_a_malformed_parquet_file(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "bars.parquet"
    damaged_parquet(path, name)
    refusal(capsys, "data", "validate", str(path))
    refused_market(capsys, tmp_path, str(path))


SPECS = (
    *("{", "{}", '{"generator": 3}', '{"generator": "gbn"}', '{"generator": null}'),
    *('{"generator": "gbm", "assets": 0}', '{"generator": "gbm", "assets": -2}'),
    *('{"generator": "gbm", "assets": "two"}', '{"generator": "gbm", "assets": 2.5}'),
    *('{"generator": "gbm", "assets": [2]}', '{"generator": "gbm", "assets": 1e12}'),
    *('{"generator": "gbm", "bars": 1000000000000}', '{"generator": "gbm", "paths": 1e400}'),
    *('{"generator": "multiscale", "preset": "moon"}', '{"generator": "multiscale", "seed": -1}'),
    *('{"generator": "multiscale", "seed": NaN}', '{"generator": "factor", "volume": -1}'),
    *('{"generator": "gbm", "band": "test"}', "[" * 100_000, '{"a":' * 100_000),
    '{"generator": "gbm", "bars": ' + "9" * 1_000_000 + "}",
)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: str(spec)[:40])
def test_a_malformed_market(spec: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refusal(capsys, "data", "describe", spec)
    refused_market(capsys, tmp_path, spec)


@pytest.mark.parametrize("name", [*BAD_FILES, *MORE_SCENARIOS])
def test_a_malformed_scenario_file(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(BAD_FILES[name][0] if name in BAD_FILES else MORE_SCENARIOS[name])
    refused_scenario(capsys, path)


def toml_value(value: Any) -> str:
    """Write a value as TOML."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return json.dumps(value)


OF_ANY_MARKET = [  # what a file says of assets and lengths is only wrong in some markets
    event
    for event, key, reason in BAD_EVENTS
    if None not in event.values()
    and not any(HUGE in (v if isinstance(v, list) else [v]) for v in event.values())
    and not (key == "assets" and "market" in reason)
    and reason not in ("after the episode's end", "did you mean 'AAA'?", "0 to 2")
]


@pytest.mark.parametrize("event", OF_ANY_MARKET, ids=lambda event: str(event)[:60])
def test_a_malformed_event(
    event: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base: dict[str, Any] = {"start": "0 bars", "kind": "volatility"}
    if event.get("kind", "volatility") == "volatility":
        base |= {"multiplier": 2.0, "duration": "10 bars"}
    path = tmp_path / "event.toml"
    lines = [f"{key} = {toml_value(value)}" for key, value in {**base, **event}.items()]
    path.write_text("\n".join(['name = "mine"', "[[events]]", *lines]))
    assert "events[0]" in refusal(capsys, "scenarios", "validate", str(path))
    refused_scenario(capsys, path)


@pytest.mark.parametrize("assets", ['["AAB"]', "[9]", "[-1]"])
def test_an_event_of_assets_that_the_market_has_not(
    assets: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "event.toml"
    event = 'kind = "halt"\nstart = "0 bars"\nduration = "2 bars"\n'
    path.write_text(f'name = "mine"\n[[events]]\n{event}assets = {assets}\n')
    assert main(["scenarios", "validate", str(path)]) == 0  # in another market it may be right
    capsys.readouterr()
    before = sorted(tmp_path.iterdir())
    out = str(tmp_path / "out")
    told = refusal(capsys, "evaluate", "flat", "--scenarios", str(path), "--out", out)
    assert "events[0].assets" in told
    assert sorted(tmp_path.iterdir()) == before


def test_there_are_as_many_malformed_inputs_as_promised() -> None:
    scenarios = len(BAD_FILES) + len(MORE_SCENARIOS) + len(OF_ANY_MARKET)
    assert len(DATA) >= 60 and scenarios >= 60


@pytest.mark.parametrize(
    "command", [("evaluate", "flat", "--scenarios"), ("scenarios", "diff", "calm")]
)
def test_a_scenario_of_json_is_told_to_be_toml(
    command: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.json").write_text('{"name": "mine", "events": []}')
    assert "mine.json: JSON, and scenario files are TOML" in refusal(capsys, *command, "mine.json")
