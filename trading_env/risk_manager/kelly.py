"""Growth-optimal shares of equity: one asset by itself, or several together.

One asset. Confidence c in [0, 1] is a win probability

    p = 1/2 + c (p_max - 1/2)

of a trade with symmetric barriers at the stop distance d (log price), against even odds at a fair
price. A price without drift meets +d before -d at odds e^-d, since its logarithm drifts down by
half its variance; the trade's odds are p / (1 - p) times those. On a diffusion that is a drift over
variance of ln(p / (1 - p)) / (2 d), which is the growth-optimal share (Kelly 1956; first-passage
odds of Brownian motion with drift). So at p = 1/2 there is nothing to gain, long or short.

Several together. With mu the drifts and Sigma the covariance of a bar's returns, growth is largest
at f* = Sigma^-1 mu (Merton 1969). By itself asset a would get f_a = mu_a / s_a^2. So with the
correlations C, and b_a = f_a s_a,

    C z = b,    f*_a = z_a / s_a,    squared Sharpe ratio of a bar  S = mu' f* = b' z

solved by Cholesky's factor of C. An asset without a view (signal 0) takes no part and gets nothing;
one with a weak view may be held against it, as a hedge of the others.

Estimated correlations. E' = E + r (x x' - E) over the returns x that were shown, half-life 60 bars,
where a bar that was not delivered is a return of 0: so E stays positive semidefinite. C is E's
correlation with `covariance_shrinkage` taken off everything outside the diagonal (target D of
Schaefer and Strimmer 2005, with a fixed intensity), whose eigenvalues are at least that.

Estimated drifts. Where the edge was estimated from n bars, E growth of a multiple of the plug-in
f* of v views is largest at the multiple S / (S + v / n) (Kan and Zhou 2007, known covariance).
"""

import math
from typing import TYPE_CHECKING

from trading_env.core.averages import MIN_VARIANCE, RATE_SLOW
from trading_env.core.jit import kernel, rare_kernel
from trading_env.core.past import base_return
from trading_env.core.records import Floats, Table
from trading_env.core.world import World

if TYPE_CHECKING:
    from trading_env.risk_manager.config import RiskConfig


@kernel
def win_probability(confidence: float, risk: "RiskConfig") -> float:
    """Chance of the target before a stop at the same distance, where a fair price has even odds."""
    return 0.5 + confidence * (risk.max_win_probability - 0.5)


@kernel
def kelly_fraction(confidence: float, stop_distance: float, risk: "RiskConfig") -> float:
    """Growth-optimal share of equity for a confidence, before multiplier and caps."""
    win = win_probability(confidence, risk)
    return math.log(win / (1.0 - win)) / (2.0 * stop_distance)


@kernel
def edge_noise(risk: "RiskConfig") -> float:
    """One over the bars that the edge was estimated from; 0 when it is taken as known."""
    return 1.0 / risk.edge_bars if risk.edge_bars > 0.0 else 0.0


@kernel
def edge_share(square_sharpe: float, noise: float) -> float:
    """Best multiple of a growth-optimal share whose drift was estimated; 1 without noise."""
    return square_sharpe / (square_sharpe + noise) if noise > 0.0 else 1.0


@rare_kernel
def begin_covariance(world: World, covariance: Floats, row: int) -> None:
    """Start from the mean products of the returns of the warm-up."""
    count = world.episode[0].warmup
    for a in range(covariance.shape[1]):
        for b in range(a + 1):
            total = 0.0
            for k in range(row - count + 1, row + 1):
                first = base_return(world.bars, world.notices, k, a)
                total += first * base_return(world.bars, world.notices, k, b)
            covariance[0, a, b] = total / count


@rare_kernel
def update_covariance(covariance: Floats, assets: Table) -> None:
    """Move the estimate on by the returns that were shown; its lower triangle is kept."""
    estimate = covariance[0]
    for a in range(assets.shape[0]):
        for b in range(a + 1):
            product = assets[a].seen_return * assets[b].seen_return
            estimate[a, b] += RATE_SLOW * (product - estimate[a, b])


@kernel
def correlation(covariance: Floats, reports: Table, a: int, b: int, shrinkage: float) -> float:
    """Shrunk correlation of two assets; 0 where one of them has no view."""
    if a == b:
        return 1.0
    if reports[a].signal == 0.0 or reports[b].signal == 0.0:
        return 0.0
    own = max(covariance[0, a, a], MIN_VARIANCE)
    other = max(covariance[0, b, b], MIN_VARIANCE)
    return float((1.0 - shrinkage) * covariance[0, a, b] / math.sqrt(own * other))


@rare_kernel
def factorise(covariance: Floats, reports: Table, shrinkage: float) -> None:
    """Write Cholesky's factor of the correlations next to the estimate."""
    factor = covariance[1]
    for a in range(reports.shape[0]):
        for b in range(a + 1):
            rest = correlation(covariance, reports, a, b, shrinkage)
            for k in range(b):
                rest -= factor[a, k] * factor[b, k]
            factor[a, b] = math.sqrt(rest) if a == b else rest / factor[b, b]


@rare_kernel
def size_together(assets: Table, reports: Table, covariance: Floats, risk: "RiskConfig") -> None:
    """Replace each asset's own growth-optimal share by its share of the joint optimum.

    On entry `kelly_fraction` is each asset's own; `wished_fraction` holds the solution meanwhile.
    """
    factorise(covariance, reports, risk.covariance_shrinkage)
    factor = covariance[1]
    count = assets.shape[0]
    views = 0
    square_sharpe = 0.0
    for a in range(count):
        sigma = math.sqrt(assets[a].seen_variance_slow)
        views += 1 if reports[a].signal != 0.0 else 0
        z = math.copysign(reports[a].kelly_fraction, reports[a].signal) * sigma
        for k in range(a):
            z -= factor[a, k] * reports[k].wished_fraction
        z /= factor[a, a]
        square_sharpe += z * z
        reports[a].wished_fraction = z
    share = edge_share(square_sharpe, views * edge_noise(risk))
    for a in range(count - 1, -1, -1):
        z = reports[a].wished_fraction
        for k in range(a + 1, count):
            z -= factor[k, a] * reports[k].wished_fraction
        reports[a].wished_fraction = z / factor[a, a]
    for a in range(count):
        full = share * reports[a].wished_fraction / math.sqrt(assets[a].seen_variance_slow)
        reports[a].kelly_fraction = abs(full)
        reports[a].wished_fraction = risk.kelly_multiplier * full
