"""A run that was played again, beside the one on record: is every figure the same, and if not, why.

Figures are those of the tables and of the JSON files of both folders, compared to the last bit.
What a manifest holds of code, versions, data, policies and settings is the cause of a difference,
or none. A training is not repeated: its policy is played again, in the scenarios and episodes that
the manifest names. A cell that failed then has to fail again for the same reason. Not compared:
pictures, the report, the verdict of `train.py`, and times.
"""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from pydantic import Field

from trading_env.backtesting.evaluation import evaluate_policy
from trading_env.backtesting.lookup import NAMED, policy_of_run
from trading_env.backtesting.run_folder import RunFolder
from trading_env.core.doors import Checked, Loose, is_there, read_file, read_json
from trading_env.core.errors import UserError, clip, shown
from trading_env.core.parquet import read_frame
from trading_env.stress.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

MANIFEST = "manifest.json"
JSON_FILES = ("evaluation/summary.json", "evaluation/replay.json")
TABLES = ("evaluation/episodes", "evaluation/curves", "journal", "orders")
SHOWN = 24  # characters of a value
REASON = 48  # characters of why a cell failed


class Configuration(Loose):
    episode_length: int


class FirstEpisode(Checked):
    first: int
    episodes: int


class FailedCell(Loose):
    policy: str
    market: str
    scenario: str
    severity: float
    window: int | None = None
    reason: str

    @property
    def place(self) -> str:
        """Name the cell."""
        names = ("policy", "market", "scenario", "severity", "window")
        found = {name: getattr(self, name) for name in names}
        return ", ".join(f"{n} {clip(v, SHOWN)}" for n, v in found.items() if v is not None)


class Recorded(Loose):
    """What is read of the manifest of a run that is played again."""

    kind: str
    status: str
    command: str
    cwd: str | None = None  # where that was typed
    seeds: FirstEpisode
    severities: list[float]
    band: str | None = None
    versions: dict[str, str] = Field({})
    code: str = ""
    env: str = "portfolio"
    markets: dict[str, dict[str, Any]] = Field({})
    windows: list[dict[str, Any]] = Field([])
    policies: dict[str, str]
    overrides: dict[str, Any] = Field({})
    scenarios: dict[str, list[dict[str, Any]]]
    environment: dict[str, Configuration]
    failed: list[FailedCell] = Field([])


CAUSES = (
    *("versions", "code", "env", "markets", "band", "windows", "policies", "overrides"),
    *("scenarios", "severities", "seeds", "environment"),
)


class Reproduced(NamedTuple):
    """What differs between the run on record and the one that was played again."""

    figures: list[str]
    causes: list[str]
    failures: list[str]  # of both, for the same reason


def read_recorded(folder: Path) -> Recorded:
    """Read the manifest of a run that has ended.

    Raises:
        UserError: it is no such manifest.
    """
    recorded = read_json(folder / MANIFEST, Recorded)
    if recorded.status != "finished":
        reason = f"its status is {clip(recorded.status, 40)}, not finished: continue it first"
        raise UserError.at(folder / MANIFEST, "", reason)
    return recorded


def play_policy_again(folder: Path, recorded: Recorded, again: RunFolder) -> None:
    """Play the policy that a training left, as it was evaluated.

    Raises:
        ValueError: the policy or a scenario is refused.
    """
    found = policy_of_run(folder)
    own = (found.name, *found.company)
    beside = [n for n in recorded.policies if n not in own and n in NAMED[found.env]]
    lengths = [each.episode_length for each in recorded.environment.values()]
    evaluate_policy(
        found,
        scenarios={name: _scenario(groups) for name, groups in recorded.scenarios.items()},
        severities=recorded.severities,
        episodes=recorded.seeds.episodes,
        seed=recorded.seeds.first,
        band=recorded.band,
        length=lengths[0] if lengths else None,
        beside=beside,
        folder=again,
    )


def _scenario(groups: list[dict[str, Any]]) -> Any:
    """Build a scenario from what a manifest holds of it."""
    plain = [{k: v for k, v in group.items() if k != "sha256"} for group in groups]
    made = [Scenario.read(group, MANIFEST) for group in plain]
    return made[0] if len(made) == 1 else {"one_of": made}


def compare(then: Path, now: Path) -> Reproduced:
    """Compare two run folders.

    Raises:
        UserError: a JSON file of the run on record is unreadable.
    """
    recorded = [read_recorded(folder) for folder in (then, now)]
    figures, failures = failing(*recorded)
    figures += [text for name in JSON_FILES for text in _of_json(then / name, now / name, name)]
    figures += [text for name in TABLES for text in _of_table(then, now, name)]
    before, after = (each.model_dump() for each in recorded)
    causes = [
        text for name in CAUSES for text in differing(before.get(name), after.get(name), name)
    ]
    return Reproduced(figures, causes, failures)


def failing(then: Recorded, now: Recorded) -> tuple[list[str], list[str]]:
    """Return what of the cells that failed differs, and those that failed in both runs alike."""
    old, new = ({cell.place: cell.reason for cell in each.failed} for each in (then, now))
    differ, same = [], []
    for place in dict.fromkeys([*old, *new]):
        before, after = (clip(of[place], REASON) if place in of else "" for of in (old, new))
        if place in old and old[place] == new.get(place):
            same.append(f"{place}: {before}")
        elif place in old and place in new:
            differ.append(f"{place}: failed then ({before}), fails now by {after}")
        elif place in old:
            differ.append(f"{place}: failed then ({before}), and plays now")
        else:
            differ.append(f"{place}: was played then, and fails now ({after})")
    return differ, same


def differing(then: Any, now: Any, place: str) -> Iterator[str]:
    """Yield each place where two JSON values differ, with both values."""
    if isinstance(then, dict) and isinstance(now, dict):
        for key in dict.fromkeys([*then, *now]):
            yield from differing(then.get(key), now.get(key), f"{place}.{clip(key)}")
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for k, (old, new) in enumerate(zip(then, now, strict=True)):
            yield from differing(old, new, f"{place}[{k}]")
    elif type(then) is not type(now) or then != now:
        yield f"{place}: {shown(then, SHOWN)} then, {shown(now, SHOWN)} now"


def _of_json(then: Path, now: Path, name: str) -> Iterator[str]:
    if not is_there(then) or not is_there(now):
        if is_there(then) or is_there(now):  # without an episode that was played there is none
            yield f"{name}: missing {'now' if is_there(then) else 'then'}"
        return
    kind: Any = dict[str, Any] | list[Any]
    yield from differing(read_json(then, kind), read_json(now, kind), Path(name).name)


def _of_table(then: Path, now: Path, name: str) -> Iterator[str]:
    paths = [_table_in(folder, name) for folder in (then, now)]
    if paths[0] is None or paths[1] is None:
        if paths != [None, None]:
            yield f"{name}: missing {'now' if paths[1] is None else 'then'}"
    elif read_file(paths[0]) != read_file(paths[1]):
        yield from _differing_cells(_frame(paths[0]), _frame(paths[1]), Path(name).name)


def _table_in(folder: Path, name: str) -> Path | None:
    found = [folder / f"{name}{suffix}" for suffix in (".parquet", ".csv")]
    return next((path for path in found if is_there(path)), None)


def _frame(path: Path) -> "pd.DataFrame":
    import pandas as pd

    content = BytesIO(read_file(path))
    try:
        return pd.read_csv(content) if path.suffix == ".csv" else read_frame(content)
    except Exception as error:  # a damaged file makes the readers raise errors of many types
        raise UserError.at(path, "", str(error) or type(error).__name__) from None


def _differing_cells(then: "pd.DataFrame", now: "pd.DataFrame", name: str) -> Iterator[str]:
    """Yield the first cell of each column that differs in a bit."""
    if list(then) != list(now) or len(then) != len(now):
        sizes = [f"{len(frame)} rows of {len(frame.columns)} columns" for frame in (then, now)]
        yield f"{name}: {sizes[0]} then, {sizes[1]} now"
        return
    for column in now:
        old, new = then[column], now[column]
        differ = ((old != new) & ~(old.isna() & new.isna())).to_numpy(dtype=bool)
        if old.dtype == new.dtype == np.float64:  # 0 and -0 are equal, and not the same
            differ = differ | (np.signbit(old) != np.signbit(new)).to_numpy()
        rows = np.flatnonzero(differ)
        if len(rows):
            values = (shown(frame.tolist()[rows[0]], SHOWN) for frame in (old, new))
            yield f"{name} row {rows[0]} {column}: {next(values)} then, {next(values)} now"
