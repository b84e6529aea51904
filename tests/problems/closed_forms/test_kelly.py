"""Kelly's fraction and growth against worked tables."""

import pytest

from trading_env.problems.closed_forms import kelly

MU, SIGMA = 0.08, 0.20
TABLE = [  # multiple of the optimum, growth
    (0.10, 0.0152),
    (0.25, 0.0350),
    (0.50, 0.0600),
    (0.75, 0.0750),
    (1.0, 0.0800),
    (1.5, 0.0600),
    (1.9, 0.0152),
]


@pytest.mark.parametrize(("multiple", "grown"), TABLE)
def test_the_table_of_multiples(multiple: float, grown: float) -> None:
    fraction = multiple * kelly.optimal_fraction(MU, SIGMA)
    assert kelly.growth(fraction, MU, SIGMA) == pytest.approx(grown, abs=1e-12)


def test_thorps_stock() -> None:
    fraction = kelly.optimal_fraction(0.11 - 0.06, 0.15)
    assert fraction == pytest.approx(2.2222, abs=5e-5)
    assert kelly.growth(fraction, 0.11 - 0.06, 0.15, rate=0.06) == pytest.approx(0.115556, abs=5e-7)


@pytest.mark.parametrize("volatility", [0.0, -0.1, float("nan")])
def test_a_volatility_without_an_optimum_is_refused(volatility: float) -> None:
    with pytest.raises(ValueError, match=f"volatility = {volatility}: must be finite and > 0"):
        kelly.optimal_fraction(0.1, volatility)
