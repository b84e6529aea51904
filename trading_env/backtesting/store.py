"""Results of cells on disk, one file each: whole or absent, so that a killed run can be continued.

A file holds its key and a hash of its content; one that is damaged counts as missing.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from trading_env.core.files import jsonable, write_bytes


class CellStore:
    """A folder of results by key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: str) -> dict[str, Any] | None:
        """Return a cell's content; None when it is missing or damaged."""
        try:
            kept = json.loads((self.folder / f"{key}.json").read_text(encoding="utf-8"))
            content: dict[str, Any] = kept["content"]
            is_sound = kept["key"] == key and kept["sha256"] == _digest(content)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return content if is_sound else None

    def put(self, key: str, content: dict[str, Any]) -> None:
        """Write a cell's content, which `jsonable` leaves as it is."""
        kept = {"key": key, "sha256": _digest(content), "content": content}
        text = json.dumps(jsonable(kept), allow_nan=False)
        write_bytes(self.folder / f"{key}.json", text.encode())


def _digest(content: dict[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
