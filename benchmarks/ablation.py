"""What the risk manager does to one and the same signal.

    python -m benchmarks.ablation [--episodes 200] [--seed 0] [--out FILE]
    python -m benchmarks.ablation --write    # docs/ablation.md from the recorded figures

The policy is held fixed: it says what the market's honest signal says (`signal_weak` of the
`multiscale` market, which predicts the next bar's return with a correlation of 0.05 and is known
at the decision), clipped at two standard deviations, with sign. Only the risk manager differs:

- `kelly`: the environment's default, confidence to a quarter of the growth-optimal stake, with
  adaptive stops;
- `linear`: signal x 50% of equity in each asset, without stops;
- `volatility_target`: signal x 0.005 of equity as standard deviation a bar in each asset, without
  stops;
- `raw`: as `linear`, and without any cap.

All but `raw` have the default caps, 50% of equity an asset and 100% in all among them; all have the
default no-trade band.

None of the numbers was tuned; the size of a book follows from the mode, so returns are to be read
next to the volatility. Every mode meets the same episodes (test band): differences to
`linear` are paired by seed, with bootstrap 95% intervals.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.recording import Page, measure_or_write, stamped, table
from trading_env.backtesting import evaluate, summarise
from trading_env.envs.spaces import ObservationLayout
from trading_env.policies.policy import Action, Info, Observation, Policy

if TYPE_CHECKING:
    import pandas as pd

PAGE = Page("ablation", "What the risk manager does to one signal", __doc__, "ablation")
ASSETS = 5
FULL = 2.0  # a signal of this many standard deviations is full confidence
SAME = {"max_weight": 0.5, "no_trade_band": 0.01}  # as the default's
MODES: dict[str, dict[str, Any]] = {
    "kelly": {},
    "linear": {"preset": "linear", **SAME},
    "volatility_target": {"mode": "volatility_target", "stops": False},
    "raw": {"preset": "raw", **SAME},
}
BASELINE = "linear"
SCENARIOS = ("calm", "flash_crash_2010", "covid_2020")
METRICS = ("return", "volatility", "sharpe", "max_drawdown", "turnover", "shortfall_bps")
ENVIRONMENT: dict[str, Any] = {
    "market": {"generator": "multiscale", "assets": ASSETS, "paths": 256},
    "seed_band": "test",
    "episode_length": 252,
}
Row = Mapping[str, Any]


class SignalFollower(Policy):
    """Say what the market's own signal says, under one risk manager."""

    def __init__(self, layout: ObservationLayout, risk: Mapping[str, Any]) -> None:
        self.columns = layout.columns("signal_weak")
        self.env_overrides = {"risk": dict(risk)}

    def act(self, observation: Observation, info: Info) -> Action:
        """Return the clipped signals."""
        signals = observation[:, self.columns].astype(np.float64)
        return np.clip(signals / FULL, -1.0, 1.0)


def played(
    episodes: int, seed: int, environment: Mapping[str, Any] = ENVIRONMENT
) -> "pd.DataFrame":
    """Play every mode in every scenario on the same seeds: one row an episode."""
    policies = {
        name: lambda layout, risk=risk: SignalFollower(layout, risk) for name, risk in MODES.items()
    }
    return evaluate(
        policies, scenarios=SCENARIOS, episodes=episodes, seed=seed, env_kwargs=environment
    )


def rows_of(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    """Mean of each metric with its interval, and the paired difference to the baseline's."""
    means, pairs = summarise(frame), summarise(frame, baseline=BASELINE)
    rows = []
    for (_, mean), (_, pair) in zip(means.iterrows(), pairs.iterrows(), strict=True):
        row: dict[str, Any] = {"mode": mean["policy"], "scenario": mean["scenario"]}
        for metric in METRICS:
            row[metric] = [float(mean[f"{metric}{end}"]) for end in ("", "_low", "_high")]
            name = f"diff_{metric}"
            row[name] = [float(pair[f"{name}{end}"]) for end in ("", "_low", "_high")]
        rows.append(row)
    return rows


def shown(metric: str, values: Sequence[float]) -> str:
    """Write a mean and its interval: percent, basis points, or plain."""
    scale = 100.0 if metric in ("return", "volatility", "max_drawdown") else 1.0
    digits = 1 if metric == "shortfall_bps" else 2
    mean, low, high = (f"{scale * value:.{digits}f}" for value in values)
    return f"{mean} [{low}, {high}]"


def of_scenario(rows: Sequence[Row], scenario: str, prefix: str = "") -> list[str]:
    """Lay one scenario out in Markdown; with the prefix, the differences to the baseline."""
    units = {"return": "%", "volatility": "% a year", "max_drawdown": "%", "shortfall_bps": "bp"}
    heads = [f"{m.removesuffix('_bps')}{', ' + units[m] if m in units else ''}:" for m in METRICS]
    cells = (
        [f"`{row['mode']}`", *(shown(metric, row[f"{prefix}{metric}"]) for metric in METRICS)]
        for row in rows
        if row["scenario"] == scenario and not (prefix and row["mode"] == BASELINE)
    )
    return table(["mode", *heads], cells)


def findings(rows: Sequence[Row]) -> list[str]:
    """Say, for each scenario and mode, which differences to the baseline exclude 0."""
    lines = []
    for row in rows:
        if row["mode"] == BASELINE:
            continue
        higher = [m for m in METRICS if row[f"diff_{m}"][1] > 0.0]
        lower = [m for m in METRICS if row[f"diff_{m}"][2] < 0.0]
        said = [f"higher {', '.join(higher)}"] if higher else []
        said += [f"lower {', '.join(lower)}"] if lower else []
        text = "; ".join(said) or "no difference that excludes 0"
        lines.append(f"- {row['scenario']}, `{row['mode']}` against `{BASELINE}`: {text}.")
    return lines


def page(record: Mapping[str, Any]) -> str:
    """Write the page of a record."""
    rows = record["rows"]
    lines = [
        *PAGE.head(record, f"; seeds {record['seeds'][0]} to {record['seeds'][1]}"),
        f"Mean over {record['episodes']} episodes of {record['environment']['episode_length']} "
        "bars with a bootstrap 95% interval. Max drawdown is a loss; shortfall costs.",
    ]
    for scenario in SCENARIOS:
        lines += ["", f"## {scenario}", "", *of_scenario(rows, scenario)]
        less = of_scenario(rows, scenario, "diff_")
        lines += ["", f"Less `{BASELINE}`, paired by seed:", "", *less]
    lines += ["", "## What excludes 0", "", *findings(rows)]
    return "\n".join(lines) + "\n"


def measured(episodes: int, seed: int) -> dict[str, Any]:
    """Play every mode; name everything that the figures depend on."""
    begin = datetime.now(UTC)
    return stamped(
        f"python -m benchmarks.ablation --episodes {episodes} --seed {seed}",
        begin,
        episodes=episodes,
        seeds=[seed, seed + episodes - 1],
        environment=ENVIRONMENT,
        modes=MODES,
        rows=rows_of(played(episodes, seed)),
    )


def main() -> int:
    """Play, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    return measure_or_write(
        parser, lambda given: measured(given.episodes, given.seed), page, PAGE.writer(page)
    )


if __name__ == "__main__":
    sys.exit(main())
