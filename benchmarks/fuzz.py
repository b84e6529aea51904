"""Mutate what comes from outside at random: it must be read or refused, soon and in little memory.

    python -m benchmarks.fuzz [--mutations 10000] [--only KIND] [--seed N] [--first N] [--out FILE]

The kinds are those of `tests/fuzzed.py`: bars (text, Parquet), scenarios, run folders, policies,
snapshots. Counted for each: mutations, taken, refused in one line, and uncaught, which is anything
else, a crash and a minute without an answer included; the slowest by processor time, and the
largest memory above what the process held before. Mutation k depends on the seed and on k alone, so
`--only KIND --first K --mutations 1` repeats it. A record of some kinds keeps those of the others.
Linux counts the memory; elsewhere it is 0.
"""

import argparse
import multiprocessing
import shutil
import signal
import sys
import tempfile
import time
import traceback
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.recording import renew, stamped
from tests.fuzzed import SUBJECTS, Subject

SLOWEST_S, LARGEST_MIB = 5.0, 512.0  # of one mutation, at most
END_S = 60  # a mutation that takes longer is stopped, and uncaught
SHOWN = 5  # of the uncaught
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def tried(kind: str, seed: int, first: int, count: int, out: Connection) -> None:
    """Try mutations in a process of their own; send what became of each."""
    subject = SUBJECTS[kind]
    signal.signal(signal.SIGALRM, _give_up)
    with tempfile.TemporaryDirectory() as name:
        whole, place = Path(name) / "whole", Path(name) / "work"
        whole.mkdir()
        subject.write(whole)
        examples = sorted(whole.iterdir())
        for example in examples:  # what is read whole compiles and loads what it needs
            if not subject.read(example):
                raise ValueError(f"{kind}: {example.name} is refused undamaged")
        for number in range(first, first + count):
            out.send(("begun", number))
            rng = np.random.default_rng([seed, zlib.crc32(kind.encode()), number])
            out.send(("ended", _one(subject, examples[rng.integers(len(examples))], place, rng)))
    out.send(("done", None))


def _one(subject: Subject, example: Path, place: Path, rng: np.random.Generator) -> dict[str, Any]:
    """Damage a copy of an example and read it."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    (shutil.copytree if example.is_dir() else shutil.copyfile)(example, place / example.name)
    how = f"{example.name}: {subject.damage(place / example.name, rng)}"
    fault = ""
    if CLEAR.exists():
        CLEAR.write_text("5")  # the peak begins anew
    before, began = memory_mib("VmRSS"), time.process_time()
    signal.alarm(END_S)
    try:
        taken = subject.read(place / example.name)
    except BaseException as error:  # whatever it is, it counts
        taken, where = False, traceback.extract_tb(error.__traceback__)[-1]
        fault = (
            f"{type(error).__name__}: {error!s:.200} ({Path(where.filename).name}:{where.lineno})"
        )
    finally:
        signal.alarm(0)
    seconds = time.process_time() - began
    return {
        "taken": taken,
        "fault": fault,
        "how": how[:200],
        "seconds": seconds,
        "mib": max(memory_mib("VmHWM") - before, 0.0),
    }


def _give_up(*_: object) -> None:
    raise TimeoutError(f"no end after {END_S} s")


def memory_mib(name: str) -> float:
    """Return a figure of this process's memory, MiB."""
    if not STATUS.exists():
        return 0.0
    line = next(text for text in STATUS.read_text().splitlines() if text.startswith(name))
    return int(line.split()[1]) / 1024


def answers(kind: str, seed: int, first: int, count: int) -> Iterator[dict[str, Any]]:
    """Yield what became of each mutation; a process that dies is a fault, and another goes on."""
    context = multiprocessing.get_context("spawn")
    end = first + count
    while first < end:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=tried, args=(kind, seed, first, end - first, theirs))
        process.start()
        theirs.close()
        number = None
        try:
            while True:
                said, value = ours.recv()
                if said == "done":
                    first = end
                    break
                if said == "begun":
                    number = value
                else:
                    yield {"number": number, **value}
        except EOFError:
            process.join()
            if number is None:
                raise ValueError(f"{kind}: ended before its first mutation") from None
            died = {"taken": False, "how": "", "seconds": 0.0, "mib": 0.0}
            yield {"number": number, "fault": f"exit code {process.exitcode}", **died}
            first = number + 1
        process.join()


def figures(kind: str, seed: int, first: int, count: int) -> dict[str, Any]:
    """Try mutations of one kind; a row of figures."""
    begin, rows, faults = datetime.now(UTC), [], []
    for row in answers(kind, seed, first, count):
        rows.append(row)
        if row["fault"]:
            faults.append({name: row[name] for name in ("number", "how", "fault")})
            print(f"{kind} {row['number']}: {row['how']}: {row['fault']}", file=sys.stderr)
    slowest, largest = (max(rows, key=lambda row: row[name]) for name in ("seconds", "mib"))
    command = f"python -m benchmarks.fuzz --only {kind} --seed {seed} --mutations {count}"
    return stamped(
        command + (f" --first {first}" if first else ""),
        begin,
        kind=kind,
        mutations=len(rows),
        taken=sum(row["taken"] for row in rows),
        refused=sum(not row["taken"] and not row["fault"] for row in rows),
        uncaught=len(faults),
        slowest_s=round(slowest["seconds"], 2),
        slowest=slowest["number"],
        largest_mib=round(largest["mib"], 1),
        largest=largest["number"],
        faults=faults[:SHOWN],
    )


def is_good(row: dict[str, Any]) -> bool:
    """Tell whether a kind keeps its bounds."""
    within = row["slowest_s"] < SLOWEST_S and row["largest_mib"] < LARGEST_MIB
    return within and row["uncaught"] == 0


def main() -> int:
    """Return 0 when every kind keeps its bounds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutations", type=int, default=10_000, help="of each kind")
    parser.add_argument("--only", choices=SUBJECTS, help="this kind alone")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first mutation")
    parser.add_argument("--out", type=Path, help="write the figures to this JSON file")
    chosen = parser.parse_args()
    rows = []
    for kind in [chosen.only] if chosen.only else SUBJECTS:
        row = figures(kind, chosen.seed, chosen.first, chosen.mutations)
        rows.append(row)
        print(
            f"{kind:<12} {row['mutations']:>6} mutations: {row['taken']} taken, {row['refused']} "
            f"refused in one line, {row['uncaught']} uncaught; slowest {row['slowest_s']} s, "
            f"largest {row['largest_mib']} MiB",
            flush=True,
        )
        if chosen.out:
            renew(chosen.out, "kind", row)
    return 0 if all(map(is_good, rows)) else 1


if __name__ == "__main__":
    sys.exit(main())
