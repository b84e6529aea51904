"""Portfolio metrics against figures worked by hand, and the bootstrap against its law."""

import math
from typing import Any

import numpy as np
import pytest

from tests.lanes import quick_first
from trading_env.backtesting.curve_metrics import CURVE_METRICS, SHOCK_METRICS
from trading_env.backtesting.intervals import MIN_DRAWN, crossed_interval, mean_interval
from trading_env.backtesting.metric import Episode, Scored, deepest_fall, scored
from trading_env.markets import load_market

# 100 -> 110 -> 99 -> 118.8: returns +10%, -10%, +20%.
CURVE = [100.0, 110.0, 99.0, 118.8]


def curve_metrics(equity: Any, steps_per_year: float, held: Any = None) -> Scored:
    return scored(Episode(equity, steps_per_year, held), CURVE_METRICS)


def shock_metrics(equity: Any, active: Any) -> Scored:
    return scored(Episode(equity, active=active), SHOCK_METRICS)


def test_a_curve_worked_by_hand() -> None:
    metrics = curve_metrics(CURVE, steps_per_year=3, held=[True, True, False])
    mean, deviation = 0.2 / 3, math.sqrt(0.0466666666666667 / 2)  # squared errors sum to 0.14/3
    assert metrics.values["return"] == pytest.approx(0.188)
    assert metrics.values["cagr"] == pytest.approx(0.188)  # three steps are one year
    assert metrics.values["volatility"] == pytest.approx(deviation * math.sqrt(3))
    assert metrics.values["sharpe"] == pytest.approx(mean / deviation * math.sqrt(3))
    assert metrics.values["max_drawdown"] == pytest.approx(0.1)
    assert metrics.values["win_rate"] == pytest.approx(0.5)  # held twice: one gain, one loss
    assert metrics.values["sortino"] == pytest.approx(mean / math.sqrt(0.01 / 3) * math.sqrt(3))
    assert metrics.values["calmar"] == pytest.approx(0.188 / 0.1)
    assert metrics.values["drawdown_steps"] == 2  # 110 -> 99 -> 118.8
    assert metrics.values["profit_factor"] == pytest.approx(10.0 / 11.0)
    assert metrics.withheld == {"cvar": "fewer than 20 returns"}


def test_cvar_is_the_mean_of_the_worst_twentieth() -> None:
    # 30 returns: 5% are one and a half of them, so the second worst counts by half.
    returns = np.full(30, 0.01)
    returns[[4, 20]] = -0.10, -0.04
    metrics = curve_metrics(np.cumprod([1.0, *(1.0 + returns)]), 252)
    assert metrics.values["cvar"] == pytest.approx((0.10 + 0.5 * 0.04) / 1.5)


def test_cvar_of_a_normal_law_is_its_closed_form() -> None:
    # ES = s phi(z) / 0.05 - m with z = -1.6449 (Acerbi and Tasche 2002); 4 standard errors.
    draws = np.random.default_rng(4).normal(0.0005, 0.01, 200_000)
    metrics = curve_metrics(np.cumprod([1.0, *(1.0 + draws)]), 252)
    exact = 0.01 * 0.10313564 / 0.05 - 0.0005
    assert metrics.values["cvar"] == pytest.approx(
        exact, abs=4 * 0.01 * 1.9 / math.sqrt(0.05 * 200_000)
    )


def test_a_drawdown_lasts_from_its_last_peak_until_it_is_regained() -> None:
    fall = deepest_fall([100, 120, 120, 90, 110, 120, 130])
    assert fall == (0.25, 2, 3, 5, 3)
    assert deepest_fall([100, 120, 90, 110]).back is None
    assert deepest_fall([100, 120, 90, 110]).steps == 2  # until the curve ends
    assert deepest_fall([1, 2, 3]).steps == 0


def test_a_curve_that_never_falls_has_no_ratio_to_its_falls() -> None:
    metrics = curve_metrics(np.linspace(1.0, 2.0, 50), 252, np.ones(49, dtype=bool))
    undefined = {"sortino", "calmar", "profit_factor"}
    assert set(metrics.withheld) == undefined and not undefined & set(metrics.values)
    assert metrics.values["win_rate"] == 1.0


def test_a_shock_is_measured_in_its_window() -> None:
    #         0    1    2    3   4   5   6    7    8
    curve = [100, 120, 110, 99, 88, 99, 105, 110, 111]
    active = np.zeros(8, dtype=bool)
    active[[2, 3]] = True  # 110 -> 99 -> 88; what was lost before is not the scenario's
    found = shock_metrics(curve, active)  # back at 110 from 88
    assert found.values == {"shock_drawdown": pytest.approx(0.2), "shock_recovery_steps": 3.0}
    assert found.withheld == {}
    active[:] = False
    active[7] = True
    assert shock_metrics(curve, active).withheld == {"shock_recovery_steps": "equity did not fall"}
    none = shock_metrics(curve, np.zeros(8)).withheld
    assert none == dict.fromkeys(
        ("shock_drawdown", "shock_recovery_steps"), "no event of the scenario was active"
    )
    late = shock_metrics([100, 90, 95], [True, False])
    assert late.withheld == {"shock_recovery_steps": "no recovery before the end"}


def test_two_years_compound() -> None:
    assert curve_metrics([1.0, 1.1, 1.21], 1).values["cagr"] == pytest.approx(0.1)


def test_drawdown_is_measured_from_the_highest_point_before() -> None:
    metrics = curve_metrics([100, 80, 160, 120, 200, 150.1], 252)
    assert metrics.values["max_drawdown"] == pytest.approx(0.25)
    assert curve_metrics([1, 2, 3], 252).values["max_drawdown"] == 0.0


def test_doing_nothing_has_a_return_and_no_sharpe() -> None:
    metrics = curve_metrics(np.full(50, 7.0), 252, held=np.zeros(49, dtype=bool))
    assert metrics.values["return"] == 0.0
    assert metrics.withheld == {
        "sharpe": "equity did not vary",
        "sortino": "equity never fell in a step",
        "calmar": "equity never fell",
        "win_rate": "no step began with a position",
        "profit_factor": "no step began with a position",
    }


def test_what_is_too_short_is_withheld() -> None:
    metrics = curve_metrics([1.0, 1.1], 252)
    assert metrics.values["return"] == pytest.approx(0.1)
    ratios = {"sharpe", "sortino", "calmar", "cvar", "win_rate", "profit_factor"}
    assert set(metrics.withheld) == {"cagr", "volatility", *ratios}
    assert "return" in curve_metrics([1.0], 252).withheld


def test_ruin_has_no_growth_rate() -> None:
    ruined = curve_metrics([1.0, 0.5, 0.0], 1).values
    assert (ruined["cagr"], ruined["calmar"]) == (-1.0, -1.0)


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
        curve_metrics(curve, 252, held)


@pytest.mark.proof
def test_the_interval_covers_the_true_mean_as_often_as_it_says() -> None:
    generator = np.random.default_rng(1)
    samples = generator.normal(0.3, 1.0, size=(200, 100))
    covers = 0
    for sample in samples:
        interval = mean_interval(sample, generator)
        assert interval is not None
        covers += interval.low <= 0.3 <= interval.high
    assert 180 <= covers <= 199  # 190 expected, four standard errors of 3.1 below


def test_playing_a_cluster_more_often_does_not_make_its_mean_surer() -> None:
    windows = np.random.default_rng(2).normal(0.0, 1.0, 12)
    once = mean_interval(windows, np.random.default_rng(0))
    often = mean_interval(
        np.repeat(windows, 8), np.random.default_rng(0), clusters=np.repeat(np.arange(12), 8)
    )
    assert once is not None and often is not None
    np.testing.assert_allclose(often[:3], once[:3], rtol=1e-12)  # sums in another order
    assert often.pairs == 96


def test_clusters_count_by_their_size() -> None:
    clusters = np.repeat(np.arange(6), [15, 1, 1, 1, 1, 1])
    values = np.where(clusters == 0, 1.0, 5.0)
    interval = mean_interval(values, np.random.default_rng(0), clusters=clusters)
    assert interval is not None
    assert interval.mean == 2.0
    # Without the large one, (5 / 6)^6 = 0.33 of the draws, the mean is 5: far out on that side.
    assert (interval.high - 2.0) / (2.0 - interval.low) == pytest.approx(4.0, rel=0.02)
    with pytest.raises(ValueError, match="clusters: 1 of them for 2 pairs"):
        mean_interval([1.0, 2.0], np.random.default_rng(0), clusters=["a"])


@pytest.mark.proof
@pytest.mark.parametrize("size", quick_first([6, 12, 24], mark=pytest.mark.slow))
def test_an_interval_of_few_pairs_or_windows_holds_the_truth_as_often_as_it_says(size: int) -> None:
    """Of 600 samples 95% hold it; three standard errors of that count are 2.7%."""
    generator = np.random.default_rng(size)
    held = {"pairs": 0, "clusters": 0, "paths": 0}
    for draw in range(600):
        shared = generator.normal(size=size)
        several = np.repeat(shared, 3) + generator.normal(size=3 * size)
        found = {
            "pairs": mean_interval(shared, np.random.default_rng(draw)),
            "clusters": mean_interval(
                several, np.random.default_rng(draw), clusters=np.arange(3 * size) // 3
            ),
            "paths": crossed_interval(shared, np.random.default_rng(draw)),
        }
        for name, interval in found.items():
            assert interval is not None
            held[name] += interval.low <= 0.0 <= interval.high
    assert all(0.923 < count / 600 < 0.977 for count in held.values()), held


def test_an_interval_needs_as_many_pairs_as_one_sign_is_improbable_in() -> None:
    generator = np.random.default_rng(0)
    assert 2.0 / 2**MIN_DRAWN < 0.05 < 2.0 / 2 ** (MIN_DRAWN - 1)
    values = [2.0] * MIN_DRAWN + [np.nan]
    assert mean_interval(values[1:], generator) is None
    assert mean_interval(np.ones(20), generator, clusters=np.arange(20) % 5) is None
    interval = mean_interval(values, generator)
    assert interval is not None and interval == (2.0, 2.0, 2.0, MIN_DRAWN)


@pytest.mark.parametrize(
    ("peak", "days", "fall", "recovery"),
    [
        ("2000-03-24", 637, 0.491, 1166),
        ("2007-10-09", 355, 0.568, 1021),
        ("2010-04-23", 49, 0.160, 87),
        ("2011-07-22", 11, 0.168, 126),
        ("2015-08-17", 6, 0.112, 48),
        ("2018-01-26", 9, 0.102, 137),
    ],
)
def test_the_crises_of_the_index_fell_and_recovered_as_history_has_it(
    peak: str, days: int, fall: float, recovery: int
) -> None:
    # Closes of the S&P 500: trading days from peak to trough, and from the trough until all of the
    # fall was regained, counted apart from this code.
    market = load_market("us_indices", seed_band=None)
    close = market.close[0, :, 0]
    start = int(np.searchsorted(market.time, np.datetime64(peak, "s").astype(np.int64)))
    active = np.zeros(len(close) - 1, dtype=bool)
    active[start : start + days] = True
    found = shock_metrics(close, active)
    assert found.values["shock_drawdown"] == pytest.approx(fall, abs=0.0005)
    assert found.values["shock_recovery_steps"] == recovery
