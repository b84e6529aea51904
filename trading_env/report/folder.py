"""A run folder as the report reads it: each file is checked here, once, before anything is drawn.

`evaluation/summary.json` is required. `manifest.json`, `evaluation/replay.json` and the table
`evaluation/curves` (.csv or .parquet) are optional. A file that is damaged, or that holds a value
of the wrong type, is a `UserError` that names the file and the place.
"""

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Self, TypeVar

from pydantic import ConfigDict, Field, create_model, model_validator

from trading_env.backtesting.replay import CODED, REPLAYED
from trading_env.core.doors import Checked, Loose, is_there, read_file, read_json
from trading_env.core.errors import UserError
from trading_env.core.parquet import read_frame

if TYPE_CHECKING:
    import pandas as pd

SUMMARY, MANIFEST = "evaluation/summary.json", "manifest.json"
REPLAY, CURVES = "evaluation/replay.json", "evaluation/curves"
EQUITY = ("equity", "equity_low", "equity_high")
LARGEST = 1e30  # an axis can hold it, and its ends can be subtracted
T = TypeVar("T")

Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]


class Place(Checked):
    policy: str
    scenario: str
    severity: Number = 1.0
    market: str | None = None
    window: int | str | None = None


class Row(Place):
    """Metrics of a cell by name; None where a metric is not defined."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Number | None] = Field(init=False)


class Difference(Row):
    """A paired difference; a metric that has an interval has its mean and both ends."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        found = self.model_extra or {}
        for name, value in found.items():
            mean = name.removesuffix("_low")
            if value is None or mean == name or not name.startswith("diff_"):
                continue
            for part in (mean, f"{mean}_high"):
                if found.get(part) is None:
                    raise ValueError(f"{name} stands without {part}")
        return self


class Reasons(Place):
    reasons: dict[str, str]


class Role(Checked):
    name: str
    role: str


class Summary(Checked):
    learner: str = "policies"
    market: str = "a market"
    scenarios: list[Role] = Field([])
    notes: list[str] = Field([])
    means: list[Row] = Field([])
    reasons: list[Reasons] = Field([])
    differences: dict[str, list[Difference]] = Field({})


class Source(Loose):
    name: str | None = None
    source: str | None = None
    sha256: str | None = None


class Environment(Loose):
    market: Source
    scenarios: list[Source] = Field([])


class Git(Loose):
    commit: str | None = None
    dirty: bool | None = None


class Manifest(Loose):
    """What made the run; `environment` is one for all policies, or policy -> environment."""

    status: str = "unknown"
    git: Git = Git()
    seeds: dict[str, Any] = Field({})
    versions: dict[str, Any] = Field({})
    environment: Annotated[
        Environment | dict[str, Environment], Field(union_mode="left_to_right")
    ] = Field({})


class Recorded(Checked):
    """An asset's lists, one value a row of the episode, and its spans [first, last] of rows."""

    symbol: str
    own_impact_bps: list[Number]
    events: list[tuple[int, int]]
    halts: list[tuple[int, int]]


FIELD_TYPES: dict[str, Any] = {name: (list[Number], ...) for name in REPLAYED}
FIELD_TYPES |= {name: (list[str], ...) for name in CODED}
Asset = create_model("Asset", __base__=Recorded, **FIELD_TYPES)


class ReplayedEpisode(Checked):
    policy: str
    scenario: str
    severity: Number | None = None  # of an older folder, which does not say
    seed: int
    time: Annotated[list[str], Field(min_length=1)]
    equity: list[Number]
    assets: Annotated[list[Asset], Field(min_length=1)]

    @model_validator(mode="after")
    def _has_one_length(self) -> Self:
        rows = len(self.time)
        lists: list[tuple[str, Any]] = [("equity", self.equity)]
        for asset in self.assets:
            lists += [item for item in asset if item[0] in ("own_impact_bps", *FIELD_TYPES)]
            for first, last in [*asset.events, *asset.halts]:
                if not 0 <= first <= last < rows:
                    raise ValueError(f"[{first}, {last}] is no span of {rows} rows")
        for name, values in lists:
            if len(values) != rows:
                raise ValueError(f"{name} has {len(values)} values, time has {rows}")
        if self.equity[0] == 0.0:
            raise ValueError("equity starts at 0")
        return self


class Run(NamedTuple):
    """A folder's content; None for each file that is not there."""

    summary: dict[str, Any]
    manifest: Manifest | None
    curves: "pd.DataFrame | None"
    episodes: list[ReplayedEpisode] | None


def read_run(folder: Path) -> Run:
    """Read and check a run folder.

    Raises:
        UserError: the folder holds no evaluation, or one of its files is invalid.
    """
    summary = _read(folder / SUMMARY, Summary)
    if summary is None:
        raise UserError.at(folder, "", f"not the folder of an evaluated run: no {SUMMARY}")
    episodes = _read(folder / REPLAY, list[ReplayedEpisode])
    manifest = _read(folder / MANIFEST, Manifest)
    return Run(summary.model_dump(), manifest, read_curves(folder / CURVES), episodes)


def _read(path: Path, kind: type[T]) -> T | None:
    """Read a JSON file; return None if there is none."""
    return read_json(path, kind) if is_there(path) else None


def read_curves(path: Path) -> "pd.DataFrame | None":
    """Read a table of curves, a row a cell and step; None without a file, or without pyarrow.

    Raises:
        UserError: the file is no such table.
    """
    import pandas as pd

    csv, parquet = path.with_suffix(".csv"), path.with_suffix(".parquet")
    found = csv if is_there(csv) else parquet
    if not is_there(found):
        return None
    content = BytesIO(read_file(found))
    try:
        frame = pd.read_csv(content) if found == csv else read_frame(content)
        return _checked(frame) if len(frame) else None
    except ImportError:
        return None
    except Exception as error:  # a damaged file makes the readers raise errors of many types
        raise UserError.at(found, "", str(error) or type(error).__name__) from None


def _checked(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Return the columns that the charts need, with names as text and finite numbers."""
    import pandas as pd

    names = [name for name in ("policy", "scenario", "market", "window") if name in frame]
    numbers = {name: LARGEST for name in ("severity", "step", *EQUITY, "drawdown")}
    numbers |= {"stressed": 1.0} if "stressed" in frame else {}
    for needed in ("policy", "scenario", *numbers):
        if needed not in frame:
            raise ValueError(f"no column {needed}")
    table = frame[names].astype(object).fillna("").astype(str)
    for name, largest in numbers.items():
        table[name] = pd.to_numeric(frame[name], errors="coerce").astype(float)
        if not table[name].abs().le(largest).all():
            raise ValueError(f"column {name}: not a number, or above {largest:g}")
    cells = table.groupby([*names, "severity"])
    start = cells["equity"].transform("first")
    if (start <= 0.0).any():
        raise ValueError("column equity: a curve starts at 0 or below")
    for name in EQUITY:
        if not (table[name].abs() / LARGEST <= start).all():
            raise ValueError(f"column {name}: more than {LARGEST:g} times the start of its curve")
    if (cells.cumcount() != table["step"]).any():
        raise ValueError("column step: does not count 0, 1, 2, ... in each cell")
    return table
