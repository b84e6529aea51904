"""An entry: what a policy scored on a track, with all that is needed to judge it and play it again.

An entry names the track and the hash of the tracks' file, the policy of each training and a hash of
its content, the seeds, the budget (decisions a training took, and settings that were tried before
this one), and the versions and the platform that it was played on. One that lacks any of these is
refused as incomplete. Of each training it keeps the mean and a hash of the values of all paths.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import ConfigDict, Field, RootModel

from trading_env.core.doors import Checked, read_json
from trading_env.core.errors import UserError, clip
from trading_env.policies.adaptive import DESCRIPTION, WEIGHTS

FORMAT = "trading-env entry 1"
NEEDED = (
    "track",
    "tracks_sha256",
    "policy",
    "seeds",
    "budget",
    "versions",
    "platform",
    "markets_sha256",
    "rows",
)
ROUNDING = 1e-6  # of a figure between two platforms
POLICY_FILES = (WEIGHTS, DESCRIPTION)
Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class EntryError(UserError):
    """An entry is incomplete, or does not reproduce."""


class Budget(Checked):
    """What a training took."""

    steps: Annotated[int, Field(ge=0)]
    """Decisions of one training, counted lane by lane."""
    trials: Annotated[int, Field(ge=1)]
    """Settings that were tried, this one included."""


class Row(Checked):
    """One training."""

    seed: Annotated[int, Field(ge=0)]
    policy: str
    """As `trading-env benchmark` takes it; a folder is relative to the entry's own."""
    policy_sha256: Hash
    """Of the policy's files, or of its name."""
    mean: float | None
    """Of the metric; None where some episode does not define it."""
    values_sha256: Hash


class Figure(Checked):
    """A figure with its interval."""

    value: float
    low: float
    high: float

    def is_around(self, value: float) -> bool:
        """Tell whether a value lies in the interval, but for rounding."""
        slack = ROUNDING * max(1.0, abs(self.value))
        return self.low - slack <= value <= self.high + slack


class Entry(Checked):
    """The content of an entry's file."""

    model_config = ConfigDict(extra="forbid")
    format: Literal["trading-env entry 1"] = "trading-env entry 1"
    track: str
    tracks_sha256: Hash
    policy: str
    seeds: Annotated[list[int], Field(min_length=1)]
    budget: Budget
    versions: dict[str, str]
    platform: str
    markets_sha256: Hash
    """Of the bars that were played: the processor's exponential function is in them."""
    commit: str | None = None
    command: str = ""
    metric: str = ""
    mean: Figure | None = None
    score: Figure | None = None
    headline: Figure | None = None
    """Regret or share of the optimum, percent."""
    difference: Figure | None = None
    """To the reference on the same paths, in the unit of the mean."""
    rank: int = 0
    rows: Annotated[list[Row], Field(min_length=1)]


class File(RootModel[dict[str, Any] | list[dict[str, Any]]]):
    """One entry, or a list of them."""


def read_entries(path: Path) -> list[Entry]:
    """Read an entry, or a file with a list of them.

    Raises:
        EntryError: the file is no JSON, or an entry is incomplete or of another shape.
    """
    content = read_json(path, File, EntryError).root
    return [entry_of(each, path) for each in (content if isinstance(content, list) else [content])]


def entry_of(content: dict[str, Any], source: object) -> Entry:
    """Check an entry.

    Raises:
        EntryError: it lacks something, or a value is of the wrong kind.
    """
    name = f"{content.get('track', 'an entry')}, {content.get('policy', 'without a policy')}"
    missing = [key for key in NEEDED if content.get(key) in (None, "", [], {})]
    budget = content.get("budget")
    if isinstance(budget, dict) and budget:
        missing += [f"budget.{key}" for key in ("steps", "trials") if budget.get(key) is None]
    if missing:
        raise EntryError.at(source, clip(name, 60), f"incomplete: lacks {', '.join(missing)}")
    try:
        return Entry.model_validate_json(json.dumps(content))
    except ValueError as error:
        reason = str(error).splitlines()
        raise EntryError.at(source, clip(name, 60), " ".join(reason[1:3])) from None


def policy_digest(text: str) -> str:
    """Hash the files of a saved policy, or the text that names another one."""
    folder = Path(text)
    folder = folder / "policy" if (folder / "policy").is_dir() else folder
    files = [folder / name for name in POLICY_FILES]
    is_saved = all(path.is_file() for path in files)
    content = b"".join(path.read_bytes() for path in files) if is_saved else text.encode()
    return hashlib.sha256(content).hexdigest()


def digest_of(values: Sequence[float | None]) -> str:
    """Hash the values of all paths, bit by bit; one that is not defined is a NaN."""
    array = np.array([np.nan if value is None else value for value in values], dtype="<f8")
    return hashlib.sha256(array.tobytes()).hexdigest()
