"""What a run found, in words: one line for each claim, with its interval.

A claim compares two policies on the same episodes of a group of scenarios, as a share of what the
other paid. Episodes of one seed have one market path in every scenario, so the bootstrap draws
seeds, not episodes. It speaks of the paths and crises that were played with this training, not of
other trainings.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trading_env.backtesting.intervals import mean_interval

if TYPE_CHECKING:
    import pandas as pd


class Claim(NamedTuple):
    """A paired difference of a metric that costs, in percent of the other's mean."""

    policy: str
    other: str
    where: str
    percent: float
    low: float
    high: float

    def __str__(self) -> str:
        """Say it."""
        word = "pays less than" if self.high < 0.0 else "pays more than"
        if self.low <= 0.0 <= self.high:
            word = "is not told apart from"
        figure = f"{self.percent:+.1f}% [{self.low:+.1f}, {self.high:+.1f}]"
        return f"{self.where}: {self.policy} {word} {self.other}, {figure}"


def claims(
    frame: "pd.DataFrame",
    policy: str,
    others: Sequence[str],
    groups: Mapping[str, Sequence[str]],
    *,
    metric: str = "parent_cost_bps",
) -> list[Claim]:
    """Compare a policy with others in groups of scenarios.

    Args:
        frame: episodes, as `evaluate` returns them.
        policy: whose cost it is about.
        others: whose cost it is held against.
        groups: name -> scenarios that are pooled, each with the same weight.
        metric: what costs.
    """
    generator = np.random.default_rng(0)
    costs = frame.pivot_table(index=["scenario", "seed"], columns="policy", values=metric)
    found = []
    for where, scenarios in groups.items():
        cell = costs[costs.index.get_level_values("scenario").isin(scenarios)]
        seeds = cell.index.get_level_values("seed").to_numpy()
        for other in others:
            base = float(cell[other].mean())
            interval = mean_interval(cell[policy] - cell[other], generator, clusters=seeds)
            if interval is not None and base > 0.0:
                share = [100.0 * value / base for value in interval[:3]]
                found.append(Claim(policy, other, where, *share))
    return found
