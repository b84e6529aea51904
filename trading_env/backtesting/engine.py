"""Run cells under keys: one after another here, or as tasks of Ray; the results are the same.

A cell is a function of an item, and of nothing that another cell leaves behind. One that raises, or
takes longer than the limit, is a `Failure` with its reason; the others go on. Each key comes back
once, whenever it is done: who keeps results keeps them by key. A cell that plays something else
than was asked (`MismatchError`) is no failure: everything is refused.

On Ray a task reserves `MEMORY` and one core, and is begun anew when its process ends (killed, out
of memory, its machine lost), `RETRIES` times at most. What the function holds is sent once. A cell
computes in one thread, so that as many run as there are cores.

The limit is a signal, which Python hears between two of its instructions. On Ray a cell that never
comes to one (stuck in compiled code) loses its process, and fails when the retries are used up;
without Ray nothing ends it. Compilation counts as the cell's time. Not kept: the limit where the
system has no such signals (Windows) or the command does not run in the main thread.
"""

import faulthandler
import importlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from itertools import islice
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import numba

from trading_env.backtesting.interruption import is_compiling, stop_if_interrupted
from trading_env.core.errors import ConfigError, FailedError, MismatchError, one_line, shown

MEMORY = 2**30  # bytes
RETRIES = 3
LIMIT_S = 3600.0
REACH_S = 10.0  # until an address is given up
GRACE_S = 10.0  # after the limit, until a process that does not hear it is ended
STOPPED = "Ray stopped in the middle; what was done is kept: run it again to go on"
AHEAD = 2  # tasks sent for each core
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_task_oom_retries": str(RETRIES)}
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
K = TypeVar("K")
T = TypeVar("T")
R = TypeVar("R")


class Failure(NamedTuple):
    """Why a cell has no result."""

    reason: str
    trace: str = ""  # where it was raised


class TooLong(BaseException):
    """A cell has used up its time; no cell catches this by accident."""


@dataclass(frozen=True)
class Engine:
    """Where cells run.

    Raises:
        ConfigError: a number out of its range, both `workers` and `address`, or Ray is missing.
    """

    workers: int = 0
    """Cells at once, on a Ray of this process' own; 0 is one after another, without Ray."""
    address: str = ""
    """Of a Ray cluster that is there already."""
    limit_s: float = LIMIT_S
    """Of a cell."""

    def __post_init__(self) -> None:
        """Refuse what cannot run."""
        if self.workers < 0:
            raise ConfigError(f"workers = {self.workers}: must be >= 1")
        if not self.limit_s > 0.0:
            raise ConfigError(f"time-limit = {self.limit_s}: must be > 0")
        if self.workers and self.address:
            raise ConfigError("workers: are of this machine, and --ray names a cluster; give one")
        if self.is_ray and find_spec("ray") is None:
            name = f"ray = {shown(self.address)}" if self.address else f"workers = {self.workers}"
            raise ConfigError(f"{name}: needs Ray: pip install 'execution-gym[ray]'")

    @property
    def is_ray(self) -> bool:
        """Tell whether cells are tasks of Ray."""
        return bool(self.workers or self.address)

    def run(
        self, work: Callable[[T], R], items: Iterable[tuple[K, T]]
    ) -> Generator[tuple[K, R | Failure], None, None]:
        """Run every cell; yield its key and what came of it when it is done.

        Args:
            work: what a cell is of its item; on Ray it is pickled, with all that it holds.
            items: key and item of each cell, asked for when there is room for one more.

        Raises:
            ConfigError: Ray is not there, or the work cannot be sent.
            MismatchError: a cell plays something else than was asked.
            FailedError: Ray stopped in the middle.
        """
        if self.is_ray:
            with closing(_on_ray(self, work, items)) as done:
                yield from done
        else:
            for key, item in items:
                yield key, attempt(work, item, self.limit_s)


def attempt(work: Callable[[T], R], item: T, limit_s: float) -> R | Failure:
    """Run one cell."""
    try:
        with _limited(limit_s):
            return work(item)
    except MismatchError:
        raise
    except TooLong:
        return Failure(f"took longer than {limit_s:g} s", traceback.format_exc())
    except (Exception, SystemExit) as error:  # a user's policy may raise anything
        return Failure(_reason(error), traceback.format_exc())


def _reason(error: BaseException) -> str:
    """Say why a cell failed: the same each time, so without where an object lay in memory."""
    return one_line(_ADDRESS.sub("", f"{type(error).__name__}: {error}"))


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise `TooLong` in a block that takes longer."""
    is_main = threading.current_thread() is threading.main_thread()
    if not (is_main and hasattr(signal, "setitimer")):
        yield
        return

    def ring(number: int, frame: Any) -> None:
        if is_compiling(frame):  # an exception is lost there
            signal.setitimer(signal.ITIMER_REAL, 1.0)
        else:
            raise TooLong

    before, began = signal.signal(signal.SIGALRM, ring), time.monotonic()
    outer = signal.setitimer(signal.ITIMER_REAL, seconds)[0]  # of a cell that runs cells
    try:
        if 0.0 < outer < seconds:
            signal.setitimer(signal.ITIMER_REAL, outer)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
        if outer > 0.0:
            left = outer - (time.monotonic() - began)
            signal.setitimer(signal.ITIMER_REAL, max(left, 1e-3))


def _on_ray(
    engine: Engine, work: Callable[[T], R], items: Iterable[tuple[K, T]]
) -> Generator[tuple[K, R | Failure], None, None]:
    """Run cells as tasks, a few more at a time than there are cores."""
    with _connected(engine) as ray:
        try:
            sent = ray.put(work)
        except Exception as error:  # pickling calls into whatever is pickled
            text = f"cannot be sent to another process: {type(error).__name__}: {error}"
            raise ConfigError(text) from None
        options = {"num_cpus": 1, "memory": MEMORY, "max_retries": RETRIES}
        task = ray.remote(**options)(_task)
        waiting = iter(items)
        running: dict[Any, K] = {}
        try:
            while True:
                cores = engine.workers or int(ray.cluster_resources().get("CPU", 1))
                for key, item in islice(waiting, max(0, AHEAD * cores - len(running))):
                    running[task.remote([sent], item, engine.limit_s)] = key
                if not running:
                    return
                done, _ = ray.wait(list(running), timeout=1.0)
                stop_if_interrupted()
                for reference in done:
                    yield running.pop(reference), _outcome(ray, reference)
        except (ray.exceptions.LocalRayletDiedError, ray.exceptions.RaySystemError) as error:
            raise FailedError(f"{STOPPED} ({type(error).__name__})") from None


def _outcome(ray: Any, reference: Any) -> Any:
    """Return what came of a task."""
    faults = ray.exceptions
    try:
        return ray.get(reference)
    except (faults.LocalRayletDiedError, faults.RaySystemError):
        raise
    except faults.RayTaskError as error:  # what went wrong before the cell began
        cause = error.cause
        if isinstance(cause, MismatchError):
            raise cause from None
        return Failure(_reason(cause), str(error))
    except faults.RayError as error:
        why = f"killed, out of memory, or over {GRACE_S:g} s past the limit in compiled code"
        return Failure(f"its process ended {RETRIES + 1} times: {why}", str(error))


def _task(sent: list[Any], item: Any, limit_s: float) -> Any:
    """Run one cell in a worker."""
    numba.set_num_threads(1)
    faulthandler.dump_traceback_later(limit_s + GRACE_S, exit=True)
    try:
        return attempt(_fetched(sent[0]), item, limit_s)
    finally:
        faulthandler.cancel_dump_traceback_later()


@lru_cache(maxsize=1)
def _fetched(reference: Any) -> Any:
    """Return what was sent, unpickled once in each worker."""
    return importlib.import_module("ray").get(reference)


@contextmanager
def _connected(engine: Engine) -> Iterator[Any]:
    """Begin a local Ray or join a cluster, and leave it at the end; one that is there is used.

    Raises:
        ConfigError: there is no cluster at the address.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    ray: Any = importlib.import_module("ray")
    if ray.is_initialized():
        yield ray
        return
    where: dict[str, Any] = {"address": engine.address}
    if engine.workers:
        where = {"address": "local", "num_cpus": engine.workers, "include_dashboard": False}
    _check_answers(engine.address)
    heard = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(**where, log_to_driver=False, logging_level="error")
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ConfigError(f"ray = {shown(engine.address or 'local')}: {error}") from None
    except SystemExit:  # as Ray hears SIGTERM
        raise KeyboardInterrupt from None
    finally:
        with suppress(ValueError):  # not in the main thread
            signal.signal(signal.SIGTERM, heard)
    try:
        with redirect_stdout(sys.stderr), _last_words():  # Ray tells of workers that ended
            yield ray
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    """Refuse an address of a host and a port where nothing answers: Ray tries for a quarter hour.

    Raises:
        ConfigError: nothing does.
    """
    parts = urlsplit(address if "//" in address else f"//{address}")
    try:
        if parts.port is not None:
            socket.create_connection((parts.hostname, parts.port), REACH_S).close()
    except (OSError, ValueError) as error:  # a port that is no number
        reason = f"no cluster answers there ({error})"
        raise ConfigError(f"ray = {shown(address)}: {reason}") from None


@contextmanager
def _last_words() -> Iterator[None]:
    """Have one line said should this process end here: so Ray ends it when its own are gone."""
    if os.name != "posix":
        yield
        return
    command = ["sh", "-c", 'read -r over || echo "$0" >&2', f"error: {STOPPED}"]
    witness = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    try:
        yield
    finally:
        witness.communicate(b"over\n")
