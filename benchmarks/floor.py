"""The least that a batch's step could take: its draws, elementary functions and observation.

For each asset of each environment the kernel draws the latency of an order as the step does, takes
the exponentials, logarithms and roots that a market order's way through a bar takes, and writes an
observation of the same size. It keeps no state, decides nothing and trades nothing, and the
compiler is free to work on several assets at once. So the ratio of a step to it says what state,
rules and branches cost beside the arithmetic that they cannot do without.
"""

import math
import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from trading_env.core.noise import Stream, normal

LEAST_S = 0.15  # that a run of `fastest_s` takes
ROOTS = 8  # volatilities of sizing, pricing and observation; rates to the power of one half


@numba.njit(error_model="numpy")  # type: ignore[untyped-decorator]
def bare_step(seeds: Any, step: int, prices: Any, observations: Any) -> None:
    """Do the arithmetic of one step for a block of (environments, assets)."""
    features = observations.shape[2]
    for i in range(prices.shape[0]):
        for a in range(prices.shape[1]):
            x = prices[i, a]
            latency = math.exp(0.5 * normal(seeds[i], 1, step, a, Stream.ORDER_LATENCY.value))
            spread = math.exp(0.35 * math.log(x))
            reading = math.log(x + latency)
            levels = math.exp(-0.1 * x) + math.expm1(0.1 * x)
            root = x
            for _ in range(ROOTS):
                root = math.sqrt(root + 1.0)
            value = latency + spread + reading + levels + root
            for k in range(features):
                observations[i, a, k] = value


def fastest_s(call: Callable[[int], Any], runs: int) -> float:
    """Seconds for one call with a number: the fastest run of as many as take a while."""
    calls, best = 1, math.inf
    while runs > 0:
        begin = time.perf_counter()
        for number in range(calls):
            call(number)
        taken = time.perf_counter() - begin
        if taken < LEAST_S:
            calls *= 2
            continue
        runs -= 1
        best = min(best, taken / calls)
    return best


def floor_ns(lanes: int, assets: int, features: int, runs: int) -> float:
    """Nanoseconds for one environment's step: the fastest of several runs."""
    seeds = np.arange(lanes, dtype=np.uint64)
    prices = np.random.default_rng(0).uniform(0.5, 2.0, (lanes, assets))
    observations = np.empty((lanes, assets, features), dtype=np.float32)
    bare_step(seeds, 0, prices, observations)
    taken = fastest_s(lambda step: bare_step(seeds, step, prices, observations), runs)
    return 1e9 * taken / lanes
