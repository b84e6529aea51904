"""A plan: policies x markets and windows x scenarios x severities, and whether it can be played."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from trading_env.backtesting.cells import Slice, ask
from trading_env.backtesting.fingerprint import fingerprint
from trading_env.core.arguments import mapping, number, whole
from trading_env.core.errors import ConfigError, shown
from trading_env.core.seeds import seed_of
from trading_env.envs.vector import MOST_LANES
from trading_env.policies.adapters import PolicySpec, build_policy
from trading_env.policies.policy import env_class

GIVEN = {  # arguments of the environment that a plan sets itself
    "scenario": "give `scenarios`",
    "severity": "give `severities`",
    "task": "give `env`",
    "num_envs": "give `episodes`",
    **dict.fromkeys(("autoreset_mode", "copy", "render_mode"), "it is set here"),
}
CUT = "it comes with the market or window"


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
            ConfigError: a number out of its range, nothing to play, or an argument of the
                environment that the plan sets itself.
        """
        env_class(self.env)
        whole("episodes", self.episodes, 1, MOST_LANES)
        seed_of(self.seed, self.episodes)
        if isinstance(self.severities, str | Mapping) or not isinstance(self.severities, Iterable):
            raise ConfigError(f"severities = {shown(self.severities)}: give a list of numbers")
        for severity in self.severities:
            number("severity", severity, 0.0, math.inf)
        if len(set(self.severities)) < len(self.severities):
            raise ConfigError(f"severities = {shown(list(self.severities))}: one is given twice")
        for name in ("policies", "scenarios", "slices", "severities"):
            if len(getattr(self, name)) == 0:
                raise ConfigError(f"{name.replace('slices', 'markets')}: give at least one")
        given = GIVEN | dict.fromkeys((name for cut in self.slices for name in cut.arguments), CUT)
        for name, value in self.env_kwargs.items():
            if name in given:
                raise ConfigError(f"env_kwargs: {name} = {shown(value, 40)}: {given[name]}")

    @property
    def cells(self) -> int:
        """How many cells there are."""
        each = len(self.scenarios) * len(self.severities)
        return len(self.policies) * len(self.slices) * each

    def units(self) -> Iterator["Unit"]:
        """Name every cell, in the order of the tables."""
        for name in self.policies:
            for cut in range(len(self.slices)):
                for scenario in self.scenarios:
                    for severity in map(float, self.severities):
                        yield Unit(name, cut, scenario, severity)

    def common(self, where: Slice) -> dict[str, Any]:
        """Return the environment's arguments that all cells of a market or window share."""
        return {**self.env_kwargs, **where.arguments}


class Unit(NamedTuple):
    """Names one cell of a plan."""

    policy: str
    cut: int  # number of its market or window among the slices
    scenario: str
    severity: float


class Rehearsal(NamedTuple):
    """What a plan turned out to be about, JSON-able; for the manifest."""

    policies: dict[str, str]  # name -> fingerprint; none where nothing is stored
    overrides: dict[str, dict[str, Any]]  # name -> arguments that it brings along, if it does
    scenarios: dict[str, list[dict[str, Any]]]  # name -> groups: name, sha256, parameters


def rehearse(plan: Plan, *, is_stored: bool) -> Rehearsal:
    """Resolve every cell without playing it: a plan is refused before any of it is played.

    Args:
        plan: what is to be played.
        is_stored: whether results are kept, under the fingerprints of their policies.

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
                if policy.acts_in is not None:
                    ask(policy, plan.env, common)  # refuses other actions
                if is_stored:
                    found.policies[name] = fingerprint(policy)
                if policy.env_overrides:
                    found.overrides[name] = dict(policy.env_overrides)
    return found
