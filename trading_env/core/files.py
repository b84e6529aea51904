"""Files of a run: each one is whole or absent, and the manifest says what made them.

A file is written beside its place, under a name of its writer's own, brought to the disk, and
renamed into its place: a crash, a power cut, a full disk or a second writer leaves either the old
one or the new one, whole. The manifest holds what a reader needs to judge or repeat the run:
command, seeds, versions, hashes, start, end and status.
"""

import json
import math
import os
import platform
import secrets
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import chdir, contextmanager, nullcontext
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w

if TYPE_CHECKING:
    import pandas as pd

PACKAGES = (
    "execution-gym",
    "numpy",
    "numba",
    "gymnasium",
    "pandas",
    "torch",
    "stable-baselines3",
)


def write_with(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, then move it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = beside(path)
    try:
        write(part)
        _to_disk(part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    if os.name == "posix":  # elsewhere a folder cannot be opened
        _to_disk(path.parent)


def beside(path: Path) -> Path:
    """Return a name for a file that is being written, with the writer's process id in it."""
    return path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.part")


def _to_disk(path: Path) -> None:
    """Wait until a file's content, or a folder's names, are on the disk."""
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    write_with(path, lambda part: part.write_bytes(content))


def write_parquet(path: Path, frame: "pd.DataFrame", *, index: bool) -> None:
    """Write a table; pyarrow itself opens no file whose name is not UTF-8."""
    buffer = BytesIO()
    frame.to_parquet(buffer, index=index)
    write_bytes(path, buffer.getvalue())


def write_json(path: Path, content: Any) -> None:
    """Write JSON that any reader accepts: what is not a finite number is null."""
    text = json.dumps(jsonable(content), indent=2, allow_nan=False) + "\n"
    write_bytes(path, text.encode())


def jsonable(value: Any) -> Any:
    """Return a value that JSON can hold; NaN and infinities become None."""
    if isinstance(value, dict):
        return {unicode(str(key)): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, bool | int | float):
        return value
    return unicode(str(value))


def unicode(text: str) -> str:
    """Return text that UTF-8 holds: bytes that a C locale could not read are read as UTF-8."""
    if text.isascii():
        return text
    try:
        return text.encode("utf-8", "surrogateescape").decode(errors="replace")
    except UnicodeEncodeError:  # half a letter, and not from a file's name
        return text.encode("utf-8", "backslashreplace").decode()


def write_toml(path: Path, values: dict[str, Any]) -> None:
    """Write a table; None is left out, because TOML has no such value."""
    content = {name: value for name, value in values.items() if value is not None}
    write_bytes(path, unicode(tomli_w.dumps(content)).encode())


def path_from(path: str, folder: str | None) -> str:
    """Return a path that was typed in a folder; as it stands where that has nothing of the name."""
    if folder is None or not os.path.isabs(folder) or Path(folder) == Path.cwd():
        return path
    there = Path(folder, path)
    return str(there) if there.exists() else path


@contextmanager
def working_in(folder: str | None) -> Iterator[None]:
    """Stay in a folder while the block runs; where it is gone, in the current one."""
    with chdir(folder) if folder is not None and Path(folder).is_dir() else nullcontext():
        yield


def now() -> str:
    """Return the present second, UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Return the versions of Python and of the packages that are installed."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def platform_name() -> str:
    """Return what bits depend on beside the code: the processor family and the C library."""
    return " ".join([platform.system(), platform.machine(), *platform.libc_ver()])


def git_state(folder: Path) -> dict[str, Any]:
    """Return commit and dirty flag of the checkout that holds `folder`; None where there is none.

    Git is asked, not trusted to be there: without it both are None. So they are where the checkout
    around a folder does not know its files: a package installed below somebody's project.
    """
    try:
        _git(folder, "ls-files", "--error-unmatch", ".")
        commit = _git(folder, "rev-parse", "HEAD")
        return {"commit": commit, "dirty": _git(folder, "status", "--porcelain") != ""}
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "dirty": None}


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()
