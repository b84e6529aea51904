"""What grows is noticed."""

import mmap
import os
import threading

import pytest

from benchmarks import endurance


@pytest.mark.slow
def test_a_small_haul_of_each_kind_is_flat() -> None:
    for haul, _ in endurance.HAULS.values():
        found = haul(40)
        assert found["times"] == 40 and len(found["readings"]) == 10
        assert found["flat"], found["growth"]


def held(size: int) -> mmap.mmap:
    """Return memory of its own, written to: what a process has freed before is not taken again."""
    memory = mmap.mmap(-1, size)
    memory.write(b"x" * size)
    return memory


@pytest.mark.proof
def test_memory_threads_and_files_that_are_kept_are_growth() -> None:
    kept: list[mmap.mmap] = []
    files: list[int] = []
    for act in (
        lambda _: kept.append(held(2**21)),
        lambda _: files.append(os.open("/dev/null", os.O_RDONLY)),
        lambda _: threading.Thread(target=threading.Event().wait, daemon=True).start(),
    ):
        assert not endurance.hauled(20, act)["flat"]
    for handle in files:
        os.close(handle)
