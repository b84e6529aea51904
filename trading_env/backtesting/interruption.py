"""Interruptions that are never lost: Ctrl-C or SIGTERM ends a command, whatever it is doing.

Python turns the first into `KeyboardInterrupt` wherever the interpreter is just then, and here the
second as well. Inside the compiler that is a callback from machine code, which prints the exception
and drops it, so that the command would run on to a clean exit. Here the compiler is left to finish,
and the next step of an episode raises instead; a second signal raises at once.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

COMPILER = ("numba", "llvmlite")
USUAL: dict[int, Callable[..., Any] | signal.Handlers] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}
_asked: list[int] = []  # the signals that came


@contextmanager
def interruptible() -> Iterator[list[int]]:
    """Handle both as above while the block runs; a process that ignores one goes on ignoring it.

    The list holds the signals that came.

    Raises:
        KeyboardInterrupt: at the end of the block, if one was asked for and not raised until then.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    heard = [number for number, usual in USUAL.items() if signal.getsignal(number) is usual]
    _asked.clear()
    for number in heard:
        signal.signal(number, _interrupt)
    try:
        yield came
        stop_if_interrupted()
    finally:
        for number in heard:
            signal.signal(number, USUAL[number])
        came += _asked
        _asked.clear()


def stop_if_interrupted() -> None:
    """Raise the KeyboardInterrupt that could not be raised when it was asked for."""
    if _asked:
        raise KeyboardInterrupt


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise, or leave it to `stop_if_interrupted` where the compiler is at work."""
    is_first = not _asked
    _asked.append(number)
    if not (is_first and is_compiling(frame)):
        raise KeyboardInterrupt


def is_compiling(frame: FrameType | None) -> bool:
    """Tell whether a frame was called by the compiler, where exceptions are lost."""
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] in COMPILER:
            return True
        frame = frame.f_back
    return False
