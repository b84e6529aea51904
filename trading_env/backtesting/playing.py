"""Play a plan, each cell on one batch.

Every cell resets its batch with the same seed, so that policies, scenarios and severities are
paired by episode. For what a scenario costs, each policy plays once more without any.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import Any, NamedTuple

import numpy as np

from trading_env.backtesting.cells import Cell, ask, check_built, key_of
from trading_env.backtesting.engine import Engine, Failure
from trading_env.backtesting.fingerprint import code_digest, fingerprint
from trading_env.backtesting.interruption import stop_if_interrupted
from trading_env.backtesting.metrics import METRICS, score
from trading_env.backtesting.plans import Plan, Unit
from trading_env.backtesting.rollouts import Rollout, rollout
from trading_env.backtesting.store import CellStore
from trading_env.core.errors import ConfigError, shown
from trading_env.core.files import jsonable
from trading_env.core.records import Floats
from trading_env.envs.spaces import ObservationLayout
from trading_env.envs.trace import EpisodeTrace
from trading_env.envs.vector import TradingVectorEnv
from trading_env.envs.world import Setup
from trading_env.policies.adapters import build_policy
from trading_env.policies.policy import Policy, make_envs

Advance = Callable[[bool], object]  # called after each cell: was it played now?
QUARTILES = {"equity_low": 25, "equity": 50, "equity_high": 75}


class Played(NamedTuple):
    """The result of one cell; JSON-able values."""

    cell: Cell
    metrics: dict[str, list[float | None]]  # by episode; None where withheld
    reasons: list[dict[str, str]]  # by episode: metric -> why it is withheld
    curve: dict[str, list[Any]]  # by step, see `curve_of`
    environment: dict[str, Any]  # the configuration, read back from what was built
    failure: Failure | None = None  # why there is nothing of all that


def play(
    plan: Plan,
    *,
    store: CellStore | None = None,
    advance: Advance | None = None,
    engine: Engine | None = None,
) -> list[Played]:
    """Play every cell, or take it from the store; return them in the order of the plan.

    Args:
        plan: what to play.
        store: keeps results; a cell that failed is not kept.
        advance: called after each cell.
        engine: where cells run, and what becomes of one that fails; without one they run here, and
            what a cell raises is raised.

    Raises:
        ValueError: the plan is impossible somewhere; MismatchError when an environment that was
            built is not the one that was asked for.
    """
    if engine is not None and not isinstance(engine, Engine):
        raise ConfigError(f"engine = {shown(engine)}: give an Engine, as Engine(workers=2)")
    player, keys = Player(plan), _Keys(plan) if store else None
    run = engine.run if engine else _run_here
    kept: dict[Unit, Any] = {}
    names: dict[Unit, str] = {}

    def missing() -> Iterator[tuple[Unit, Unit]]:
        for unit in plan.units():
            if store and keys:
                names[unit] = keys.of(unit)
                kept[unit] = store.get(names[unit])
            if kept.get(unit) is None:
                yield unit, unit
            elif advance:
                advance(False)

    with closing(run(player, missing())) as played:
        for unit, found in played:
            if store and not isinstance(found, Failure):
                store.put(names[unit], found)
            kept[unit] = found
            stop_if_interrupted()
            if advance:
                advance(True)
    return [_played(_cell(plan, unit), kept[unit]) for unit in plan.units()]


def _run_here(
    work: Callable[[Unit], Any], items: Iterable[tuple[Unit, Unit]]
) -> Generator[tuple[Unit, Any], None, None]:
    for key, item in items:
        yield key, work(item)


def _cell(plan: Plan, unit: Unit) -> Cell:
    where = plan.slices[unit.cut]
    number = None if where.window is None else where.window.number
    name = (unit.policy, where.market, unit.scenario, unit.severity)
    return Cell(*name, number, plan.seed, plan.episodes)


def _played(cell: Cell, found: dict[str, Any] | Failure) -> Played:
    """Return a result; of a cell that failed, every metric is withheld."""
    if not isinstance(found, Failure):
        return Played(cell, **found)
    nothing: dict[str, list[float | None]] = {name: [None] * cell.episodes for name in METRICS}
    why = {name: f"failed: {found.reason}" for name in METRICS}
    return Played(cell, nothing, [why] * cell.episodes, {}, {}, found)


def _asked(plan: Plan, unit: Unit, policy: Policy) -> tuple[dict[str, Any], Setup]:
    """Return a cell's events, and what its environments must be."""
    events = {"scenario": plan.scenarios[unit.scenario], "severity": unit.severity}
    arguments = plan.common(plan.slices[unit.cut])
    return events, ask(policy, plan.env, {**arguments, **events})


class _Policies:
    """Makes the policies of a plan; the layout of each market or window is found once."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.layouts: dict[int, ObservationLayout] = {}

    def make(self, unit: Unit) -> Policy:
        """Make a cell's policy anew: nothing of another cell is left in it."""
        plan = self.plan
        if unit.cut not in self.layouts:
            asked = ask(None, plan.env, plan.common(plan.slices[unit.cut]))
            self.layouts[unit.cut] = asked.layout
        return build_policy(plan.policies[unit.policy], self.layouts[unit.cut])


class _Keys:
    """Under which keys the cells of a plan are kept."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.policies, self.code = plan, _Policies(plan), code_digest()
        self.last: tuple[tuple[str, int], Policy, str] | None = None

    def of(self, unit: Unit) -> str:
        """Hash what a cell is."""
        whose = unit.policy, unit.cut
        if self.last is None or self.last[0] != whose:
            policy = self.policies.make(unit)
            self.last = whose, policy, fingerprint(policy)
        _, policy, policy_print = self.last
        _, asked = _asked(self.plan, unit, policy)
        window = self.plan.slices[unit.cut].window
        return key_of(_cell(self.plan, unit), asked, window, policy_print, self.code)


class Player:
    """Plays the cells of a plan; call it with one."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.policies = plan, _Policies(plan)
        self.calm: tuple[tuple[str, int], Rollout] | None = None

    def __call__(self, unit: Unit) -> dict[str, Any]:
        """Play one cell; return the fields of `Played` but the cell."""
        plan = self.plan
        policy = self.policies.make(unit)
        events, asked = _asked(plan, unit, policy)
        envs = _lanes(plan, policy, unit, events, asked, plan.episodes)
        played = rollout(policy, envs, plan.seed, record=True)
        has_events = events["severity"] > 0.0 and any(s.events for s in asked.scenarios)
        scores = score(played, asked.market.bars_per_year, self._twin(unit) if has_events else None)
        content: dict[str, Any] = jsonable(
            {
                "metrics": {name: scores.values[name].tolist() for name in METRICS},
                "reasons": list(scores.reasons),
                "curve": curve_of(played, asked),
                "environment": asked.resolved,
            }
        )
        return content

    def _twin(self, unit: Unit) -> Rollout:
        """Return the same policy and seeds without a scenario, played when first asked for."""
        whose = unit.policy, unit.cut
        if self.calm is None or self.calm[0] != whose:
            plan, policy = self.plan, self.policies.make(unit)
            events = {"scenario": None, "severity": 1.0}
            asked = ask(policy, plan.env, {**plan.common(plan.slices[unit.cut]), **events})
            envs = _lanes(plan, policy, unit, events, asked, plan.episodes)
            self.calm = whose, rollout(policy, envs, plan.seed, record=True)
        return self.calm[1]


def _lanes(
    plan: Plan, policy: Policy, unit: Unit, events: dict[str, Any], asked: Setup, lanes: int
) -> TradingVectorEnv:
    """Build the lanes of a cell, and read back what was built."""
    common = {**plan.common(plan.slices[unit.cut]), "detail": "full"}
    envs = make_envs(policy, lanes, common, env=plan.env, **events)
    check_built(envs.setup, asked, events["severity"])
    return envs


def traced(units: Iterable[Unit], plan: Plan, episodes: int) -> dict[str, list[EpisodeTrace]]:
    """Play the first episodes of some cells again, noting all that happens; by scenario."""
    found = {}
    for unit in units:
        policy = _Policies(plan).make(unit)
        events, asked = _asked(plan, unit, policy)
        envs = _lanes(plan, policy, unit, events, asked, episodes)
        found[unit.scenario] = [EpisodeTrace(envs.setup, lane) for lane in range(episodes)]
        rollout(policy, envs, plan.seed, found[unit.scenario])
    return found


def curve_of(played: Rollout, setup: Setup) -> dict[str, list[Any]]:
    """Return quartiles of equity and the median drawdown of a cell's episodes, step by step.

    Equity is a multiple of each episode's start. An episode that ended early stays where it ended.
    A step's time, in epoch seconds, is that of its bar if all episodes have the same bars; else
    None. `stressed` is the share of the episodes in which an event acted in the step.
    """
    longest = max(map(len, played.equity))
    equity = np.stack([np.pad(c / c[0], (0, longest - len(c)), mode="edge") for c in played.equity])
    highest = np.maximum.accumulate(equity, axis=1)
    drawdown = 1.0 - equity / highest
    stressed = np.zeros(equity.shape, dtype=np.bool_)
    for lane, held in enumerate(played.held):
        if played.record is not None:
            stressed[lane, 1 : len(held) + 1] = played.record.is_active[: len(held), lane]
    shared = np.unique(played.rows % setup.market.bars)
    time: list[int | None] = [None] * longest
    if len(shared) == 1:
        time = setup.market.time[int(shared[0]) : int(shared[0]) + longest].tolist()
    quartiles: dict[str, Floats] = {
        name: np.percentile(equity, share, axis=0) for name, share in QUARTILES.items()
    }
    return {
        "step": list(range(longest)),
        "time": time,
        **{name: values.tolist() for name, values in quartiles.items()},
        "drawdown": np.median(drawdown, axis=0).tolist(),
        "stressed": stressed.mean(axis=0).tolist(),
    }
