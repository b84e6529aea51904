"""What changes nothing: the unit of price, and the side of the market.

The unit of price: prices ten times as high with a tenth of the volume and of the lot, and ten
times the tick and the fee a unit, are the same market in other units. Returns and rewards agree
within 1e-9, observations within the rounding of float32; by a factor of 8, which binary
arithmetic does not round, everything agrees to the bit.

The side: a buyer in a market and a seller in its mirror image pay the same where the model is
symmetric, that is where impact and spread are fractions of the first price
(`impact_reference = "first"`) and do not follow volatility, orders arrive at the open (later the
path of the bar is drawn in log price), prices are arithmetic (the mirror of P
is 2 P0 - P), there is no fee by notional and no tick. Elsewhere they differ: returns in the mirror
are not the mirrored returns.
"""

import dataclasses
from typing import Any

import numpy as np
import pytest

from tests.configurations import random_configuration
from tests.lanes import quick_first
from trading_env.core.records import Floats
from trading_env.envs.vector import ExecutionVectorEnv, PortfolioVectorEnv
from trading_env.envs.world import WARMUP
from trading_env.markets import Market, load_market

PRICES = ("open", "high", "low", "close")
LANES = 16


def repriced(market: Market, factor: float) -> Market:
    """The same market in another unit of price."""
    fields = {name: getattr(market, name) * factor for name in PRICES}
    return dataclasses.replace(market, **fields, volume=market.volume / factor)


def run(kwargs: dict[str, Any], steps: int) -> tuple[Floats, Floats, Floats]:
    """Observations, rewards and equity over its start under random actions, step by step."""
    envs = PortfolioVectorEnv(LANES, autoreset_mode="Disabled", **kwargs)
    observation, _ = envs.reset(seed=4)
    accounts, rng = envs.batch.lanes.accounts, np.random.default_rng(4)
    seen, rewards, grown = [observation], [], []
    for _ in range(steps):
        observation, reward, terminated, truncated, _ = envs.step(
            rng.uniform(-1, 1, envs.action_space.shape)
        )
        seen.append(observation)
        rewards.append(reward)
        grown.append(accounts["equity"] / accounts["initial_equity"])
        ended = terminated | truncated
        if ended.any():
            envs.reset(options={"reset_mask": ended})
    return np.array(seen), np.array(rewards), np.array(grown)


@pytest.mark.parametrize(("factor", "exact"), [(10.0, False), (8.0, True), (0.1, False)])
@pytest.mark.parametrize("draw", quick_first(range(6)))
def test_the_unit_of_price_changes_nothing(draw: int, factor: float, exact: bool) -> None:
    rng = np.random.default_rng([5, draw])
    kwargs = random_configuration(rng)
    band = kwargs.pop("seed_band")
    market = load_market(kwargs.pop("market"), seed_band=band)
    grid = {
        "tick": float(rng.choice([0.0, 1e-4]) * market.close.mean()),
        "lot": float(rng.choice([0.0, 1e-6]) * market.volume.mean()),
        "fee_per_unit": 1e-4 * float(market.close.mean()),
    }
    # Where impact is a share of the first price, its rounding is larger than a price near 0.
    if kwargs["execution"]["impact_reference"] == "first":
        kwargs["severity"] = min(kwargs["severity"], 1.0)
    # Several orders in flight can add up to nothing but rounding, which depends on the unit.
    latency = kwargs["execution"]["latency_ms"]  # None: one of those with a name, all short
    kwargs["execution"] |= grid | {"latency_ms": latency and min(latency, 3e5)}
    results = []
    for unit in (1.0, factor):
        powers = {"tick": unit, "lot": 1.0 / unit, "fee_per_unit": unit}
        given = {name: grid[name] * power for name, power in powers.items()}
        execution = {**kwargs["execution"], **given}
        again = {**kwargs, "execution": execution, "market": repriced(market, unit)}
        results.append(run({**again, "seed_band": None}, 40))
    one, other = results
    assert np.ptp(one[2]) > 1e-6
    for mine, theirs in zip(one, other, strict=True):
        if exact:
            np.testing.assert_array_equal(theirs, mine)
    np.testing.assert_allclose(other[0], one[0], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(other[1], one[1], rtol=1e-9, atol=1e-9 * float(np.abs(one[1]).max()))
    np.testing.assert_allclose(other[2], one[2], rtol=1e-9, atol=1e-9)


ARITHMETIC = {
    "latency_ms": 1e5,
    "latency_log_sd": 0.3,
    "half_spread_bps": 5.0,
    "spread_exponent": 0.0,
    "temporary_impact": 0.05,
    "volatility_scaled": False,
    "permanent_impact": 0.02,
    "inverse_turnover_days": 1.0,
    "participation_cap": 0.05,
    "fee_bps": 0.0,
    "fee_per_unit": 0.01,
    "impact_reference": "first",
}


def mirrored(market: Market) -> Market:
    """Prices reflected at the first close that a decision sees."""
    top = 2.0 * market.close[:, WARMUP : WARMUP + 1]
    return dataclasses.replace(
        market,
        open=top - market.open,
        high=top - market.low,
        low=top - market.high,
        close=top - market.close,
    )


@pytest.mark.parametrize("cap", [0.05, 1.0])
def test_a_sale_costs_what_a_purchase_costs_in_the_mirror(cap: float) -> None:
    """Order by order, part by part of the ledger, for random paces."""
    spec = {"generator": "factor", "covariance": 0.25, "paths": 64, "bars": WARMUP + 31}
    market = load_market(spec, seed_band=None)
    ledgers = []
    for side, view in ((1.0, market), (-1.0, mirrored(market))):
        envs = ExecutionVectorEnv(
            64,
            market=view,
            parent={"quantity": [side * 3e5]},
            execution={**ARITHMETIC, "participation_cap": cap},
            episode_length=30,
            seed_band=None,
            autoreset_mode="Disabled",
            detail="full",
        )
        envs.reset(seed=0)
        rng, rows = np.random.default_rng(1), []
        for _ in range(30):
            envs.step(
                rng.uniform(-1.0, 0.3, envs.action_space.shape)
            )  # no faster: the order lasts 30 steps
            reports = envs.batch.outputs.reports
            names = ("delay", "spread", "impact", "fees", "opportunity", "shortfall")
            rows.append([reports[name].copy() for name in names] + [side * reports["filled"]])
        ledgers.append(np.array(rows))
    bought, sold = ledgers
    assert np.abs(bought[:, -1]).sum(0).min() > 1e5  # orders were filled
    np.testing.assert_allclose(sold, bought, rtol=1e-9, atol=1e-6)
