"""Kernels count no references, so they must not return an array: the compiler does not notice."""

import ast
from pathlib import Path

import pytest

from trading_env.core.sources import PACKAGE

ARRAYS = ("Table", "Floats", "Ints", "Flags", "NDArray", "Lane", "Lanes", "World", "Desk")


def kernels(path: Path) -> list[ast.FunctionDef]:
    """List the functions of a file that are compiled without counting references."""
    functions = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.FunctionDef)]
    names = {"kernel", "rare_kernel"}
    return [f for f in functions if names & {ast.unparse(d) for d in f.decorator_list}]


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_no_kernel_returns_an_array(path: Path) -> None:
    for function in kernels(path):
        returned = ast.unparse(function.returns) if function.returns else ""
        assert not any(name in returned for name in ARRAYS), function.name


@pytest.mark.proof
def test_the_kernels_are_found() -> None:
    assert sum(len(kernels(path)) for path in PACKAGE.rglob("*.py")) > 150
