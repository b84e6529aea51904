"""How the time of a step grows: the page is its record's, and every point can be made."""

import json

import pytest

from benchmarks import growth
from trading_env.envs.vector import PortfolioVectorEnv


def test_the_page_is_written_from_the_record() -> None:
    record = json.loads(growth.RECORD.read_text(encoding="utf-8"))
    assert growth.PAGE.read_text(encoding="utf-8") == growth.page(record)
    for axis, values in growth.POINTS.items():
        assert growth.of_axis(record, axis)[0] == list(values)


@pytest.mark.parametrize("axis", list(growth.POINTS))
def test_a_point_grows_in_its_axis_alone(axis: str) -> None:
    least = growth.POINTS[axis][0]
    envs = PortfolioVectorEnv(**growth.arguments(axis, least) | {"num_envs": 2})
    observations, _ = envs.reset(seed=0)
    assert observations.shape[0] == 2
