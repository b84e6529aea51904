"""Elementary functions of the step, where the usual ones do more than is asked of them.

A root in place of a power, and a short series of the exponential near 0, where what trades in a
step moves prices by: both are right to the last digit or two, and take a fraction of the time.
"""

import math

from trading_env.core.jit import kernel

MAX_EXPONENT = 20.0  # e^20 and beyond count as that, so that prices stay finite
SMALL = 1e-5  # of what trades beside it: a difference of powers would lose more digits
NEAR = 1.0 / 128.0  # up to here what the series leaves out is below 5e-17


@kernel
def powered(base: float, exponent: float) -> float:
    """Return base**exponent of a base >= 0; exact for exponents of 1 and 1/2.

    By logarithm, in half the time of `**`; the relative error is below 1e-15 (1 + |log(result)|).
    """
    if exponent == 0.5:
        return math.sqrt(base)
    if exponent == 1.0 or base == 0.0:
        return base
    return math.exp(exponent * math.log(base))


@kernel
def added_power(before: float, size: float, exponent: float) -> float:
    """Return ((a + b)^(1 + e) - a^(1 + e)) / b for a = before, b = size > 0 and the exponent e.

    b units, each at the rate^e of all that trades, and what that rate adds to the cost of the a
    units beside them. Where b is small beside a, by the middle of the interval, to 1e-11.
    """
    if before == 0.0:
        return powered(size, exponent)
    if size < SMALL * before:
        return (1.0 + exponent) * powered(before + 0.5 * size, exponent)
    whole = before + size
    return (whole * powered(whole, exponent) - before * powered(before, exponent)) / size


@kernel
def series(z: float) -> float:
    """Return (e^z - 1) / z for |z| < NEAR, by its series: z^6 / 7! is less than a last digit."""
    square = z * z
    last = 1.0 / 120.0 + z * (1.0 / 720.0)
    middle = 1.0 / 6.0 + z * (1.0 / 24.0)
    return (1.0 + 0.5 * z) + square * (middle + square * last)


@kernel
def growth(z: float) -> float:
    """Return (e^z - 1) / z: a price's mean on its way to e^z times itself, over itself."""
    if abs(z) < NEAR:
        return series(z)
    bounded = min(max(z, -MAX_EXPONENT), MAX_EXPONENT)
    return math.expm1(bounded) / bounded


@kernel
def moved_by(z: float) -> float:
    """Return e^z within bounds, exactly 1 for 0."""
    if abs(z) < NEAR:
        return 1.0 + z * series(z)
    return math.exp(min(max(z, -MAX_EXPONENT), MAX_EXPONENT))
