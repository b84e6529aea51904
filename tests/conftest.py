"""Settings of the whole suite: workers, waiting threads, and Hypothesis' profiles.

A run of the whole suite or of a lane of it is shared among the cores by pytest-xdist; a run of
chosen files, classes or tests stays in one process, and `-n` says otherwise. Workers find the
drivers compiled, by `trading-env warm`.
"""

import os
import subprocess
import sys

import pytest
from hypothesis import settings

# Before the first parallel loop: threads that spin while they wait take the cores of the others.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# No deadlines, because compilation is paid once.
settings.register_profile("suite", deadline=None, derandomize=True, max_examples=200)
settings.register_profile("quick", settings.get_profile("suite"), max_examples=20)
settings.load_profile("suite")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Say how many workers `-n auto` stands for: none for a part of the suite."""
    if config.args_source is not pytest.Config.ArgsSource.TESTPATHS or config.option.keyword:
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return 0 if cores in (None, 1) else cores


def pytest_configure(config: pytest.Config) -> None:
    """Draw fewer examples in the quick lane; compile before workers start, once for all."""
    if "not proof" in config.option.markexpr and not config.option.hypothesis_profile:
        settings.load_profile("quick")
    if config.option.tx and not hasattr(config, "workerinput") and not config.option.collectonly:
        warmed = subprocess.run([sys.executable, "-m", "trading_env", "warm"], check=False)
        if warmed.returncode:
            raise pytest.UsageError("the drivers do not compile")
