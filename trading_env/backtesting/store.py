"""Results of cells on disk, one file each: whole or absent, so that a killed run can be continued.

A file holds its key and a hash of its content; one that is damaged, or of another shape, counts as
missing.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Self

from pydantic import ConfigDict, model_validator

from trading_env.backtesting.metrics import METRICS
from trading_env.core.doors import Checked, Loose, read_json
from trading_env.core.errors import UserError
from trading_env.core.files import jsonable, write_bytes


class Built(Loose):
    """What tables need of the configuration that a cell was played in."""

    scenarios: list[dict[str, Any]]


class Content(Checked):
    """The fields of `playing.Played` but the cell."""

    model_config = ConfigDict(extra="forbid")
    metrics: dict[str, list[float | None]]
    reasons: list[dict[str, str]]
    curve: dict[str, list[float | None]]
    environment: Built

    @model_validator(mode="after")
    def _has_one_length(self) -> Self:
        rows = {len(values) for values in self.curve.values()}
        episodes = {len(values) for values in self.metrics.values()} | {len(self.reasons)}
        if not METRICS.keys() <= self.metrics.keys() or len(rows) != 1 or len(episodes) != 1:
            raise ValueError("metrics or curves are missing, or of several lengths")
        return self


class Kept(Checked):
    """A cell's file."""

    key: str
    sha256: str
    content: Content


class CellStore:
    """A folder of results by key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: str) -> dict[str, Any] | None:
        """Return a cell's content; None when it is missing or damaged."""
        path = self.folder / f"{key}.json"
        try:
            kept = read_json(path, Kept)
            content: dict[str, Any] = json.loads(path.read_bytes())["content"]
        except UserError:
            return None
        return content if kept.key == key and kept.sha256 == _digest(content) else None

    def put(self, key: str, content: dict[str, Any]) -> None:
        """Write a cell's content, which `jsonable` leaves as it is."""
        kept = {"key": key, "sha256": _digest(content), "content": content}
        text = json.dumps(jsonable(kept), allow_nan=False)
        write_bytes(self.folder / f"{key}.json", text.encode())


def _digest(content: dict[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
