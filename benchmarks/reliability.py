"""Run the commands that show what holds, and keep what each of them prints.

    python -m benchmarks.reliability [--only ID]

`reliability.toml` lists the claims: an id, what is claimed, and the command that shows it. Kept are
how many tests of pytest passed and the figures that they print; of any other command the lines that
match `shows`. A claim with `record` is that of another benchmark, whose JSON file has its figures.
A claim with `not_shown` says why there is none. Rows that are not run keep what was recorded, each
with its commit and date. `scripts/docs.py` writes `docs/reliability.md` from the record, so that
nothing there is typed by hand.
"""

import argparse
import re
import shlex
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.recording import renew, stamped
from tests.figures import MARK

LIST = Path(__file__).with_suffix(".toml")
RECORD = LIST.parent / "results" / "reliability.json"
PASSED = re.compile(r"(?:\d+ \w+, )*\d+ passed(?=.* in )")


def claims() -> list[dict[str, Any]]:
    """Read the claims."""
    found: list[dict[str, Any]] = tomllib.loads(LIST.read_text(encoding="utf-8"))["claim"]
    return found


def shown_by(claim: dict[str, Any], limit_s: float) -> dict[str, Any]:
    """Run a claim's command; a row of what it showed."""
    begin = datetime.now(UTC)
    command = shlex.split(claim["command"])
    words = [sys.executable, "-m", *command] if command[0] == "pytest" else command
    if command[0] == "python":
        words = [sys.executable, *command[1:]]
    done = subprocess.run(
        words, cwd=LIST.parents[1], capture_output=True, text=True, check=False, timeout=limit_s
    )
    return stamped(
        claim["command"],
        begin,
        id=claim["id"],
        figures=figures_of(done.stdout, claim.get("shows")),
        holds=done.returncode == 0,
    )


def figures_of(printed: str, shows: str | None) -> list[str]:
    """Find the figures among what a command printed."""
    if shows is not None:
        return [line.strip() for line in printed.splitlines() if re.search(shows, line)]
    lines = printed.splitlines()
    said = [line.removeprefix(MARK) for line in lines if line.startswith(MARK)]
    passed = PASSED.search(printed)
    return [*said, *([passed[0]] if passed else [])]


def main() -> int:
    """Return 0 when every claim that was run holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="ID", help="this claim alone")
    parser.add_argument("--limit", type=float, default=7200.0, help="seconds of one command")
    chosen = parser.parse_args()
    wanted = [c for c in claims() if "command" in c and chosen.only in (None, c["id"])]
    if not wanted:
        print(f"no claim {chosen.only} with a command of its own", file=sys.stderr)
        return 2
    holds = True
    for claim in wanted:
        row = shown_by(claim, chosen.limit)
        holds = holds and row["holds"]
        print(f"{row['id']}: {'; '.join(row['figures'])}{'' if row['holds'] else ': FAILED'}")
        renew(RECORD, "id", row)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
