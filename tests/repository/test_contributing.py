"""The examples of CONTRIBUTING.md do what the page says, each section in a copy of the repository.

A block that begins with a comment that names a file is that file; a diff is applied; a console
block is typed, and what it prints is compared, `...` standing for anything.
"""

import doctest
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.memory_bank import ROOT

pytestmark = pytest.mark.proof
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)
NAMED = re.compile(r"# (\S+\.\w+)\n")
SECTIONS = {
    title: BLOCK.findall(text)
    for title, _, text in (part.partition("\n") for part in PAGE.split("\n## ")[1:])
    if "\n```console\n" in text
}
NOT_COPIED = (".git", ".venv", "venv", ".*_cache", ".hypothesis", "build", "runs", "site")
LIKE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Path]:
    """Give a copy of the repository with its machine code, so that nothing is compiled in it."""
    folder = tmp_path / "copy"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*NOT_COPIED))
    (folder / "trading_env" / "scenarios").symlink_to(folder / "scenarios")  # as when installed
    yield folder
    shutil.rmtree(folder)


def test_a_scenario_a_metric_and_more_are_shown() -> None:
    assert {"Add a scenario", "Add a metric"} < set(SECTIONS)


def test_every_picture_of_the_pages_has_its_command() -> None:
    section = PAGE.partition("\n## Draw a picture\n")[2].partition("\n## ")[0]
    pictures = {path.name for path in (ROOT / "docs" / "images").iterdir()}
    assert set(re.findall(r"`(\w+\.png)`", section)) == pictures


@pytest.mark.parametrize("title", SECTIONS)
def test_an_example_does_what_the_page_says(title: str, copy: Path) -> None:
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": tools, "PYTHONPATH": str(copy)}
    for kind, text in SECTIONS[title]:
        if kind == "diff":
            subprocess.run(["git", "apply", "-"], cwd=copy, input=text, text=True, check=True)
        elif kind == "console":
            for command, wanted in typed(text):
                assert_prints(command, wanted, copy, env)
        else:
            (copy / named(text)).write_text(text, encoding="utf-8")


def named(text: str) -> str:
    """Return the name of the file that a block is."""
    found = NAMED.match(text)
    assert found, f"no file's name: {text[:60]}"
    return found[1]


def typed(text: str) -> list[tuple[str, str]]:
    """Cut a console block into commands, each with what follows it."""
    _, *parts = re.split(r"^\$ ", text, flags=re.M)
    return [(command, wanted) for command, _, wanted in (part.partition("\n") for part in parts)]


def assert_prints(command: str, wanted: str, folder: Path, env: dict[str, str]) -> None:
    done = subprocess.run(
        command, shell=True, cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    assert doctest.OutputChecker().check_output(wanted, done.stdout, LIKE), (
        f"{command}\nwanted\n{wanted}\ngot\n{done.stdout}"
    )
