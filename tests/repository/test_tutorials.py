"""The tutorials run as they stand: their Python in one go, their commands, and the notebook."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from trading_env.cli.main import main

pytestmark = pytest.mark.proof
ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "tutorials"
PAGES = sorted(FOLDER.glob("*.md"))
BLOCK = re.compile(r"^```(python|bash)\n(.*?)^```", re.M | re.S)


def test_the_tutorials_are_found() -> None:
    assert len(PAGES) >= 5
    assert all(BLOCK.search(page.read_text(encoding="utf-8")) for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.stem))
def test_a_tutorial_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": page.stem}
    for kind, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if kind == "python":
            exec(compile(text, str(page), "exec"), names)
            continue
        for line in text.splitlines():
            program, *words = shlex.split(line)
            assert program == "trading-env"
            assert main(words) == 0, line


def test_the_notebook_runs_and_is_kept_without_outputs(tmp_path: Path) -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(FOLDER / "tour.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells)
    nbclient.NotebookClient(
        notebook, timeout=600, resources={"metadata": {"path": tmp_path}}
    ).execute()
    shown = [
        set(output.get("data", {})) for cell in notebook.cells for output in cell.get("outputs", ())
    ]
    assert sum("image/png" in data for data in shown) == 3
    assert sum("text/html" in data for data in shown) >= 4


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    """Strict: a broken link, a missing anchor or an undocumented name is an error."""
    pytest.importorskip("mkdocs")
    pytest.importorskip("mkdocstrings")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(tmp_path)]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    reference = (tmp_path / "api.html").read_text(encoding="utf-8")
    assert "calculate_position_size" in reference and "simulate_execution" in reference
