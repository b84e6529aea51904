"""What `python train.py` does for each task: train, evaluate on what was not trained on, conclude.

A run of one training is one run folder. Of several trainings, each has a folder of its own,
`seed_K`, and the conclusion draws trainings as well as paths; trainings that a folder holds already
are kept. They are cells of `backtesting/engine.py`: one after another, or tasks of Ray, and where
one fails the others go on. A run that is resumed goes on with the one that was stopped: from its
newest checkpoint (`agents/checkpoint.py`), or with the next cell of its evaluation. At its end the
checkpoints go.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
from tqdm import tqdm

from agents.checkpoint import Checkpoints
from trading_env.backtesting.engine import Engine, Failure
from trading_env.backtesting.evaluation import evaluate_policy
from trading_env.backtesting.intervals import MIN_DRAWN
from trading_env.backtesting.lookup import policy_of_run
from trading_env.backtesting.run_folder import RunFolder, status_of
from trading_env.backtesting.terms import UNSTATED, Terms
from trading_env.cli.options import scenarios_of
from trading_env.core.codes import Task
from trading_env.core.doors import read_toml
from trading_env.core.errors import ConfigError, FailedError
from trading_env.core.files import write_json, write_toml
from trading_env.core.locking import only_writer
from trading_env.core.seeds import seed_of
from trading_env.envs.world import build
from trading_env.markets import load_market
from trading_env.markets.bars import BANDS, Market
from trading_env.report import terminal_sections, text_table, write_report

NOTHING_TOLD = f"nothing was compared: no trades, or fewer than {MIN_DRAWN} episodes"


@dataclass
class TrainingRun(ABC):
    """One task of `train.py`.

    Everything that can be wrong is refused before anything is written: what takes no time when it
    is made, and a market that cannot carry the task by `read_market`.

    Args:
        out: its folder.
        market: what `load_market` takes; None takes the task's own.
        scenario: presets or files to evaluate in; empty takes the task's own.
        episodes: of each cell.
        effort: how long to train, in the task's unit.
        seed: of the first training; each later one has the next.
        seeds: trainings.
        quick: train and evaluate on little.
        command: what was typed.
        resume: go on with what the folder holds.
        terms: cash, fees, kind of account and risk.

    Raises:
        ConfigError: a value is out of its range, or the market cannot carry the task.
        ValueError: a folder holds another run.
    """

    task: ClassVar[Task]
    agent: ClassVar[str] = "adaptive"
    unit: ClassVar[str]  # of `effort`, and its name among the options
    usual: ClassVar[tuple[int, int]]  # effort, episodes
    little: ClassVar[tuple[int, int]]  # at most that much where `quick`
    learners: ClassVar[Sequence[str]]  # what is trained, under which checkpoints are kept
    beside: ClassVar[Sequence[str]]  # baselines that play the same episodes
    out: Path
    market: Any
    scenario: Sequence[str]
    episodes: int
    effort: int
    seed: int
    seeds: int
    quick: bool
    command: str
    resume: bool
    terms: Terms = UNSTATED
    scenarios: Mapping[str, Any] = field(init=False)
    groups: Mapping[str, Sequence[str]] = field(init=False)  # of scenarios, for the verdict
    length: int = field(init=False)

    def __post_init__(self) -> None:
        """Fill in what the task decides, and check it."""
        if self.quick:
            self.effort = min(self.effort, self.little[0])
            self.episodes = min(self.episodes, self.little[1])
        self.check_numbers()
        self.fill_in()
        if self.scenario:
            self.scenarios = scenarios_of(",".join(self.scenario))
            self.groups = {name: [name] for name in self.scenarios}
        for seed in self.trainings:
            if not self.is_done(seed):
                self.run_folder(seed)

    @abstractmethod
    def fill_in(self) -> None:
        """Choose the market and the scenarios."""

    @abstractmethod
    def length_of(self, tables: Iterable[Market]) -> int:
        """Return the steps of an episode on the bands of a market that can carry the task."""

    @abstractmethod
    def train(self, seed: int, folder: Path, run_folder: RunFolder) -> None:
        """Train one policy, and write it."""

    @abstractmethod
    def verdict(self, frame: pd.DataFrame) -> list[str]:
        """Say what the episodes of all trainings show."""

    @property
    def env(self) -> str:
        """Name of the task."""
        return self.task.name.lower()

    @property
    def trainings(self) -> range:
        """Seeds of the trainings."""
        return range(self.seed, self.seed + self.seeds)

    def folder(self, seed: int) -> Path:
        """Return the run folder of a training."""
        return self.out if self.seeds == 1 else self.out / f"seed_{seed}"

    def run_folder(self, seed: int) -> RunFolder:
        """Return the writer of a training's folder."""
        folder = self.folder(seed)
        goes_on = self.resume and not is_finished(folder)
        return RunFolder(folder, "train", self.command, goes_on=goes_on)

    def settings(self, seed: int) -> dict[str, Any]:
        """Return the options that repeat a training."""
        known = {
            "env": self.env,
            "agent": self.agent,
            "market": self.market,
            "scenario": list(self.scenario),
        }
        return known | {
            self.unit: self.effort,
            "episodes": self.episodes,
            "seed": seed,
            "quick": self.quick,
            **self.terms.options(),
        }

    def is_done(self, seed: int) -> bool:
        """Tell whether a folder holds this training already."""
        folder = self.folder(seed)
        if not is_finished(folder):
            return False
        config = read_toml(folder / "config.toml", dict[str, Any])
        for name in ("out", "cwd"):
            config.pop(name, None)
        return config == self.settings(seed)

    def check_numbers(self) -> None:
        """Refuse what is out of its range."""
        least = {self.unit: 1, "episodes": 1, "seed": 0, "seeds": 1}
        given = {"seeds": self.seeds, **self.settings(self.seed)}
        for name, lowest in least.items():
            if given[name] < lowest:
                raise ConfigError(f"{name} = {given[name]}: must be >= {lowest}")
        seed_of(self.trainings[-1])

    def read_market(self) -> None:
        """Load or make the market, which can take seconds; refuse one that makes no environment."""
        self.length = self.length_of(load_market(self.market, seed_band=b) for b in BANDS)
        for scenario in self.scenarios.values():
            arguments = {"market": self.market, "seed_band": "test", "scenario": scenario}
            arguments |= self.terms.arguments(self.env)
            build(self.task, **arguments, episode_length=self.length)

    def run(self, engine: Engine, show: Callable[[str], object]) -> list[str]:
        """Train and evaluate each training that is not there yet, and show its tables.

        Returns which failed, and why. One training alone is no cell: what it raises is raised.
        """
        todo = []
        for seed in self.trainings:
            if self.is_done(seed):
                print(f"{self.folder(seed)}: kept from an earlier run", file=sys.stderr)
                self.clear_checkpoints(seed)  # of a process that died before it could
            else:
                todo.append(seed)
        if self.seeds == 1:
            for seed in todo:
                show("\n".join(tables_of(self.run_one(seed))))
            return []
        cell = copy(self)
        cell.resume = True  # what a worker that died has left in the folder is its own
        failed = {}
        with (
            tqdm(total=len(todo), unit=" trainings", disable=not engine.is_ray) as bar,
            closing(engine.run(cell.run_one, ((seed, seed) for seed in todo))) as done,
        ):
            for seed, outcome in done:
                if isinstance(outcome, Failure):
                    failed[seed] = f"{self.env}, seed {seed}: {outcome.reason}"
                else:
                    show("\n".join(tables_of(outcome)))
                bar.update()
        return [reason for _, reason in sorted(failed.items())]

    def run_one(self, seed: int) -> dict[str, Any]:
        """Train and evaluate once; return the evaluation's summary.

        Raises:
            FailedError: a cell of the evaluation failed.
        """
        folder, run_folder = self.folder(seed), self.run_folder(seed)
        with run_folder.open(seeds={"training": seed}):
            where = {"out": str(folder), "cwd": str(Path.cwd())}
            write_toml(folder / "config.toml", {**self.settings(seed), **where})
            self.train(seed, folder, run_folder)
            summary = evaluate_policy(
                policy_of_run(folder),
                scenarios=self.scenarios,
                episodes=self.episodes,
                length=self.length,
                beside=self.beside,
                folder=run_folder,
            )
            for cell in summary["failed"]:
                where = f"{cell['policy']} in {cell['scenario']}"
                raise FailedError(f"the evaluation of {where} failed: {cell['reason']}")
            lines = self.verdict(episodes_of(folder))
            write_json(folder / "verdict.json", {"verdict": lines})
        write_report(folder)
        self.clear_checkpoints(seed)
        return summary

    def clear_checkpoints(self, seed: int) -> None:
        """Remove the checkpoints of a training that has ended."""
        for name in self.learners:
            Checkpoints(self.folder(seed), name).clear()

    def conclusion(self) -> list[str]:
        """Say what all trainings show together, and where the reports are; keep it."""
        frames = [episodes_of(self.folder(seed)).assign(training=seed) for seed in self.trainings]
        lines = self.verdict(pd.concat(frames, ignore_index=True)) or [NOTHING_TOLD]
        if self.seeds > 1:
            with only_writer(self.out):
                write_json(self.out / "verdict.json", {"verdict": lines, "seeds": self.seeds})
        last = self.folder(self.trainings[-1])
        return [*lines, f"report: {last / 'report.html'}"]


def is_finished(folder: Path) -> bool:
    """Tell whether a training has ended, and its evaluation with it."""
    return status_of(folder) == "finished" and (folder / "report.html").exists()


def episodes_of(folder: Path) -> pd.DataFrame:
    """Read the episodes of a run."""
    path = folder / "evaluation" / "episodes.parquet"
    if not path.exists():
        return pd.read_csv(path.with_suffix(".csv"))
    with path.open("rb") as file:  # pyarrow takes no name that the locale cannot write
        return pd.read_parquet(file)


def tables_of(summary: dict[str, Any]) -> list[str]:
    """Lay out what was played, the scenarios that were not trained on pooled."""
    sections = terminal_sections(summary)
    shown = [s for s in sections if s.title.startswith("held-out")] or sections
    return [f"\n{text_table(section)}" for section in shown]
