"""The decorators of compiled code, typed as if they did nothing.

`kernel` compiles a pure function of one environment (or less) into its callers, since passing
arguments costs more than most of them do; `rare_kernel` compiles apart what most steps do not
reach. `driver` compiles a loop over environments and caches the machine code on disk; only drivers
are cached, because numba's cache does not notice an edit in a file that the cached function calls
into. A driver closes over the digest of those files (`core/sources.py`), so that it does: the
closure is part of numba's cache key.
"""

from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., object])


def kernel(function: F) -> F:
    """Compile a function that takes and returns plain values or views of one environment."""
    return cast(F, njit(function, error_model="numpy", forceinline=True))


def rare_kernel(function: F) -> F:
    """Compile apart from its callers: for what most steps do not reach."""
    return cast(F, njit(function, error_model="numpy"))


def driver(*, parallel: bool) -> Callable[[F], F]:
    """Compile a loop over environments; cached on disk under the key its closure holds."""
    return cast(Callable[[F], F], njit(parallel=parallel, cache=True, error_model="numpy"))
