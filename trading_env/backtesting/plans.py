"""Play a plan: policies x markets and windows x scenarios x severities, each cell on one batch.

Every cell resets its batch with the same seed, so that policies, scenarios and severities are
paired by episode. For what a scenario costs, each policy plays once more without any.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from trading_env.backtesting.cells import Cell, Slice, ask, check_built, key_of
from trading_env.backtesting.fingerprint import code_digest, fingerprint
from trading_env.backtesting.interruption import stop_if_interrupted
from trading_env.backtesting.metrics import METRICS, score
from trading_env.backtesting.rollouts import Rollout, rollout
from trading_env.backtesting.store import CellStore
from trading_env.core.arguments import mapping, number, whole
from trading_env.core.errors import ConfigError, shown
from trading_env.core.files import jsonable
from trading_env.core.records import Floats
from trading_env.core.seeds import seed_of
from trading_env.envs.trace import EpisodeTrace
from trading_env.envs.vector import MOST_LANES, TradingVectorEnv
from trading_env.envs.world import Setup
from trading_env.policies.adapters import PolicySpec, build_policy
from trading_env.policies.policy import Policy, env_class, make_envs

Advance = Callable[[bool], object]  # called after each cell: was it played now?
QUARTILES = {"equity_low": 25, "equity": 50, "equity_high": 75}


def named(what: str, values: Mapping[str, Any] | Sequence[str]) -> Mapping[str, Any]:
    """Return name -> value; texts name themselves.

    Raises:
        ConfigError: `values`, which `what` names, is neither a mapping nor a list of texts.
    """
    if isinstance(values, Mapping):
        return mapping(what, values)
    if not isinstance(values, list | tuple) or not all(isinstance(name, str) for name in values):
        reason = "give a list of names, or a mapping of names to what they stand for"
        raise ConfigError(f"{what} = {shown(values)}: {reason}")
    return {name: name for name in values}


@dataclass(frozen=True)
class Plan:
    """What is to be played."""

    policies: Mapping[str, PolicySpec]
    scenarios: Mapping[str, Any]
    slices: Sequence[Slice]
    severities: Sequence[float] = (1.0,)
    episodes: int = 1
    """Of each cell."""
    seed: int = 0
    """Of the first episode; episode k has seed + k."""
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    env: str = "portfolio"

    def __post_init__(self) -> None:
        """Refuse what cannot be played.

        Raises:
            ConfigError: a number out of its range, or nothing to play.
        """
        env_class(self.env)
        whole("episodes", self.episodes, 1, MOST_LANES)
        seed_of(self.seed, self.episodes)
        if isinstance(self.severities, str | Mapping) or not isinstance(self.severities, Iterable):
            raise ConfigError(f"severities = {shown(self.severities)}: give a list of numbers")
        for severity in self.severities:
            number("severities", severity, 0.0, math.inf)
        for name in ("policies", "scenarios", "slices", "severities"):
            if len(getattr(self, name)) == 0:
                raise ConfigError(f"{name.replace('slices', 'markets')}: give at least one")

    @property
    def cells(self) -> int:
        """How many cells there are."""
        each = len(self.scenarios) * len(self.severities)
        return len(self.policies) * len(self.slices) * each

    def common(self, where: Slice) -> dict[str, Any]:
        """Return the environment's arguments that all cells of a market or window share."""
        return {**self.env_kwargs, **where.arguments}


class Rehearsal(NamedTuple):
    """What a plan turned out to be about, JSON-able; for the manifest."""

    policies: dict[str, str]  # name -> fingerprint
    overrides: dict[str, dict[str, Any]]  # name -> arguments that it brings along, if it does
    scenarios: dict[str, list[dict[str, Any]]]  # name -> groups: name, sha256, parameters


class Played(NamedTuple):
    """The result of one cell; JSON-able values."""

    cell: Cell
    metrics: dict[str, list[float | None]]  # by episode; None where withheld
    reasons: list[dict[str, str]]  # by episode: metric -> why it is withheld
    curve: dict[str, list[Any]]  # by step, see `curve_of`
    environment: dict[str, Any]  # the configuration, read back from what was built


def rehearse(plan: Plan) -> Rehearsal:
    """Resolve every cell without playing it: a plan is refused before any of it is played.

    Raises:
        ValueError: a cell is invalid, in one line.
    """
    found = Rehearsal({}, {}, {})
    seen: set[str] = set()
    for where in plan.slices:
        common = plan.common(where)
        for scenario, spec in plan.scenarios.items():
            for severity in plan.severities:
                events = {"scenario": spec, "severity": severity}
                asked = ask(None, plan.env, {**common, **events})
            found.scenarios[scenario] = [
                {"sha256": group.sha256, **group.model_dump(mode="json", exclude_none=True)}
                for group in asked.scenarios
            ]
        if where.market not in seen:
            seen.add(where.market)
            for name, policy_spec in plan.policies.items():
                policy = build_policy(policy_spec, asked.layout)
                found.policies[name] = fingerprint(policy)
                if policy.env_overrides:
                    found.overrides[name] = dict(policy.env_overrides)
    return found


def play(
    plan: Plan, *, store: CellStore | None = None, advance: Advance | None = None
) -> Iterator[Played]:
    """Play every cell, or take it from the store.

    Raises:
        ValueError: the plan is impossible somewhere; MismatchError when an environment that was
            built is not the one that was asked for.
    """
    code = code_digest() if store else ""
    for name, spec in plan.policies.items():
        for where in plan.slices:
            yield from _play_policy(plan, name, spec, where, store, code, advance)


def _play_policy(
    plan: Plan,
    name: str,
    spec: PolicySpec,
    where: Slice,
    store: CellStore | None,
    code: str,
    advance: Advance | None,
) -> Iterator[Played]:
    """Play one policy on one market or window."""
    layout = ask(None, plan.env, plan.common(where)).layout
    policy = build_policy(spec, layout)
    policy_print = fingerprint(policy) if store else ""
    twins = _Twins(plan, policy, where)
    for scenario in plan.scenarios:
        for severity in map(float, plan.severities):
            number = None if where.window is None else where.window.number
            cell = Cell(name, where.market, scenario, severity, number, plan.seed, plan.episodes)
            events = {"scenario": plan.scenarios[scenario], "severity": severity}
            asked = ask(policy, plan.env, {**plan.common(where), **events})
            key = key_of(cell, asked, where.window, policy_print, code) if store else ""
            content = store.get(key) if store else None
            is_new = content is None
            if content is None:
                content = jsonable(_play_cell(plan, policy, where, events, asked, twins))
                if store:
                    store.put(key, content)
            yield Played(cell, **content)
            stop_if_interrupted()
            if advance:
                advance(is_new)


def _play_cell(
    plan: Plan,
    policy: Policy,
    where: Slice,
    events: dict[str, Any],
    asked: Setup,
    twins: "_Twins",
) -> dict[str, Any]:
    """Play one cell; return the fields of `Played` but the cell."""
    envs = _lanes(plan, policy, where, events, asked, plan.episodes)
    played = rollout(policy, envs, plan.seed, record=True)
    has_events = events["severity"] > 0.0 and any(s.events for s in asked.scenarios)
    scores = score(played, asked.market.bars_per_year, twins.get() if has_events else None)
    return {
        "metrics": {name: scores.values[name].tolist() for name in METRICS},
        "reasons": list(scores.reasons),
        "curve": curve_of(played, asked),
        "environment": asked.resolved,
    }


def _lanes(
    plan: Plan, policy: Policy, where: Slice, events: dict[str, Any], asked: Setup, lanes: int
) -> TradingVectorEnv:
    """Build the lanes of a cell, and read back what was built."""
    common = {**plan.common(where), "detail": "full"}
    envs = make_envs(policy, lanes, common, env=plan.env, **events)
    check_built(envs.setup, asked, events["severity"])
    return envs


class _Twins:
    """The same policy and seeds without a scenario, played when first asked for."""

    def __init__(self, plan: Plan, policy: Policy, where: Slice) -> None:
        self.plan, self.policy, self.where = plan, policy, where
        self.kept: Rollout | None = None

    def get(self) -> Rollout:
        """Play it once."""
        if self.kept is None:
            calm = {"scenario": None, "severity": 1.0}
            plan, policy = self.plan, self.policy
            asked = ask(policy, plan.env, {**plan.common(self.where), **calm})
            envs = _lanes(plan, policy, self.where, calm, asked, plan.episodes)
            self.kept = rollout(policy, envs, plan.seed, record=True)
        return self.kept


def traced(plan: Plan, name: str, episodes: int) -> dict[str, list[EpisodeTrace]]:
    """Play a policy's first episodes of each scenario again, noting all that happens in them.

    They are those of the first market or window, at the largest severity.
    """
    where, severity = plan.slices[0], max(plan.severities)
    policy = build_policy(plan.policies[name], ask(None, plan.env, plan.common(where)).layout)
    found = {}
    for scenario, spec in plan.scenarios.items():
        events = {"scenario": spec, "severity": severity}
        asked = ask(policy, plan.env, {**plan.common(where), **events})
        envs = _lanes(plan, policy, where, events, asked, episodes)
        found[scenario] = [EpisodeTrace(envs.setup, lane) for lane in range(episodes)]
        rollout(policy, envs, plan.seed, found[scenario])
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
