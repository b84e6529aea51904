"""A difference between two runs is found wherever it is, down to the last bit."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from trading_env.backtesting.reproduction import _differing_cells, _of_json, _of_table, differing
from trading_env.backtesting.run_folder import RunFolder

FRAME = pd.DataFrame({"policy": ["a", "b"], "return": [0.1, np.nan], "steps": [1, 2]})


@pytest.mark.parametrize(
    ("then", "now", "told"),
    [
        ({"a": [1, 2.0]}, {"a": [1, 2.0]}, []),
        ({"a": [1, 2.0]}, {"a": [1, 2.0000000000000004]}, ["x.a[1]: 2.0 then, 2.0000000000000004"]),
        ({"a": 1}, {"a": 1.0}, ["x.a: 1 then, 1.0 now"]),
        ({"a": 1}, {"a": True}, ["x.a: 1 then, True now"]),
        ({"a": None}, {"b": 3}, ["x.b: None then, 3 now"]),
        ([1, 2], [1], ["x: [1, 2] then, [1] now"]),
    ],
)
def test_each_place_that_differs_is_told(then: Any, now: Any, told: list[str]) -> None:
    found = list(differing(then, now, "x"))
    assert len(found) == len(told)
    assert all(text.startswith(part) for text, part in zip(found, told, strict=True))


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("return", [np.nextafter(0.1, 1.0), np.nan]),
        ("return", [0.1, 0.0]),
        ("policy", ["a", "c"]),
        ("steps", [1, 3]),
    ],
)
def test_a_cell_that_differs_is_told(column: str, values: list[Any]) -> None:
    (told,) = _differing_cells(FRAME, FRAME.assign(**{column: values}), "episodes")
    assert f" {column}: " in told
    assert list(_differing_cells(FRAME, FRAME.copy(), "episodes")) == []


def test_the_sign_of_a_zero_differs() -> None:
    (told,) = _differing_cells(FRAME.assign(z=[0.0, 1.0]), FRAME.assign(z=[-0.0, 1.0]), "e")
    assert told == "e row 0 z: 0.0 then, -0.0 now"


def test_other_rows_or_columns_and_missing_files_differ(tmp_path: Path) -> None:
    assert list(_differing_cells(FRAME, FRAME[:1], "e")) == [
        "e: 2 rows of 3 columns then, 1 rows of 3 columns now"
    ]
    (tmp_path / "journal.csv").write_text("a\n")
    (tmp_path / "s.json").write_text("[]")
    none = tmp_path / "none"
    assert list(_of_table(none, tmp_path, "journal")) == ["journal: missing then"]
    assert list(_of_table(tmp_path, none, "journal")) == ["journal: missing now"]
    assert list(_of_json(none, tmp_path / "s.json", "s.json")) == ["s.json: missing then"]
    assert list(_of_json(tmp_path / "s.json", none, "s.json")) == ["s.json: missing now"]
    assert list(_of_json(none, none, "s.json")) == list(_of_table(none, none, "journal")) == []


@pytest.mark.parametrize(("kind", "kept"), [("evaluate", "second"), ("train", "first")])
def test_a_run_that_is_continued_names_the_command_that_repeats_it(
    kind: str, kept: str, tmp_path: Path
) -> None:
    """--resume says nothing of what is trained; another evaluation is what was typed last."""
    for command in ("first", "second"):
        with RunFolder(tmp_path, kind, command).open():
            pass
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["command"] == kept


def test_a_folder_of_another_kind_or_one_that_may_not_go_on_is_refused(tmp_path: Path) -> None:
    with RunFolder(tmp_path, "evaluate", "a").open():
        pass
    for kind, goes_on in (("backtest", True), ("evaluate", False)):
        with pytest.raises(ValueError, match="holds another run"):
            RunFolder(tmp_path, kind, "b", goes_on=goes_on)
