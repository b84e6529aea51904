"""Random configurations: equivalence that holds only for the defaults proves nothing."""

from typing import Any

import numpy as np

from trading_env.stress.scenario import preset_names

SMALL_POOL = {"generator": "multiscale", "paths": 4, "bars": 200}
EPISODE = 40


def random_configuration(rng: np.random.Generator) -> dict[str, Any]:
    """Draw arguments of the environment; markets are small and shared through the cache."""
    presets = preset_names()
    first, second = rng.choice(presets, size=2, replace=False)
    scenario = [None, first, [first, second], {"one_of": [first, None, second]}][rng.integers(4)]
    given = {
        "market": {
            **SMALL_POOL,
            "assets": int(rng.integers(1, 5)),
            "preset": str(rng.choice(["us_stock_daily", "btc_hourly", "btc_minute"])),
        },
        "scenario": scenario,
        "severity": float(rng.choice([0.5, 1.0, 3.0])),
        "episode_length": int(rng.integers(20, EPISODE)),
        "seed_band": str(rng.choice(["train", "validation", "test"])),
        "risk": {
            "mode": str(rng.choice(["kelly", "kelly", "linear", "raw"])),
            "stops": bool(rng.integers(2)),
            "kelly_multiplier": float(rng.uniform(0.1, 2.0)),
            "stop_width": float(rng.uniform(0.2, 3.0)),
            "reward_to_risk": float(rng.uniform(0.3, 3.0)),
            "risk_tolerance": float(rng.uniform(0.01, 1.0)),
            "max_weight": float(rng.uniform(0.2, 3.0)),
            "max_leverage": float(rng.uniform(0.5, 4.0)),
            "participation_bars": float(rng.uniform(0.5, 20.0)),
            "max_drawdown": float(rng.uniform(0.05, 1.0)),
            "initial_margin": float(rng.uniform(0.2, 1.0)),
            "no_trade_band": float(rng.choice([0.0, 0.01, 0.1])),
        },
        "execution": {
            "latency_ms": float(rng.choice([0.0, 80.0, 3e5, 5e7, 2e8])),
            "latency_log_sd": float(rng.choice([0.0, 0.5, 1.5])),
            "half_spread_bps": float(rng.uniform(0.0, 30.0)),
            "temporary_impact": float(rng.uniform(0.0, 1.0)),
            "impact_exponent": float(rng.choice([0.5, 0.6, 1.0])),
            "permanent_impact": float(rng.uniform(0.0, 1.0)),
            "participation_cap": float(rng.choice([0.01, 0.1, 1.0])),
            "fee_bps": float(rng.uniform(-1.0, 10.0)),
            "fee_per_unit": float(rng.choice([0.0, 0.005])),
            "fee_minimum": [None, 1.0, 1000.0][rng.integers(3)],
            "time_in_force": str(rng.choice(["bar", "episode"])),
            "impact_reference": str(rng.choice(["current", "current", "first"])),
        },
        "account": {
            "account_share": float(10.0 ** rng.uniform(-4, 0.5)),
            "cash_rate": float(rng.choice([0.0, 0.03])),
            "margin_rate": float(rng.choice([0.0, 0.08])),
            "borrow_rate": float(rng.choice([0.0, 0.1])),
            "maintenance_margin": float(rng.choice([0.0, 0.1, 0.25])),
        },
        "reward": str(rng.choice(["execution_quality", "growth", "mean_variance"])),
    }
    adapt(given, rng)
    return given


def adapt(given: dict[str, Any], rng: np.random.Generator) -> None:
    """Size together, take the edge as estimated, let stops follow, heed costs, pay funding."""
    risk = given["risk"]
    if risk["mode"] != "kelly" and rng.random() < 0.3:
        risk.update(mode="volatility_target", target_volatility=float(rng.uniform(1e-3, 0.05)))
    kelly = risk["mode"] == "kelly"
    risk.update(
        covariance=str(rng.choice(["none", "shrunk", "shrunk"])) if kelly else "none",
        covariance_shrinkage=float(rng.uniform(0.05, 1.0)),
        edge_bars=[None, float(rng.uniform(10.0, 1e5))][rng.integers(2)] if kelly else None,
        trailing=risk["stops"] and bool(rng.integers(2)),
        max_holding_bars=[None, int(rng.integers(1, 20))][rng.integers(2)],
        execution_floor=float(rng.choice([1.0, 0.1, 0.6])),
    )
    given["account"]["funding_rate"] = float(rng.choice([0.0, -0.4, 0.4]))
