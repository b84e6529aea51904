"""What makes the portfolio's network find the signal: sharing, credit, discount, reward, size.

    python -m benchmarks.credit --out benchmarks/results/credit.json

Each row changes one thing of `agents/portfolio.py` and trains again; `one network for all assets`
sees the whole observation and is paid by the account's reward, as usual. Sharpe ratios are means
over episodes of the test band, a cell each training; intervals draw trainings and paths.
"""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from stable_baselines3 import PPO
from tqdm import tqdm

import agents.rows
from agents.portfolio import Training, fit, learner_of, moments
from agents.portfolio_run import MARKET
from benchmarks.recording import measure_section, stamped, table
from trading_env.backtesting.intervals import crossed_interval
from trading_env.backtesting.metric import Episode, scored
from trading_env.backtesting.metrics import METRICS
from trading_env.backtesting.rollouts import rollout
from trading_env.core.records import Floats
from trading_env.envs.sb3 import SB3VecEnv
from trading_env.envs.vector import PortfolioVectorEnv
from trading_env.policies.adapters import build_policy
from trading_env.policies.adaptive import AdaptivePolicy
from trading_env.policies.policy import Policy

EPISODES, SEED = 256, 2_000_000
ARGUMENTS: dict[str, Any] = {"market": MARKET, "episode_length": 252}
USUAL = Training()
VARIANTS: dict[str, Training] = {
    "as trained by default": USUAL,
    "one reward for all assets": USUAL,
    "discount 0.99": replace(USUAL, discount=0.99),
    "discount 0": replace(USUAL, discount=0.0),
    "no charge for risk": replace(USUAL, risk_aversion=0.0),
    "a hidden layer of 32": replace(USUAL, hidden=(32,)),
    "no decay of weights": replace(USUAL, weight_decay=0.0),
    "networks not averaged": replace(USUAL, averaged_from=1.0),
}
ALONE = "one network for all assets"


def sharpes(policy: Policy, envs: PortfolioVectorEnv) -> Floats:
    """Return the Sharpe ratio of each episode (episodes,); one without a trade counts as 0."""
    years = float(envs.setup.market.bars_per_year)
    curves = rollout(policy, envs, SEED).equity
    each = [scored(Episode(equity=c, steps_per_year=years), [METRICS["sharpe"]]) for c in curves]
    return np.array([found.values.get("sharpe", 0.0) for found in each])


def shared_out(profits: Floats, risk_aversion: float) -> Floats:
    """Pay every asset the account's whole reward."""
    total = profits.sum(axis=1, keepdims=True)
    whole = total - 0.5 * risk_aversion * total**2
    return np.broadcast_to(agents.rows.SCALE * whole, profits.shape).copy()


def trained(name: str, timesteps: int, seed: int) -> Any:
    """Train a variant; return what `build_policy` takes."""
    if name == ALONE:
        return whole_network(timesteps, seed)
    credit = shared_out if name == "one reward for all assets" else agents.rows.credits_of
    with patch.object(agents.rows, "credits_of", credit):
        found = fit(
            ARGUMENTS,
            timesteps=timesteps,
            seed=seed,
            advance=lambda _: None,
            training=VARIANTS[name],
        )
    return lambda layout: AdaptivePolicy(found.network, layout)


def whole_network(timesteps: int, seed: int) -> PPO:
    """Train one linear network over the whole observation on the account's reward."""
    torch.set_num_threads(1)
    arguments = {**ARGUMENTS, "seed_band": "train", "reward": "mean_variance", "detail": "none"}
    seen = moments(SB3VecEnv(USUAL.lanes, seed=seed, **arguments), seed)
    envs = SB3VecEnv(USUAL.lanes, seed=seed, **arguments)
    learner = learner_of(envs, seen, USUAL, seed)
    learner.learn(timesteps)
    envs.close()
    return learner


def measure(chosen: argparse.Namespace) -> dict[str, Any]:
    """Train and play every variant."""
    begin = datetime.now(UTC)
    arguments = {**ARGUMENTS, "seed_band": "test"}
    envs = PortfolioVectorEnv(
        EPISODES, autoreset_mode="Disabled", detail="none", copy=False, **arguments
    )
    rows, generator = [], np.random.default_rng(0)
    names = [*VARIANTS, ALONE]
    base: Floats | None = None
    for name in tqdm(names, desc="variants"):
        table = np.stack(
            [
                sharpes(build_policy(trained(name, chosen.timesteps, seed), envs.layout), envs)
                for seed in range(chosen.seeds)
            ]
        )
        base = table if base is None else base
        row: dict[str, Any] = {"variant": name}
        for key, values in (("sharpe", table), ("difference", table - base)):
            interval = crossed_interval(values, generator)
            row[key] = None if interval is None else list(interval[:3])
        rows.append(row)
    command = f"python -m benchmarks.credit --timesteps {chosen.timesteps} --seeds {chosen.seeds}"
    return stamped(command, begin, rows=rows, timesteps=chosen.timesteps, seeds=chosen.seeds)


def section(record: Mapping[str, Any]) -> list[str]:
    """Write the record's part of `docs/learning.md`."""
    lines = [
        "## What makes the portfolio's network find the signal",
        "",
        f"`{record['command']}`, commit {record['commit']}, {record['machine']}: "
        f"{record['seeds']} trainings of {record['timesteps']:,} decisions each; one thing changed "
        "in each row, the last of which has neither a shared network nor credit by asset. "
        f"{EPISODES} episodes of the test band.",
        "",
    ]
    rows = (
        [row["variant"], *(f"{m:.2f} [{low:.2f}, {high:.2f}]" for m, low, high in found)]
        for row in record["rows"]
        for found in ((row["sharpe"], row["difference"]),)
    )
    return [*lines, *table(["", "Sharpe, 95% interval", "less the default's"], rows), ""]


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--timesteps", type=int, default=400_000, help="decisions of a training")
    parser.add_argument("--seeds", type=int, default=5, help="trainings of each variant")
    return measure_section(parser, measure, section)


if __name__ == "__main__":
    sys.exit(main())
