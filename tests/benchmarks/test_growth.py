"""How the time of a step grows: the page is its record's, and every axis can be played."""

from datetime import UTC, datetime
from typing import Any

import pytest

from benchmarks import growth
from benchmarks.recording import stamped
from trading_env.envs.vector import PortfolioVectorEnv

GROWS = {
    "assets": {"assets"},
    "environments": {"num_envs"},
    "bars of history": {"bars", "paths"},
    "events": {"scenario"},
    "threads": set(),  # a setting of the machine, not of the environments
}


def flat(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return arguments with those of the market beside the others."""
    return {**arguments, **arguments["market"], "market": None}


def test_the_page_holds_every_point_of_a_record() -> None:
    points = [(axis, value) for axis, values in growth.POINTS.items() for value in values]
    rows = [{"axis": a, "value": v, "ns": 1000.0 + k} for k, (a, v) in enumerate(points)]
    text = growth.page(
        stamped("command", datetime.now(UTC), rows=rows, parts={"all of it": 2345.6})
    )
    assert "| all of it | 2,346 |" in text
    assert all(f" {1000 + k:,} |" in text for k in range(len(points)))


@pytest.mark.parametrize("axis", list(growth.POINTS))
def test_a_point_grows_in_its_axis_alone(axis: str) -> None:
    least, *_, most = growth.POINTS[axis]
    small, large = (flat(growth.arguments(axis, value)) for value in (least, most))
    assert {name for name in small if small[name] != large[name]} == GROWS[axis]
    envs = PortfolioVectorEnv(**growth.arguments(axis, least) | {"num_envs": 2})
    observations, _ = envs.reset(seed=0)
    assert observations.shape[0] == 2
