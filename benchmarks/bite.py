"""Whether scenarios bite: what fixed policies lose as severity grows.

    python -m benchmarks.bite [--episodes 512] [--only CASE] [--out benchmarks/results/bite.json]

Every event kind by itself and every preset, at severities 0, 0.5, 1 and 2, on the same seeds: an
episode at one severity and the same episode at another are a pair. TWAP works parent orders in
Execution-v0, volatility targets hold five assets in Portfolio-v0; none learns or knows of
scenarios. What is measured is what the event is about:

- `cost`: spread, impact and fees of a unit traded by TWAP, basis points of its price;
- `drawdown`: the largest one of a volatility target that is set once, by the first observation, and
  kept (one that follows volatility sells out of the largest crises before it loses more);
- `tracking`: of the volatility target that follows what it is shown, the root mean square of the
  return's difference to the same episode with a sound feed, basis points a bar: the market is the
  same, only what is shown of it is not.

A row bites when the means do not fall from one severity to the next and the bootstrap interval
(95%) of the paired difference between severity 1 and 0 lies above 0. The exit code is 1 unless
every row does. `--out` renews the cases that were measured and leaves the others in the file.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.recording import renew, stamped
from trading_env.backtesting.intervals import mean_interval
from trading_env.envs.vector import ExecutionVectorEnv, PortfolioVectorEnv, TradingVectorEnv
from trading_env.envs.world import WARMUP
from trading_env.policies.baselines import Twap, VolatilityTarget
from trading_env.policies.policy import Action, Info, Observation, Policy
from trading_env.stress.events import KINDS as EVENT_KINDS
from trading_env.stress.events import Multiplied

SEVERITIES = (0.0, 0.5, 1.0, 2.0)
EPISODES = 512
SEED = 0
LENGTHS = {"execution": 40, "portfolio": 250}
DAILY, HOURLY, MINUTE = "us_stock_daily", "btc_hourly", "btc_minute"
BPS = 1e4

Values = NDArray[np.float64]


class FixedTarget(VolatilityTarget):
    """The volatility target as the first observation sets it, ever after."""

    def act(self, observation: Observation, info: Info) -> Action:
        """Repeat the first answer."""
        if self.reference is None:
            self.first = super().act(observation, info)
        return self.first


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
    "latency": event("latency", MINUTE, "cost", multiplier=1000.0),
    "outage": event(
        "outage", MINUTE, "tracking", duration="8 bars"
    ),  # fewer orders leave: less is paid
    "halt": event("halt", MINUTE, "cost", duration="8 bars"),
    "missing": event("missing", DAILY, "tracking", rate=0.2),
    "stale": event("stale", DAILY, "tracking", rate=0.1, mean_bars=5.0),
    "spike": event("spike", DAILY, "tracking", rate=0.05, size=8.0),
    "duplicate": event("duplicate", DAILY, "tracking", rate=0.2),
    "late": event("late", DAILY, "tracking", rate=0.1, bars=3),
}
KINDS |= {  # another multiplier makes trading dearer
    name: event(name, DAILY, "cost", multiplier=3.0)
    for name, kind in EVENT_KINDS.items()
    if issubclass(kind, Multiplied) and name not in KINDS
}
COST, DRAWDOWN, BOTH = ("cost",), ("drawdown",), ("cost", "drawdown")
PRESETS = {
    "august_2011": (DAILY, BOTH),
    "bad_data": (DAILY, ("tracking",)),
    "black_monday_1987": (DAILY, BOTH),
    "chf_2015": (MINUTE, BOTH),
    "correlation_breakdown": (DAILY, BOTH),
    "covid_2020": (DAILY, BOTH),
    "crises_test": (MINUTE, COST),
    "crises_train": (MINUTE, COST),
    "crypto_march_2020": (HOURLY, BOTH),
    "exchange_outage": (MINUTE, COST),
    "flash_crash_2010": (MINUTE, BOTH),
    "ftx_2022": (HOURLY, BOTH),
    "gfc_2008": (DAILY, BOTH),
    "latency_storm": (MINUTE, COST),
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


class Episodes(NamedTuple):
    """One episode in each lane, to its end."""

    equity: Values  # (steps + 1, lanes)
    drawdown: Values  # (lanes,)
    cost: Values  # (lanes,): of a unit traded, a fraction of its price


def play(envs: TradingVectorEnv, policy: Policy, length: int) -> Episodes:
    """Play one episode in each lane."""
    observations, info = envs.reset(seed=SEED)
    policy.reset(envs.num_envs)
    lanes, reports = envs.batch.lanes, envs.batch.outputs.reports
    running = np.ones(envs.num_envs, dtype=np.bool_)
    drawdown, paid, units = np.zeros((3, envs.num_envs))
    equity = [lanes.accounts["equity"].copy()]
    for _ in range(length):
        actions = policy.act(observations, info)
        observations, _, terminated, truncated, info = envs.step(actions)
        equity.append(np.where(running, lanes.accounts["equity"], equity[-1]))
        drawdown = np.where(running, lanes.logs["max_drawdown"], drawdown)
        if envs.batch.keeps_reports:
            costs = reports["spread"] + reports["impact"] + reports["fees"]
            price = reports["notional"] / np.maximum(reports["traded"], 1e-300)
            each = np.where(price > 0.0, costs / np.where(price > 0.0, price, 1.0), 0.0)
            paid += np.where(running, each.sum(axis=1), 0.0)
            units += np.where(running, reports["traded"].sum(axis=1), 0.0)
        running &= ~(terminated | truncated)
    return Episodes(np.array(equity), drawdown, paid / np.maximum(units, 1e-300))


def execute(case: Case, severity: float, episodes: int) -> Values:
    """Work parent orders evenly; return the cost of each episode, basis points."""
    length = LENGTHS["execution"]
    envs = ExecutionVectorEnv(
        episodes,
        market={**market(case.preset, length), "assets": 1},
        scenario=case.scenario,
        severity=severity,
        episode_length=length,
        detail="full",
        copy=False,
    )
    return BPS * play(envs, Twap(envs.layout), length).cost


def invest(policy: type[Policy], case: Case, severity: float, episodes: int) -> Episodes:
    """Hold five assets."""
    length = LENGTHS["portfolio"]
    envs = PortfolioVectorEnv(
        episodes,
        market={**market(case.preset, length), "assets": 5},
        scenario=case.scenario,
        severity=severity,
        episode_length=length,
        detail="none",
        copy=False,
        account={"account_share": 0.01},
        **VolatilityTarget.env_overrides,
    )
    return play(envs, policy(envs.layout), length)  # type: ignore[call-arg]


def values_of(case: Case, episodes: int, severities: Sequence[float]) -> dict[str, list[Values]]:
    """Return a case's metrics: for each a list of episodes' values, one a severity."""
    found: dict[str, list[Values]] = {name: [] for name in case.metrics}
    sound: Values | None = None
    for severity in severities:
        if "cost" in found:
            found["cost"].append(execute(case, severity, episodes))
        if "drawdown" in found:
            found["drawdown"].append(invest(FixedTarget, case, severity, episodes).drawdown)
        if "tracking" in found:
            path = invest(VolatilityTarget, case, severity, episodes).equity
            returns = path[1:] / path[:-1] - 1.0
            sound = returns if sound is None else sound
            found["tracking"].append(BPS * np.sqrt(((returns - sound) ** 2).mean(axis=0)))
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
        grows = all(after >= before for before, after in pairwise(means))
        rows.append(
            {
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


def line_of(name: str, row: dict[str, Any]) -> str:
    """Lay a row of a case out."""
    means = " ".join(f"{mean:>10.4g}" for mean in row["means"])
    interval = f"{row['effect']:.4g} [{row['low']:.4g}, {row['high']:.4g}]"
    verdict = "" if row["bites"] else "  DOES NOT BITE"
    return f"{name:<24} {row['metric']:<9} {means}   {interval}{verdict}"


def main() -> int:
    """Measure every case, print the table, and write the raw figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--episodes", type=int, default=EPISODES)
    parser.add_argument("--only", action="append", choices=CASES, help="a case; repeatable")
    parser.add_argument("--out", type=Path, help="write the figures to this JSON file")
    chosen, bites = parser.parse_args(), True
    heads = " ".join(f"{f's = {severity:g}':>10}" for severity in SEVERITIES)
    print(f"{'case':<24} {'metric':<9} {heads}   severity 1 against 0")
    for name in chosen.only or CASES:
        begin = datetime.now(UTC)
        rows = bite(name, chosen.episodes)
        for row in rows:
            print(line_of(name, row), flush=True)
        bites &= all(row["bites"] for row in rows)
        if chosen.out:
            command = f'python -m benchmarks.bite --episodes {chosen.episodes} --only "{name}"'
            renew(chosen.out, "case", stamped(command, begin, case=name, measured=rows))
    return 0 if bites else 1


if __name__ == "__main__":
    sys.exit(main())
