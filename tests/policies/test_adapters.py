"""What a user gives is a policy, or makes one: told apart by what it can be called with."""

from typing import Any

import numpy as np
import pytest

from trading_env.core.errors import PolicyError
from trading_env.envs.spaces import ObservationLayout
from trading_env.policies.adapters import build_policy

LAYOUT = ObservationLayout(("A",), ())
SEEN = np.zeros((2, len(LAYOUT.features)), dtype=np.float32)


class Bare:
    """A policy without a base, made without arguments."""

    def reset(self, num_envs: int) -> None: ...

    def act(self, observation: Any, info: Any) -> Any:
        return np.ones((len(observation), 1))


class OfLayout(Bare):
    def __init__(self, layout: ObservationLayout) -> None:
        assert layout is LAYOUT


def acts(observation: Any, info: Any = None) -> Any:
    return np.ones((len(observation), 1))


def makes(layout: ObservationLayout, scale: float = 1.0) -> Any:
    assert layout is LAYOUT
    return lambda observation, info: np.full((len(observation), 1), scale)


@pytest.mark.parametrize(
    "given", [Bare, Bare(), OfLayout, acts, makes, lambda layout: acts, lambda _: Bare()]
)
def test_every_form_of_a_policy_acts(given: Any) -> None:
    policy = build_policy(given, LAYOUT)
    policy.reset(2)
    assert policy.act(SEEN, {}).tolist() == [[1.0], [1.0]]


@pytest.mark.parametrize("given", [3, "momentum", object(), object, lambda: acts])
def test_anything_else_is_refused(given: Any) -> None:
    with pytest.raises(PolicyError, match="is no policy"):
        build_policy(given, LAYOUT)
