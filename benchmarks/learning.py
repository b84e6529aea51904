"""What the agents of a run of `train.py` learned: verdicts, shares of a bound, and pictures.

    python train.py --seeds 10 --out runs/readme
    python -m benchmarks.learning runs/readme --out benchmarks/results/learning.json
    python -m benchmarks.learning --write       # docs/learning.md and its pictures from the records

The pace's saving over TWAP is set beside that of a schedule that was made knowing the path
(`agents/clairvoyant.py`), on the same episodes: a share of 1 would need no surprise. Intervals draw
trainings and paths (`trading_env/backtesting/intervals.py`).
"""

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from agents.clairvoyant import EXPONENTS, Clairvoyant, best_units, clairvoyant_costs, walked
from agents.run import episodes_of
from benchmarks.learning_pictures import BINS, draw
from benchmarks.recording import measure_or_write, stamped, table
from trading_env import ADAPTIVE_EXECUTION
from trading_env.backtesting.evaluation import SEED
from trading_env.backtesting.intervals import crossed_interval
from trading_env.backtesting.lookup import find_policy
from trading_env.backtesting.rollouts import rollout
from trading_env.backtesting.tracks.benchmark import trainings_in
from trading_env.backtesting.verdict import claims
from trading_env.core.records import Floats
from trading_env.envs.vector import ExecutionVectorEnv, PortfolioVectorEnv, TradingVectorEnv
from trading_env.policies.adapters import build_policy
from trading_env.policies.baselines import Twap
from trading_env.policies.pace import FEEDBACK, PacePolicy
from trading_env.policies.patience import columns_of
from trading_env.policies.policy import Action, Info, Observation, Policy
from trading_env.stress.crises import crises_alone

ROOT = Path(__file__).resolve().parent
RESULTS = ROOT / "results"
RECORD, CREDIT, DESIGNS = (RESULTS / f"{n}.json" for n in ("learning", "credit", "designs"))
PAGE = ROOT.parent / "docs" / "learning.md"
ENDING, SHOWN = "crises that end in time", "moderate 25"  # a group, and one of its crises
SHOWN_EXPONENT = EXPONENTS[1]  # of the clairvoyant schedules, the one that is drawn
LANES = 256
LENGTH = int(ADAPTIVE_EXECUTION["episode_length"])


def trainings(folder: Path) -> dict[int, Path]:
    """Return seed -> run folder of every training of one task."""
    return trainings_in(folder) or {0: folder}


def all_episodes(folder: Path) -> pd.DataFrame:
    """Read the episodes of all trainings of one task."""
    frames = [episodes_of(path).assign(training=s) for s, path in trainings(folder).items()]
    return pd.concat(frames, ignore_index=True)


def share_of_bound(frame: pd.DataFrame) -> dict[str, list[float]]:
    """Return, for each crisis that ends and for all, the share of the clairvoyant's saving."""
    scenarios, groups = crises_alone(LENGTH)
    own, bound = {}, {}
    for name in groups[ENDING]:
        cell = frame[frame["scenario"] == name]
        costs = cell.pivot_table(
            index=["training", "seed"], columns="policy", values="parent_cost_bps"
        )
        own[name] = (costs["twap"] - costs["adaptive"]).unstack("seed").to_numpy()
        twap = costs["twap"].unstack("seed").to_numpy()[0]
        arguments = {**ADAPTIVE_EXECUTION, "scenario": scenarios[name], "seed_band": "test"}
        bound[name] = twap - clairvoyant_costs(arguments, episodes=len(twap), seed=SEED)
    own = {"all": np.mean([*own.values()], axis=0), **own}
    bound = {"all": np.mean([*bound.values()], axis=0), **bound}
    return {name: _ratio(own[name], bound[name]) for name in own}


def _ratio(above: Floats, below: Floats) -> list[float]:
    """Return mean(above) / mean(below), (trainings, paths) over (paths,), with its interval."""
    found = crossed_interval(above, np.random.default_rng(0), per=below)
    assert found is not None
    return list(found[:3])


class Shuffled(Policy):
    """Play a pace whose feedback is that of another lane, drawn anew in each step."""

    def __init__(self, pace: PacePolicy) -> None:
        self.pace = pace
        columns = columns_of(pace.clock.layout)
        self.columns = [columns[name] for name in FEEDBACK]
        self.reset(1)

    def reset(self, num_envs: int) -> None:
        """Begin the same draws again."""
        self.generator = np.random.default_rng(0)

    def act(self, observation: Observation, info: Info) -> Action:
        """Return the paces (num_envs, 1)."""
        seen = observation.copy()
        other = self.generator.permutation(len(seen))
        seen[:, self.columns] = observation[other][:, self.columns]
        return self.pace.act(seen, info)


def shuffled_cost(run: Path, frame: pd.DataFrame) -> list[float]:
    """Return what shuffling the feedback costs in crises that end, percent, with its interval."""
    scenarios, groups = crises_alone(LENGTH)
    first = frame[frame["training"] == frame["training"].min()]
    own = first[first["policy"] == "adaptive"]
    costs = own.pivot_table(index="scenario", columns="seed", values="parent_cost_bps")
    more, base = [], []
    for name in groups[ENDING]:
        arguments = {**ADAPTIVE_EXECUTION, "scenario": scenarios[name], "seed_band": "test"}
        envs = ExecutionVectorEnv(
            costs.shape[1], autoreset_mode="Disabled", detail="none", copy=False, **arguments
        )
        policy = Shuffled(PacePolicy.load(run / "policy", envs.layout))
        paid = rollout(policy, envs, SEED).sums["parent_cost_bps"]
        base.append(costs.loc[name].to_numpy())
        more.append(paid - base[-1])
    return [100.0 * v for v in _ratio(np.mean(more, axis=0)[None, :], np.mean(base, axis=0))]


def fan(run: Path) -> dict[str, dict[str, list[float]]]:
    """Play one crisis that begins at the same bar in every lane; return what is left by step."""
    scenario = crises_alone(LENGTH)[0][SHOWN]
    events = [{**event, "start": "30%"} for event in scenario["events"]]
    arguments = {
        **ADAPTIVE_EXECUTION,
        "scenario": {**scenario, "events": events},
        "seed_band": "test",
    }
    envs = ExecutionVectorEnv(
        LANES, autoreset_mode="Disabled", detail="full", copy=False, **arguments
    )
    path = walked(envs, SEED)
    envs.reset(seed=SEED)
    goal = np.abs(envs.batch.lanes.assets["parent"][:, 0])
    found = find_policy(str(run))
    policies: dict[str, Policy] = {"adaptive": build_policy(found.spec, envs.layout)}
    policies |= {
        name: build_policy(spec, envs.layout)
        for name, spec in found.company.items()
        if name != "patience"
    }
    policies |= {"twap": Twap(envs.layout)}
    cap = float(envs.setup.world.execution[0].participation)
    policies |= {"knows the path": Clairvoyant(best_units(path, goal, SHOWN_EXPONENT, cap))}
    curves = {}
    for name, policy in policies.items():
        left = played(policy, envs)
        ends = np.quantile(left, [0.25, 0.5, 0.75], axis=1)
        curves[name] = dict(zip(("low", "middle", "high"), ends.tolist(), strict=True))
    return curves


def played(policy: Policy, envs: TradingVectorEnv) -> Floats:
    """Return the share of the parent order that is left before each step, (steps, lanes)."""
    observation, info = envs.reset(seed=SEED)
    policy.reset(envs.num_envs)
    column = envs.layout.columns("left")[0]
    left, is_done = [], np.zeros(envs.num_envs, dtype=np.bool_)
    for _ in range(LENGTH):
        left.append(np.where(is_done, 0.0, observation[:, column].astype(np.float64)))
        observation, _, terminated, truncated, info = envs.step(policy.act(observation, info))
        ended = terminated | truncated
        is_done |= ended
        if ended.any():  # lanes that have ended play on, unread
            observation, info = envs.reset(options={"reset_mask": ended})
    return np.stack(left)


def convictions(run: Path) -> dict[str, list[float]]:
    """Return the mean conviction by bin of the signal, of the agent and of the rule."""
    found = find_policy(str(run))
    arguments = {"market": found.market, "seed_band": "test", "episode_length": 252}
    means = {}
    for name, spec in {"adaptive": found.spec, **found.company}.items():
        if name not in ("adaptive", "signal_rule"):
            continue
        envs = PortfolioVectorEnv(
            64, autoreset_mode="Disabled", detail="none", copy=False, **arguments
        )
        policy = build_policy(spec, envs.layout)
        columns = envs.layout.columns(envs.layout.signal_names[0])
        observation, info = envs.reset(seed=SEED)
        policy.reset(64)
        signals, said = [], []
        for _ in range(251):
            actions = policy.act(observation, info)
            signals.append(observation[:, columns].astype(np.float64))
            said.append(actions)
            observation, _, _, _, info = envs.step(actions)
        place = np.digitize(np.concatenate(signals).ravel(), BINS)
        each = np.concatenate(said).ravel()
        means[name] = [float(each[place == k].mean()) for k in range(1, len(BINS))]
    return means


def trained_by(folder: Path) -> dict[str, str]:
    """Return the command and the commit of the trainings of one task."""
    manifest = json.loads((trainings(folder)[0] / "manifest.json").read_text("utf-8"))
    return {"command": manifest["command"], "commit": manifest["git"]["commit"][:10]}


def measure(chosen: argparse.Namespace) -> dict[str, Any]:
    """Read a run, play what the pictures need, draw them."""
    begin = datetime.now(UTC)
    execution, portfolio = chosen.run / "execution", chosen.run / "portfolio"
    frame = all_episodes(execution)
    groups = {name: [name] for names in crises_alone(LENGTH)[1].values() for name in names}
    savings = {
        other: [
            [c.where, c.difference, c.low, c.high]
            for c in claims(
                frame, "adaptive", [other], groups, metric="parent_cost_bps", relative=True
            )
        ]
        for other in ("without_feedback", "twap")
    }
    return stamped(
        f"python -m benchmarks.learning {chosen.run}",
        begin,
        trained={folder.name: trained_by(folder) for folder in (portfolio, execution)},
        trainings={folder.name: len(trainings(folder)) for folder in (portfolio, execution)},
        episodes=int(frame["seed"].nunique()),
        verdict={
            folder.name: json.loads((folder / "verdict.json").read_text("utf-8"))["verdict"]
            for folder in (portfolio, execution)
        },
        share=share_of_bound(frame),
        savings=savings,
        shuffled=shuffled_cost(trainings(execution)[0], frame),
        fan=fan(trainings(execution)[0]),
        convictions=convictions(trainings(portfolio)[0]),
    )


def page(record: Mapping[str, Any]) -> str:
    """Write the page of a record."""
    trained = ", and ".join(
        f"{record['trainings'][task]} trainings of the {what} by `{by['command']}`, commit "
        f"{by['commit']}"
        for task, what in (("portfolio", "portfolio"), ("execution", "pace"))
        for by in (record["trained"][task],)
    )
    lines = [
        "# What the agents learned",
        "",
        f"Written by `python -m benchmarks.learning --write` from `{RECORD.name}`: "
        f"`{record['command']}`, commit {record['commit']}, {record['machine']}. The agents are "
        f"those of {trained}; {record['episodes']} episodes a cell. Differences are means with 95% "
        "intervals that draw trainings and paths.",
        "",
        "## Parent orders",
        "",
        *(f"- {line}" for line in record["verdict"]["execution"]),
        "",
        "Share of what knowing the path would save over TWAP, in crises that end in time:",
        "",
        *table(
            ["crisis", "share:", "95% interval"],
            (
                (name, f"{100 * mean:.0f}%", f"{100 * low:.0f}% to {100 * high:.0f}%")
                for name, (mean, low, high) in record["share"].items()
            ),
        ),
        "",
        "Given another episode's feedback at each step, the first training pays {:+.1f}% "
        "[{:+.1f}, {:+.1f}] more in crises that end in time.".format(*record["shuffled"]),
        "",
        f"![What is left of an order through a crisis ({SHOWN})](images/pace.png)",
        "",
        "The schedule that knows the path is one of five that the bound takes the cheapest of.",
        "",
        "![Difference of cost by crisis](images/saving.png)",
        "",
        "## Portfolio",
        "",
        *(f"- {line}" for line in record["verdict"]["portfolio"]),
        "",
        "![Conviction against the signal](images/conviction.png)",
        "",
    ]
    if DESIGNS.exists():
        from benchmarks.designs import section as designs

        lines += designs(json.loads(DESIGNS.read_text("utf-8")))
    if CREDIT.exists():
        from benchmarks.credit import section as credit

        lines += credit(json.loads(CREDIT.read_text("utf-8")))
    return "\n".join(lines)


def write() -> None:
    """Write the page and its pictures from the record."""
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    PAGE.write_text(page(record), encoding="utf-8")
    draw(record)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("run", nargs="?", type=Path, help="folder of a run of both tasks")
    return measure_or_write(parser, measure, page, write)


if __name__ == "__main__":
    sys.exit(main())
