"""Machine code is kept where it can be written, and never where a stranger could have put his."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from trading_env.core.jit import temporary_cache
from trading_env.core.sources import PACKAGE

LOOK = """
from trading_env.step.drivers import reset_lanes, step_lanes
import trading_env.markets.models.paths
print(step_lanes.stats.cache_path, reset_lanes.stats.cache_path, sep="\\n")
import numba
print(numba.config.CACHE_DIR)
"""
FOLDER = f"trading-env-cache-{os.getuid()}"


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the package so that no machine code can be kept in it, even by root."""
    folder = tmp_path_factory.mktemp("sealed")
    shutil.copytree(PACKAGE, folder / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    for room in ("step", "markets/models"):
        (folder / PACKAGE.name / room / "__pycache__").write_text("no folder")
    return folder


def imported(sealed: Path, home: str, temporary: Path) -> "subprocess.CompletedProcess[str]":
    kept = {"PATH": os.environ["PATH"], "NUMBA_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    env = {**kept, "PYTHONPATH": str(sealed), "HOME": home, "TMPDIR": str(temporary)}
    command = [sys.executable, "-c", LOOK]
    return subprocess.run(
        command, cwd=temporary, env=env, capture_output=True, text=True, check=False
    )


@pytest.mark.proof
def test_without_a_place_to_write_the_code_is_kept_in_a_temporary_folder(
    sealed: Path, tmp_path: Path
) -> None:
    """A read-only installation and an unwritable HOME: imported, with one line about it."""
    done = imported(sealed, "/dev/null", tmp_path)
    assert done.returncode == 0, done.stderr[-500:]
    *places, configured = done.stdout.splitlines()
    assert all(place.startswith(str(tmp_path / FOLDER)) for place in places)
    assert configured == ""  # nobody else's machine code goes there
    assert done.stderr.count("\n") == 1 and str(tmp_path / FOLDER) in done.stderr
    assert (tmp_path / FOLDER).stat().st_mode & 0o777 == 0o700


@pytest.mark.proof
def test_with_a_home_nothing_is_said(sealed: Path, tmp_path: Path) -> None:
    done = imported(sealed, str(tmp_path / "home"), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / FOLDER).exists()


@pytest.mark.parametrize(
    "plant",
    [
        lambda path: path.symlink_to(path.parent),
        lambda path: path.write_text("a file"),
        lambda path: (path.mkdir(), path.chmod(0o777)),
    ],
)
def test_a_folder_that_others_can_write_to_is_not_used(
    plant: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Machine code is pickled: whoever can put it there decides what runs."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    plant(tmp_path / FOLDER)
    temporary_cache.cache_clear()
    found = Path(temporary_cache())
    temporary_cache.cache_clear()
    assert found != tmp_path / FOLDER and found.parent == tmp_path
    assert found.stat().st_mode & 0o777 == 0o700
