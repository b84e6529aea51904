"""The decorators of compiled code, typed as if they did nothing.

`kernel` compiles a pure function of one environment (or less) into its callers, since passing
arguments costs more than most of them do; `rare_kernel` compiles apart what most steps do not
reach. `driver` compiles a loop over
environments and caches the machine code on disk; only drivers are cached, because numba's cache
does not notice an edit in a file that the cached function calls into. `source_digest` is what a
driver closes over so that it does (the closure is part of numba's cache key).
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., object])

PACKAGE = Path(__file__).resolve().parent.parent


def kernel(function: F) -> F:
    """Compile a function that takes and returns plain values or views of one environment."""
    return cast(F, njit(function, error_model="numpy", forceinline=True))


def rare_kernel(function: F) -> F:
    """Compile apart from its callers: for what most steps do not reach."""
    return cast(F, njit(function, error_model="numpy"))


def driver(*, parallel: bool) -> Callable[[F], F]:
    """Compile a loop over environments; cached on disk under the key its closure holds."""
    return cast(Callable[[F], F], njit(parallel=parallel, cache=True, error_model="numpy"))


def source_digest(folder: Path = PACKAGE) -> str:
    """SHA-256 over every file a driver's machine code depends on: types.py and kernels/*.py."""
    digest = hashlib.sha256()
    for path in [folder / "types.py", *sorted((folder / "kernels").glob("*.py"))]:
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
