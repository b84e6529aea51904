"""What is opened: a file, the files of a zip archive, or those of a folder.

The first bytes decide what a file is, not its name: gzip and zip are unpacked in memory, Parquet,
JSON and text are told apart. Limits: 1 GiB for an unpacked file or the files of an archive
together, and above 16 MiB 100 times the packed size; 10,000 files; nothing packed twice.
"""

import gzip
import stat
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import IO, cast

from trading_env.core.errors import MarketDataError, clip

MAX_FILE_BYTES = 1 << 30
MAX_EXPANSION = 100
EXPANSION_FLOOR = 1 << 24
MAX_FILES = 10_000
CHUNK = 1 << 20
SUFFIXES = (
    *(".csv", ".txt", ".tsv", ".json", ".jsonl", ".parquet", ".pq", ".prn", ".asc"),
    *(".gz", ".zip"),
)
BESIDE = ("readme", "license", "licence", "notice", "metadata", "changelog")
UNREADABLE = (OSError, EOFError, zlib.error, zipfile.BadZipFile)
ELSE = {
    b"BZh": "a bzip2 file; unpack it",
    b"\xfd7zXZ": "an xz file; unpack it",
    b"\x28\xb5\x2f\xfd": "a zstandard file; unpack it",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save it as CSV",
    b"ARROW1": "a Feather file; save it as Parquet",
    b"\x89HDF": "an HDF5 file; save it as Parquet",
    b"SQLite": "a database; save the table as CSV",
}


@dataclass(frozen=True)
class Member:
    """One file of bars."""

    source: str  # its name in errors
    stem: str  # name without folder and suffixes
    kind: str  # "text", "json" or "parquet"
    stream: Callable[[], IO[bytes]]
    limit: int  # bytes, unpacked
    packed: bool
    parts: dict[str, str] = field(default_factory=dict)  # of folders called key=value

    def content(self, limit: int = MAX_FILE_BYTES) -> bytes:
        """Return the whole file.

        Raises:
            MarketDataError: it is larger than its limit, or unreadable.
        """
        limit = min(limit, self.limit)
        try:
            with closing(self.stream()) as stream:
                content = stream.read(limit + 1)
        except UNREADABLE as error:
            raise MarketDataError.at(self.source, "", f"unreadable: {clip(error, 60)}") from None
        if len(content) > limit:
            raise replace(self, limit=limit).too_large()
        return content

    def too_large(self) -> MarketDataError:
        """Build the error of a file that unpacks to more than its limit."""
        return MarketDataError.at(self.source, "", f"unpacks to more than {self.limit >> 20} MiB")


def members(path: Path) -> list[Member]:
    """Return the files of bars behind a path, in order of their names.

    Raises:
        MarketDataError: there are none, or what is there is no table.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else clip(error, 60)
        raise MarketDataError.at(str(path), "", reason) from None
    if stat.S_ISDIR(mode):
        return _of_folder(path)
    if not stat.S_ISREG(mode):
        raise MarketDataError.at(str(path), "", f"not a regular file ({stat.filemode(mode)[0]})")
    return _of_file(path)


def folder_files(path: Path) -> list[Path]:
    """Return the files below a folder that can hold bars."""
    found = (file for file in sorted(path.rglob("*")) if file.suffix.lower() in SUFFIXES)
    return [file for file in found if file.is_file() and _holds_bars(file.name)]


def _holds_bars(name: str) -> bool:
    """Tell whether a file of a folder or an archive is taken for bars, by its name."""
    return bool(name) and name[0] not in "._" and not name.lower().startswith(BESIDE)


def _of_folder(path: Path) -> list[Member]:
    files = folder_files(path)
    if not files:
        reason = f"a folder without files of bars ({', '.join(SUFFIXES)}), not a regular file"
        raise MarketDataError.at(str(path), "", reason)
    if len(files) > MAX_FILES:
        raise MarketDataError.at(str(path), "", f"{len(files)} files; at most {MAX_FILES}")
    found: list[Member] = []
    for file in files:
        parts = dict(p.split("=", 1) for p in file.relative_to(path).parts[:-1] if "=" in p)
        found += [replace(member, parts=parts) for member in _of_file(file)]
    return found


def _of_file(path: Path) -> list[Member]:
    size = path.stat().st_size
    limit = min(MAX_FILE_BYTES, max(EXPANSION_FLOOR, MAX_EXPANSION * size))
    with path.open("rb") as raw:
        head = raw.read(8)
    if head[:2] == b"\x1f\x8b":

        def unpacked() -> IO[bytes]:
            return cast(IO[bytes], gzip.GzipFile(filename=path, mode="rb"))

        member = _member(str(path), path.name, unpacked, limit, True)
        _check_unpacked(member)
        return [member]
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return _of_zip(path, limit)
    return [_member(str(path), path.name, lambda: path.open("rb"), MAX_FILE_BYTES, False)]


def _check_unpacked(member: Member) -> None:
    """Refuse a file that unpacks to too much before its lines are read, which takes longer."""
    left = member.limit
    try:
        with closing(member.stream()) as stream:
            while left >= 0 and (read := len(stream.read(CHUNK))):
                left -= read
    except UNREADABLE as error:
        raise MarketDataError.at(member.source, "", f"unreadable: {clip(error, 60)}") from None
    if left < 0:
        raise member.too_large()


def _of_zip(path: Path, limit: int) -> list[Member]:
    """Return the files of an archive; what it says of their sizes is checked as they are read."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            names = [info.filename for info in infos]
            if any(name.startswith("xl/") for name in names):
                raise MarketDataError.at(str(path), "", "an Excel workbook; save it as CSV")
            if len(infos) > MAX_FILES:
                raise MarketDataError.at(str(path), "", f"{len(infos)} files; at most {MAX_FILES}")
            if sum(info.file_size for info in infos) > limit:
                reason = f"unpacks to more than {limit >> 20} MiB"
                raise MarketDataError.at(str(path), "", reason)
            if any(info.flag_bits & 1 for info in infos):
                raise MarketDataError.at(str(path), "", "needs a password; unpack it")
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        if isinstance(error, MarketDataError):
            raise
        raise MarketDataError.at(str(path), "", f"unreadable: {clip(error, 60)}") from None
    found: list[Member] = []
    for name in sorted(names):
        inside = PurePosixPath(name)
        packed = inside.suffix.lower() in (".gz", ".zip")
        wanted = inside.suffix.lower() in SUFFIXES and not packed and not name.endswith("/")
        if wanted and _holds_bars(inside.name) and "__MACOSX" not in inside.parts:
            found.append(_member(f"{path}/{name}", inside.name, _inside(path, name), limit, True))
    if not found:
        kinds = ", ".join(SUFFIXES[:-2])
        raise MarketDataError.at(str(path), "", f"an archive without files of bars ({kinds})")
    return found


def _inside(path: Path, name: str) -> Callable[[], IO[bytes]]:
    def stream() -> IO[bytes]:
        try:
            with zipfile.ZipFile(path) as archive:
                return archive.open(name)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            raise OSError(str(error)) from None

    return stream


def _member(
    source: str, name: str, stream: Callable[[], IO[bytes]], limit: int, packed: bool
) -> Member:
    """Look at the first bytes of a file."""
    try:
        with closing(stream()) as opened:
            head = opened.read(64)
    except UNREADABLE as error:
        raise MarketDataError.at(source, "", f"unreadable: {clip(error, 60)}") from None
    for magic, reason in ELSE.items():
        if head.startswith(magic):
            raise MarketDataError.at(source, "", reason)
    if head[:2] == b"\x1f\x8b" or head[:4] == b"PK\x03\x04":
        raise MarketDataError.at(source, "", "packed twice; unpack it once")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    kind = "parquet" if head[:4] == b"PAR1" else "json" if text[:1] in (b"[", b"{") else "text"
    stem = name.partition(".")[0]
    return Member(source, stem, kind, stream, limit, packed)
