"""The counterfactual twin: the same episode without the agent's orders, or with one thing changed.

Every draw has an address (seed, episode, step, asset), so an episode can be played again beside
itself. Without orders nothing can fill, so prices are what they would have been: the difference
to the price that was is the impact the account made, measured rather than looked up. A fork that
differs in one thing goes its own way at a step, and in a field, that `first_difference` names.

Measured at the close of each bar, which carries the lasting part of the impact. The decaying part
is in no price but those of the account's own next fills (`impact_transient` in the ledger).

A replay repeats the recorded signals. A policy that would have answered differently has to be
played again itself; `first_difference` compares such runs as well.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_env.core.codes import ActionKind, Factor, Fault
from trading_env.core.errors import shown
from trading_env.core.records import Floats, Report, Stress, Table
from trading_env.envs.batch import Batch
from trading_env.envs.info import BPS_PER_UNIT
from trading_env.envs.trace import EpisodeTrace
from trading_env.envs.world import Setup
from trading_env.step.drivers import reset_lanes

REPORT_FIELDS = tuple(Report.__annotations__)
LEVELS = ("stop_loss", "take_profit")  # in force after the step
DECIDED = tuple(n for n in REPORT_FIELDS[: REPORT_FIELDS.index("filled")] if n not in LEVELS)
BAR = ("open", "high", "low", "close", "volume")
FILL = ("latency_s", "filled", "price")
REST = tuple(n for n in REPORT_FIELDS if n not in (*DECIDED, *BAR, *FILL))


class Difference(NamedTuple):
    """Where two runs part: the first value, in the order of a step, that is not the same.

    `field` is a field of `Report`, one of `Stress` as `events.NAME`, `equity`, or `rows`.
    """

    step: int  # row of the trace: 0 is the state after reset
    asset: str  # empty for the account
    field: str
    first: float
    second: float


def replayed(trace: EpisodeTrace, setup: Setup | None = None) -> EpisodeTrace:
    """Play a recorded episode's signals again, in the same configuration or in a fork of it.

    Seed, episode, path and first bar are the recorded ones. It ends where the record ends, or
    earlier where the fork does.

    Raises:
        ValueError: the fork has other assets, or not the bars that the episode needs; or an action
            is more than its signal, which is all that a trace keeps.
    """
    setup = trace.setup if setup is None else setup
    if setup.actions.kind is not ActionKind.TARGET:
        raise ValueError("replayed: a trace keeps signals only: it needs action = 'target'")
    return _played(trace, setup, trace.reports["signal"][1:])


def twin_of(trace: EpisodeTrace) -> EpisodeTrace:
    """Play a recorded episode again with no fill: what prices do without the account."""
    setup = trace.setup
    execution = setup.world.execution.copy()
    execution["participation"] = 0.0
    idle = np.zeros((len(trace) - 1, *setup.actions.shape))
    return _played(trace, setup._replace(world=setup.world._replace(execution=execution)), idle)


def own_impact(trace: EpisodeTrace) -> Floats:
    """Measure what the account's orders did to the closes, bps, shape (rows, assets)."""
    without = twin_of(trace).reports["close"]
    close = trace.reports["close"][: len(without)]
    impact: Floats = BPS_PER_UNIT * (close / without - 1.0)
    return impact


def first_difference(one: EpisodeTrace, other: EpisodeTrace) -> Difference | None:
    """Name the first step and field in which two runs differ; None when they are the same.

    Within a step fields are compared in the order in which they come about: the decision, the
    scenario, the bar, the fills with their ledger, the equity. A run that only ends earlier
    differs in `rows` at the step it does not have.

    Raises:
        ValueError: the runs are of other assets.
    """
    if one.symbols != other.symbols:
        raise ValueError(f"runs of {shown(one.symbols)} and of {shown(other.symbols)}")
    rows = min(len(one), len(other))
    tables = [(t.reports[:rows], t.stresses[:rows], t.equity[:rows]) for t in (one, other)]
    (reports, stresses, equity), (reports_b, stresses_b, equity_b) = tables
    events, events_b = _events(stresses), _events(stresses_b)
    parts = [
        *((reports[n], reports_b[n], n) for n in DECIDED),
        *((events[n], events_b[n], f"events.{n}") for n in events),
        *((reports[n], reports_b[n], n) for n in (*BAR, *FILL, *REST)),
        (equity[:, None], equity_b[:, None], "equity"),
    ]
    found = [
        (int((a != b).any(axis=1).argmax()), k)
        for k, (a, b, _) in enumerate(parts)
        if (a != b).any()
    ]
    if not found:
        if len(one) == len(other):
            return None
        return Difference(rows, "", "rows", len(one), len(other))
    step, part = min(found)
    a, b, field = parts[part]
    column = int((a[step] != b[step]).argmax())
    asset = "" if field == "equity" else one.symbols[column]
    return Difference(step, asset, field, float(a[step, column]), float(b[step, column]))


def _events(stresses: Table) -> dict[str, NDArray[Any]]:
    """Name every value of a scenario's acts, each (rows, assets)."""
    plain = {n: stresses[n] for n in Stress.__annotations__ if stresses[n].ndim == 2}
    factors = {f.name.lower(): stresses["factor"][..., f] for f in Factor}
    rates = {f"{f.name.lower()}_rate": stresses["rate"][..., f] for f in Fault}
    return plain | factors | rates


def _played(trace: EpisodeTrace, setup: Setup, actions: Floats) -> EpisodeTrace:
    """Step one lane through `actions`, as the step takes them, from where the episode began."""
    if setup.market.symbols != trace.symbols:
        raise ValueError(f"fork of {shown(trace.symbols)} has {shown(setup.market.symbols)}")
    if trace.begun > 0:
        raise ValueError(f"replayed: the trace begins at step {trace.begun}, not with its episode")
    path, start = trace.place
    if path >= setup.market.paths or start + len(actions) >= setup.market.bars:
        raise ValueError(f"fork: its market has no path {path} up to bar {start + len(actions)}")
    batch = Batch(setup, 1, keep_reports=True)
    batch.seeds[:] = trace.seed
    choice = np.array([[trace.episode, path, start]])
    reset_lanes(setup.world, batch.lanes, batch.outputs, batch.seeds, choice, 0, 1)
    played = EpisodeTrace(setup)
    played.begin(batch)
    for action in actions:
        if batch.lanes.accounts["done"][0] == 1:
            break
        batch.step(np.ascontiguousarray(action.reshape(1, -1)))
        played.add(batch)
    return played
