"""What a run found, in words: one line for each claim, with its interval.

A claim compares two policies on the same episodes of a group of scenarios: of a cost as a share of
what the other paid, of a score as a difference. Episodes of one seed have one market path in every
scenario, so the bootstrap draws seeds, not episodes. Of several trainings it draws the trainings as
well; a claim about one speaks of that one. A share of what the other paid is a ratio of means, and
is drawn as one. An episode in which either has no value is left out for both.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_env.backtesting.intervals import crossed_interval
from trading_env.backtesting.metric import Metric
from trading_env.backtesting.metrics import METRICS

if TYPE_CHECKING:
    import pandas as pd


class Claim(NamedTuple):
    """A paired difference of a metric's mean, policy less other, with its interval."""

    policy: str
    other: str
    where: str
    metric: Metric
    relative: bool  # whether the numbers are percent of the other's mean, or in the metric's unit
    difference: float
    low: float
    high: float

    def __str__(self) -> str:
        """Say it."""
        is_cost = self.metric.better < 0
        less, more = ("pays less than", "pays more than") if is_cost else ("is below", "is above")
        word = less if self.high < 0.0 else more if self.low > 0.0 else "is not told apart from"
        digits, unit = (1, "%") if self.relative else (3, "")
        numbers = [f"{value:+.{digits}f}" for value in (self.difference, self.low, self.high)]
        figure = f"{numbers[0]}{unit} [{numbers[1]}, {numbers[2]}]"
        what = "" if is_cost else f"{self.metric.title}, "
        return f"{self.where}: {what}{self.policy} {word} {self.other}, {figure}"


def claims(
    frame: "pd.DataFrame",
    policy: str,
    others: Sequence[str],
    groups: Mapping[str, Sequence[str]],
    *,
    metric: str,
    relative: bool,
) -> list[Claim]:
    """Compare a policy with others in groups of scenarios.

    Args:
        frame: episodes, as `evaluate` returns them; of several trainings with a column `training`.
        policy: whom it is about.
        others: whom it is held against; who did not play is left out.
        groups: name -> scenarios that are pooled, each with the same weight.
        metric: the name of one of `METRICS`.
        relative: say differences in percent of the other's mean, where that is surely above 0:
            a share of what may be nothing says nothing.
    """
    meaning = METRICS[metric]
    if "training" not in frame:
        frame = frame.assign(training=0)
    found = []
    for where, scenarios in groups.items():
        cell = frame[frame["scenario"].isin(scenarios)]
        values = cell.pivot_table(
            index=["training", "seed", "scenario"], columns="policy", values=metric
        )
        for other in others:
            if other not in values or policy not in values:  # never defined, as without a trade
                continue
            both = values[[policy, other]].dropna().groupby(level=["training", "seed"]).mean()
            own, base = (both[name].unstack("seed") for name in (policy, other))
            in_percent = relative and is_above_0(base.to_numpy())
            per = base if in_percent else None
            interval = crossed_interval(own - base, np.random.default_rng(0), per=per)
            if interval is None:
                continue
            scale = 100.0 if in_percent else meaning.factor
            ends = [scale * value for value in interval[:3]]
            found.append(Claim(policy, other, where, meaning, in_percent, *ends))
    return found


def is_above_0(base: NDArray[np.float64]) -> bool:
    """Tell whether a mean is surely above 0: every value is, or its interval."""
    known = crossed_interval(base, np.random.default_rng(0))
    return bool(np.nanmin(base) > 0.0 or (known is not None and known.low > 0.0))
