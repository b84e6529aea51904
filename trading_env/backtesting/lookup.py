"""POLICY on a command line: a run folder, a baseline's name, or `module:callable`.

A run folder is what `train.py` writes. A callable takes an `ObservationLayout` and returns a
policy, or is one; its module is looked for in the current folder too, and importing it runs its
code.
"""

import importlib
import json
import os
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from trading_env.core.errors import ConfigError, nearest, shown
from trading_env.envs.spaces import ObservationLayout
from trading_env.policies.adaptive import AdaptivePolicy
from trading_env.policies.baselines import BASELINES, EXECUTION_BASELINES
from trading_env.policies.policy import Policy, PolicySpec, build_policy

NAMED = {"portfolio": BASELINES, "execution": EXECUTION_BASELINES}


class Found(NamedTuple):
    """A policy, and what is known of its training."""

    name: str
    spec: PolicySpec
    market: str | None = None  # that a run was trained on
    trained_on: tuple[str, ...] = ()  # scenarios


def find_policy(text: str, env: str) -> Found:
    """Find what POLICY names.

    Raises:
        ConfigError: it names nothing, or what it names cannot be had; one line.
    """
    if text in NAMED[env]:
        return Found(text, NAMED[env][text])
    if text and Path(text).is_dir():
        return _from_run(Path(text), env)
    module, colon, attribute = text.partition(":")
    if colon and module and attribute and os.sep not in text:
        return Found(attribute, _from_module(text, module, attribute))
    known = "a run folder, module:callable, or a baseline"
    raise ConfigError(f"POLICY {shown(text)}: not {known}{nearest(text, NAMED[env])}")


def _from_run(run: Path, env: str) -> Found:
    """Read a run folder of `train.py`, or the policy folder in one."""
    folder = run / "policy" if (run / "policy").is_dir() else run
    try:
        description = json.loads((folder / "policy.json").read_text(encoding="utf-8"))
        kind, scenarios = str(description["kind"]), description.get("scenarios", ())
        config = {}
        if (run / "config.toml").exists():
            config = tomllib.loads((run / "config.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"POLICY {run}: not the folder of a run: {error}") from None
    if env != config.get("env", env):
        raise ConfigError(
            f"POLICY {run}: was trained for env {shown(config['env'], 20)}, not {env!r}"
        )
    return Found(
        kind,
        _told(str(run), lambda layout: AdaptivePolicy.load(folder, layout)),
        config.get("market"),
        tuple(map(str, scenarios)),
    )


def _from_module(text: str, module: str, attribute: str) -> PolicySpec:
    """Import a user's module and take the callable out of it."""
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        spec = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # the user's module may raise anything
        raise ConfigError(_failed(text, "importing", error)) from None
    if not callable(spec) and not isinstance(spec, Policy):
        raise ConfigError(f"POLICY {shown(text)}: not callable, and no policy")
    return _told(text, spec)


def _told(text: str, spec: PolicySpec) -> Callable[[ObservationLayout], Policy]:
    """Wrap a factory so that its failure is one line that names POLICY."""

    def make(layout: ObservationLayout) -> Policy:
        try:
            policy = build_policy(spec, layout)
        except Exception as error:  # the user's code may raise anything
            raise ConfigError(_failed(text, "making", error)) from None
        if not isinstance(policy, Policy):
            kind = type(policy).__name__
            raise ConfigError(f"POLICY {shown(text)}: made a {kind:.40} without reset and act")
        return policy

    return make


def _failed(text: str, what: str, error: Exception) -> str:
    return f"POLICY {shown(text)}: {what} it failed: {type(error).__name__}: {error}"
