"""Kelly over twenty years and more: growth by the multiple of the optimum, and the way down.

A bar of these problems is `YEARS` times as long as a bar of 260 a year: drift and variance of its
"year" are `YEARS` times those of mu = 0.08, sigma = 0.20 (optimum 2, growth 0.08 a year), so that
520 bars are twenty years. Lanes draw their paths from a pool as large as their number: the paths
are a sample and so are the draws, and the standard error is that of two samplings.
"""

import math
from statistics import NormalDist
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from trading_env.core.records import Floats
from trading_env.problems import Problem, kelly

DRIFT, VOLATILITY = 0.08, 0.20
SHIFT = 0.5825971579  # -zeta(1/2) / sqrt(2 pi), Broadie, Glasserman and Kou (1997)
BARS_PER_YEAR = 260
MULTIPLES = {"quarter": 0.25, "half": 0.5, "optimum": 1.0, "one_and_a_half": 1.5}


def growth_at_multiple(multiple: float, sharpe: float) -> float:
    """Growth above the cash rate at a multiple c of the optimum."""
    return 0.5 * sharpe**2 * multiple * (2.0 - multiple)


def chance_ever_at(share: float, multiple: float) -> float:
    """P(wealth ever falls to a share of its start) at a multiple c < 2 of the optimum.

    The log of wealth is a Brownian motion with 2 drift / variance = 2 / c - 1.
    """
    return float(share ** (2.0 / multiple - 1.0))


def problem_of(years: float, bars: int, paths: int) -> Problem:
    """Kelly's problem whose 260 bars are so many years."""
    return kelly(
        years * DRIFT, math.sqrt(years) * VOLATILITY, episode_length=bars, paths=paths, seed=1
    )


def log_wealth(problem: Problem, name: str) -> tuple[Floats, Floats]:
    """Log of wealth over its start by lane: at the end, and the lowest at any close."""
    lanes = problem.env_kwargs["market"]["paths"]
    envs = gym.make_vec(
        problem.env_id,
        lanes,
        vectorization_mode="vector_entry_point",
        autoreset_mode="Disabled",
        **problem.env_kwargs,
    )
    policy = problem.optimal_policy if name == "optimum" else problem.policies[name]
    observation, info = envs.reset(seed=0)
    accounts = envs.unwrapped.batch.lanes.accounts
    start, lowest = accounts["equity"].copy(), accounts["equity"].copy()
    for _ in range(problem.env_kwargs["episode_length"]):
        observation, _, ended, _, info = envs.step(policy.act(observation, info))
        assert not ended.any()
        np.minimum(lowest, accounts["equity"], out=lowest)
    return np.log(accounts["equity"] / start), np.log(lowest / start)


def error(values: Any) -> float:
    """Standard error of the mean: two samplings."""
    return float(np.std(values) * math.sqrt(2.0 / len(values)))


@pytest.mark.proof
def test_growth_is_a_parabola_in_the_multiple_and_largest_at_the_optimum() -> None:
    """(SR^2 / 2) c (2 - c): 0.035, 0.06, 0.08, 0.06 a year; bars of ten days cost under 0.0001.

    Lanes of one seed see the same paths: the difference to the optimum is taken lane by lane.
    """
    years = 20.0
    problem = problem_of(10.0, 520, 2048)
    grown = {name: log_wealth(problem, name)[0] / years for name in MULTIPLES}
    for name, multiple in MULTIPLES.items():
        expected = growth_at_multiple(multiple, DRIFT / VOLATILITY)
        assert abs(grown[name].mean() - expected) < 4.0 * error(grown[name])
    assert growth_at_multiple(1.5, DRIFT / VOLATILITY) == pytest.approx(0.06)
    best = grown.pop("optimum")
    for other in grown.values():
        lost = best - other
        assert lost.mean() > 4.0 * error(lost)


def chance_of_passage(
    depth: float, drift: float, volatility: float, years: float, step: float
) -> float:
    """P(drift t + volatility W(t) <= -depth at a multiple of `step` up to `years`).

    The first passage of Brownian motion (inverse Gaussian law); that it is watched once a step is
    a barrier further out by 0.5826 standard deviations of a step.
    """
    out = depth + SHIFT * volatility * math.sqrt(step)
    law, spread = NormalDist(), volatility * math.sqrt(years)
    reflected = math.exp(-2.0 * drift * out / volatility**2)
    below = law.cdf((-out - drift * years) / spread)
    return below + reflected * law.cdf((-out + drift * years) / spread)


@pytest.mark.proof
def test_half_kelly_halves_once_in_eight_lives_less_what_the_horizon_and_closes_miss() -> None:
    """At half Kelly the share is 1: log wealth is the log price, with drift 0.06 and sd 0.2.

    For ever and watched without pause 0.125; in 40 years 0.1212; at the end of each bar of 0.154
    years, whose standard deviation is a ninth of the way down, 0.1052.
    """
    scale, bars, lanes = 40.0, 260, 8192
    step = scale / BARS_PER_YEAR
    drift, volatility = growth_at_multiple(0.5, DRIFT / VOLATILITY), VOLATILITY
    depth, years = math.log(2.0), bars * step
    forever = chance_of_passage(depth, drift, volatility, 1e6, 0.0)
    assert forever == pytest.approx(chance_ever_at(0.5, 0.5)) == pytest.approx(0.125)
    expected = chance_of_passage(depth, drift, volatility, years, step)
    halved = log_wealth(problem_of(scale, bars, lanes), "half")[1] <= -depth
    assert abs(halved.mean() - expected) < 4.0 * error(halved)
    assert forever - halved.mean() > 4.0 * error(halved)  # the correction is no formality
