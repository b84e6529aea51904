"""The decorators of compiled code, typed as if they did nothing.

`kernel` compiles a pure function of one environment (or less) into its callers, since passing
arguments costs more than most of them do; `rare_kernel` compiles apart what most steps do not
reach. Neither counts references (`_nrt=False`): their arrays belong to the caller, and counting
every view that is passed on costs more than the arithmetic of a step. So they must not make an
array, which the compiler refuses, nor return one, which it does not notice: that is what
`array_kernel` is for. `view` is for tuples of records, which no compiled call can return.

`driver` compiles a loop over environments and caches the machine code on disk; only drivers are
cached, because numba's cache does not notice an edit in a file that the cached function calls into.
A driver closes over the digest of those files (`core/sources.py`), so that it does: the closure is
part of numba's cache key. Machine code is kept beside the source, or where numba keeps it for a
user; where neither can be written, in a folder for temporary files that is the user's alone, since
whoever writes to it decides what runs.
"""

import os
import stat
import sys
import tempfile
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.extending import overload

from trading_env.core.inlining import OPTIONS

F = TypeVar("F", bound=Callable[..., object])
njit: Any = numba.njit  # its types lack the options that are used here
settings: Any = numba.config
MAX_THREADS = int(settings.NUMBA_NUM_THREADS)  # the most that can be set later


def kernel(function: F) -> F:
    """Compile a function that takes plain values or views, and returns plain values."""
    return compiled_within(function, forceinline=True)


def rare_kernel(function: F) -> F:
    """Compile a kernel as a function of its own: for what most steps do not reach."""
    return compiled_within(function, forceinline=False)


def compiled_within(function: F, *, forceinline: bool) -> F:
    """Compile a function for compiled callers, and at the first call from Python for Python too.

    What Python needs to call a function takes as long to compile as a small function, and few of
    them are ever called from there.
    """
    if settings.DISABLE_JIT:
        return function
    options: Any = {"error_model": "numpy", "_nrt": False, "forceinline": forceinline}
    from_python = njit(function, **options)

    @wraps(function)
    def called(*values: object, **named: object) -> object:
        return from_python(*values, **named)

    inner: Any = {**options, **OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}

    @overload(called, jit_options=inner, strict=False)
    def within(*values: object, **named: object) -> object:
        return function

    return cast(F, called)


def array_kernel(function: F) -> F:
    """Compile a function that makes or returns arrays."""
    return cast(F, njit(function, error_model="numpy", forceinline=True))


def view(function: F) -> F:
    """Write a function out in its callers: one that returns records."""
    return cast(F, njit(function, error_model="numpy", inline="always"))


def outer_kernel(function: F) -> F:
    """Write out in its caller a kernel that holds most of the step.

    As a function of its own, what it calls would be optimised once more for each caller around it.
    """
    return view(function)


def driver(function: F) -> F:
    """Compile a loop over environments; cached on disk under the key its closure holds."""
    return _cached(function)


def unlocked_driver(function: F) -> F:
    """Compile a loop during which other threads of Python run; cached on disk."""
    return _cached(function, nogil=True)


def parallel_driver(function: F) -> F:
    """Compile a loop whose `prange` is shared by threads; cached on disk."""
    return _cached(function, parallel=True)


def _cached(function: F, **kind: bool) -> F:
    options: Any = {**kind, "cache": True, "error_model": "numpy"}
    try:
        return cast(F, njit(function, **options))
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
    configured = settings.CACHE_DIR
    settings.CACHE_DIR = temporary_cache()
    try:
        return cast(F, njit(function, **options))
    finally:
        settings.CACHE_DIR = configured


@cache
def temporary_cache() -> str:
    """Return a folder for machine code that only this user can write to, and say so once."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    path = Path(tempfile.gettempdir()) / f"trading-env-cache-{user}"
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != user or found.st_mode & 0o022:
            raise PermissionError
    except OSError:
        path = Path(tempfile.mkdtemp(prefix="trading-env-cache-"))
    print(f"note: trading_env keeps its machine code in {path}: no other place", file=sys.stderr)
    return str(path)
