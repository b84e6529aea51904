"""How the time of a step grows: the page is its record's, and every axis can be played."""

from datetime import UTC, datetime

import pytest

from benchmarks import growth
from benchmarks.recording import stamped
from trading_env.envs.vector import PortfolioVectorEnv


def test_the_page_holds_every_point_of_a_record() -> None:
    points = [(axis, value) for axis, values in growth.POINTS.items() for value in values]
    rows = [{"axis": a, "value": v, "ns": 1000.0 + k} for k, (a, v) in enumerate(points)]
    text = growth.page(stamped("command", datetime.now(UTC), rows=rows))
    assert all(f" {1000 + k:,} |" in text for k in range(len(points)))


@pytest.mark.parametrize("axis", list(growth.POINTS))
def test_a_point_grows_in_its_axis_alone(axis: str) -> None:
    least = growth.POINTS[axis][0]
    envs = PortfolioVectorEnv(**growth.arguments(axis, least) | {"num_envs": 2})
    observations, _ = envs.reset(seed=0)
    assert observations.shape[0] == 2
