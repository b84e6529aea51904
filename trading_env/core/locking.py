"""One writer a folder, and nothing left of those that were killed.

A writer holds `.lock` in its folder: a file with its process id and the time it began, locked by
the operating system, which lets go of it when the process ends, however that happens. Who finds it
locked is refused with one line. Who finds it there and free takes it over and says so: its writer
was killed. Then what killed writers left half written (`files.beside`) is removed; a file of a
process that is alive stays.

Not kept: on a system without such locks (Windows), and between machines on a network drive that
does not share them.
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trading_env.core.errors import ConfigError, clip, one_line
from trading_env.core.files import now

LOCK = ".lock"
LEFT = re.compile(r"\..+\.([0-9]+)\.[0-9a-f]{8}\.part")  # the names that `files.beside` gives


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Hold a folder, which is made if it is missing, while the block runs.

    Raises:
        ConfigError: another process writes to it.
    """
    if os.name != "posix":
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK
    handle = _locked(path)
    try:
        before = _read(handle)
        if before is not None:
            note = f"note: {folder}: taken over from {_said(before)}, which was killed"
            print(one_line(note), file=sys.stderr)
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps({"pid": os.getpid(), "start": now()}).encode(), 0)
        sweep(folder)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def sweep(folder: Path) -> None:
    """Remove what writers of a run folder that are dead left half written."""
    for pattern in (".*.part", "*/.*.part", "evaluation/cells/.*.part"):
        for path in folder.glob(pattern):
            name = LEFT.fullmatch(path.name)
            if name and not _is_alive(int(name[1])):
                path.unlink(missing_ok=True)


def _locked(path: Path) -> int:
    """Open and lock a file that still has this name once it is locked."""
    import fcntl  # not on every system

    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is(handle, path):
                return handle
        except BlockingIOError:
            held = _said(_read(handle) or {})
            os.close(handle)
            reason = f"{held} writes to it; wait for it, or give another folder"
            raise ConfigError.at(path.parent, "", reason) from None
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # its last writer has just removed it


def _is(handle: int, path: Path) -> bool:
    """Tell whether an open file is the one that has this name."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False


def _read(handle: int) -> dict[str, Any] | None:
    """Read who holds or held a lock; None of a file that has just been made."""
    content = os.pread(handle, 1000, 0)
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {} if content else None
    return found if isinstance(found, dict) else {}


def _said(holder: dict[str, Any]) -> str:
    if not holder:
        return "another process"
    return f"process {clip(holder.get('pid'))} (since {clip(holder.get('start'))})"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # of another user
        return True
    return True
