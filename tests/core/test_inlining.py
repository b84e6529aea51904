"""Kernels are linked into drivers: they need numba's classes, and do without them."""

import numpy as np
import pytest
from numba import njit

from trading_env.core import inlining, jit


def doubled(x: float) -> float:
    return 2.0 * x


def compiled() -> tuple[float, str]:
    """Call a kernel from compiled code; return what comes, and the kind of its library."""
    kernel = jit.compiled_within(doubled, forceinline=True)

    @njit  # type: ignore[untyped-decorator]
    def caller(x: float) -> float:
        return kernel(x) + 1.0

    result = float(caller(np.float64(3.0)))
    (made,) = caller.overloads.values()
    kinds = {type(library).__name__ for library in made.library._linking_libraries}
    return result, ", ".join(sorted(kinds))


@pytest.mark.parametrize("known", [True, False])
def test_a_kernel_is_linked_or_compiled_as_numba_does(
    known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not known:
        monkeypatch.setattr(jit, "OPTIONS", {})
    result, kinds = compiled()
    assert result == 7.0
    assert ("LinkedLibrary" in kinds) == known


def test_this_numba_has_what_linking_needs() -> None:
    assert inlining.OPTIONS
