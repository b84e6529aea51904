"""Draw claims from the pages, each with the command that proves it.

    python scripts/claims.py                    # ten, by seed 0
    python scripts/claims.py --seed 7 --run     # others, and run what a test proves

A claim is a row of a table or a sentence of README or `docs/` that names its proof: a `pytest`
command, a file of tests, or a benchmark. With `--run` tests are run, and a benchmark, which takes
minutes, is only named; exit code 1 when one fails.
"""

import argparse
import random
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
NOT_CLAIMS = ("releasing.md",)  # says what a maintainer types
PROOF = re.compile(
    r"`(pytest [^`]*tests/[^`]+|tests/[\w/]+\.py|test_\w+\.py|python -m benchmarks[^`]+)`"
)
CODE = re.compile(r"^```.*?^```", re.M | re.S)
PART = re.compile(r"^\|.*\|$|(?:^(?!\||#).+\n?)+", re.M)  # a row, or a paragraph


class Claim(NamedTuple):
    """A sentence, where it stands, and what proves it."""

    page: str
    line: int
    text: str
    command: str


def claims() -> list[Claim]:
    """List every claim of the pages."""
    found = []
    for page in PAGES:
        if page.name not in NOT_CLAIMS:
            text = CODE.sub(_blank, page.read_text(encoding="utf-8"))
            for part in PART.finditer(text):
                line = text.count("\n", 0, part.start()) + 1
                found += _of(part[0], str(page.relative_to(ROOT)), line)
    return found


def _blank(block: re.Match[str]) -> str:
    return "\n" * block[0].count("\n")


def _of(part: str, page: str, line: int) -> list[Claim]:
    """Take a row or a paragraph apart into sentences that name their proof."""
    flat = " ".join(part.split())
    pieces = [flat] if flat.startswith("|") else re.split(r"(?<=[.)]\.)\s|(?<=\.)\s(?=[A-Z])", flat)
    named = ((piece, PROOF.search(piece)) for piece in pieces)
    return [Claim(page, line, piece, _command(hit[1])) for piece, hit in named if hit]


def _command(proof: str) -> str:
    """Return what to type."""
    if proof.startswith(("pytest", "python")):
        return proof
    path = proof if "/" in proof else next(ROOT.glob(f"tests/*/{proof}"), Path(proof))
    return f"pytest {Path(path).relative_to(ROOT) if Path(path).is_absolute() else path}"


def main(argv: list[str]) -> int:
    """Draw, print, and run if that is asked for."""
    parser = argparse.ArgumentParser(description="draw claims from the pages")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--run", action="store_true", help="run the tests among the commands")
    asked = parser.parse_args(argv)
    known = claims()
    failed, drawn = 0, min(asked.count, len(known))
    for claim in random.Random(asked.seed).sample(known, drawn):
        print(f"{claim.page}:{claim.line}: {claim.text}\n    {claim.command}", flush=True)
        if asked.run and claim.command.startswith("pytest"):
            command = [sys.executable, "-m", *shlex.split(claim.command), "-q"]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            last = (done.stdout.splitlines() or [""])[-1]
            print(f"    {'FAILS' if done.returncode else 'holds'}: {last}")
            failed += done.returncode != 0
    print(f"{drawn} of {len(known)} claims" + (f", {failed} fail" if asked.run else ""))
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
