"""A file is whole or as it was: with several writers, on a full disk, and after a power cut."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.figures import figure
from trading_env.core.files import beside, git_state, write_bytes, write_json, write_with

WRITERS, WRITES = 4, 500
WRITER = """
import sys
from pathlib import Path
from trading_env.core.files import write_bytes
letter, path = sys.argv[1], Path(sys.argv[2])
for _ in range(int(sys.argv[3])):
    write_bytes(path, letter.encode() * 10_000)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


@pytest.mark.proof
def test_writers_of_one_file_do_not_fail_and_leave_it_whole(tmp_path: Path) -> None:
    """Each under a name of its own; a reader in between sees one writer's whole content."""
    path = tmp_path / "a.json"
    command = [sys.executable, "-c", WRITER]
    writers = [
        subprocess.Popen([*command, letter, str(path), str(WRITES)], stderr=subprocess.PIPE)
        for letter in "abcd"[:WRITERS]
    ]
    seen = 0
    while any(writer.poll() is None for writer in writers):
        if path.exists():
            content = path.read_bytes()
            assert len(content) == 10_000 and len(set(content)) == 1
            seen += 1
    failed = [writer.communicate()[1] for writer in writers if writer.wait() != 0]
    assert failed == [] and seen > 0
    assert names(tmp_path) == ["a.json"]
    figure(f"{WRITERS * WRITES} writes of {WRITERS} writers: 0 fail, {seen} reads whole")


def test_the_content_is_on_the_disk_before_its_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """File, name, folder, in this order: else a power cut leaves an empty file under the name."""
    done: list[str] = []
    sync, replace = os.fsync, os.replace

    def synced(handle: int) -> None:
        what = "folder" if os.path.isdir(f"/proc/self/fd/{handle}") else "file"
        done.append(f"sync {what}")
        sync(handle)

    def replaced(source: Any, target: Any) -> None:
        done.append("name")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    write_json(tmp_path / "a.json", {"x": 1})
    assert done == ["sync file", "name", "sync folder"]


@pytest.mark.parametrize("moment", ["write", "fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"old": True})

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def half(part: Path) -> None:
        part.write_bytes(b"half")
        if moment == "write":
            full()

    if moment != "write":
        monkeypatch.setattr(os, moment, full)
    with pytest.raises(OSError, match="No space left"):
        write_with(path, half)
    assert json.loads(path.read_text()) == {"old": True}
    assert names(tmp_path) == ["a.json"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_write_that_fails_is_an_error_and_not_a_short_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_bytes(path, b"old")

    def to_a_full_device(part: Path) -> None:
        part.symlink_to("/dev/full")
        part.write_bytes(b"new" * 100_000)

    with pytest.raises(OSError, match="No space left"):
        write_with(path, to_a_full_device)
    assert path.read_bytes() == b"old" and names(tmp_path) == ["a.json"]


def test_no_two_names_are_the_same() -> None:
    made = {beside(Path("folder/a.json")) for _ in range(1000)}
    assert len(made) == 1000
    assert {path.parent for path in made} == {Path("folder")}


def test_a_package_below_somebody_s_repository_has_no_commit_of_theirs(tmp_path: Path) -> None:
    """As in a virtual environment in a project, which ignores it."""

    def git(*arguments: str) -> None:
        who = ["-c", "user.name=A", "-c", "user.email=a@b"]
        subprocess.run(["git", "-C", str(tmp_path), *who, *arguments], check=True)

    installed, own = tmp_path / "venv" / "package", tmp_path / "own"
    for folder in (installed, own):
        folder.mkdir(parents=True)
        (folder / "a.py").write_text("a = 1\n")
    (tmp_path / ".gitignore").write_text("venv\n")
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "-m", "first")
    assert git_state(own)["commit"] and git_state(own)["dirty"] is False
    assert git_state(installed) == {"commit": None, "dirty": None}
