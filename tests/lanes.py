"""Lanes of a vector environment, and the quick lane of the suite.

`pytest` plays everything but what is marked `slow`. `pytest -m "not proof and not slow"` is the
quick lane: every room, without its proofs. A test over many configurations leaves its first few
unmarked.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from trading_env.envs.vector import PortfolioVectorEnv
from trading_env.envs.world import WARMUP
from trading_env.markets import Market

DAY_VOLUME = 1e7


def quick_first(
    values: Iterable[Any], quick: int = 1, mark: pytest.MarkDecorator = pytest.mark.proof
) -> list[Any]:
    """Return the parameters of a test; all but the first few are proofs, or slow."""
    return [
        pytest.param(value, marks=[mark] if k >= quick else []) for k, value in enumerate(values)
    ]


def still_market(slices: int, seconds: int, bars_per_day: float) -> Market:
    """A market that stands still for so many bars after the warm-up."""
    shape = (1, WARMUP + slices + 1, 1)
    price = np.full(shape, 100.0)
    return Market(
        symbols=("A",),
        time=seconds * np.arange(1, shape[1] + 1),
        open=price,
        high=price,
        low=price,
        close=price,
        volume=np.full(shape, DAY_VOLUME / bars_per_day),
        signals=np.zeros((*shape, 0)),
        bar_seconds=float(seconds),
        bars_per_day=bars_per_day,
        bars_per_year=252.0 * bars_per_day,
    )


def lane_of_info(info: dict[str, Any], lane: int) -> dict[str, Any]:
    """Take one lane out of a batched info; scalars become Python numbers."""
    taken: dict[str, Any] = {}
    for name, value in info.items():
        if isinstance(value, dict):
            taken[name] = lane_of_info(value, lane)
        else:
            item = value[lane]
            taken[name] = item if isinstance(item, np.ndarray) else item.item()
    return taken


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
