"""Lanes of a vector environment, and the quick lane of the suite.

`pytest` plays everything but what is marked `slow`. `pytest -m "not proof and not slow"` is the
quick lane: every room, without its proofs. A test over many configurations leaves its first few
unmarked.
"""

from collections.abc import Iterable
from typing import Any

import pytest

from trading_env.envs.vector import PortfolioVectorEnv


def quick_first(values: Iterable[Any], quick: int = 1) -> list[Any]:
    """Return the parameters of a test; all but the first few are proofs."""
    return [
        pytest.param(value, marks=[pytest.mark.proof] if k >= quick else [])
        for k, value in enumerate(values)
    ]


class Watched(PortfolioVectorEnv):
    """Keeps the report of every lane and builds no `info`, which costs more than the step."""

    def __init__(self, lanes: int, **arguments: Any) -> None:
        super().__init__(lanes, autoreset_mode="Disabled", detail="full", **arguments)

    def _full(self) -> dict[str, Any]:
        return {}

    def renew(self, ended: Any) -> None:
        """Begin an episode in each lane that has ended."""
        if ended.any():
            self.reset(options={"reset_mask": ended})
