"""Kelly's fraction and growth against worked examples."""

import math

import pytest

from trading_env.problems.closed_forms.kelly import growth_rate, optimal_fraction

MU, SIGMA = 0.08, 0.20


@pytest.mark.parametrize(
    ("multiple", "growth"),
    [(0.1, 0.0152), (0.25, 0.035), (0.5, 0.06), (1.0, 0.08), (1.5, 0.06), (2.0, 0.0)],
)
def test_growth_at_a_multiple_of_the_optimum(multiple: float, growth: float) -> None:
    fraction = multiple * optimal_fraction(MU, SIGMA)
    assert growth_rate(fraction, MU, SIGMA) == pytest.approx(growth, abs=1e-12)


def test_thorps_stock() -> None:
    fraction = optimal_fraction(0.11 - 0.06, 0.15)
    assert fraction == pytest.approx(2.2222, abs=5e-5)
    assert growth_rate(fraction, 0.11 - 0.06, 0.15, rate=0.06) == pytest.approx(0.115556, abs=5e-7)


def test_no_volatility_or_no_number_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match=r"^volatility = 0.0: must be finite and > 0$"):
        optimal_fraction(0.1, 0.0)
    with pytest.raises(ValueError, match=r"^fraction = nan: must be finite$"):
        growth_rate(math.nan, 0.1, 0.2)
