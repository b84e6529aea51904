"""How a metric is declared, and the episode that it is computed from.

A metric is one row of a table beside its formula (`curve_metrics.py`, `metrics.py`); columns of the
terminal and of the report, paired differences and reasons all follow from it. A formula returns a
number or raises `Withheld`, never 0 for what an episode does not define: doing nothing is not a
Sharpe ratio of zero.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from trading_env.backtesting.rollouts import StepRecord
from trading_env.core.records import Flags, Floats

TERMINAL = "terminal"  # a column of the command line's tables, where some row defines it
REPORT = "report"  # a column of the report
MORE = "report, where defined"
COMPARED = "compared"  # heat maps, charts over severity, tables of differences
EVERYWHERE = (TERMINAL, REPORT, COMPARED)


class Withheld(Exception):  # noqa: N818 -- a verdict, not an error
    """The episode does not define the metric; the message says why."""


class Metric(NamedTuple):
    """One number of an episode, and how it is shown."""

    name: str
    formula: Callable[["Episode"], float]
    title: str = ""
    factor: float = 1.0  # from the stored unit to the title's
    digits: int = 2
    better: int = 0  # +1: more is better, -1: less is, 0: neither
    missing: str = ""  # why it may not be defined
    shown: tuple[str, ...] = ()  # TERMINAL, REPORT or MORE, COMPARED
    is_paired: bool = True  # summaries hold its interval and its paired differences


class Fall(NamedTuple):
    """The deepest fall of a curve from an earlier peak."""

    depth: float  # share of the peak
    peak: int  # index
    trough: int  # index
    back: int | None  # first index after the trough at which the peak is regained
    steps: int  # from the peak until it is regained, or until the end


@dataclass(frozen=True, eq=False)
class Episode:
    """One episode, as far as it is known.

    Raises:
        ValueError: an array has the wrong shape or an impossible value.
    """

    equity: Floats
    """Currency, (steps + 1,), finite, the first one > 0."""
    steps_per_year: float = 1.0
    held: Flags | None = None
    """(steps,): whether the step was begun with a position."""
    active: Flags | None = None
    """(steps,): whether the scenario acted."""
    sums: Mapping[str, float] = field(default_factory=dict)
    """`envs.info.summary` and the ledger."""
    record: StepRecord | None = None
    """This episode's part: (steps,) or (steps, assets)."""
    twin: "Episode | None" = None
    """The same policy and seed without the scenario."""

    def __post_init__(self) -> None:
        """Check the arrays against each other."""
        curve = checked_curve(self.equity)
        object.__setattr__(self, "equity", curve)
        if not (np.isfinite(self.steps_per_year) and self.steps_per_year > 0.0):
            raise ValueError(f"steps_per_year = {self.steps_per_year}: must be finite and > 0")
        for name in ("held", "active"):
            if getattr(self, name) is not None:
                flags = np.asarray(getattr(self, name), dtype=np.bool_)
                if flags.shape != (len(curve) - 1,):
                    raise ValueError(f"{name} has shape {flags.shape}: must be ({len(curve) - 1},)")
                object.__setattr__(self, name, flags)

    @cached_property
    def returns(self) -> Floats:
        """r_k, (steps,); a curve that reached 0 or less has none."""
        before = self.equity[:-1]
        return np.diff(self.equity) / before if (before > 0.0).all() else np.empty(0)

    @cached_property
    def fall(self) -> Fall:
        """The max drawdown."""
        return deepest_fall(self.equity)

    @property
    def recorded(self) -> StepRecord:
        """The record of its steps; metrics that need one are withheld without it."""
        if self.record is None:
            raise Withheld("steps were not recorded")
        return self.record

    @property
    def acting(self) -> tuple[int, int]:
        """First and last step in which the scenario acted."""
        if self.active is None:
            raise Withheld("steps were not recorded")
        steps = np.flatnonzero(self.active)
        if not len(steps):
            raise Withheld("no event of the scenario was active")
        return int(steps[0]), int(steps[-1])


class Scored(NamedTuple):
    """Metrics of one episode."""

    values: dict[str, float]
    withheld: dict[str, str]  # metric -> why


def scored(episode: Episode, metrics: Iterable[Metric]) -> Scored:
    """Compute every metric that the episode defines."""
    found = Scored({}, {})
    for metric in metrics:
        try:
            found.values[metric.name] = float(metric.formula(episode))
        except Withheld as reason:
            found.withheld[metric.name] = str(reason)
    return found


def checked_curve(equity: ArrayLike) -> Floats:
    """Return an equity curve as float64, or raise ValueError."""
    curve = np.asarray(equity, dtype=np.float64)
    if curve.ndim != 1 or curve.size == 0:
        raise ValueError(f"equity has shape {curve.shape}: must be (steps + 1,), not empty")
    if not np.isfinite(curve).all():
        raise ValueError(f"equity: value {int(np.argmin(np.isfinite(curve)))} is not finite")
    if curve[0] <= 0.0:
        raise ValueError(f"equity begins at {curve[0]}: must be > 0")
    return curve


def deepest_fall(equity: ArrayLike) -> Fall:
    """Find the max drawdown; the first one of equals."""
    curve = checked_curve(equity)
    highest = np.maximum.accumulate(curve)
    trough = int(np.argmax(1.0 - curve / highest))
    depth = float(1.0 - curve[trough] / highest[trough])
    peak = int(np.flatnonzero(curve[: trough + 1] == highest[trough])[-1])
    regained = np.flatnonzero(curve[trough:] >= curve[peak])
    back = trough + int(regained[0]) if len(regained) else None
    end = len(curve) - 1 if back is None else back
    return Fall(depth, peak, trough, back, end - peak if depth > 0.0 else 0)
