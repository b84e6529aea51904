"""The folder of a run: manifest, tables, curves, journals, pictures.

    manifest.json               what was played, on what, with which seeds, code and versions; one
                                that says "running" of a process that holds no lock was killed
    evaluation/cells/KEY.json   one result each, from which a run that was killed is continued
    evaluation/episodes.parquet, curves.parquet, summary.json
    evaluation/replay.json      the policy's first episode of each scenario, for the report to play;
                                of several severities at 1, or else at the largest
    journal.parquet             every decision and fill of its first episodes there
    orders.parquet              the ledger of each of their orders
    episode.png, equity.png     where matplotlib is installed

Tables are .csv where pyarrow is missing.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trading_env.backtesting.cells import Cell
from trading_env.backtesting.journals import journal, order_ledger
from trading_env.backtesting.playing import Played
from trading_env.backtesting.replay import replay
from trading_env.backtesting.store import CellStore
from trading_env.backtesting.tables import curves_frame
from trading_env.core.doors import Loose, is_there, read_json
from trading_env.core.errors import ConfigError, UserError, file_name
from trading_env.core.files import git_state, now, versions, write_json, write_parquet, write_with
from trading_env.core.locking import only_writer
from trading_env.core.sources import PACKAGE
from trading_env.envs.render import save_episode, save_equity_curves
from trading_env.envs.trace import EpisodeTrace

if TYPE_CHECKING:
    import pandas as pd


class Known(Loose):
    """What is read of the manifest of a run that is continued."""

    kind: str | None = None
    command: str | None = None
    status: str | None = None


def status_of(folder: Path) -> str | None:
    """Return how the run of a folder ended, or None where it holds none."""
    path = folder / "manifest.json"
    return read_json(path, Known).status if is_there(path) else None


def check_folder(folder: Path) -> None:
    """Refuse a folder that `--out` names and that cannot be made, since a file stands there.

    Raises:
        ConfigError: it is a file, or below one.
    """
    found = next(path for path in (folder, *folder.parents) if is_there(path))
    if not found.is_dir():
        reason = "is not a folder; give the name of one, or of a new one"
        raise ConfigError(f"out = {file_name(found)}: {reason}")


class RunFolder:
    """Writes a run's files; the manifest first and last.

    Args:
        folder: made when it is missing.
        kind: "evaluate", "backtest", "benchmark" or "train".
        command: what was typed; a training that is continued keeps what was typed first.
        goes_on: whether it may continue a run of its kind that the folder holds.

    Raises:
        ValueError: the folder is a file, holds another run, or leads out of itself.
    """

    def __init__(self, folder: Path, kind: str, command: str, *, goes_on: bool = True) -> None:
        self.folder = folder
        self.goes_on = goes_on
        self.evaluation = folder / "evaluation"
        self.store = CellStore(self.evaluation / "cells")
        self.manifest: dict[str, Any] = {"kind": kind, "command": command}
        self._check_kind()

    def _check_kind(self) -> None:
        check_folder(self.folder)
        for folder in (self.evaluation, self.store.folder):
            if folder.is_symlink():
                raise UserError.at(folder, "", "is a link: what is written would be elsewhere")
        path = self.folder / "manifest.json"
        if not is_there(path):
            return
        known = read_json(path, Known)
        if not self.goes_on or known.kind != self.manifest["kind"]:
            raise ValueError(f"out = {self.folder}: holds another run; give another folder")
        if known.kind == "train":  # --resume says nothing of what is trained
            self.manifest["command"] = known.command or self.manifest["command"]

    @contextmanager
    def open(self, **notes: Any) -> Iterator[None]:
        """Write how the block begins and how it ends; a block inside another one adds its notes.

        Raises:
            ValueError: another process writes to the folder, or it holds another run by now.
        """
        if self.manifest.get("status") == "running":
            seeds = {**self.manifest.get("seeds", {}), **notes.pop("seeds", {})}
            self.note(seeds=seeds, **notes)
            yield
            return
        with only_writer(self.folder):
            self._check_kind()
            self.manifest |= {"status": "running", "pid": os.getpid(), "start": now(), "end": None}
            self.manifest["cwd"] = str(Path.cwd())
            self.manifest |= {"git": git_state(PACKAGE), "versions": versions()}
            with self._ended():
                self.note(**{"seeds": {}, **notes})
                yield

    @contextmanager
    def _ended(self) -> Iterator[None]:
        """Write how the block ended."""
        status = "finished"
        try:
            yield
        except KeyboardInterrupt:
            status = "interrupted"
            raise
        except BaseException as error:
            status = f"failed: {type(error).__name__}: {error}"
            raise
        finally:
            self.note(status=status, end=now())

    def note(self, **notes: Any) -> None:
        """Add to the manifest, and write it."""
        self.manifest |= notes
        write_json(self.folder / "manifest.json", self.manifest)

    def count(self, is_new: bool) -> None:
        """Count a cell that was played, or kept from an earlier run."""
        self.manifest["cells"]["played" if is_new else "kept"] += 1

    def write(
        self, results: Sequence[Played], frame: "pd.DataFrame", summary: dict[str, Any]
    ) -> None:
        """Write tables, curves and summary."""
        self._clear_episodes()
        write_table(self.evaluation / "episodes", frame)
        write_table(self.evaluation / "curves", curves_frame(results))
        write_json(self.evaluation / "summary.json", summary)
        self.manifest["environment"] = environments_of(results)
        self.manifest["failed"] = [
            {**played.cell._asdict(), **played.failure._asdict()}
            for played in results
            if played.failure
        ]

    def _clear_episodes(self) -> None:
        """Remove what was written and drawn of an earlier run's episodes, and its report."""
        for table in ("journal", "orders"):
            for suffix in (".parquet", ".csv"):
                (self.folder / f"{table}{suffix}").unlink(missing_ok=True)
        for name in ("evaluation/replay.json", "episode.png", "equity.png", "report.html"):
            (self.folder / name).unlink(missing_ok=True)

    def write_episodes(
        self, policy: str, severity: float, traces: Mapping[str, Sequence[EpisodeTrace]]
    ) -> None:
        """Write every decision, fill and order of a policy's episodes, by scenario."""
        import pandas as pd

        for name, lay_out in (("journal", journal), ("orders", order_ledger)):
            tables = []
            for scenario, episodes in traces.items():
                for number, trace in enumerate(episodes):
                    tables.append(lay_out(trace, episode=number))
                    tables[-1].insert(0, "severity", severity)
                    tables[-1].insert(0, "scenario", scenario)
            write_table(self.folder / name, pd.concat(tables, ignore_index=True))
        played = [
            replay(each[0], policy=policy, scenario=name, severity=severity)
            for name, each in traces.items()
        ]
        write_json(self.evaluation / "replay.json", played)

    def draw(
        self, policy: str, trace: EpisodeTrace, where: Cell, results: Sequence[Played]
    ) -> None:
        """Draw one episode of a policy, and the curves of all policies in the same setting.

        Args:
            policy: drawn first.
            trace: its episode.
            where: a cell of that setting.
            results: every cell.
        """
        if find_spec("matplotlib") is None:
            return
        curves = {
            played.cell.policy: played.curve
            for played in results
            if played.cell._replace(policy=policy) == where._replace(policy=policy)
        }
        order = dict.fromkeys((policy, "buy_and_hold", *curves))
        drawn = {n: curves[n] for n in order if n in curves and (n != "random" or n == policy)}
        several = len({played.cell.severity for played in results}) > 1
        scenario = where.scenario + (f", severity {where.severity:g}" if several else "")
        title = f"{policy}, scenario {scenario}, seed {trace.seed}"
        path = self.folder / "episode.png"
        write_with(path, lambda beside: save_episode(trace, beside, title=title))
        title = f"Scenario {scenario}, {where.episodes} episodes: medians"
        path = self.folder / "equity.png"
        write_with(path, lambda beside: save_equity_curves(drawn, beside, title=title))


def environments_of(results: Sequence[Played]) -> dict[str, Any]:
    """Return policy -> the configuration that it played in, with every scenario."""
    found: dict[str, Any] = {}
    for played in (each for each in results if not each.failure):
        known = found.setdefault(played.cell.policy, {**played.environment, "scenarios": []})
        known["scenarios"] += [
            s for s in played.environment["scenarios"] if s not in known["scenarios"]
        ]
    return found


def write_table(path: Path, frame: "pd.DataFrame") -> Path:
    """Write a table as .parquet, or as .csv where pyarrow is missing; return its path.

    The other of the two is removed: a run that went on after pyarrow came has one table.
    """
    csv, parquet = path.with_suffix(".csv"), path.with_suffix(".parquet")
    if find_spec("pyarrow") is not None:
        write_parquet(parquet, frame, index=False)
        csv.unlink(missing_ok=True)
        return parquet
    write_with(csv, lambda beside: frame.to_csv(beside, index=False))
    parquet.unlink(missing_ok=True)
    return csv
