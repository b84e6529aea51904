"""Words while code is compiled: what it is, about how long it takes, and that it moves.

Numba compiles a function at its first call and tells listeners when that begins and ends. What
callers from Python wait for is said at once on a line of standard error, with the seconds counted
behind it on a terminal. What is found in the cache is not compiled, and nothing is said.

One process speaks for a machine: of many workers that begin to compile together, the one that
locks a file beside the machine code. Where files cannot be locked, no child process speaks.
"""

import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numba.core.event as numba_events

EVENT: Any = "numba:compile"
events: Any = numba_events  # its functions have no types
LOCK = ".compiling"
UNLOCKED = -1  # there is no such file, and this process speaks
OURS = "trading_env."


class Wait(NamedTuple):
    """What is compiled, in words, and seconds on one core of 2026 with nothing else to do."""

    what: str
    seconds: int


WAITS = {
    "step_lanes": Wait("the step", 30),
    "reset_lanes": Wait("the first state of an episode", 6),
    "trade": Wait("the fill of an order", 20),
    "fill": Wait("the generator of bars", 5),
}


class NotCompiledError(RuntimeError):
    """The code is not in the cache, and compiling it was not asked for."""


class _Speaker(events.Listener):  # type: ignore[misc]
    """Says what is compiled, at the outermost of the calls that are being compiled."""

    def __init__(self) -> None:
        self.depth = 0
        self.refuses = False
        self.line: _Line | None = None

    def on_start(self, event: Any) -> None:
        self.depth += 1
        dispatcher = event.data["dispatcher"]
        function = dispatcher.py_func
        if self.refuses:
            raise NotCompiledError(function.__name__)
        wait = WAITS.get(function.__name__)
        if self.depth == 1 and wait and function.__module__.startswith(OURS):
            self.line = _Line(wait, Path(dispatcher.stats.cache_path))

    def on_end(self, event: Any) -> None:
        self.depth -= 1
        if self.depth == 0 and self.line is not None:
            self.line.end()
            self.line = None


class _Line:
    """One line on standard error, whose seconds are counted while it is a terminal's."""

    def __init__(self, wait: Wait, folder: Path) -> None:
        self.text = f"compiling {wait.what}, about {wait.seconds} s, once"
        self.began = time.monotonic()
        self.is_over = threading.Event()
        self.lock = _locked(folder / LOCK)
        self.counter: threading.Thread | None = None
        if self.lock is None or sys.stderr is None:
            return
        if sys.stderr.isatty():
            self.counter = threading.Thread(target=self._count, daemon=True)
            self.counter.start()
        else:
            print(self.text, file=sys.stderr, flush=True)

    def _count(self) -> None:
        while True:
            seconds = time.monotonic() - self.began
            print(f"\r{self.text}: {seconds:.0f} s", end="", file=sys.stderr, flush=True)
            if self.is_over.wait(1.0):
                return

    def end(self) -> None:
        """End the line, and let another process speak."""
        self.is_over.set()
        if self.counter is not None:
            self.counter.join()
            print(f"\r{self.text}: done", file=sys.stderr, flush=True)
        if self.lock is not None and self.lock != UNLOCKED:
            os.close(self.lock)


def _locked(path: Path) -> int | None:
    """Lock a file and return its handle, or UNLOCKED; None where another process speaks."""
    try:
        import fcntl  # not on every system

        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except (ImportError, OSError):
        return None if multiprocessing.parent_process() else UNLOCKED
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


@contextmanager
def only_cached() -> Iterator[None]:
    """Load machine code in the block, and compile none.

    Raises:
        NotCompiledError: some is missing.
    """
    _speaker.refuses = True
    try:
        yield
    finally:
        _speaker.refuses = False


@cache
def speak() -> None:
    """Say from now on what is compiled."""
    events.register(EVENT, _speaker)


_speaker = _Speaker()
