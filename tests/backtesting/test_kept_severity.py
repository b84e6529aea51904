"""Of several severities a run keeps the episodes of the one as written, and says which it is."""

import json
from pathlib import Path

import pandas as pd
import pytest

from trading_env.backtesting import runs
from trading_env.backtesting.cells import Cell
from trading_env.backtesting.evaluation import evaluate_policy
from trading_env.backtesting.lookup import find_policy
from trading_env.backtesting.overfitting import Choice
from trading_env.backtesting.plans import Plan
from trading_env.backtesting.playing import Played
from trading_env.backtesting.run_folder import RunFolder

MARKET = {"generator": "multiscale", "assets": 1, "paths": 1, "bars": 4000}


@pytest.mark.parametrize(("severities", "kept"), [((2.0, 0.0, 1.0), 1.0), ((0.5, 2.0), 2.0)])
def test_journal_orders_and_replay_are_of_one_severity_and_name_it(
    severities: tuple[float, ...], kept: float, tmp_path: Path
) -> None:
    evaluate_policy(
        find_policy("buy_and_hold"),
        scenarios={"price_shock": "price_shock"},
        severities=severities,
        episodes=1,
        market=MARKET,
        length=40,
        beside=[],
        folder=RunFolder(tmp_path, "evaluate", ""),
    )
    for name in ("journal", "orders"):
        table = pd.read_parquet(tmp_path / f"{name}.parquet")
        assert len(table) and set(table["severity"]) == {kept}
    (episode,) = json.loads((tmp_path / "evaluation" / "replay.json").read_text())
    assert episode["severity"] == kept
    frame = pd.read_parquet(tmp_path / "evaluation" / "episodes.parquet")
    returns = frame.set_index("severity")["return"]
    assert returns.is_unique
    earned = episode["equity"][-1] / episode["equity"][0] - 1.0
    assert earned == pytest.approx(returns[kept], abs=1e-6)


def test_what_may_be_luck_is_said_of_the_same_severity(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan({"a": "flat"}, {"calm": "calm"}, [runs.Slice("m", {})], severities=(0, 1, 2))
    results = [
        Played(
            Cell("a", "m", "calm", severity, None, 0, 1),
            {},
            [],
            {"time": [0, 1, 2], "equity": [1.0, 1.0 + severity, 1.0]},
            {},
        )
        for severity in (0.0, 1.0, 2.0)
    ]
    seen = []

    def chosen(returns: dict[str, object]) -> Choice:
        seen.append(returns["a"])
        return Choice("a", 1, 2, 0.5, 0.5)

    monkeypatch.setattr(runs, "choice_among", chosen)
    (note,) = runs.choices(results, plan)
    assert seen[0][0] == pytest.approx(0.6931, abs=1e-4)
    assert note.startswith("m, calm, severity 1: of ")
