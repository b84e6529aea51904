"""What is audited: a way to build the environment, and to build it on bars of our making.

Three ways to say it:

- an id whose environment takes a data frame as `df`;
- an id of this package, whose environments take a `market`;
- `module:callable`, a hook that returns an environment made on the bars it is given.

A module is looked for in the current folder too, and importing it runs its code. An id that takes
no data is audited too; the checks that need to change the data say so.
"""

import contextlib
import importlib
import inspect
import os
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import gymnasium as gym
from gymnasium.envs.registration import load_env_creator

from trading_env.audit.worlds import random_walk
from trading_env.core.errors import shown
from trading_env.markets import Market

if TYPE_CHECKING:
    import pandas as pd

Env: TypeAlias = gym.Env[Any, Any]
OWN = "trading_env."
LONGEST = 120  # characters of an error that is passed on


class Subject(NamedTuple):
    """An environment under audit."""

    name: str
    build: Callable[[], Env]
    """As the user asked for it."""
    build_on: "Callable[[pd.DataFrame], Env] | None"
    """On these bars (`worlds`); None where there is no way to hand data in."""
    package: str = ""
    """Top-level package of the environment's class."""
    side_effects: str = ""
    """What importing or building it did to the process; empty: nothing."""


def load_subject(
    name: str, *, module: str | None = None, kwargs: Mapping[str, Any] | None = None
) -> Subject:
    """Find the environment that a name means, and try to build it once.

    Args:
        name: an id, or `module:callable`.
        module: imported first, so that it can register ids.
        kwargs: of the environment, or of the callable in addition to its bars.

    Raises:
        ValueError: the module, the id or the callable is unknown, or building fails.
    """
    arguments = dict(kwargs or {})
    with warnings.catch_warnings():
        before = list(warnings.filters)
        if module is not None:
            _import(module)
        hook = _hook(name)
        subject = _of_hook(name, hook, arguments) if hook else _of_id(name, arguments)
        subject = subject._replace(package=_try(subject))
        added = [item for item in warnings.filters if item not in before]
    if any(action == "error" and kind is Warning for action, _, kind, *_ in added):
        return subject._replace(side_effects="turns every warning of the process into an error")
    return subject


def _try(subject: Subject) -> str:
    """Build the environment both ways; return the package of its class."""
    try:
        env = subject.build()
        package = type(env.unwrapped).__module__.partition(".")[0]
        env.close()
        if subject.build_on is not None:
            subject.build_on(random_walk()).close()
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        hint = "wrong kwargs, or data it needs a hook for?"
        raise ValueError(f"{subject.name} cannot be built ({why:.{LONGEST}}): {hint}") from error
    return package


def _import(module: str) -> Any:
    """Import a module, also from the current folder."""
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(module)
    except Exception as error:  # the user's module may raise anything
        why = f"{type(error).__name__}: {error}"
        raise ValueError(f"module {shown(module)} cannot be imported: {why:.{LONGEST}}") from None


def _hook(name: str) -> Callable[..., Env] | None:
    """Return the callable that `module:callable` names; None where it is an id."""
    place, colon, attribute = name.partition(":")
    if not colon or not attribute.isidentifier():
        return None
    found = getattr(_import(place), attribute, None)
    if not callable(found):
        raise ValueError(f"{shown(name, 80)}: module {place} has no callable {attribute}")
    return found  # type: ignore[no-any-return]


def _of_hook(name: str, hook: Callable[..., Env], kwargs: dict[str, Any]) -> Subject:
    """Audit what a hook builds."""
    return Subject(
        name, lambda: hook(random_walk(), **kwargs), lambda bars: hook(bars.copy(), **kwargs)
    )


def _of_id(name: str, kwargs: dict[str, Any]) -> Subject:
    """Audit a registered environment."""

    def make(**data: Any) -> Env:
        # Gymnasium's passive checker would raise what the checks are here to report.
        return gym.make(name, disable_env_checker=True, **{**kwargs, **data})

    try:
        entry = gym.spec(name).entry_point
    except gym.error.Error as error:
        raise ValueError(f"id {shown(name)} is unknown: {error}") from None
    home = entry if isinstance(entry, str) else getattr(entry, "__module__", "")
    creator = load_env_creator(entry) if isinstance(entry, str) else entry
    takes: set[str] = set()
    with contextlib.suppress(TypeError, ValueError):
        takes = set(inspect.signature(creator).parameters) if creator else set()
    if home and home.startswith(OWN) and "market" in takes:

        def build_on(bars: "pd.DataFrame") -> Env:
            return make(market=Market.from_frame(bars), seed_band=None)

        return Subject(name, make, build_on)
    if "df" in takes:
        walk = {} if "df" in kwargs else {"df": random_walk()}
        return Subject(name, lambda: make(**walk), lambda bars: make(df=bars.copy()))
    return Subject(name, make, None)
