"""Faults planted one at a time, each of which a test must catch.

    python -m benchmarks.mutants [--only NAME ...] [--out FILE]

`mutants.toml` lists the faults: a file, a text that occurs in it exactly once, the text that takes
its place, what is wrong with it, and the tests that must then fail. The files of the working tree
that git does not ignore are copied to a temporary folder; the tests of the whole list must pass
there first. Then every mutant is planted there, and taken out again. A mutant that does not compile
proves nothing: it is `broken`, and counts like one that survives. Of mutants that are not run, FILE
keeps what it has, each with its commit.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Self, TypeAlias

from benchmarks.recording import Record, commit, save, stamped

ROOT = Path(__file__).resolve().parent.parent
LIST = Path(__file__).with_suffix(".toml")
LIMIT_S = 600.0  # a run of tests that takes longer is broken
TOGETHER = 20  # tests of a run without a fault
NOT_COMPILED = "numba.core.errors"


class MutantError(ValueError):
    """One line that says what is wrong with the list or with the tests."""


class Mutant(NamedTuple):
    """One fault: `new` takes the place of `old` in `file`, and one of `tests` must fail."""

    name: str
    file: str
    old: str
    new: str
    wrong: str
    tests: tuple[str, ...]


class Verdict(NamedTuple):
    """What became of one run of tests: survived (all passed), killed or broken."""

    verdict: str
    by: str  # the test that failed, or the last line of a broken run
    seconds: float


Proof: TypeAlias = Callable[[Path, Sequence[str]], Verdict]


def read_list(path: Path = LIST, root: Path = ROOT) -> list[Mutant]:
    """Read the mutants; refuse a list in which one of them cannot be planted."""
    mutants: list[Mutant] = []
    for row in tomllib.loads(path.read_text(encoding="utf-8")).get("mutant", []):
        name = row.get("name", "a mutant without name")
        if set(row) != set(Mutant._fields):
            wanted = ", ".join(Mutant._fields)
            raise MutantError(f"{path.name}: {name} has {', '.join(row)}: it needs {wanted}.")
        if name in [mutant.name for mutant in mutants]:
            raise MutantError(f"{path.name}: {name} is there twice.")
        mutants.append(Mutant(**{**row, "tests": tuple(row["tests"])}))
        mutated(mutants[-1], root)
    return mutants


def mutated(mutant: Mutant, root: Path) -> str:
    """Return the text of the mutant's file with the fault in it."""
    text = (root / mutant.file).read_text(encoding="utf-8")
    count = text.count(mutant.old)
    if count != 1 or mutant.old == mutant.new:
        first = mutant.old.strip().partition("\n")[0]
        found = "changes nothing" if count == 1 else f"is there {count} times, not once"
        raise MutantError(f"{mutant.name}: in {mutant.file} `{first[:70]}` {found}.")
    return text.replace(mutant.old, mutant.new)


def copy_tree(target: Path, root: Path = ROOT) -> None:
    """Copy what git tracks, or would track, to a folder."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    except (OSError, subprocess.CalledProcessError) as error:
        raise MutantError(f"{root}: git cannot list the files here; is it a checkout?") from error
    for name in listed.stdout.split("\0"):
        if name and (root / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, target / name)


def run_tests(folder: Path, tests: Sequence[str]) -> Verdict:
    """Run tests in a copy until one fails."""
    command = ["pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    return run_module(folder, command, r"^FAILED (.+?)(?: - |$)")


def run_module(folder: Path, command: Sequence[str], line: str) -> Verdict:
    """Run a module in a copy; exit code 1 and the line that it says it by kill."""
    foreign = ("NUMBA_CACHE_DIR", "NUMBA_DISABLE_JIT", "PYTEST_ADDOPTS")
    env = {name: value for name, value in os.environ.items() if name not in foreign}
    env |= {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    whole = [sys.executable, "-m", *command]
    begin = time.perf_counter()
    try:
        done = subprocess.run(
            whole, capture_output=True, text=True, cwd=folder, env=env, timeout=LIMIT_S
        )
    except subprocess.TimeoutExpired:
        return Verdict("broken", f"no end after {LIMIT_S:.0f} s", LIMIT_S)
    seconds = time.perf_counter() - begin
    if done.returncode == 0:
        return Verdict("survived", "", seconds)
    failed = re.search(line, done.stdout, re.M)
    if failed and done.returncode == 1 and NOT_COMPILED not in done.stdout:
        return Verdict("killed", failed[1], seconds)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return Verdict("broken", lines[-1] if lines else "no output", seconds)


class Tree:
    """A copy of the working tree, in which faults are planted one at a time.

    It is always in one place, so that machine code that a fault does not touch is made once.
    """

    def __init__(self, proof: Proof = run_tests) -> None:
        self.proof = proof

    def __enter__(self) -> Self:
        """Make the copy."""
        self._holder = tempfile.TemporaryDirectory()
        self.folder = Path(self._holder.name)
        copy_tree(self.folder)
        return self

    def __exit__(self, *_: object) -> None:
        """Remove it."""
        self._holder.cleanup()

    def assert_sound(self, mutants: Sequence[Mutant]) -> float:
        """Refuse to go on unless every test passes without a fault; return the seconds it took."""
        tests = list(dict.fromkeys(test for mutant in mutants for test in mutant.tests))
        seconds = 0.0
        for first in range(0, len(tests), TOGETHER):
            verdict = self.proof(self.folder, tests[first : first + TOGETHER])
            if verdict.verdict != "survived":
                raise MutantError(f"the tests fail without a mutant: {verdict.by}")
            seconds += verdict.seconds
        return seconds

    def plant(self, mutant: Mutant) -> Verdict:
        """Run a mutant's tests with its fault in the copy, and take the fault out again."""
        file = self.folder / mutant.file
        content, times = file.read_bytes(), file.stat()
        file.write_text(mutated(mutant, self.folder), encoding="utf-8")
        try:
            return self.proof(self.folder, mutant.tests)
        finally:
            file.write_bytes(content)
            os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def planted(mutants: Sequence[Mutant], keep: Callable[[list[Record]], None]) -> list[Record]:
    """Plant mutants, with a line for each; return their rows, which are kept as they come."""
    rows: list[Record] = []
    with Tree() as tree:
        print(f"{'no fault':<10} {tree.assert_sound(mutants):6.1f} s", flush=True)
        for mutant in mutants:
            verdict, by, seconds = tree.plant(mutant)
            word = verdict if verdict == "killed" else verdict.upper()
            print(f"{word:<10} {seconds:6.1f} s  {mutant.name:<28} {by}", flush=True)
            row = {"name": mutant.name, "file": mutant.file, "wrong": mutant.wrong}
            row |= {"verdict": verdict, "by": by, "seconds": round(seconds, 1)}
            rows.append({**row, "commit": commit()})
            keep(rows)
    return rows


def run(only: Sequence[str], out: Path | None) -> int:
    """Plant the mutants, a line for each, and write the figures; count those not killed."""
    listed = {mutant.name: mutant for mutant in read_list()}
    for name in only:
        if name not in listed:
            raise MutantError(f"mutants.toml has no mutant {name}.")
    mutants = [listed[name] for name in only or listed]
    begin = datetime.now(UTC)
    command = "python -m benchmarks.mutants" + (f" --only {' '.join(only)}" if only else "")

    def keep(rows: list[Record]) -> None:
        if out:
            save(kept(stamped(command, begin, rows=rows), out, [*listed]), out)

    rows = planted(mutants, keep)
    alive = sum(row["verdict"] != "killed" for row in rows)
    seconds = (datetime.now(UTC) - begin).total_seconds()
    print(f"{len(rows) - alive} of {len(rows)} killed in {seconds:.0f} s")
    return alive


def kept(record: Record, path: Path, names: Sequence[str]) -> Record:
    """Return a record with the rows that a file on record has of other mutants of the list."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"rows": []}
    found = [{"commit": known["commit"], **row} for row in known["rows"]]
    rows = {row["name"]: row for row in [*found, *record["rows"]]}
    return {**record, "rows": [rows[name] for name in names if name in rows]}


def main() -> int:
    """Return 0 if every mutant is killed, 1 if one is not, 2 if the list or the tests are bad."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="NAME", nargs="+", default=[], help="plant these alone")
    parser.add_argument("--out", type=Path, help="write the figures to this JSON file")
    chosen = parser.parse_args()
    try:
        return 1 if run(chosen.only, chosen.out) else 0
    except MutantError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
