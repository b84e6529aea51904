"""A folder has one writer; a killed one's place is taken, with a word and without its leftovers."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.figures import figure
from trading_env.backtesting.run_folder import RunFolder
from trading_env.cli.main import main
from trading_env.core.errors import ConfigError
from trading_env.core.files import beside
from trading_env.core.locking import LOCK, only_writer

HOLDER = """
import sys, time
from pathlib import Path
from trading_env.core.files import beside
from trading_env.core.locking import only_writer
folder = Path(sys.argv[1])
with only_writer(folder):
    (folder / "evaluation" / "cells").mkdir(parents=True, exist_ok=True)
    for place in (folder, folder / "evaluation", folder / "evaluation" / "cells"):
        beside(place / "half.json").write_text("half")
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""
RACER = """
import sys, time
from pathlib import Path
from trading_env.core.errors import ConfigError
from trading_env.core.locking import only_writer
folder, name = Path(sys.argv[1]), sys.argv[2]
end = time.monotonic() + 3.0
while time.monotonic() < end:
    try:
        with only_writer(folder):
            (folder / "writer").mkdir()  # fails if another one is in
            (folder / "writer").rmdir()
            print("in", flush=True)
    except ConfigError:
        pass
"""


def started(script: str, *arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def holding(folder: Path) -> "subprocess.Popen[str]":
    """Start a process that holds a folder, and wait until it does."""
    process = started(HOLDER, folder, 60)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def killed(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def parts(folder: Path) -> list[Path]:
    return sorted(folder.rglob(".*.part"))


def test_a_second_writer_is_refused_in_one_line_that_names_the_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    process = holding(tmp_path)
    try:
        out = ["--episodes", "1", "--scenarios", "calm", "--out", str(tmp_path)]
        assert main(["evaluate", "flat", *out]) == 2
    finally:
        killed(process)
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    assert f"process {process.pid} (since 20" in said.err and "another folder" in said.err
    assert not (tmp_path / "manifest.json").exists()
    assert len(parts(tmp_path)) == 3


def test_a_killed_writers_folder_is_taken_over_with_a_note_and_swept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    process = holding(tmp_path)
    killed(process)
    mine = beside(tmp_path / "report.html")  # of a process that is alive: this one
    stranger = tmp_path / ".notes.part"
    for path in (mine, stranger):
        path.write_text("kept")
    assert len(parts(tmp_path)) == 5
    with only_writer(tmp_path):
        held = json.loads((tmp_path / LOCK).read_text())
        assert held["pid"] == os.getpid() and held["start"].startswith("20")
        assert parts(tmp_path) == sorted([mine, stranger])
    note = capsys.readouterr().err
    assert note.count("\n") == 1
    assert f"taken over from process {process.pid} (since 20" in note
    assert not (tmp_path / LOCK).exists()
    with only_writer(tmp_path):
        pass
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("content", ["", "{", "[]", "[" * 900, '{"pid": "\\u001b[2J"}', "\0"])
def test_a_lock_of_another_make_is_taken_over(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / LOCK).write_text(content)
    with only_writer(tmp_path), pytest.raises(ConfigError), only_writer(tmp_path):
        pass
    note = capsys.readouterr().err
    assert note.count("\n") == (content != "") and "\x1b" not in note
    assert not (tmp_path / LOCK).exists()


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("elsewhere")])
def test_what_is_no_lock_is_refused(
    make: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / LOCK)
    opened, real = [], os.open

    def counted(path: Any, *given: Any, **named: Any) -> int:
        opened.append(path)
        assert len(opened) < 10, "it is opened again and again"
        return real(path, *given, **named)

    monkeypatch.setattr(os, "open", counted)
    with pytest.raises(OSError), only_writer(tmp_path):
        pass
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.proof
def test_of_many_that_race_for_a_folder_one_at_a_time_is_in(tmp_path: Path) -> None:
    """The lock's file comes and goes all the time, which is when two could hold one each."""
    killed(holding(tmp_path))
    racers = [started(RACER, tmp_path, number) for number in range(4)]
    told = [racer.communicate() for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 4, [err[-300:] for _, err in told]
    entered = sum(out.count("in\n") for out, _ in told)
    assert entered > 50
    figure(f"4 racers: in {entered} times, never two at once")


def test_a_run_that_has_begun_meanwhile_is_left_alone(tmp_path: Path) -> None:
    late = RunFolder(tmp_path, "evaluate", "late")
    with RunFolder(tmp_path, "backtest", "first").open():
        pass
    manifest = (tmp_path / "manifest.json").read_text()
    with pytest.raises(ValueError, match="another run"), late.open():
        pass
    assert (tmp_path / "manifest.json").read_text() == manifest


def test_a_run_holds_its_folder_to_the_last_file(tmp_path: Path) -> None:
    """Until the manifest says how it ended."""
    folder = RunFolder(tmp_path, "evaluate", "one")
    with folder.open(), folder.open(seeds={"first": 1}):
        assert (tmp_path / LOCK).exists()
    assert json.loads((tmp_path / "manifest.json").read_text())["status"] == "finished"
    assert json.loads((tmp_path / "manifest.json").read_text())["seeds"] == {"first": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]
