"""Which of our files a file depends on, and a digest of them: key of compiled code and results."""

import hashlib
import re
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
OUR_IMPORT = re.compile(r"^from trading_env\.([\w.]+) import", re.MULTILINE)


def imported_files(first: Path) -> list[Path]:
    """List a file of the package, every file of ours that it imports, and so on."""
    found: set[Path] = set()
    ahead = [first]
    while ahead:
        path = ahead.pop()
        if path not in found:
            found.add(path)
            modules = OUR_IMPORT.findall(path.read_text(encoding="utf-8"))
            ahead += [_file_of(module) for module in modules]
    return sorted(found)


def source_digest(first: Path) -> str:
    """SHA-256 over the names and contents of `imported_files`."""
    digest = hashlib.sha256()
    for path in imported_files(first):
        digest.update(path.relative_to(PACKAGE).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _file_of(module: str) -> Path:
    """Find the file of a module, or the front page of a room."""
    place = PACKAGE.joinpath(*module.split("."))
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
