"""A run folder that is damaged gets one line and exit code 2, whichever file is at fault."""

import copy
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.figures import figure
from tests.report.folder import curves, read, summary
from trading_env.backtesting.replay import CODED, REPLAYED
from trading_env.cli.main import main
from trading_env.core.files import write_json

SUMMARY, REPLAY, MANIFEST = FILES = (
    "evaluation/summary.json",
    "evaluation/replay.json",
    "manifest.json",
)
CSV, PARQUET = "evaluation/curves.csv", "evaluation/curves.parquet"
ROWS = 3
DEEP = "[" * 100_000


def contents() -> dict[str, Any]:
    """Return a whole, small run folder: file -> JSON."""
    asset = {name: [1.0] * ROWS for name in (*REPLAYED, "own_impact_bps")}
    asset |= {name: ["none"] * ROWS for name in CODED}
    asset |= {"symbol": "A", "events": [[1, 2]], "halts": []}
    episode = {"policy": "flat", "scenario": "calm", "seed": 1, "assets": [asset]}
    episode |= {"time": ["2020-01-01"] * ROWS, "equity": [1.0] * ROWS}
    whole = summary(severities=(1.0, 2.0))
    return {
        SUMMARY: whole | {"means": whole["means"][:4], "reasons": whole["reasons"][:1]},
        REPLAY: [episode],
        MANIFEST: {
            "status": "finished",
            "git": {"commit": "0123456789", "dirty": False},
            "seeds": {"training": 0},
            "versions": {"python": "3.11"},
            "environment": {
                "market": {"source": "m", "sha256": "f"},
                "scenarios": [{"name": "calm", "sha256": "f"}],
            },
        },
    }


def write(folder: Path) -> Path:
    for name, content in contents().items():
        write_json(folder / name, content)
    curves(np.array([2.0, 3.0, 1.0])).to_csv(folder / CSV, index=False)
    return folder


def put(name: str, place: str, value: Any) -> Callable[[Path], None]:
    """Return what sets one value of a JSON file, at a place such as means.0.policy."""

    def mutate(folder: Path) -> None:
        content = part = read(folder, name)
        *way, last = [int(key) if key.isdigit() else key for key in place.split(".")]
        for key in way:
            part = part[key]
        part[last] = value
        (folder / name).write_text(json.dumps(content), encoding="utf-8")

    return mutate


def drop(name: str, place: str) -> Callable[[Path], None]:
    def mutate(folder: Path) -> None:
        content = part = read(folder, name)
        *way, last = place.split(".")
        for key in way:
            part = part[int(key) if key.isdigit() else key]
        del part[last]
        write_json(folder / name, content)

    return mutate


def overwrite(name: str, content: bytes) -> Callable[[Path], None]:
    def mutate(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return mutate


def cut(name: str) -> Callable[[Path], None]:
    def mutate(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return mutate


def table(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], None]:
    def mutate(folder: Path) -> None:
        change(pd.read_csv(folder / CSV)).to_csv(folder / CSV, index=False)

    return mutate


def column(name: str, row: int, value: Any) -> Callable[[Path], None]:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame[name] = frame[name].astype(object)
        frame.loc[row, name] = value
        return frame

    return table(change)


def parquet(content: bytes | None) -> Callable[[Path], None]:
    """Return what puts bytes, or the first half of a Parquet file, in the place of the curves."""

    def mutate(folder: Path) -> None:
        pd.read_csv(folder / CSV).to_parquet(folder / PARQUET)
        (folder / CSV).unlink()
        whole = (folder / PARQUET).read_bytes()
        (folder / PARQUET).write_bytes(whole[: len(whole) // 2] if content is None else content)

    return mutate


def other_kind(name: str, kind: str) -> Callable[[Path], None]:
    """Return what puts a folder, a pipe or a link to itself in the place of a file."""

    def mutate(folder: Path) -> None:
        path = folder / name
        path.unlink()
        if kind == "folder":
            path.mkdir()
        elif kind == "pipe":
            os.mkfifo(path)
        else:
            path.symlink_to(path)

    return mutate


def damages() -> Iterator[tuple[str, Callable[[Path], None]]]:
    """Yield the file at fault and what damages it."""
    for name in FILES:
        for content in (b"", b"{", b"7", b'"x"', b"\xff\xfe", b"\x00", DEEP.encode(), b"NaN"):
            yield name, overwrite(name, content)
        yield name, cut(name)
    yield SUMMARY, lambda folder: (folder / SUMMARY).unlink()
    yield SUMMARY, overwrite(SUMMARY, b"[]")
    yield SUMMARY, overwrite(SUMMARY, b"null")
    yield MANIFEST, overwrite(MANIFEST, b"[]")
    yield REPLAY, overwrite(REPLAY, b"{}")
    for name, place, value in (
        (SUMMARY, "learner", 7),
        (SUMMARY, "market", None),
        (SUMMARY, "notes", "a note"),
        (SUMMARY, "notes.0", 1.5),
        (SUMMARY, "scenarios", {}),
        (SUMMARY, "scenarios.0", "calm"),
        (SUMMARY, "scenarios.0.role", None),
        (SUMMARY, "means", None),
        (SUMMARY, "means.0", []),
        (SUMMARY, "means.0.policy", 3),
        (SUMMARY, "means.1.scenario", None),
        (SUMMARY, "means.0.severity", "1"),
        (SUMMARY, "means.0.severity", float("nan")),
        (SUMMARY, "means.2.return", "0.1"),
        (SUMMARY, "means.2.return", float("inf")),
        (SUMMARY, "means.2.return", 1e300),
        (SUMMARY, "means.2.return", 10**400),
        (SUMMARY, "means.2.return", True),
        (SUMMARY, "reasons.0.reasons", ["no order"]),
        (SUMMARY, "reasons.0.reasons", {"sharpe": None}),
        (SUMMARY, "differences", []),
        (SUMMARY, "differences.twap", {}),
        (SUMMARY, "differences.twap.0.diff_return_low", [1.0]),
        (SUMMARY, "differences.twap.2.diff_return", None),
        (SUMMARY, "differences.twap.2.diff_return_high", None),
        (REPLAY, "0", None),
        (REPLAY, "0.seed", "1"),
        (REPLAY, "0.time", []),
        (REPLAY, "0.time.1", 5),
        (REPLAY, "0.equity", [1.0]),
        (REPLAY, "0.equity.0", 0.0),
        (REPLAY, "0.equity.1", None),
        (REPLAY, "0.assets", []),
        (REPLAY, "0.assets.0.symbol", None),
        (REPLAY, "0.assets.0.close", [1.0, 2.0]),
        (REPLAY, "0.assets.0.close.2", float("nan")),
        (REPLAY, "0.assets.0.status", [0] * ROWS),
        (REPLAY, "0.assets.0.events", [[1]]),
        (REPLAY, "0.assets.0.events", [[2, 1]]),
        (REPLAY, "0.assets.0.halts", [[0, ROWS]]),
        (MANIFEST, "status", 1),
        (MANIFEST, "git", "0123456789"),
        (MANIFEST, "git.commit", 123),
        (MANIFEST, "seeds", 7),
        (MANIFEST, "versions", ["numpy"]),
        (MANIFEST, "environment", "portfolio"),
        (MANIFEST, "environment.market", 1),
        (MANIFEST, "environment.scenarios", [1]),
        (MANIFEST, "environment.scenarios.0.name", 5),
    ):
        yield name, put(name, place, value)
    for name, place in (
        (SUMMARY, "means.0.policy"),
        (SUMMARY, "scenarios.0.role"),
        (REPLAY, "0.equity"),
        (REPLAY, "0.assets.0.filled"),
        (REPLAY, "0.assets.0.events"),
        (MANIFEST, "environment.market"),
    ):
        yield name, drop(name, place)
    for name in (*FILES, CSV):
        for kind in ("folder", "pipe", "loop"):
            yield name, other_kind(name, kind)
    for name in ("policy", "scenario", "severity", "step", "equity", "equity_low", "drawdown"):
        yield CSV, table(lambda frame, name=name: frame.drop(columns=name))
    for name, value in (
        ("equity", "much"),
        ("equity", float("inf")),
        ("equity", 1e300),
        ("equity", 0.0),
        ("equity", 1e-300),
        ("equity_high", 1e308),
        ("equity", -1.0),
        ("drawdown", None),
        ("severity", None),
        ("step", 7),
        ("stressed", 2.0),
    ):
        yield CSV, column(name, 0, value)
    for content in (b"", b"\x00\xff", b'a,b\n1\n1,2,3\n"'):
        yield CSV, overwrite(CSV, content)
    for whole in (b"", b"PAR1", None):
        yield PARQUET, parquet(whole)


DAMAGES = list(damages())


@pytest.mark.parametrize(("name", "damage"), DAMAGES)
def test_a_damaged_folder_is_one_line_that_names_the_file(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    damage: Callable[[Path], None],
) -> None:
    damage(write(tmp_path))
    assert main(["report", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("error: ")
    assert len(said.err) < 210 and said.err.count("\n") == 1 and said.err.endswith("\n")
    assert Path(name).name in said.err
    assert not (tmp_path / "report.html").exists()


def test_the_damages_are_many_and_the_folder_that_they_damage_is_whole(tmp_path: Path) -> None:
    assert len(DAMAGES) >= 100
    assert main(["report", str(write(tmp_path))]) == 0
    figure(f"{len(DAMAGES)} damaged run folders")


def places(value: Any, way: str = "") -> Iterator[str]:
    """Yield the place of each part of a JSON value; of lists the first item stands for all."""
    items = value.items() if isinstance(value, dict) else enumerate(value[:1])
    for key, item in items:
        yield f"{way}{key}"
        if isinstance(item, dict | list):
            yield from places(item, f"{way}{key}.")


@pytest.mark.proof
@pytest.mark.parametrize("value", [None, 1e30, "x", [[]]])
def test_any_value_at_any_place_makes_a_page_or_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], value: Any
) -> None:
    write(tmp_path)
    for name, whole in contents().items():
        for place in places(copy.deepcopy(whole)):
            put(name, place, value)(tmp_path)
            code = main(["report", str(tmp_path)])
            assert code in (0, 2), (name, place)
            assert capsys.readouterr().err.count("\n") == (code == 2)
            write_json(tmp_path / name, whole)


def test_curves_that_hardly_move_are_drawn(tmp_path: Path) -> None:
    """Axes of almost no length are widened, not divided by."""
    for values in ([1.0, 1.0 + 2e-16, 1.0], [5e-324, 5e-324, 1e-323], [1e-300, 1.1e-300, 1e-300]):
        curves(np.array(values)).to_csv(write(tmp_path) / CSV, index=False)
        assert main(["report", str(tmp_path)]) == 0
