"""Names and letters that a locale lacks: a folder is written and read, and output never fails."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lanes import quick_first

ROOT = Path(__file__).parents[2]
BARE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}  # as ASCII as it gets
MARKET = '{"generator": "multiscale", "paths": 2, "bars": 140}'
EVALUATE = [
    *("evaluate", "flat", "--scenarios", "calm", "--episodes", "1", "--length", "5"),
    *("--market", MARKET, "--out", "übung"),
]


def run(folder: Path, locale: dict[str, str], *arguments: str) -> tuple[int, str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "PYTHON"))}
    env = {**kept, **locale, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "trading_env", *arguments]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.proof
@pytest.mark.parametrize(
    "locale",
    quick_first([BARE, {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}], mark=pytest.mark.slow),
)
def test_a_folder_with_a_letter_that_the_locale_lacks(
    locale: dict[str, str], tmp_path: Path
) -> None:
    code, out, err = run(tmp_path, locale, *EVALUATE)
    assert (code, err) == (0, "") and out.isascii() and "flat" in out
    manifest = json.loads((tmp_path / "übung" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["command"].endswith("--out 'übung'") and manifest["status"] == "finished"
    code, out, err = run(tmp_path, locale, "report", "übung")
    assert (code, out, err) == (0, "report  \\xfcbung/report.html\n", "")
    assert "übung" in (tmp_path / "übung" / "report.html").read_text(encoding="utf-8")
    code, out, err = run(tmp_path, locale, *EVALUATE)
    assert (code, err) == (0, "")
    kept = json.loads((tmp_path / "übung" / "manifest.json").read_text())["cells"]
    assert kept["played"] == 0 and kept["kept"] == kept["total"]
