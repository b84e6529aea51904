"""The parent orders of `python train.py`: what feedback is worth in crises never met before.

A pace with feedback and one without are trained on the crises of one family and played in those of
another, one at a time; beside them the hand rule, the even pace, the fastest and random ones.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from agents.checkpoint import Checkpoints
from agents.pace import fit_pace
from agents.run import TrainingRun
from trading_env import ADAPTIVE_EXECUTION
from trading_env.backtesting.run_folder import RunFolder
from trading_env.backtesting.runs import market_name
from trading_env.backtesting.verdict import claims
from trading_env.core.codes import Task
from trading_env.core.errors import ConfigError
from trading_env.core.files import write_json
from trading_env.markets.bars import Market
from trading_env.stress.crises import crises_alone

EPISODE: int = ADAPTIVE_EXECUTION["episode_length"]
POLICIES = {"policy": True, "policy_without_feedback": False}  # folder -> whether it sees feedback


class ExecutionRun(TrainingRun):
    """Train the pace of parent orders with and without feedback."""

    task = Task.EXECUTION
    unit = "generations"
    usual = (12, 256)
    little = (2, 32)
    learners = tuple(POLICIES)
    beside = ("twap", "immediate", "random")

    def fill_in(self) -> None:
        """Choose the market and the scenarios."""
        self.market = self.market or ADAPTIVE_EXECUTION["market"]
        self.scenarios, self.groups = crises_alone(EPISODE)

    def length_of(self, tables: Iterable[Market]) -> int:
        """Return the steps of an episode on a market of one asset."""
        for table in tables:
            if table.assets != 1:
                reason = f"has {table.assets} assets: a pace is trained on one"
                raise ConfigError(f"market {market_name(self.market)}: {reason}")
        return EPISODE

    def train(self, seed: int, folder: Path, run_folder: RunFolder) -> None:
        """Train both, and write them and what each generation paid."""
        arguments = {"market": self.market, "scenario": "crises", "episode_length": self.length}
        arguments |= self.terms.arguments(self.env)
        curves: dict[str, list[dict[str, float]]] = {}
        for name, feedback in POLICIES.items():
            what = "pace with feedback" if feedback else "pace without"
            with tqdm(total=self.effort, desc=what, unit=" generations", disable=None) as bar:
                trained = fit_pace(
                    arguments,
                    feedback=feedback,
                    generations=self.effort,
                    seed=seed,
                    advance=bar.update,
                    record=curves.setdefault(name, []).append,
                    checkpoints=Checkpoints(folder, name),
                )
            notes: dict[str, Any] = {"scenarios": ["crises_train"]}
            notes |= {"kept_generation": trained.generation}
            notes |= {"validation_bps": trained.validation_bps}
            trained.policy.save(folder / name, **notes)
            run_folder.note(**{f"training_{name}": notes})
        write_json(folder / "training.json", curves)  # what each generation paid, bps

    def verdict(self, frame: pd.DataFrame) -> list[str]:
        """Say what the episodes show: the cost of parent orders without luck."""
        others = ["without_feedback", "twap", "patience", "random"]
        found = claims(
            frame, self.agent, others, self.groups, metric="parent_cost_bps", relative=True
        )
        return [str(claim) for claim in found]
