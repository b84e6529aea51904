"""The memory bank's script appends decisions and notices a stale map."""

import datetime
import re
import shutil
from pathlib import Path

import pytest

from scripts.memory_bank import ROOT, decide, main

LOG = "memory-bank/decisionLog.md"
ANSWERS = {
    "decision": "Yes,\n  at once.",
    "why": "It is cheaper.",
    "gave_up": "Nothing.",
    "reverse_if": "It breaks.",
}


def numbers(log: str) -> list[int]:
    return [int(number) for number in re.findall(r"^## (\d+)\. ", log, re.MULTILINE)]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Give a copy of the memory bank beside a package of two rooms."""
    shutil.copytree(ROOT / "memory-bank", tmp_path / "memory-bank")
    for name, text in (("core", '"""Values."""\n'), ("step", '"""A step."""\n')):
        (tmp_path / "trading_env" / name).mkdir(parents=True)
        (tmp_path / "trading_env" / name / "__init__.py").write_text(text)
    assert main(["map"], tmp_path) == 0
    return tmp_path


@pytest.mark.proof
def test_the_map_of_this_repository_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0, capsys.readouterr().err


def test_decisions_are_numbered_without_a_gap_and_complete() -> None:
    log = (ROOT / LOG).read_text(encoding="utf-8")
    assert numbers(log) == list(range(1, len(numbers(log)) + 1))
    for field in ("Date", "Decision", "Why", "Gave up", "Reverse if"):
        assert len(re.findall(rf"^- {field}: \S", log, re.MULTILINE)) == len(numbers(log))


def test_decide_appends_the_next_number_and_leaves_the_rest(copy: Path) -> None:
    before = (copy / LOG).read_text(encoding="utf-8")
    number = decide(copy, "Which way?", ANSWERS)
    after = (copy / LOG).read_text(encoding="utf-8")
    assert numbers(after) == [*numbers(before), number]
    assert after == before + (
        f"\n## {number}. Which way?\n\n- Date: {datetime.date.today().isoformat()}\n"
        "- Decision: Yes, at once.\n- Why: It is cheaper.\n- Gave up: Nothing.\n"
        "- Reverse if: It breaks.\n"
    )


def test_the_first_decision_of_an_empty_log_is_number_one(copy: Path) -> None:
    (copy / LOG).write_text("# Decision log\n")
    assert decide(copy, "Which way?", ANSWERS) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"core/__init__.py": '"""Other values."""\n'},
        {"step/story.py": "from trading_env.core import values\n"},
        {"attic/__init__.py": '"""Old things."""\n'},
    ],
    ids=["docstring", "import", "room"],
)
def test_check_fails_with_one_line_when_the_code_moved(
    copy: Path, change: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check"], copy) == 0
    for name, text in change.items():
        (copy / "trading_env" / name).parent.mkdir(exist_ok=True)
        (copy / "trading_env" / name).write_text(text)
    assert main(["check"], copy) == 1
    error = capsys.readouterr().err
    assert "stale" in error
    assert error.count("\n") == 1
    assert main(["map"], copy) == 0
    assert main(["check"], copy) == 0
