"""What a newcomer types first: version, completion, doctor, and an audit whose end is a verdict."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from trading_env import __version__
from trading_env.cli import doctor
from trading_env.cli.main import main

ROOT = Path(__file__).parents[2]


def test_the_version_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"trading-env {__version__}\n"


@pytest.mark.proof
def test_a_shell_completes_verbs_and_options() -> None:
    words = {"COMP_WORDS": "trading-env sc", "COMP_CWORD": "1"}
    env = {**os.environ, **words, "_TRADING_ENV_COMPLETE": "complete_bash"}
    command = [sys.executable, "-m", "trading_env"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["scenarios"]


def test_doctor_names_what_is_missing_and_how_to_get_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_torch(packages: Any) -> dict[str, str]:
        return {name: "not installed" if name == "torch" else "1.0" for name in packages}

    monkeypatch.setattr(doctor, "versions", without_torch)
    monkeypatch.setattr(doctor, "is_warm", lambda: False)
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert 'pip install "execution-gym[train]"' in found["extras"]["train"]
    assert "missing: torch" in found["extras"]["train"]
    assert found["extras"]["data"].startswith("installed")
    assert "trading-env warm" in found["machine code"]["step"]


@pytest.mark.proof
@pytest.mark.parametrize(
    ("toy", "code", "last"),
    [("Sound", 0, "passed"), ("Peek", 1, "failed: 1 (known_price)")],
)
def test_the_last_line_of_an_audit_is_its_verdict(
    toy: str, code: int, last: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", f"tests.audit.toys:{toy}"]) == code
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1] == last
    assert printed.err == ""  # progress is for terminals


@pytest.mark.proof
def test_train_speaks_before_it_imports_what_trains() -> None:
    command = [sys.executable, "train.py", "--timesteps", "0"]
    began = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    first = process.stderr.readline()
    spoke = time.monotonic() - began
    rest = process.stderr.read()
    ended = time.monotonic() - began
    assert process.wait() == 2
    assert first.startswith("train.py: ") and rest.startswith("error: ")
    assert spoke < 0.5 * ended
