"""One cell of an evaluation: a policy in a scenario at a severity, on one market or window.

What was asked is resolved once, apart from the environments; every environment that is built is
read back and compared with it (`check_built`), and results of another configuration are refused.
A cell's key is a hash of all that its numbers depend on.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from trading_env.backtesting.windows import Window
from trading_env.core.errors import MismatchError, PolicyError, shown
from trading_env.core.files import jsonable
from trading_env.envs.world import MarketTables, Setup, build
from trading_env.policies.policy import Policy, env_class, with_own

OWN_SETTINGS = ("risk", "account", "action")  # what a policy may bring along
NOT_THE_WORLD = ("detail", "copy", "render_mode", "autoreset_mode")


class Slice(NamedTuple):
    """Bars to play on, and how the environment is asked for them."""

    market: str
    arguments: dict[str, Any]  # of the environment, over the common ones
    window: Window | None = None


class Cell(NamedTuple):
    """What a result is of."""

    policy: str
    market: str
    scenario: str
    severity: float
    window: int | None
    seed: int
    episodes: int


def as_written(severities: Iterable[float]) -> float:
    """Return the severity that is shown of several: 1, the scenario as written, or the largest."""
    levels = set(map(float, severities))
    return 1.0 if 1.0 in levels else max(levels)


def ask(policy: Policy | None, env: str, arguments: Mapping[str, Any]) -> Setup:
    """Resolve what is asked for: the arguments, and the settings that the policy may bring.

    Raises:
        PolicyError: the policy was trained to give other actions than the environment takes.
    """
    kind = env_class(env)
    overrides = {} if policy is None else policy.env_overrides
    own = {name: overrides[name] for name in OWN_SETTINGS if name in overrides}
    asked = {**kind.defaults, **with_own(arguments, own)}
    setup = build(kind.task, **{k: v for k, v in asked.items() if k not in NOT_THE_WORLD})
    given, taken = None if policy is None else policy.acts_in, setup.actions.space()
    if given is not None and given != taken:
        text = f"the model answers in {shown(given)}, the environment takes {shown(taken)}"
        raise PolicyError(text)
    return setup


def check_built(built: Setup, asked: Setup, severity: float) -> None:
    """Compare an environment's configuration, read back from it, with what was asked.

    Args:
        built: of the environment.
        asked: from `ask`.
        severity: as it was asked for.

    Raises:
        MismatchError: they differ; the message names the first difference.
    """
    wanted = {**asked.resolved, "severity": float(severity)}
    for name, value in wanted.items():
        found = built.resolved.get(name)
        if isinstance(value, dict) and isinstance(found, dict):
            for key in value:
                _compare(f"{name}.{key}", found.get(key), value[key])
        else:
            _compare(name, found, value)
    _compare("market.sha256", built.market.sha256, asked.market.sha256)
    for name in set(built.world._fields) - set(MarketTables._fields):
        here, there = (np.asarray(getattr(setup.world, name)) for setup in (built, asked))
        if here.shape != there.shape or here.tobytes() != there.tobytes():
            raise MismatchError(f"the environment that was built has other {name} than was asked")


def _compare(name: str, found: Any, wanted: Any) -> None:
    if found != wanted:
        text = f"built {name} = {shown(found)}, asked {shown(wanted)}: the result is refused"
        raise MismatchError(text)


def key_of(cell: Cell, asked: Setup, window: Window | None, policy_print: str, code: str) -> str:
    """Hash what a cell is.

    Args:
        cell: its names, seed and episodes.
        asked: the resolved configuration, data and scenarios by their hashes.
        window: where the bars were cut out.
        policy_print: the policy's fingerprint.
        code: hash of the code that makes the numbers.
    """
    resolved = {name: value for name, value in asked.resolved.items() if name != "market"}
    content = {
        "policy": [cell.policy, policy_print],
        "scenario": cell.scenario,
        "market": [asked.market.sha256, asked.market.bars_per_day, asked.market.bars_per_year],
        "task": asked.layout.task.name,
        "window": window,
        "seed": cell.seed,
        "episodes": cell.episodes,
        "configuration": resolved,
        "code": code,
    }
    text = json.dumps(jsonable(content), sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
