"""Almgren-Chriss and Obizhaeva-Wang as `trading_env/Execution-v0`.

Both are arithmetic: costs in currency per unit are fractions of the first price
(`impact_reference = "first"`), one bar is one trade, and the volume of a bar, V = 2 |X|, only
turns shares into rates: a coefficient c (currency per share and share) is the fraction c V / S0
at a participation of 1. Half of a trade's own permanent impact is paid inside it by the engine, so
its temporary coefficient is eta / tau - gamma / 2, the paper's eta~ / tau.
"""

import math
from collections.abc import Mapping
from typing import Any

from trading_env.envs.world import WARMUP
from trading_env.execution_engine.presets import DAY_S
from trading_env.policies.schedules import Schedule
from trading_env.problems.closed_forms.almgren_chriss import AlmgrenChriss
from trading_env.problems.closed_forms.obizhaeva_wang import ObizhaevaWang
from trading_env.problems.problem import Problem

EXECUTION_ID = "trading_env/Execution-v0"
VOLUME = 2.0  # of a bar, over the parent order


def almgren_chriss(
    initial_price: float = 50.0,
    quantity: float = 1e6,
    horizon: float = 5.0,
    steps: int = 5,
    volatility: float = 0.95,
    half_spread: float = 0.0625,
    permanent: float = 2.5e-7,
    temporary: float = 2.5e-6,
    risk_aversion: float = 1e-6,
    *,
    paths: int = 1024,
    seed: int = 0,
) -> Problem:
    """Liquidate a block at the least expected cost plus risk aversion times variance.

    The value is E + lambda V in currency, to be minimised; the sum of an episode's rewards is
    minus the realised cost less lambda V, over quantity x initial_price / 100. The defaults are
    the paper's example.

    Args:
        initial_price: Currency per share.
        quantity: Shares; above 0 sells, below 0 buys.
        horizon: In the paper's unit of time (days).
        steps: Slices.
        volatility: Currency per share and square root of time.
        half_spread: Currency per share, the paper's epsilon.
        permanent: Currency per share and share, gamma.
        temporary: Currency per share and share per time, eta.
        risk_aversion: One over currency, lambda.
        paths: Price paths in the pool.
        seed: Of the pool.

    Raises:
        ValueError: a parameter is out of range; the message names it.
    """
    model = AlmgrenChriss(
        initial_price=initial_price,
        quantity=quantity,
        horizon=horizon,
        steps=steps,
        volatility=volatility,
        half_spread=half_spread,
        permanent=permanent,
        temporary=temporary,
        risk_aversion=risk_aversion,
    )
    if permanent * abs(quantity) >= initial_price:
        raise ValueError(f"permanent = {permanent}: the whole order would move the price to 0")
    step_sd = volatility * math.sqrt(horizon / steps)
    value = abs(quantity) * initial_price
    kwargs = _arguments(
        initial_price,
        -quantity,
        steps,
        half_spread=half_spread,
        temporary=temporary * steps / horizon - permanent / 2.0,
        permanent=permanent,
    )
    kwargs["market"] |= {"covariance": step_sd**2, "paths": paths, "seed": seed}
    kwargs["reward"] |= {
        "risk": risk_aversion * value,
        "bar_volatility": step_sd / initial_price,
    }
    schedules = {"twap": model.twap(), "immediate": model.immediate()}
    optimum = model.schedule()
    return Problem(
        env_id=EXECUTION_ID,
        env_kwargs=kwargs,
        optimal_policy=Schedule.of(optimum),
        optimal_value=float(model.utility(optimum)),
        reference_values={
            "expected_cost": float(model.expected_cost(optimum)),
            "variance": float(model.variance(optimum)),
            **{name: float(model.utility(slices)) for name, slices in schedules.items()},
        },
        policies={name: Schedule.of(slices) for name, slices in schedules.items()},
    )


def obizhaeva_wang(
    initial_price: float = 100.0,
    quantity: float = 1e5,
    horizon: float = 1.0,
    trades: int = 11,
    depth: float = 5000.0,
    permanent: float = 1e-4,
    resilience: float = 2.2231,
) -> Problem:
    """Buy in a block-shaped book that refills: the value is the cost above the first price.

    Costs are in currency. The defaults are an example in the style of the paper.

    Args:
        initial_price: Currency per share.
        quantity: Shares; above 0 buys.
        horizon: Time from the first trade to the last.
        trades: Their number, N + 1, evenly spaced.
        depth: Density q of the book, shares per currency.
        permanent: Share of the impact that stays, currency per share and share, < 1 / q.
        resilience: Rate rho at which the rest decays, one over time.

    Raises:
        ValueError: a parameter is out of range; the message names it.
    """
    model = ObizhaevaWang(
        initial_price=initial_price,
        quantity=quantity,
        horizon=horizon,
        trades=trades,
        depth=depth,
        permanent=permanent,
        resilience=resilience,
    )
    if abs(quantity) / depth >= initial_price:
        raise ValueError(f"depth = {depth}: the whole order would move the price to 0")
    kwargs = _arguments(
        initial_price,
        quantity,
        trades,
        half_spread=0.0,
        temporary=(1.0 / depth - permanent) / 2.0,
        permanent=permanent,
    )
    # Two bars a day, around the clock: over a weekend the book would refill by more than a bar's.
    bar_s = DAY_S / 2
    refill_s = bar_s * (trades - 1) / (resilience * horizon)
    kwargs["market"] |= {"covariance": 0.0, "paths": 1, "bars_per_day": 2}
    kwargs["execution"] |= {
        "permanent_impact": 2.0 * kwargs["execution"]["permanent_impact"],
        "transient_shape": "block",
        "transient_weights": [1.0, 0.0, 0.0],
        "transient_times_s": [refill_s, DAY_S, DAY_S],
    }
    schedules = {"twap": model.twap(), "immediate": model.immediate()}
    return Problem(
        env_id=EXECUTION_ID,
        env_kwargs=kwargs,
        optimal_policy=Schedule.of(model.schedule()),
        optimal_value=float(model.optimal_cost()),
        reference_values={name: float(model.cost(slices)) for name, slices in schedules.items()},
        policies={name: Schedule.of(slices) for name, slices in schedules.items()},
    )


def _arguments(
    price: float,
    units: float,
    steps: int,
    *,
    half_spread: float,
    temporary: float,
    permanent: float,
) -> dict[str, Any]:
    """Arguments of an arithmetic problem from coefficients in currency."""
    volume = VOLUME * abs(units)
    execution: Mapping[str, Any] = {
        "latency": "zero",
        "half_spread_bps": 1e4 * half_spread / price,
        "spread_exponent": 0.0,
        "temporary_impact": temporary * volume / price,
        "impact_exponent": 1.0,
        "volatility_scaled": False,
        "permanent_impact": permanent * volume / price,
        "inverse_turnover_days": 1.0,
        "transient_weights": [0.0, 0.0, 0.0],
        "participation_cap": 1.0,
        "fee_bps": 0.0,
        "time_in_force": "bar",
        "impact_reference": "first",
    }
    return {
        "market": {
            "generator": "factor",
            "price": price,
            "volume": volume,
            "bars": WARMUP + steps + 1,
            "start_bar": WARMUP,
        },
        "parent": {"quantity": [units]},
        "execution": dict(execution),
        "reward": {"preset": "arrival_price", "risk": 0.0, "scale": 100.0},
        "episode_length": steps,
        "seed_band": None,
    }
