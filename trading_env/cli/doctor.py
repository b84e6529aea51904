"""`trading-env doctor`: what is installed, whether the step is compiled, and what is missing."""

import os
import re
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

import numba

from trading_env import __version__
from trading_env.cli.answers import answer, indented
from trading_env.cli.options import AsJson
from trading_env.core.files import versions
from trading_env.envs.warming import cache_folder, is_warm

NAME = "execution-gym"
NEEDED_FOR = {  # extras in a user's words; what is not named here is for maintainers
    "train": "train.py, pictures, Parquet",
    "data": "Parquet",
    "calendars": "holes in bars by an exchange's calendar",
}
REQUIREMENT = re.compile(r"([\w.-]+).*extra == ['\"](\w+)['\"]")


def doctor_verb(as_json: AsJson = False) -> None:
    """Say what is installed, whether the step is compiled, and which extras are missing."""
    packages = ("numpy", "numba", "gymnasium", "pandas", "torch", "stable-baselines3")
    found: dict[str, Any] = {
        "trading_env": __version__,
        "versions": versions(packages),
        "threads": {
            "cores": os.cpu_count(),
            "of a batch": vars(numba.config)["NUMBA_NUM_THREADS"],
            "set by": "NUMBA_NUM_THREADS",
        },
        "machine code": {"folder": cache_folder(), "step": _warmth()},
        "extras": _extras(),
    }
    answer(found, as_json, indented)


def _warmth() -> str:
    """Say whether environments are compiled."""
    return "compiled" if is_warm() else "is not compiled: `trading-env warm` does it once"


def _extras() -> dict[str, str]:
    """Say of each extra whether it is there, or what to type."""
    try:
        required = distribution(NAME).requires or []
    except PackageNotFoundError:
        return dict.fromkeys(NEEDED_FOR, f"unknown: {NAME} is not installed by pip")
    found = {}
    for extra, purpose in NEEDED_FOR.items():
        hits = filter(None, map(REQUIREMENT.match, required))
        wanted = [hit[1] for hit in hits if hit[2] == extra]
        missing = [name for name, version in versions(wanted).items() if version == "not installed"]
        found[extra] = f"installed ({purpose})"
        if missing:
            get = f'pip install "{NAME}[{extra}]"'
            found[extra] = f"{get} for {purpose} (missing: {', '.join(missing)})"
    return found
