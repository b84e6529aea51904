"""Named cost presets say what their papers say."""

from typing import Any

import pytest

from trading_env.core.errors import ConfigError
from trading_env.execution_engine.config import ExecutionConfig
from trading_env.execution_engine.engine import ExecutionEngine, MarketState, Order
from trading_env.problems import Problem, almgren_chriss, obizhaeva_wang

LINEAR = ("temporary_impact", "permanent_impact")  # in proportion to a bar's and to a day's volume
COMMON = ("half_spread_bps", "impact_exponent", "impact_reference", "volatility_scaled")


@pytest.mark.parametrize(
    ("name", "problem", "day_volume"),
    [
        ("almgren_chriss_2000", almgren_chriss(), 5e6),  # the paper: 5 million shares a day
        ("obizhaeva_wang_2013", obizhaeva_wang(), 1e6),  # assumed: ten times the order
    ],
)
def test_a_papers_preset_is_its_problem(name: str, problem: Problem, day_volume: float) -> None:
    preset = ExecutionConfig.of(name).as_dict()
    given: Any = problem.env_kwargs["execution"]
    market = problem.env_kwargs["market"]
    times = day_volume / market["volume"]
    for field, bars in zip(LINEAR, (1, market.get("bars_per_day", 1)), strict=True):
        assert preset[field] == pytest.approx(given[field] * times / bars)
    for field in COMMON:
        assert preset[field] == pytest.approx(given[field])


def test_zipline_charges_a_tenth_of_the_squared_share_and_a_tenth_of_a_cent() -> None:
    report = ExecutionEngine("zipline_volume_share").simulate_execution(
        Order(20_000.0), MarketState(price=50.0, volume=1e6)
    )
    assert report.filled == 20_000.0  # 2%, under the cap of 2.5%
    assert report.impact == pytest.approx(20_000.0 * 50.0 * 0.1 * 0.02**2)
    assert report.fees == pytest.approx(20.0)
    assert report.spread == 0.0


def test_a_block_that_never_decays_is_refused_in_one_line() -> None:
    times = {"transient_shape": "block", "transient_times_s": (1e30, 1.0, 1.0)}
    with pytest.raises(ValueError, match="transient_times_s"):
        ExecutionConfig.of(times).record(60.0)


@pytest.mark.parametrize("unit", ["tick", "lot"])
def test_a_unit_too_small_to_count_is_refused(unit: str) -> None:
    with pytest.raises(ConfigError, match=f"{unit}.*must be 0 or at least 1e-100"):
        ExecutionConfig.of({unit: 5e-324})
