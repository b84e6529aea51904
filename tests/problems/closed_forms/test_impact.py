"""Impact laws against the published rows, and the propagator against its integral."""

import numpy as np
import pytest

from trading_env.problems.closed_forms import impact

ROWS = [  # day volume, shares outstanding, volatility, days -> realised, permanent, basis points
    (6.561e6, 1.728e9, 0.0157, (32.22, 24.64, 18.42), 19.86),
    (1.929e6, 1.68e8, 0.0226, (42.93, 32.01, 23.06), 21.68),
]


@pytest.mark.parametrize(("volume", "outstanding", "volatility", "realised", "lasting"), ROWS)
def test_a_tenth_of_the_days_volume_in_ibm_and_dri(
    volume: float,
    outstanding: float,
    volatility: float,
    realised: tuple[float, ...],
    lasting: float,
) -> None:
    stock = (0.1 * volume, volume, outstanding, volatility)
    assert 1e4 * impact.permanent_impact(*stock) == pytest.approx(lasting, abs=0.01)
    costs = [1e4 * impact.realised_cost(*stock, days) for days in (0.1, 0.2, 0.5)]
    assert costs == pytest.approx(realised, abs=0.01)


def test_permanent_impact_is_linear_and_selling_mirrors_buying() -> None:
    stock = (6.561e6, 1.728e9, 0.0157)
    assert impact.permanent_impact(3e5, *stock) == pytest.approx(
        3 * impact.permanent_impact(1e5, *stock), rel=1e-14
    )
    assert impact.realised_cost(-1e5, *stock, 0.2) == -impact.realised_cost(1e5, *stock, 0.2)
    assert impact.realised_cost(0.0, *stock, 0.2) == 0.0


@pytest.mark.parametrize(
    ("share", "basis_points"), [(0.001, 6.3), (0.01, 20.0), (0.05, 44.7), (0.10, 63.2)]
)
def test_the_square_root_law_at_two_percent(share: float, basis_points: float) -> None:
    assert 1e4 * impact.square_root_impact(share, 1.0, 0.02) == pytest.approx(
        basis_points, abs=0.05
    )
    assert impact.square_root_impact(-share, 1.0, 0.02) < 0.0


@pytest.mark.parametrize(
    ("exponent", "best", "even"),
    [(0.2, 0.683809, 0.694444), (0.4, 1.022418, 1.041667), (0.5, 1.311029, 1.333333)],
)
def test_the_propagators_costs(exponent: float, best: float, even: float) -> None:
    assert impact.propagator_optimal_cost(exponent) == pytest.approx(best, abs=6e-7)
    assert impact.propagator_even_cost(exponent) == pytest.approx(even, abs=6e-7)


@pytest.mark.parametrize("exponent", [0.1, 0.4, 0.7])
def test_the_propagators_optimum_is_that_of_the_discrete_problem(exponent: float) -> None:
    # Quantities spread evenly over each of n cells: the quadratic form's entries are exact.
    n = 400
    edges = np.arange(n + 1) / n
    distance = np.abs(edges[:, None] - edges)
    twice = distance ** (2 - exponent) / ((1 - exponent) * (2 - exponent))
    form = n**2 * (twice[1:, :-1] + twice[:-1, 1:] - twice[1:, 1:] - twice[:-1, :-1])
    cost = 0.5 / np.linalg.solve(form, np.ones(n)).sum()
    assert impact.propagator_optimal_cost(exponent) <= cost
    assert impact.propagator_optimal_cost(exponent) == pytest.approx(cost, rel=2e-3)
    assert 0.5 * form.mean() == pytest.approx(impact.propagator_even_cost(exponent), rel=1e-10)


def test_an_even_metaorders_displacement_relaxes() -> None:
    times = [1.0, 1.5, 2.0, 5.0]
    decayed = [impact.displacement_after(time, 0.5) for time in times]
    assert decayed == pytest.approx([1.0, 0.5176, 0.4142, 0.2361], abs=5e-5)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: impact.permanent_impact(1.0, 0.0, 1.0, 0.1), "day_volume = 0.0"),
        (lambda: impact.permanent_impact(1.0, 1.0, -1.0, 0.1), "shares_outstanding = -1.0"),
        (lambda: impact.realised_cost(1.0, 1.0, 1.0, 0.1, 0.0), "days = 0.0: must be finite and >"),
        (lambda: impact.realised_cost(np.nan, 1.0, 1.0, 0.1, 1.0), "quantity = nan"),
        (lambda: impact.square_root_impact(1.0, 1.0, -0.1), "volatility = -0.1"),
        (lambda: impact.propagator_optimal_cost(1.0), "exponent = 1.0: must be above 0 and below"),
        (lambda: impact.displacement_after(-1.0, 0.5), "time = -1.0: must be finite and >= 0"),
    ],
)
def test_what_has_no_impact_is_refused_in_one_line(call: object, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        call()  # type: ignore[operator]
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200
