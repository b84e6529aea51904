"""The folder of an evaluation: manifest, cells, tables, curves, one journal.

    manifest.json               what was played, on what, with which seeds, code and versions
    evaluation/cells/KEY.json   one result each; a run that was killed goes on from them
    evaluation/episodes.parquet, curves.parquet, summary.json
    evaluation/replay.json      one episode, for the report to play
    journal.parquet             every decision and fill of that episode
    orders.parquet              the ledger of each of its orders

Tables are .csv where pyarrow is missing.
"""

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trading_env.backtesting.cells import ask, check_built
from trading_env.backtesting.fingerprint import code_digest
from trading_env.backtesting.journals import journal, order_ledger
from trading_env.backtesting.plans import Plan, Played, Rehearsal
from trading_env.backtesting.replay import replay
from trading_env.backtesting.rollouts import rollout
from trading_env.backtesting.store import CellStore
from trading_env.backtesting.tables import curves_frame
from trading_env.core.files import git_state, now, versions, write_json, write_with
from trading_env.core.sources import PACKAGE
from trading_env.envs.trace import EpisodeTrace
from trading_env.policies.policy import build_policy, make_envs

if TYPE_CHECKING:
    import pandas as pd


class OutputFolder:
    """Writes an evaluation's files; the manifest first and last.

    Args:
        folder: made when it is missing.
        kind: "evaluate" or "backtest"; a folder of the same kind is gone on with.

    Raises:
        ValueError: the folder holds something else.
    """

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder = folder
        self.store = CellStore(folder / "evaluation" / "cells")
        self.manifest: dict[str, Any] = {"kind": kind}
        path = folder / "manifest.json"
        if path.exists():
            try:
                found = json.loads(path.read_text(encoding="utf-8")).get("kind")
            except (OSError, ValueError, AttributeError):
                found = None
            if found != kind:
                raise ValueError(f"out = {folder}: holds another run; give another folder")

    def begin(self, plan: Plan, about: Rehearsal, command: str, **notes: Any) -> None:
        """Write what is going to be played."""
        self.manifest |= {
            "status": "running",
            "command": command,
            "start": now(),
            "end": None,
            "git": git_state(PACKAGE),
            "versions": versions(),
            "code": code_digest(),
            "env": plan.env,
            "seeds": {"first": plan.seed, "episodes": plan.episodes},
            "severities": list(plan.severities),
            **about._asdict(),
            **notes,
        }
        self._write_manifest()

    def finish(
        self, results: Sequence[Played], frame: "pd.DataFrame", summary: dict[str, Any]
    ) -> None:
        """Write tables, curves and summary."""
        evaluation = self.folder / "evaluation"
        write_table(evaluation / "episodes", frame)
        write_table(evaluation / "curves", curves_frame(results))
        write_json(evaluation / "summary.json", summary)
        environments: dict[str, Any] = {}
        for played in results:
            environments.setdefault(played.cell.policy, played.environment)
        self.manifest["environment"] = environments

    def write_journal(self, plan: Plan, policy: str, scenario: str, severity: float) -> None:
        """Play the first episode of a cell again, and write all that happened in it."""
        where = plan.slices[0]
        events = {"scenario": plan.scenarios[scenario], "severity": severity}
        common = {**plan.common(where), "detail": "full"}
        layout = ask(None, plan.env, common).layout
        player = build_policy(plan.policies[policy], layout)
        envs = make_envs(player, 1, common, env=plan.env, **events)
        check_built(envs.setup, ask(player, plan.env, {**common, **events}), severity)
        trace = EpisodeTrace(envs.setup)
        rollout(player, envs, plan.seed, [trace])
        for name, write in (("journal", journal), ("orders", order_ledger)):
            table = write(trace, episode=0)
            table.insert(0, "scenario", scenario)
            write_table(self.folder / name, table)
        played = replay(trace, policy=policy, scenario=scenario)
        write_json(self.folder / "evaluation" / "replay.json", [played])

    def end(self, status: str, cells: dict[str, int]) -> None:
        """Write how it ended."""
        self.manifest |= {"status": status, "cells": cells, "end": now()}
        self._write_manifest()

    def _write_manifest(self) -> None:
        write_json(self.folder / "manifest.json", self.manifest)


def write_table(path: Path, frame: "pd.DataFrame") -> Path:
    """Write a table as .parquet, or as .csv where pyarrow is missing; return its path."""
    if find_spec("pyarrow") is not None:
        path = path.with_suffix(".parquet")
        write_with(path, lambda beside: frame.to_parquet(beside, index=False))
    else:
        path = path.with_suffix(".csv")
        write_with(path, lambda beside: frame.to_csv(beside, index=False))
    return path
