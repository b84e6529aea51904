"""A problem with a known optimum: the environment, how to act in it, and what that is worth."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trading_env.policies.policy import Policy


@dataclass(frozen=True, kw_only=True)
class Problem:
    """An environment whose optimum is known in closed form or by dynamic programming."""

    env_id: str
    env_kwargs: Mapping[str, Any]
    """Arguments of `gymnasium.make` and `make_vec`, with the detail that its policies read;
    JSON-able."""
    optimal_policy: Policy
    """Acts in a batch, and in a single environment on `(size,)` and its `info` as well."""
    optimal_value: float
    """In the unit that the problem's function names."""
    reference_values: Mapping[str, float]
    """What other policies are worth, and other figures of the closed form."""
    policies: Mapping[str, Policy]
    """Those other policies, under the same names where they have a value."""
