"""A room imports its own floor or lower, never in a circle; compiled code needs numpy and numba."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from scripts.memory_bank import ROOT, imported, rooms
from trading_env.core.sources import PACKAGE, imported_files
from trading_env.execution_engine import inside_bar, orders
from trading_env.risk_manager import instructions, sizing
from trading_env.step import start, transition

LINT = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
ALLOWED = {"numpy", "numba", "llvmlite"}  # the last is numba's own, for intrinsics


def lint(root: Path) -> tuple[int, str]:
    """Run import-linter on a checkout; return its exit code and what it printed."""
    done = subprocess.run(LINT, cwd=root, capture_output=True, text=True, env={"PYTHONPATH": "."})
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the code and of its contracts."""
    root = tmp_path_factory.mktemp("checkout")
    junk = shutil.ignore_patterns("__pycache__", "results")
    for folder in ("trading_env", "agents", "benchmarks"):
        shutil.copytree(ROOT / folder, root / folder, ignore=junk)
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


def test_no_room_imports_upward_or_in_a_circle() -> None:
    code, text = lint(ROOT)
    assert code == 0, text


@pytest.mark.proof
@pytest.mark.parametrize(
    ("file", "statement"),
    [
        ("core/noise.py", "import trading_env.step.transition"),
        ("core/noise.py", "def late():\n    from trading_env.step.transition import transition"),
        ("core/jit.py", "import trading_env.core.noise"),
    ],
    ids=["upward", "inside a function", "circle"],
)
def test_a_planted_upward_import_or_circle_is_caught(copy: Path, file: str, statement: str) -> None:
    planted = copy / "trading_env" / file
    before = planted.read_text(encoding="utf-8")
    planted.write_text(f"{before}\n{statement}\n", encoding="utf-8")
    try:
        code, text = lint(copy)
    finally:
        planted.write_text(before, encoding="utf-8")
    assert code != 0
    assert "BROKEN" in text


def test_there_are_at_most_seventeen_rooms() -> None:
    assert len(rooms(ROOT)) + len(["scripts"]) <= 17


def running(path: Path) -> ast.Module:
    """Parse a file without what is for type checkers alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    is_typing = [
        isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING" for n in tree.body
    ]
    body = [node for node, skipped in zip(tree.body, is_typing, strict=True) if not skipped]
    return ast.Module(body, [])


def test_what_the_drivers_compile_needs_only_numpy_and_numba() -> None:
    files = imported_files(PACKAGE / "step" / "drivers.py")
    assert len(files) >= 20
    trees = {path: running(path) for path in files}
    tops = {module.partition(".")[0] for module in imported(trees)}
    assert tops - set(sys.stdlib_module_names) == {"trading_env", *ALLOWED}
    ours = [module for module in imported(trees) if module.startswith("trading_env.")]
    known = {path.relative_to(PACKAGE).with_suffix("").as_posix() for path in files}
    unknown = [m for m in ours if m.rpartition(".")[0][12:].replace(".", "/") not in known]
    assert unknown == []  # so the digest that keys the compiled cache sees every file


@pytest.mark.parametrize("module", (inside_bar, instructions, orders, sizing, start, transition))
def test_the_digest_sees_the_kernels_that_tests_keep_compiled(module: ModuleType) -> None:
    assert Path(str(module.__file__)) in imported_files(PACKAGE / "step" / "drivers.py")
