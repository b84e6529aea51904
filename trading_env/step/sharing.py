"""One driver, called by several threads at once: each plays a part of the rows.

The parallel loop calls the driver by its address. So it is a few lines of machine code of its own,
and what happens in a step is compiled once, for one environment and for many.

A thread of GNU's OpenMP that has nothing to do asks for work without a pause, for milliseconds. A
policy whose matrix products have threads of their own, as NumPy's have, then waits for that core in
each step, and the step for theirs: a batch of 256 by five assets took eleven times as long. So here
a thread asks for tens of microseconds and sleeps, unless the process was told otherwise
(`GOMP_SPINCOUNT`, `OMP_WAIT_POLICY`). That has to be said before OpenMP is loaded, by numba or by
torch: importing the package says it (`trading_env/__init__.py`). A script that imports torch first
and acts by NumPy can set `OPENBLAS_NUM_THREADS=1`.
"""

import os
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba import prange, types
from numba.core import cgutils
from numba.extending import intrinsic

from trading_env.core.jit import MAX_THREADS, parallel_driver
from trading_env.core.world import Lanes, Outputs, World

F = TypeVar("F", bound=Callable[..., object])
Call = Callable[[tuple[Any, ...]], int]
tools: Any = cgutils  # its functions have no types
typeof: Any = numba.typeof
FORKED = [False]  # whether this process was forked from one in which OpenMP had begun
ROWS_A_THREAD = 8
"""Rows of scratch for each thread. A thread's last row and the next one's first share a cache line,
and threads that write to it at the same moment wait for each other: with one row each two threads
were 1.4 times as fast as one, with eight, where they do so at different times, 1.9.
"""
MOST = 2**62  # more than any driver returns


def _note_fork() -> None:
    """Remember in a child that it must not use the threads of its parent."""
    try:
        FORKED[0] = FORKED[0] or vars(numba)["threading_layer"]() == "omp"
    except ValueError:  # no parallel loop has run
        return


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


def bound(function: F, *arguments: Any) -> F:
    """Return a driver's machine code for arguments of these types.

    Numba looks up a call's types anew each time, which takes longer than one environment's step.
    Whoever calls what is returned answers for the types: nothing looks at them any more. A driver
    that is not compiled (`NUMBA_DISABLE_JIT`) is returned as it is.
    """
    compile_for = getattr(function, "compile", None)
    if compile_for is None:
        return function
    return cast(F, compile_for(kinds_of(arguments)))


def kinds_of(arguments: Iterable[Any]) -> tuple[Any, ...]:
    """Return the compiler's types of arguments, of a record once for each kind of record.

    A record of forty fields takes numba half a millisecond each time it is asked.
    """
    return tuple(_kind_of(argument) for argument in arguments)


def _kind_of(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        layout: Any = "C" if value.flags.c_contiguous else typeof(value).layout
        return types.Array(_element(value.dtype), value.ndim, layout, not value.flags.writeable)
    if isinstance(value, tuple):
        tuples: Any = types.BaseTuple
        return tuples.from_types(kinds_of(value), type(value))
    return typeof(value)


@cache
def _element(dtype: np.dtype[Any]) -> Any:
    return numba.from_dtype(dtype)


def on_all_rows(function: Callable[..., int], given: tuple[Any, ...], rows: int) -> Call:
    """Return a call of a driver on all rows, by threads where there are some.

    Args:
        function: a driver whose last two arguments are the first row and the one after the last.
        given: its other arguments, of the types that every later call has: world, lanes, outputs
            and the rest.
        rows: how many there are.

    A process that was forked after a parallel loop has no threads: OpenMP would end it. There, and
    for one row, the driver is called as it is, which does the same, to the bit.
    """
    alone = bound(function, *given, 0, rows)
    parts = min(rows, MAX_THREADS)
    if parts == 1 or alone is function:
        return lambda given: alone(*given, 0, rows)
    dispatcher: Any = function
    compiled = dispatcher.overloads[kinds_of((*given, 0, rows))]
    address = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
    together: Any = bound(share_rows, address, *given[:3], given[3:], rows, parts)

    def call(given: tuple[Any, ...]) -> int:
        if FORKED[0]:
            return alone(*given, 0, rows)
        return int(together(address, *given[:3], given[3:], rows, parts))

    return call


@intrinsic
def _call(
    typing: Any,
    address: Any,
    world: Any,
    lanes: Any,
    outputs: Any,
    rest: Any,
    first: Any,
    after: Any,
) -> Any:
    """Call the driver at an address with what is given and the rows from `first` to `after`."""
    kinds = (world, lanes, outputs, *rest.types, types.int64, types.int64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        where, *views, others, begin, end = arguments
        values = [*views, *tools.unpack_tuple(builder, others), begin, end]
        kind = context.call_conv.get_function_type(types.int64, kinds)
        function = builder.inttoptr(where, kind.as_pointer())
        status, returned = context.call_conv.call_function(
            builder, function, types.int64, kinds, values
        )
        with builder.if_then(status.is_error):
            context.call_conv.return_status_propagate(builder, status)
        return returned

    numbers = (types.int64, types.int64)
    return types.int64(types.int64, world, lanes, outputs, rest, *numbers), generate


call_driver: Any = _call  # as it is called from compiled code, without the typing context


@parallel_driver
def share_rows(
    address: int, world: World, lanes: Lanes, outputs: Outputs, rest: Any, rows: int, parts: int
) -> int:
    """Call a driver on even parts of its rows at once; return the least that it returned."""
    least = MOST
    for c in prange(parts):
        part: Any = np.int64(c)  # numba counts parallel loops in unsigned integers
        first, after = part * rows // parts, (part + 1) * rows // parts
        returned = call_driver(address, world, lanes, outputs, rest, first, after)
        least = min(least, returned)
    return least
