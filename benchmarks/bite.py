"""Whether scenarios bite: what fixed policies lose as severity grows.

    python -m benchmarks.bite [--episodes 512] [--out benchmarks/results/bite.json]

Every event kind by itself and every preset, at severities 0, 0.5, 1 and 2, on the same seeds: an
episode at one severity and the same episode at another are a pair. TWAP works parent orders in
Execution-v0, the volatility target holds five assets in Portfolio-v0; neither learns nor knows of
scenarios. What is measured is what the event is about:

- `cost`: spread, impact and fees over what was traded, basis points (Execution-v0);
- `delay`: mean time from decision to arrival of the orders, seconds (Execution-v0);
- `drawdown`: the largest one of the episode (Portfolio-v0);
- `tracking`: root mean square of the return's difference to the same episode with a sound feed,
  basis points a bar (Portfolio-v0): the market is the same, only what is shown of it is not.

A row bites when the means do not fall from one severity to the next and the bootstrap interval
(95%) of the paired difference between severity 1 and 0 lies above 0. The exit code is 1 unless
every row does.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.baselines import VolatilityTarget
from agents.execution import Twap
from benchmarks.throughput import commit, processor
from trading_env.envs.vector import ExecutionVectorEnv, PortfolioVectorEnv
from trading_env.envs.world import WARMUP
from trading_env.scenario import preset_names
from trading_env.statistics import mean_interval

SEVERITIES = (0.0, 0.5, 1.0, 2.0)
EPISODES = 512
SEED = 0
LENGTHS = {"execution": 40, "portfolio": 250}
DAILY, HOURLY, MINUTE = "us_stock_daily", "btc_hourly", "btc_minute"
BPS = 1e4

Values = NDArray[np.float64]


class Case(NamedTuple):
    """A scenario, the bars it is met on, and what it is about."""

    scenario: Any
    preset: str  # of the market
    metrics: tuple[str, ...]


def event(kind: str, preset: str, *metrics: str, **keys: Any) -> Case:
    """Make a case of one event that lasts half the episode, or as `keys` say."""
    keys = {"start": "20%", **keys}
    if keys.get("shape") not in ("gap", "step"):
        keys.setdefault("duration", "episode")
    return Case({"name": kind, "events": [{"kind": kind, **keys}]}, preset, metrics)


def price(shape: str, **keys: Any) -> Case:
    """Make a case of one shape of price event."""
    return event("price", DAILY, "drawdown", shape=shape, move=-0.2, **keys)


KINDS = {
    "price gap": price("gap"),
    "price step": price("step"),
    "price ramp": price("ramp", duration="20 bars"),
    "price crash_and_retrace": price(
        "crash_and_retrace", duration="10 bars", retrace=1.0, recovery="10 bars"
    ),
    "volatility": event("volatility", DAILY, "drawdown", multiplier=2.0),
    "correlation": event("correlation", DAILY, "drawdown", correlation=0.8),
    "liquidity": event("liquidity", DAILY, "cost", spread=3.0, depth=0.4, volume=0.5),
    "fees": event("fees", DAILY, "cost", multiplier=5.0),
    "resilience": event("resilience", MINUTE, "cost", multiplier=0.3),
    "latency": event("latency", MINUTE, "cost", "delay", multiplier=1000.0),
    "outage": event("outage", MINUTE, "cost", "delay", duration="8 bars"),
    "halt": event("halt", MINUTE, "cost", duration="8 bars"),
    "missing": event("missing", DAILY, "tracking", rate=0.2),
    "stale": event("stale", DAILY, "tracking", rate=0.1, mean_bars=5.0),
    "spike": event("spike", DAILY, "tracking", rate=0.05, size=8.0),
    "duplicate": event("duplicate", DAILY, "tracking", rate=0.2),
    "late": event("late", DAILY, "tracking", rate=0.1, bars=3),
}
COST, DRAWDOWN, BOTH = ("cost",), ("drawdown",), ("cost", "drawdown")
PRESETS = {
    "august_2011": (DAILY, BOTH),
    "bad_data": (DAILY, ("tracking",)),
    "black_monday_1987": (DAILY, BOTH),
    "chf_2015": (MINUTE, BOTH),
    "correlation_breakdown": (DAILY, BOTH),
    "covid_2020": (DAILY, BOTH),
    "crypto_march_2020": (HOURLY, BOTH),
    "exchange_outage": (MINUTE, COST),
    "flash_crash_2010": (MINUTE, BOTH),
    "ftx_2022": (HOURLY, BOTH),
    "gfc_2008": (DAILY, BOTH),
    "latency_storm": (MINUTE, ("cost", "delay")),
    "liquidity_drought": (DAILY, COST),
    "ltcm_1998": (DAILY, BOTH),
    "luna_2022": (HOURLY, BOTH),
    "price_shock": (DAILY, BOTH),
    "random_test": (DAILY, BOTH),
    "random_train": (DAILY, BOTH),
    "single_name_gap": (DAILY, BOTH),
    "slow_bear_2022": (DAILY, BOTH),
    "stale_feed": (DAILY, ("tracking",)),
    "svb_2023": (DAILY, BOTH),
    "volatility_regime": (DAILY, BOTH),
    "volmageddon_2018": (DAILY, BOTH),
    "yen_unwind_2024": (DAILY, BOTH),
}
CASES = KINDS | {name: Case(name, *given) for name, given in PRESETS.items()}


def market(preset: str, length: int) -> dict[str, Any]:
    """Return bars of a kind for episodes of a length."""
    bars = WARMUP + 1 + 2 * length
    return {"generator": "multiscale", "preset": preset, "paths": 256, "bars": bars}


def execute(case: Case, severity: float, episodes: int) -> dict[str, Values]:
    """Work parent orders evenly; return cost and delay of each episode."""
    length = LENGTHS["execution"]
    envs = ExecutionVectorEnv(
        episodes,
        market={**market(case.preset, length), "assets": 1},
        scenario=case.scenario,
        severity=severity,
        episode_length=length,
        autoreset_mode="Disabled",
        copy=False,
    )
    observations, _ = envs.reset(seed=SEED)
    policy = Twap(envs.layout)
    for _ in range(length):
        observations, *_ = envs.step(policy.act(observations))
    log = envs.batch.lanes.logs
    paid = log["spread"] + log["impact"] + log["fees"]
    return {
        "cost": np.asarray(BPS * paid / log["traded"]),
        "delay": np.asarray(log["latency"] / np.maximum(log["arrivals"], 1)),
    }


def invest(case: Case, severity: float, episodes: int) -> tuple[Values, Values]:
    """Hold the volatility target; return each episode's drawdown and returns."""
    length = LENGTHS["portfolio"]
    envs = PortfolioVectorEnv(
        episodes,
        market={**market(case.preset, length), "assets": 5},
        scenario=case.scenario,
        severity=severity,
        episode_length=length,
        autoreset_mode="Disabled",
        copy=False,
        account={"account_share": 0.01},
        **VolatilityTarget.env_overrides,
    )
    observations, _ = envs.reset(seed=SEED)
    policy = VolatilityTarget(envs.layout)
    policy.reset(episodes)
    accounts = envs.batch.lanes.accounts
    equity = [accounts["equity"].copy()]
    for _ in range(length):
        observations, *_ = envs.step(policy.act(observations))
        equity.append(accounts["equity"].copy())
    path = np.array(equity)
    return envs.batch.lanes.logs["max_drawdown"].copy(), path[1:] / path[:-1] - 1.0


def values_of(
    case: Case, episodes: int, severities: Sequence[float]
) -> dict[str, list[Values]]:
    """Return a case's metrics: for each a list of episodes' values, one a severity."""
    found: dict[str, list[Values]] = {name: [] for name in case.metrics}
    sound: Values | None = None
    for severity in severities:
        if {"cost", "delay"} & set(case.metrics):
            measured = execute(case, severity, episodes)
            for name in set(case.metrics) & set(measured):
                found[name].append(measured[name])
        if {"drawdown", "tracking"} & set(case.metrics):
            drawdown, returns = invest(case, severity, episodes)
            sound = returns if sound is None else sound
            if "drawdown" in found:
                found["drawdown"].append(drawdown)
            if "tracking" in found:
                apart = np.sqrt(((returns - sound) ** 2).mean(axis=0))
                found["tracking"].append(BPS * apart)
    return found


def bite(
    name: str, episodes: int = EPISODES, severities: Sequence[float] = SEVERITIES
) -> list[dict[str, Any]]:
    """Measure a case; return a row for each of its metrics. Severities begin with 0."""
    case = CASES[name]
    full = list(severities).index(1.0)
    rows = []
    for metric, values in values_of(case, episodes, severities).items():
        means = [float(each.mean()) for each in values]
        effect = mean_interval(values[full] - values[0], np.random.default_rng(0))
        assert effect is not None
        grows = all(after >= before for before, after in zip(means, means[1:], strict=False))
        rows.append(
            {
                "case": name,
                "kind": "event" if name in KINDS else "preset",
                "market": case.preset,
                "metric": metric,
                "severities": list(severities),
                "means": means,
                "effect": effect.mean,
                "low": effect.low,
                "high": effect.high,
                "episodes": episodes,
                "bites": bool(grows and effect.low > 0.0),
            }
        )
    return rows


def line_of(row: dict[str, Any]) -> str:
    """Lay a row out."""
    means = " ".join(f"{mean:>10.4g}" for mean in row["means"])
    interval = f"{row['effect']:.4g} [{row['low']:.4g}, {row['high']:.4g}]"
    verdict = "" if row["bites"] else "  DOES NOT BITE"
    return f"{row['case']:<24} {row['metric']:<9} {means}   {interval}{verdict}"


def main() -> int:
    """Measure every case, print the table, and write the raw figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--episodes", type=int, default=EPISODES)
    parser.add_argument("--only", action="append", choices=CASES, help="a case; repeatable")
    parser.add_argument("--out", type=Path, help="write the figures to this JSON file")
    chosen = parser.parse_args()
    heads = " ".join(f"{f's = {severity:g}':>10}" for severity in SEVERITIES)
    print(f"{'case':<24} {'metric':<9} {heads}   severity 1 against 0")
    rows = []
    for name in chosen.only or CASES:
        for row in bite(name, chosen.episodes):
            rows.append(row)
            print(line_of(row), flush=True)
    if chosen.out:
        result = {
            "command": f"python -m benchmarks.bite --episodes {chosen.episodes}",
            "commit": commit(),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": processor(),
            "rows": rows,
        }
        chosen.out.write_text(json.dumps(result, indent=1) + "\n")
    return 0 if all(row["bites"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
