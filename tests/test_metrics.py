"""Portfolio metrics against figures worked by hand, and the bootstrap against its law."""

import math

import numpy as np
import pytest

from trading_env.metrics import max_drawdown, portfolio_metrics
from trading_env.statistics import mean_interval

# 100 -> 110 -> 99 -> 118.8: returns +10%, -10%, +20%.
CURVE = [100.0, 110.0, 99.0, 118.8]


def test_a_curve_worked_by_hand() -> None:
    metrics = portfolio_metrics(CURVE, steps_per_year=3, held=[True, True, False])
    mean, deviation = 0.2 / 3, math.sqrt(0.0466666666666667 / 2)  # squared errors sum to 0.14/3
    assert metrics.total_return == pytest.approx(0.188)
    assert metrics.cagr == pytest.approx(0.188)  # three steps are one year
    assert metrics.annual_volatility == pytest.approx(deviation * math.sqrt(3))
    assert metrics.sharpe == pytest.approx(mean / deviation * math.sqrt(3))
    assert metrics.max_drawdown == pytest.approx(0.1)
    assert metrics.win_rate == pytest.approx(0.5)  # held twice: one gain, one loss
    assert metrics.withheld == {}


def test_two_years_compound() -> None:
    assert portfolio_metrics([1.0, 1.1, 1.21], 1).cagr == pytest.approx(0.1)


def test_drawdown_is_measured_from_the_highest_point_before() -> None:
    assert max_drawdown([100, 80, 160, 120, 200, 150.1]) == pytest.approx(0.25)
    assert max_drawdown([1, 2, 3]) == 0.0


def test_doing_nothing_has_a_return_and_no_sharpe() -> None:
    metrics = portfolio_metrics(np.full(50, 7.0), 252, held=np.zeros(49, dtype=bool))
    assert metrics.total_return == 0.0
    assert metrics.sharpe is None and metrics.win_rate is None
    assert metrics.withheld == {
        "sharpe": "equity did not vary",
        "win_rate": "no step began with a position",
    }


def test_what_is_too_short_is_withheld() -> None:
    metrics = portfolio_metrics([1.0, 1.1], 252)
    assert metrics.total_return == pytest.approx(0.1)
    assert set(metrics.withheld) == {"cagr", "annual_volatility", "sharpe", "win_rate"}
    assert portfolio_metrics([1.0], 252).total_return is None


def test_ruin_has_no_growth_rate() -> None:
    assert portfolio_metrics([1.0, 0.5, 0.0], 1).cagr is None


@pytest.mark.parametrize(
    ("curve", "held", "words"),
    [
        ([0.0, 1.0], None, "begins at 0.0"),
        ([1.0, math.nan], None, "value 1 is not finite"),
        ([[1.0, 2.0]], None, "shape"),
        ([1.0, 2.0], [True, False], r"held has shape \(2,\)"),
    ],
)
def test_an_impossible_curve_is_refused_by_name(curve: object, held: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        portfolio_metrics(curve, 252, held)  # type: ignore[arg-type]


def test_the_interval_covers_the_true_mean_as_often_as_it_says() -> None:
    generator = np.random.default_rng(1)
    samples = generator.normal(0.3, 1.0, size=(200, 100))
    covers = 0
    for sample in samples:
        interval = mean_interval(sample, generator)
        assert interval is not None
        covers += interval.low <= 0.3 <= interval.high
    assert 180 <= covers <= 199  # 190 expected, four standard errors of 3.1 below


def test_an_interval_needs_two_pairs() -> None:
    generator = np.random.default_rng(0)
    assert mean_interval([1.0, np.nan], generator) is None
    interval = mean_interval([2.0, 2.0, np.nan], generator)
    assert interval is not None and interval == (2.0, 2.0, 2.0, 2)
