"""A module imports its own floor or lower, never up, never in a circle."""

import ast
import graphlib
import shutil
import sys
from pathlib import Path

import pytest

from scripts.memory_bank import (
    FOLDERS,
    PROGRAMS,
    ROOT,
    MemoryBankError,
    floors,
    import_graph,
    modules,
)

LOWER = "trading_env/kernels/noise.py"
UPPER = "trading_env.kernels.transition"


def upward_imports(root: Path) -> list[str]:
    levels = floors(root)
    return [
        f"{name} (floor {levels[name]}) imports {other} (floor {levels[other]})"
        for name, others in import_graph(root).items()
        for other in sorted(others)
        if levels[other] > levels[name]
    ]


def outside_imports(path: Path) -> set[str]:
    tops: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            tops.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            tops.add((node.module or "").partition(".")[0])
    return tops - set(sys.stdlib_module_names) - {"trading_env"}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Give a copy of everything that has a floor, and of the floors."""
    junk = shutil.ignore_patterns("__pycache__", "results")
    for folder in ("memory-bank", *FOLDERS):
        if (ROOT / folder).exists():
            shutil.copytree(ROOT / folder, tmp_path / folder, ignore=junk)
    for program in PROGRAMS:
        if (ROOT / program).exists():
            shutil.copy(ROOT / program, tmp_path / program)
    upper = tmp_path / (UPPER.replace(".", "/") + ".py")
    upper.touch()
    return tmp_path


def test_no_module_imports_upward() -> None:
    assert upward_imports(ROOT) == []


def test_no_module_imports_in_a_circle() -> None:
    graphlib.TopologicalSorter(import_graph(ROOT)).prepare()


def test_kernels_need_only_numpy_and_numba() -> None:
    below = [name for name in modules(ROOT) if name.startswith("trading_env.kernels.")]
    allowed = {"numpy", "numba", "llvmlite"}  # the last is numba's own, for intrinsics
    found = {name: outside_imports(modules(ROOT)[name]) - allowed for name in below}
    assert {name: extra for name, extra in found.items() if extra} == {}


@pytest.mark.parametrize(
    "statement",
    [
        f"import {UPPER}",
        f"from {UPPER} import transition",
        "from trading_env.kernels import transition",
        f"def late():\n    from {UPPER} import transition",
    ],
)
def test_a_planted_upward_import_is_caught(copy: Path, statement: str) -> None:
    assert upward_imports(copy) == []
    with (copy / LOWER).open("a") as module:
        module.write(f"\n{statement}\n")
    assert upward_imports(copy) == [
        f"trading_env.kernels.noise (floor 0) imports {UPPER} (floor 2)"
    ]


def test_a_planted_circle_is_caught(copy: Path) -> None:
    (copy / "trading_env/kernels/jit.py").write_text("import trading_env.kernels.noise\n")
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter(import_graph(copy)).prepare()


def test_a_module_without_a_floor_is_refused_by_name(copy: Path) -> None:
    (copy / "trading_env" / "attic.py").touch()
    with pytest.raises(MemoryBankError, match=r"no floor for trading_env\.attic"):
        floors(copy)


def test_a_module_on_two_floors_is_refused_by_name(copy: Path) -> None:
    table = copy / "memory-bank" / "floors.toml"
    table.write_text(
        table.read_text() + '\n[[floor]]\nlevel = 7\nname = "roof"\nmodules = ["train"]\n'
    )
    with pytest.raises(MemoryBankError, match="train stands on two floors"):
        floors(copy)
