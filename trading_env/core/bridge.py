"""A Brownian bridge between two barriers: the chance that it stays, and its extremes.

With v the variance of the bridge from x to y, and D = H - L, the chance that it stays between L and
H is

    P(x, y; L, H) = sum_k exp(-2 k D (k D + x - y) / v) - exp(-2 (H - x + k D) (H - y + k D) / v)
                  = sqrt(2 pi v) / D exp((x - y)^2 / (2 v))
                    sum_n exp(-n^2 pi^2 v / (2 D^2))
                          (cos(n pi (x - y) / D) - cos(n pi (x + y - 2 L) / D))

over all whole k, or n >= 1: by reflection at both barriers, or by the eigenfunctions of heat
between them (e.g. Borodin and Salminen 2002, 1.15.8 and appendix 1). The first sum needs few terms
where the barriers are far apart, the second where they are close; where one takes over from the
other both are right to 1e-7. The density of the highest point at H, of the lowest at L, and of
both, are the derivatives of P by H, by -L, and by both.
"""

import math

from trading_env.core.jit import kernel, rare_kernel
from trading_env.core.values import Stay

NARROW = 0.2  # v / D^2 above which P is summed by eigenfunctions
WAVES = 5  # terms of that sum
HALVINGS = 16  # of an interval, to draw an extreme


@kernel
def stay(x: float, y: float, low: float, high: float, variance: float) -> Stay:
    """Chance that a bridge from x to y stays between two barriers, and its derivatives.

    `high` and `low` are the derivatives by each barrier moved outwards, `both` by both.
    """
    width = high - low
    if variance > NARROW * width * width:
        found = stay_by_waves(x - y, (x - low) + (y - low), width, variance)
    else:
        found = stay_by_images(x, y, low, high, variance)
    within, by_high = max(found.inside, 0.0), max(found.high, 0.0)
    return Stay(within, by_high, max(found.low, 0.0), max(found.both, 0.0))


@kernel
def stay_by_images(x: float, y: float, low: float, high: float, variance: float) -> Stay:
    """Return P and its derivatives by reflection: few terms where barriers are far apart."""
    width = high - low
    inside, by_high, by_low, by_both = 1.0, 0.0, 0.0, 0.0  # what k = 0 adds to the first sum
    scale = -2.0 / variance
    for k in (-1, 1):
        weight = math.exp(scale * k * width * (k * width + x - y))
        slope = scale * k * (2.0 * k * width + x - y)
        inside += weight
        by_high += slope * weight
        by_low += slope * weight
        by_both += (2.0 * scale * k * k + slope * slope) * weight
    for k in range(-2, 2):
        a, b = high - x + k * width, high - y + k * width
        weight = math.exp(scale * a * b)
        up = scale * (1.0 + k) * (a + b)
        down = -scale * k * (a + b)
        inside -= weight
        by_high -= up * weight
        by_low += down * weight
        by_both += (-2.0 * scale * k * (1.0 + k) + up * down) * weight
    return Stay(inside, by_high, by_low, by_both)


@kernel
def stay_by_waves(apart: float, above: float, width: float, variance: float) -> Stay:
    """Return P and its derivatives by eigenfunctions: few terms where barriers are close.

    `apart` is x - y, and `above` is (x - L) + (y - L).
    """
    inside, by_high, by_low, by_both = 0.0, 0.0, 0.0, 0.0
    unit = math.pi / width
    decay = math.exp(-0.5 * unit * unit * variance)
    fade, ratio = 1.0, decay
    near, far = unit * apart, unit * above
    cos_near, sin_near = math.cos(near), math.sin(near)
    cos_far, sin_far = math.cos(far), math.sin(far)
    cos_a, sin_a, cos_b, sin_b = 1.0, 0.0, 1.0, 0.0
    for n in range(1, WAVES + 1):
        fade *= ratio  # exp(-n^2 pi^2 v / (2 D^2))
        ratio *= decay * decay
        turn = 2.0 * math.pi * n
        t = n * unit * n * unit * variance
        a, b = n * near, n * far
        cos_a, sin_a = cos_a * cos_near - sin_a * sin_near, sin_a * cos_near + cos_a * sin_near
        cos_b, sin_b = cos_b * cos_far - sin_b * sin_far, sin_b * cos_far + cos_b * sin_far
        size, slope = cos_a - cos_b, a * sin_a - b * sin_b
        by_width = (t - 1.0) * size + slope
        inside += fade * size
        by_high += fade * by_width
        by_low += fade * (by_width + turn * sin_b)
        bend = (t * t - 5.0 * t + 2.0) * size + 2.0 * (t - 2.0) * slope
        bend += b * b * cos_b - a * a * cos_a
        by_both += fade * (bend + turn * ((t - 2.0) * sin_b - b * cos_b))
    level = math.sqrt(2.0 * math.pi * variance) * math.exp(0.5 * apart * apart / variance) / width
    return Stay(
        level * inside,
        level * by_high / width,
        level * by_low / width,
        level * by_both / (width * width),
    )


@rare_kernel
def draw_high(
    x: float, y: float, low: float, high: float, variance: float, touched: bool, uniform: float
) -> float:
    """Draw the highest point of a bridge that stays below `high`; `touched`: its low is `low`."""
    within = stay(x, y, low, high, variance)
    wanted = uniform * (within.low if touched else within.inside)
    bottom, top = max(x, y), high
    for _ in range(HALVINGS):
        tried = 0.5 * (bottom + top)
        within = stay(x, y, low, tried, variance)
        if (within.low if touched else within.inside) < wanted:
            bottom = tried
        else:
            top = tried
    return top


@kernel
def draw_low(x: float, y: float, low: float, high: float, variance: float, uniform: float) -> float:
    """Draw the lowest point of a bridge that stays above `low`; its highest is `high`."""
    return -draw_high(-x, -y, -high, -low, variance, True, uniform)
