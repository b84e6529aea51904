"""What comes from outside and was mutated at random is taken, or refused in one line."""

import os
from multiprocessing.connection import Connection
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from benchmarks import fuzz
from tests.fuzzed import SUBJECTS, Subject

SOME = 100


@pytest.mark.proof
@pytest.mark.parametrize("kind", SUBJECTS)
def test_what_was_mutated_is_taken_or_refused_in_one_line_soon_and_in_little_memory(
    kind: str,
) -> None:
    row = fuzz.figures(kind, seed=2, first=0, count=SOME)
    assert row["faults"] == []
    assert row["taken"] + row["refused"] == SOME and min(row["taken"], row["refused"]) > 0
    assert fuzz.is_good(row)


class Planted(Subject):
    """A reader with every fault that fuzzing must notice."""

    name = "planted"
    faults: ClassVar[list[type[BaseException]]] = [ValueError, SystemExit, RecursionError]

    def write(self, folder: Path) -> None:
        (folder / "a").write_text("a")

    def damage(self, example: Path, rng: np.random.Generator) -> str:
        number = int(rng.integers(4))
        example.write_text(str(number))
        return f"{number}"

    def read(self, example: Path) -> bool:
        number = int(example.read_text())
        if number < len(self.faults):
            raise self.faults[number]("planted")
        example.with_name("large").write_bytes(b"x" * 2**28)
        return True


@pytest.mark.proof
def test_every_fault_of_a_reader_is_counted_and_its_memory_measured(tmp_path: Path) -> None:
    found = {}
    for number in range(40):
        rng = np.random.default_rng(number)
        Planted().write(tmp_path)
        row = fuzz._one(Planted(), tmp_path / "a", tmp_path / "work", rng)
        found[row["how"]] = row
    assert [row["fault"].partition(":")[0] for _, row in sorted(found.items())] == [
        "ValueError",
        "SystemExit",
        "RecursionError",
        "",
    ]
    if fuzz.STATUS.exists():
        assert found["a: 3"]["mib"] > 250.0


@pytest.mark.proof
def test_one_mutation_is_repeated_by_its_number() -> None:
    first = list(fuzz.answers("policies", 1, 0, 8))
    (again,) = fuzz.answers("policies", 1, 5, 1)
    assert (first[5]["how"], first[5]["taken"]) == (again["how"], again["taken"])


@pytest.mark.proof
def test_a_process_that_dies_is_a_fault_and_the_next_mutation_follows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fuzz, "tried", dying)
    rows = list(fuzz.answers("policies", 1, 0, 3))
    assert [row["number"] for row in rows] == [0, 1, 2]
    assert [row["fault"] for row in rows] == ["", "exit code 9", ""]


def dying(kind: str, seed: int, first: int, count: int, out: Connection) -> None:
    for number in range(first, first + count):
        out.send(("begun", number))
        if number == 1:
            os._exit(9)
        row = {"taken": True, "fault": "", "how": "", "seconds": 0.0, "mib": 0.0}
        out.send(("ended", row))
    out.send(("done", None))
