"""A small run folder with every part that the report can show, and names that look like markup."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trading_env.backtesting.replay import replay
from trading_env.core.files import write_json
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.envs.trace import EpisodeTrace
from trading_env.report.tables import PARTS

LEARNER = "<b>adaptive</b> & co"
POLICIES = (LEARNER, "flat", "twap", "immediate")
SCENARIOS = ("calm", "price_shock")
SEVERITIES = (0.0, 1.0, 2.0)
WHY = "8 of 8 episodes: no order"
STEPS = 40
FILES = ("evaluation/summary.json", "evaluation/replay.json", "manifest.json")
HOSTILE = (
    "\"'></title></style></script><script>window.planted = 1</script>"
    "<img src=x onerror=window.planted=1><!--{{ 7 * 7 }}${window.planted = 1}"
)


def mean_row(policy: str, scenario: str, severity: float) -> dict[str, Any]:
    """Return one cell of the means; the flat policy sends no order."""
    number = POLICIES.index(policy) + 10 * SCENARIOS.index(scenario) + severity
    row: dict[str, Any] = {"policy": policy, "scenario": scenario, "severity": severity}
    row |= {"return": 0.01 * number, "sharpe": None, "max_drawdown": 0.1, "win_rate": 0.5}
    row |= {"shortfall_bps": None, "fill_ratio": None, "latency_ms": None}
    row |= {f"{part}_bps": None for part in PARTS}
    if policy != "flat":
        row |= {"sharpe": number - 12.0, "shortfall_bps": 1.0, "fill_ratio": 1.0}
        row |= {"sharpe_low": number - 13.0, "sharpe_high": number - 11.0, "latency_ms": 90.0}
        row |= {f"{part}_bps": k - 1.0 for k, part in enumerate(PARTS)}
    return row


def difference_row(scenario: str, severity: float, sign: float) -> dict[str, Any]:
    """Return the learner's difference to one baseline, clear or not."""
    row: dict[str, Any] = {"policy": LEARNER, "scenario": scenario, "severity": severity}
    for metric in ("return", "sharpe", "max_drawdown"):
        value = sign * 0.02 * (1.0 + severity)
        row |= {f"diff_{metric}": value}
        row |= {f"diff_{metric}_low": value - 0.03, f"diff_{metric}_high": value + 0.03}
    return row | {"diff_shortfall_bps": None}


def summary(severities: tuple[float, ...] = SEVERITIES) -> dict[str, Any]:
    """Return the summary of an evaluation."""
    cells = [(p, s, v) for p in POLICIES for s in SCENARIOS for v in severities]
    pairs = [(s, v) for s in SCENARIOS for v in severities]
    keys = ("policy", "scenario", "severity")
    why = {"sharpe": WHY, "fill_ratio": WHY}
    return {
        "learner": LEARNER,
        "market": "a market",
        "episodes": 8,
        "scenarios": [{"name": name, "role": "held out"} for name in SCENARIOS],
        "notes": ["What <i>this</i> is."],
        "means": [mean_row(*cell) for cell in cells],
        "reasons": [
            dict(zip(keys, cell, strict=True)) | {"reasons": why if cell[0] == "flat" else {}}
            for cell in cells
        ],
        "differences": {
            "twap": [difference_row(s, v, 1.0) for s, v in pairs],
            "immediate": [difference_row(s, v, -1.0) for s, v in pairs],
        },
    }


def traced(seed: int) -> EpisodeTrace:
    """Play an episode with shocks, bad data, and fills on both sides."""
    env = PortfolioEnv(
        market={"generator": "multiscale", "paths": 2, "bars": 200, "assets": 2},
        episode_length=STEPS,
        scenario=["price_shock", "bad_data"],
        render_mode="ansi",
    )
    env.reset(seed=seed)
    for step in range(STEPS):
        env.step(np.full(2, 1.0 if step // 5 % 2 else -1.0))
    return env.trace


def curves(equity: Any, severity: float = 1.0) -> pd.DataFrame:
    """Return curves of every policy; an event acts in half of the episodes, in steps 5 to 7."""
    lost = 1.0 - equity / np.maximum.accumulate(equity)
    step = np.arange(len(equity))
    frame = {"scenario": SCENARIOS[1], "severity": severity, "step": step, "equity": equity}
    frame |= {"equity_low": 0.9 * equity, "equity_high": 1.1 * equity, "drawdown": lost}
    frame |= {"stressed": np.where((step >= 5) & (step < 8), 0.5, 0.0)}
    return pd.concat([pd.DataFrame({"policy": policy, **frame}) for policy in POLICIES])


def write_folder(folder: Path) -> Path:
    """Write the folder and return it."""
    traces = [traced(seed) for seed in (4, 5)]
    episodes = [replay(t, policy=LEARNER, scenario="</script><b>x", severity=1.0) for t in traces]
    write_json(folder / "evaluation" / "summary.json", summary())
    write_json(folder / "evaluation" / "replay.json", episodes)
    curves(traces[0].equity).to_csv(folder / "evaluation" / "curves.csv", index=False)
    manifest = {
        "status": "finished",
        "git": {"commit": "0123456789abcdef", "dirty": True},
        "seeds": {"training": 0, "evaluation": 1_000_000},
        "versions": {"python": "3.11"},
        "environment": {"market": {"source": "a market", "sha256": "f" * 64}},
    }
    write_json(folder / "manifest.json", manifest)
    return folder


def read(folder: Path, name: str) -> Any:
    """Return the content of one of its files."""
    return json.loads((folder / name).read_text(encoding="utf-8"))


def plant(source: Path, target: Path) -> Path:
    """Copy a folder and add markup with script to each of its texts and names."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.html"))
    for name in FILES:
        write_json(target / name, planted(read(source, name)))
    table = pd.read_csv(source / "evaluation" / "curves.csv")
    table[["policy", "scenario"]] += HOSTILE
    table.to_csv(target / "evaluation" / "curves.csv", index=False)
    return target


def planted(value: Any, *, has_names: bool = False) -> Any:
    """Return a JSON value with `HOSTILE` after each text, and after keys that are names."""
    if isinstance(value, str):
        return value + HOSTILE
    if isinstance(value, list):
        return [planted(item) for item in value]
    if not isinstance(value, dict):
        return value
    named = ("differences", "versions")
    items = {key: planted(item, has_names=key in named) for key, item in value.items()}
    return {key + HOSTILE: item for key, item in items.items()} if has_names else items
