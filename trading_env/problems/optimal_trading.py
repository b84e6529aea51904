"""Garleanu-Pedersen and Kelly as `trading_env/Portfolio-v0`.

Garleanu-Pedersen costs are (1/2) dx' Lambda dx, and the engine charges each asset for its own
trades only. So the environment's assets are the cost matrix's principal portfolios: with
Lambda = Q D Q', y = Q' x units of the portfolios Q' r cost (1/2) dy' D dy. Where Lambda is diagonal
they are the assets themselves. Asset j trades at price S0 with a volume of 2 S0 / D_j units, so
that a temporary impact of 1 at a participation of 1 costs D_j dy^2 / 2. The account is so large
that no cap binds and no price comes near 0.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trading_env.envs.world import WARMUP
from trading_env.policies.policy import Action, Info, Observation, Policy
from trading_env.problems.closed_forms.garleanu_pedersen import GarleanuPedersen
from trading_env.problems.closed_forms.kelly import growth_rate, optimal_fraction
from trading_env.problems.closed_forms.linear import LinearPolicy, sandwich_sum
from trading_env.problems.problem import Problem
from trading_env.step.observation import NUM_ASSET_FEATURES

PORTFOLIO_ID = "trading_env/Portfolio-v0"
SPREAD_OF_PRICES = 1e4  # the price, in standard deviations of a bar's change
WEALTH = 1e4  # the account, in the value of a typical Markowitz position
PRICE_OVER_IMPACT = 100.0  # the price, in what trading such a position at once would move it by
BARS_PER_YEAR = 260.0
MULTIPLES = {"quarter": 0.25, "half": 0.5, "one_and_a_half": 1.5}  # of the Kelly share, to compare
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class LinearTrader(Policy):
    """Trade the share `rate` of the way to `aim` f, where f are the market's signals.

    Reads position, mark and equity off `info` at detail "full", and the factors off the
    observation, where they are clipped to +-5: they are scaled to unit variance.
    """

    rate: Matrix  # (assets, assets)
    aim: Matrix  # (assets, factors), units for one standard deviation of a factor
    columns: tuple[int, ...]  # of the factors in the observation

    def act(self, observation: Observation, info: Info) -> Action:
        """Return the weights of equity that the policy wants to hold."""
        factors = np.asarray(observation, dtype=np.float64)[..., list(self.columns)]
        held = info["position"]
        units = held + (factors @ self.aim.T - held) @ self.rate.T
        weights: Matrix = units * info["mark"] / np.expand_dims(np.asarray(info["equity"]), -1)
        return weights


def garleanu_pedersen(
    loadings: ArrayLike = ((0.020, 0.010), (0.010, -0.008)),
    mean_reversion: ArrayLike = (1.0 - 0.5 ** (1.0 / 5.0), 1.0 - 0.5 ** (1.0 / 60.0)),
    factor_covariance: ArrayLike = ((0.25, 0.0), (0.0, 0.02)),
    covariance: ArrayLike = ((0.36, 0.15), (0.15, 1.0)),
    cost: ArrayLike = ((0.0072, 0.003), (0.003, 0.02)),
    risk_aversion: float = 1e-3,
    discount_rate: float = 1.0 - math.exp(-0.02 / 260.0),
    *,
    episode_length: int = 256,
    paths: int = 256,
    seed: int = 0,
) -> Problem:
    """Trade on predictable returns at quadratic cost (Garleanu and Pedersen 2013).

    The value is the long-run reward a step, x'r - (risk_aversion / 2) x' Sigma x - cost, currency,
    as the equity's change shows it. Every array is of the original assets. The defaults are an
    example in the style of the paper: factors with half-lives of 5 and 60 steps, and a cost that is
    0.02 times the covariance.

    Args:
        loadings: B, currency a share for a unit of each factor, (assets, factors).
        mean_reversion: Phi, (factors, factors), or its diagonal.
        factor_covariance: Omega, of the factors' innovations, (factors, factors).
        covariance: Sigma, of a step's price changes, (assets, assets).
        cost: Lambda, currency per share squared, (assets, assets).
        risk_aversion: gamma, one over currency.
        discount_rate: rho, a step.
        episode_length: steps.
        paths: Paths in the pool.
        seed: Of the pool.

    Raises:
        ValueError: an array has the wrong shape, a matrix is not positive definite, or a value is
            out of range; the message names it.
    """
    model = GarleanuPedersen(
        loadings=np.asarray(loadings, dtype=np.float64),
        mean_reversion=np.asarray(mean_reversion, dtype=np.float64),
        factor_covariance=np.asarray(factor_covariance, dtype=np.float64),
        covariance=np.asarray(covariance, dtype=np.float64),
        cost=np.asarray(cost, dtype=np.float64),
        risk_aversion=risk_aversion,
        discount_rate=discount_rate,
    )
    sizes, axes = _principal(model.cost)
    law = sandwich_sum(model.persistence, model.factor_covariance, model.persistence.T)
    scale = np.sqrt(np.diag(law))
    typical = np.sqrt(np.diag(axes.T @ model.markowitz @ law @ model.markowitz.T @ axes))
    turned = axes.T @ model.loadings * scale
    noise = axes.T @ model.covariance @ axes
    price = max(
        SPREAD_OF_PRICES * float(np.sqrt(np.diag(noise)).max()),
        PRICE_OVER_IMPACT * float((sizes * typical).max()),
    )
    wealth = WEALTH * price * float(typical.sum())
    count, factors = model.loadings.shape
    block = NUM_ASSET_FEATURES + factors  # features of one asset: the signals stand last
    columns = tuple(range(block - factors, block))

    def trader(rate: Matrix, aim: Matrix) -> LinearTrader:
        return LinearTrader(axes.T @ rate @ axes, axes.T @ aim * scale, columns)

    constant = model.best_constant_speed()
    everything = np.eye(count)
    kwargs = {
        "market": {
            "generator": "factor",
            "assets": count,
            "price": price,
            "covariance": noise.tolist(),
            "loadings": turned.tolist(),
            "mean_reversion": (model.mean_reversion * scale / scale[:, None]).tolist(),
            "factor_covariance": (model.factor_covariance / np.outer(scale, scale)).tolist(),
            "volume": (2.0 * price / sizes).tolist(),
            "bars": WARMUP + episode_length + 1,
            "start_bar": WARMUP,
            "paths": paths,
            "seed": seed,
        },
        "execution": {
            "preset": "zero",
            "temporary_impact": 1.0,
            "impact_exponent": 1.0,
            "volatility_scaled": False,
            "participation_cap": 1.0,
            "time_in_force": "bar",
            "impact_reference": "first",
        },
        "risk": {"preset": "linear", "max_drawdown": 1.0, "initial_margin": 1e-3},
        "account": {
            "initial_cash": wealth,
            "margin_rate": 0.0,
            "borrow_rate": 0.0,
            "maintenance_margin": 0.0,
        },
        "reward": {
            "liquidation": 0.0,
            "growth": 1.0,
            "shortfall": 0.0,
            "risk": risk_aversion * wealth,
            "scale": wealth,
        },
        "episode_length": episode_length,
        "seed_band": None,
        "detail": "full",  # holdings and prices, which the policies read
    }
    return Problem(
        env_id=PORTFOLIO_ID,
        env_kwargs=kwargs,
        optimal_policy=trader(model.trade_rate, model.aim),
        optimal_value=model.long_run_reward(),
        reference_values={
            "best_constant_speed": constant.reward,
            "markowitz": model.long_run_reward(LinearPolicy.towards(1.0, model.markowitz)),
        },
        policies={
            "best_constant_speed": trader(constant.speed * everything, model.markowitz),
            "markowitz": trader(everything, model.markowitz),
        },
    )


def _principal(cost: Matrix) -> tuple[Matrix, Matrix]:
    """Return D and Q with cost = Q D Q'; Q is the identity where cost is diagonal."""
    if np.count_nonzero(cost - np.diag(np.diag(cost))) == 0:
        return np.diag(cost).copy(), np.eye(len(cost))
    sizes, axes = np.linalg.eigh(cost)
    return sizes, axes


@dataclass(frozen=True)
class ConstantWeight(Policy):
    """Hold a constant share of equity."""

    weight: float  # as an action: a share of `max_weight`

    def act(self, observation: Observation, info: Info) -> Action:
        """Return the same action at every observation."""
        return np.full((*np.shape(observation)[:-1], 1), self.weight)


def kelly(
    drift: float = 0.08,
    volatility: float = 0.20,
    rate: float = 0.0,
    *,
    episode_length: int = 260,
    paths: int = 1024,
    seed: int = 0,
) -> Problem:
    """Hold the growth-optimal share of one asset, rebalanced daily at no cost.

    The value is the growth rate of log wealth a year, rate + drift^2 / (2 volatility^2) for
    continuous rebalancing; daily rebalancing differs by about volatility^4 / 260. With the
    defaults the optimum is twice the equity, and grows by 8% a year. At a rate below 0 the formula
    would pay for borrowing, which no account does: there a share above 1 is refused.

    Args:
        drift: Expected return over `rate`, a year.
        volatility: A year.
        rate: Interest on cash, continuous, a year; paid on debit cash too. Below 0 only where
            drift / volatility^2 is at most 2/3: the largest multiple played is one and a half.
        episode_length: Days.
        paths: Paths in the pool.
        seed: Of the pool.

    Raises:
        ValueError: a parameter is out of range; the message names it.
    """
    best = optimal_fraction(drift, volatility)
    largest = max(MULTIPLES.values()) * best
    if rate < 0.0 and largest > 1.0:
        reason = f"below 0 is for shares of at most 1; here {largest:.3g} is held, on borrowed cash"
        raise ValueError(f"rate = {rate}: {reason}")
    reach = max(2.0 * abs(best), 1.0)
    kwargs = {
        "market": {
            "generator": "gbm",
            "assets": 1,
            "volatility": volatility / BARS_PER_YEAR**0.5,
            "drift": (drift + rate) / BARS_PER_YEAR,
            "bars": WARMUP + episode_length + 1,
            "paths": paths,
            "seed": seed,
        },
        "execution": {"preset": "zero", "participation_cap": 1.0},
        "risk": {
            "preset": "linear",
            "max_weight": reach,
            "max_leverage": reach,
            "max_drawdown": 1.0,
            "initial_margin": min(0.5 / reach, 1.0),
        },
        "account": {
            "account_share": 1e-6,
            "cash_rate": rate,
            "margin_rate": max(rate, 0.0),
            "borrow_rate": 0.0,
            "maintenance_margin": 0.0,
        },
        "reward": {"preset": "growth", "liquidation": 0.0},
        "episode_length": episode_length,
        "seed_band": None,
    }
    return Problem(
        env_id=PORTFOLIO_ID,
        env_kwargs=kwargs,
        optimal_policy=ConstantWeight(best / reach),
        optimal_value=float(growth_rate(best, drift, volatility, rate)),
        reference_values={
            name: float(growth_rate(c * best, drift, volatility, rate))
            for name, c in MULTIPLES.items()
        },
        policies={name: ConstantWeight(c * best / reach) for name, c in MULTIPLES.items()},
    )
