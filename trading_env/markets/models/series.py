"""Compiled: one return series, the common factor or a residual, in one bar.

    ln sigma = ln vol + sum_k a_k x_k - sd^2      (sd^2 = variance of the sum: E sigma^2 = vol^2)
    z        = weighted sum of the bar's normal shocks (the gap, then the sub-steps)
    x_k'     = phi_k x_k + sqrt(1 - phi_k^2) (rho_k z + sqrt(1 - rho_k^2) noise)
    return   = sigma g z,    g = sqrt((nu - 2) / chi2_nu): a t shock of unit variance

The same sigma and g hold for the whole bar. Every draw has an address: the pool's key, the path,
the bar (or a number inside it), the series and the stream.
"""

import math
from typing import NamedTuple

import numpy as np

from trading_env.core.jit import kernel
from trading_env.core.noise import Stream, normal, normals, uniform
from trading_env.core.records import Floats

Triple = tuple[float, float, float]

DRAWS_A_BAR = 64  # addresses of one stream in one bar
MAX_SUBSTEPS = 62
TAIL_ATTEMPTS = 32


class Scales(NamedTuple):
    """The law of one series, as the kernels use it."""

    volatility: float
    log_variance: float  # stationary variance of the sum of the scales
    amplitude: Triple
    persistence: Triple  # AR(1) coefficient of each scale
    leverage: Triple
    start: tuple[Triple, Triple, Triple]  # lower Cholesky factor of the scales' covariance
    tail_dof: float


class BarAddress(NamedTuple):
    """Address of a draw; of its series, 0 is the factor and i + 1 the residual of asset i."""

    seed: np.uint64
    path: int
    bar: int


class Motion(NamedTuple):
    """One series in one bar."""

    deviation: float  # of ln sigma from its mean
    sigma: float  # standard deviation of the bar, before the tail
    spread: float  # sigma times the tail factor g


@kernel
def start_scales(at: BarAddress, series: int, law: Scales, scales: Floats) -> None:
    """Draw the scales of one series, (3,), from their stationary law."""
    first, second = normals(at.seed, at.path, 0, series, Stream.MARKET_FACTOR)
    third = normal(at.seed, at.path, 1, series, Stream.MARKET_FACTOR)
    for k in range(3):
        row = law.start[k]
        scales[k] = row[0] * first + row[1] * second + row[2] * third


@kernel
def advance_scales(at: BarAddress, series: int, shock: float, law: Scales, scales: Floats) -> None:
    """Move the scales, (3,), to the next bar after this bar's shock."""
    step = 2 * (at.bar + 1)
    first, second = normals(at.seed, at.path, step, series, Stream.MARKET_FACTOR)
    third = normal(at.seed, at.path, step + 1, series, Stream.MARKET_FACTOR)
    noise = (first, second, third)
    for k in range(3):
        phi, rho = law.persistence[k], law.leverage[k]
        innovation = rho * shock + math.sqrt(1.0 - rho * rho) * noise[k]
        scales[k] = phi * scales[k] + math.sqrt(1.0 - phi * phi) * innovation


@kernel
def draw_tail(at: BarAddress, series: int, dof: float) -> float:
    """Draw g = sqrt((dof - 2) / chi2_dof); gamma variate after Marsaglia and Tsang (2000)."""
    if math.isinf(dof):
        return 1.0
    d = 0.5 * dof - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    cube = 1.0
    for attempt in range(TAIL_ATTEMPTS):
        step = at.bar * DRAWS_A_BAR + 2 * attempt
        z = normal(at.seed, at.path, step, series, Stream.MARKET_TAIL)
        u = uniform(at.seed, at.path, step + 1, series, Stream.MARKET_TAIL)
        cube = (1.0 + c * z) ** 3
        if cube > 0.0 and math.log(1.0 - u) < 0.5 * z * z + d * (1.0 - cube + math.log(cube)):
            return math.sqrt((dof - 2.0) / (2.0 * d * cube))
    return 1.0  # never reached in practice: each attempt succeeds with chance > 0.95


@kernel
def draw_shocks(at: BarAddress, series: int, weights: Floats, shocks: Floats) -> float:
    """Draw the bar's normal shocks, (1 + substeps,), and return their weighted sum z."""
    total = 0.0
    for pair in range((len(shocks) + 1) // 2):
        step = at.bar * DRAWS_A_BAR + pair
        first, second = normals(at.seed, at.path, step, series, Stream.MARKET_SHOCK)
        shocks[2 * pair] = first
        total += weights[2 * pair] * first
        if 2 * pair + 1 < len(shocks):
            shocks[2 * pair + 1] = second
            total += weights[2 * pair + 1] * second
    return total


@kernel
def move(at: BarAddress, series: int, law: Scales, scales: Floats, shared: float) -> Motion:
    """Volatility and tail of one series in one bar, `shared` log-volatility added."""
    deviation = 0.0
    for k in range(3):
        deviation += law.amplitude[k] * scales[k]
    sigma = law.volatility * math.exp(deviation - law.log_variance + shared)
    return Motion(deviation, sigma, sigma * draw_tail(at, series, law.tail_dof))
