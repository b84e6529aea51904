"""What linear problems need: a Riccati equation, sums of powers, stationary laws, a line search."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from trading_env.core.records import Floats
from trading_env.problems.closed_forms.checks import checked_array

TERM_DOUBLINGS = 64  # 2^64 terms: enough for any radius that float64 can tell from 1
GOLDEN = 0.5 * (5.0**0.5 - 1.0)
NARROWINGS = 60  # 0.618^60 is 3e-13 of the bracket


class LinearPolicy(NamedTuple):
    """Holdings after the trade: x_t = carry x_(t-1) + response f_t."""

    carry: Floats  # (assets, assets)
    response: Floats  # (assets, factors)

    @staticmethod
    def towards(rate: ArrayLike, aim: Floats) -> "LinearPolicy":
        """Return the policy x_t = x_(t-1) + rate (aim f_t - x_(t-1)).

        Args:
            rate: one number, or a matrix (assets, assets).
            aim: shares for a unit of each factor, shape (assets, factors).
        """
        identity = np.eye(len(aim))
        matrix = np.asarray(rate, dtype=np.float64)
        matrix = matrix * identity if matrix.ndim == 0 else matrix
        checked_array("rate", matrix, identity.shape)
        return LinearPolicy(identity - matrix, matrix @ aim)


def solved(matrix: Floats, right: Floats) -> Floats:
    """Return matrix^-1 right."""
    return np.asarray(np.linalg.solve(matrix, right), dtype=np.float64)


def spectral_radius(matrix: Floats) -> float:
    """Return the largest absolute eigenvalue."""
    return float(np.abs(np.linalg.eigvals(matrix)).max())


def sandwich_sum(left: Floats, middle: Floats, right: Floats) -> Floats:
    """Return the sum over k >= 0 of left^k middle right^k: X with X = middle + left X right.

    Each pass doubles the number of terms. The product of the spectral radii of `left` and `right`
    must be below 1, or the sum has no limit.
    """
    total = middle
    for _ in range(TERM_DOUBLINGS):
        added = left @ total @ right
        total = total + added
        if np.abs(added).max() <= np.finfo(np.float64).eps * np.abs(total).max():
            break
        left, right = left @ left, right @ right
    return total


def value_of_holdings(cost: Floats, risk: Floats, discount_rate: float) -> Floats:
    """Return the positive definite A with A = cost - cost (cost + b (risk + A))^-1 cost.

    Here b = 1 - discount_rate. With cost = L L' the equation holds in the eigenvectors of
    L^-1 risk L^-T one by one: for the eigenvalue m, b a^2 + (1 - b + b m) a = b m.

    Args:
        cost: of a trade, positive definite, shape (assets, assets).
        risk: of a holding, positive definite, shape (assets, assets).
        discount_rate: a step, in (0, 1).
    """
    root = np.asarray(np.linalg.cholesky(cost), dtype=np.float64)
    sizes, vectors = np.linalg.eigh(solved(root, solved(root, risk).T))
    pull = (1.0 - discount_rate) * sizes
    drag = discount_rate + pull
    # The positive root without a difference of near equals.
    roots = 2.0 * pull / (drag + np.sqrt(drag**2 + 4.0 * (1.0 - discount_rate) * pull))
    basis = root @ vectors
    return np.asarray((basis * roots) @ basis.T, dtype=np.float64)


def stationary_covariance(
    policy: LinearPolicy, persistence: Floats, factor_covariance: Floats
) -> Floats:
    """Return the covariance of (x_(t-1), f_t), shape (assets + factors, assets + factors).

    Args:
        policy: which holdings follow from the last ones and the factors.
        persistence: f_(t+1) = persistence f_t + e, spectral radius below 1.
        factor_covariance: of e.

    Raises:
        ValueError: a shape does not fit, or the holdings have no stationary law.
    """
    factors, assets = len(persistence), len(policy.carry)
    carry = checked_array("carry", policy.carry, (assets, assets))
    response = checked_array("response", policy.response, (assets, factors))
    radius = spectral_radius(carry)
    if radius >= 1.0:
        raise ValueError(f"carry keeps {radius:g} of the holdings a step: must be below 1")
    system = np.block([[carry, response], [np.zeros((factors, assets)), persistence]])
    shocks = np.zeros_like(system)
    shocks[assets:, assets:] = factor_covariance
    return sandwich_sum(system, shocks, system.T)


def highest(function: Callable[[float], float], grid: Floats) -> tuple[float, float]:
    """Return where a function is highest and how high: the best grid point, then golden section.

    Args:
        function: with one peak between the best point's neighbours.
        grid: increasing, shape (points,).
    """
    best = int(np.argmax([function(float(point)) for point in grid]))
    low, high = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, len(grid) - 1)])
    for _ in range(NARROWINGS):
        step = GOLDEN * (high - low)
        if function(high - step) >= function(low + step):
            high = low + step
        else:
            low = high - step
    candidates = [0.5 * (low + high), float(grid[best])]
    heights = [function(candidate) for candidate in candidates]
    return max(zip(candidates, heights, strict=True), key=lambda pair: pair[1])
