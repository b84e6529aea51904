"""The examples run as they stand, and print what their docstrings promise."""

import subprocess
import sys
from importlib.util import find_spec
from math import isfinite
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
RLLIB = "rllib_training.py"
PRINTED = {
    "first_episode.py": "shortfall_bps",
    "own_bars.py": "bars_per_year",
    "own_scenario.py": "severity 2.0",
    "own_policy.py": "shortfall_bps",
    "known_optimum.py": "optimum",
    "ppo_one_file.py": "update 0: mean reward of",
}
FEW = {"ppo_one_file.py": ["--steps", "2048", "--lanes", "16", "--length", "40"]}


def test_every_example_is_tested() -> None:
    assert {path.name for path in EXAMPLES} == {*PRINTED, RLLIB}


@pytest.mark.proof
@pytest.mark.parametrize("name", PRINTED)
def test_example(name: str) -> None:
    path = ROOT / "examples" / name
    done = subprocess.run(
        [sys.executable, str(path), *FEW.get(path.name, [])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert PRINTED[path.name] in done.stdout


@pytest.mark.rllib
@pytest.mark.skipif(find_spec("tree") is None, reason="RLlib is missing: .ci/rllib installs it")
def test_rllib_trains_on_the_registered_ids() -> None:
    path = ROOT / "examples" / RLLIB
    done = subprocess.run(
        [sys.executable, str(path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-1000:]
    lines = [line for line in done.stdout.splitlines() if line.startswith("trading_env/")]
    assert len(lines) == 4 and all(isfinite(float(line.split()[-1])) for line in lines)
