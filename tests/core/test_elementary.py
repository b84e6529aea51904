"""Elementary functions: right to the last digits, against decimals of fifty."""

import math
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_env.core.elementary import (
    MAX_EXPONENT,
    NEAR,
    SMALL,
    added_power,
    growth,
    moved_by,
    powered,
)

ULP = 2.0**-52
exponents = st.floats(-1.0, 1.0) | st.floats(-2.0 * NEAR, 2.0 * NEAR)


def exact(z: float) -> Decimal:
    """Return e^z to fifty digits."""
    with localcontext() as context:
        context.prec = 50
        return Decimal(z).exp()


@given(exponents)
def test_the_exponential_is_right_to_the_last_digits(z: float) -> None:
    """Two roundings near 0; beyond it, the C library's one."""
    assert abs(Decimal(moved_by(z)) - exact(z)) <= Decimal(1.5 * ULP) * exact(z)


@given(exponents.filter(lambda z: abs(z) > 1e-30))
def test_growth_is_the_mean_of_the_way(z: float) -> None:
    """(e^z - 1) / z: near 0 four roundings, elsewhere expm1's and a division's."""
    with localcontext() as context:
        context.prec = 50
        mean = (exact(z) - 1) / Decimal(z)
    assert abs(Decimal(growth(z)) - mean) <= Decimal(2.0 * ULP) * mean


def test_at_rest_nothing_moves() -> None:
    for zero in (0.0, -0.0):
        assert moved_by(zero) == 1.0
        assert growth(zero) == 1.0


def test_far_exponents_count_as_the_largest() -> None:
    assert moved_by(1e300) == math.exp(MAX_EXPONENT)
    assert moved_by(-1e300) == math.exp(-MAX_EXPONENT)
    assert growth(1e300) == math.expm1(MAX_EXPONENT) / MAX_EXPONENT


@given(st.floats(0.0, 1e300), st.sampled_from([0.5, 0.6, 0.35, 1.0, 1.5, 2.0]))
def test_a_power_is_that_power(base: float, exponent: float) -> None:
    power = powered(base, exponent)
    if base == 0.0 or exponent in (0.5, 1.0):
        assert power == base**exponent
    elif 1e-150 < base < 1e150:
        assert power == pytest.approx(base**exponent, rel=1e-15 * (1.0 + abs(math.log(power))))


@given(
    st.floats(1e-6, 1e3),
    st.floats(1e-9, 1e9) | st.floats(0.5 * SMALL, 2.0 * SMALL),
    st.sampled_from([0.35, 0.5, 0.6, 1.0, 1.5]),
)
def test_what_is_added_to_a_power_is_that_to_ten_digits(
    before: float, ratio: float, exponent: float
) -> None:
    """A difference loses five digits of sixteen at most; the middle is wrong by ratio^2 / 24."""
    size = ratio * before
    with localcontext() as context:
        context.prec = 50
        a, b, power = Decimal(before), Decimal(size), 1 + Decimal(exponent)
        added = ((a + b) ** power - a**power) / b
    assert added_power(before, size, exponent) == pytest.approx(float(added), rel=1e-10)


def test_nothing_beside_is_the_power_itself() -> None:
    assert added_power(0.0, 0.3, 0.6) == powered(0.3, 0.6)
    assert added_power(0.0, 0.0, 0.5) == 0.0
    assert added_power(0.25, 0.0, 0.5) == pytest.approx(0.75)
