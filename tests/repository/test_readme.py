"""The README's figures are those on record, and a changed figure is noticed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run_check(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "scripts/docs.py", "check"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


@pytest.mark.proof
def test_a_figure_typed_by_hand_is_noticed(tmp_path: Path) -> None:
    for name in ("README.md", "scripts", "trading_env", "scenarios", "benchmarks", "docs"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, tmp_path / name)
    readme = tmp_path / "README.md"
    text = readme.read_text(encoding="utf-8")
    typed = text.replace("adaptive pays less than twap, -", "adaptive pays less than twap, -9", 1)
    assert typed != text
    readme.write_text(typed, encoding="utf-8")
    done = run_check(tmp_path)
    assert done.returncode == 1 and "README.md" in done.stdout
