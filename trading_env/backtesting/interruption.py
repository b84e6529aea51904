"""Interruptions that are never lost: Ctrl-C ends a command, whatever it is doing.

Python turns the signal into `KeyboardInterrupt` wherever the interpreter is just then. Inside the
compiler that is a callback from machine code, which prints the exception and drops it, so that the
command would run on to a clean exit. Here the compiler is left to finish, and the next step of an
episode raises instead; a second Ctrl-C raises at once.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

COMPILER = ("numba", "llvmlite")
_asked = threading.Event()


@contextmanager
def interruptible() -> Iterator[None]:
    """Handle Ctrl-C as above while the block runs; a process that ignores it goes on ignoring it.

    Raises:
        KeyboardInterrupt: at the end of the block, if one was asked for and not raised until then.
    """
    before = signal.getsignal(signal.SIGINT)
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or before is not signal.default_int_handler:
        yield
        return
    _asked.clear()
    signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
        stop_if_interrupted()
    finally:
        signal.signal(signal.SIGINT, before)
        _asked.clear()


def stop_if_interrupted() -> None:
    """Raise the KeyboardInterrupt that could not be raised when it was asked for."""
    if _asked.is_set():
        raise KeyboardInterrupt


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise, or leave it to `stop_if_interrupted` where the compiler is at work."""
    is_first = not _asked.is_set()
    _asked.set()
    if not (is_first and _is_compiling(frame)):
        raise KeyboardInterrupt


def _is_compiling(frame: FrameType | None) -> bool:
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] in COMPILER:
            return True
        frame = frame.f_back
    return False
