"""The examples run as they stand, and print what their docstrings promise."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
PRINTED = {
    "first_episode.py": "shortfall_bps",
    "own_bars.py": "bars_per_year",
    "own_scenario.py": "severity 2.0",
    "own_policy.py": "shortfall_bps",
    "known_optimum.py": "optimum",
}


def test_every_example_is_tested() -> None:
    assert {path.name for path in EXAMPLES} == set(PRINTED)


@pytest.mark.proof
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert PRINTED[path.name] in done.stdout
