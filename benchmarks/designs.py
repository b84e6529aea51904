"""What the pace of parent orders learns from: quotes, own fills, an estimate, a teacher, a limit.

    python -m benchmarks.designs --out benchmarks/results/designs.json

Each design is trained as `train.py` trains (`agents/pace.py`) and played in crises it has not met,
one at a time. The designs see less and less: without the filter's estimate of cost; without own
fills; without quotes; without either, which is `train.py`'s ablation. Where quotes are hidden, the
rule that the network corrects reads the filter's estimate in their place.

The student sees no quotes either and is not trained on what it pays: it imitates the paces of the
default of the same training, which sees them (privileged learning: Chen, Zhou, Koltun and
Kraehenbuehl 2019), in the states that it comes to itself (DAgger: Ross, Gordon and Bagnell 2011).

The last rows are not trained. Each is the hand rule, to the end or with a limit to its patience:
when the quotes have been bad for so many bars, it works the rest at a calm market's speed. A crisis
that ends is cheaper to wait for, one that outlasts the order is not, and they look the same until
then.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from agents.pace import EPISODES, JUDGED, Search, clock_of, lanes, order_costs
from benchmarks.recording import measure_section, stamped, table
from trading_env import ADAPTIVE_EXECUTION
from trading_env.backtesting.intervals import crossed_interval
from trading_env.envs.vector import ExecutionVectorEnv
from trading_env.policies.adaptive import Network, Weights
from trading_env.policies.pace import REACH, PaceInputs, PacePolicy
from trading_env.policies.patience import Clock, Patience
from trading_env.policies.policy import Observation, Policy
from trading_env.stress.crises import crises_alone

ESTIMATE = ("cost_level", "cost_deviation")
QUOTES = ("half_spread", "depth", "crisis")
FILLS = (*ESTIMATE, "last_cost", "slippage", "surprise", "latency", "fill_ratio", "own_impact")
PATHS, SEED = 256, 2_000_000  # parent orders of a cell
ROUNDS, RIDGE = 4, 1e-3  # of imitation; share of the inputs' variance
LIMITS = (20.0, 45.0, 70.0)  # bars
ARGUMENTS = {name: ADAPTIVE_EXECUTION[name] for name in ("market", "episode_length")}
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Estimated(Patience):
    """The hand rule without quotes: what a fill costs now is what the filter says of the last."""

    def cost(self, observation: Observation) -> Values:
        """Return the estimated multiple of a calm fill's cost (num_envs,)."""
        return np.exp(self.clock.shown(observation, "cost_level"))


@dataclass(frozen=True)
class Limited(Patience):
    """The hand rule, until the quotes have been bad for too long."""

    longest: float = np.inf
    """Bars."""

    def log_speed(self, observation: Observation) -> Values:
        """Return the log of the speed in multiples of the even pace (num_envs,)."""
        crisis = self.clock.shown(observation, "crisis")  # n / (n + 10)
        over = 10.0 * crisis >= self.longest * (1.0 - crisis)
        return np.where(over, np.log(self.speed), super().log_speed(observation))


class Design(NamedTuple):
    """What a trained pace does not see, and the rule that it corrects."""

    hidden: tuple[str, ...]
    rule: Callable[[Clock], Patience] | None


DEFAULT, BLIND = "as trained by default", "without quotes and fills"
DESIGNS = {
    DEFAULT: Design((), Patience),
    "without the estimate of cost": Design(ESTIMATE, Patience),
    "without own fills": Design(FILLS, Patience),
    "without quotes": Design(QUOTES, Estimated),
    BLIND: Design((*QUOTES, *FILLS), None),
}
STUDENT = "without quotes, taught by the default"


class DesignInputs(PaceInputs):
    """The inputs that a design sees."""

    def __init__(self, clock: Clock, design: Design) -> None:
        super().__init__(clock, feedback=True)
        self.names = tuple(name for name in self.names if name not in design.hidden)
        self.rule = None if design.rule is None else design.rule(clock)


class DesignPace(PacePolicy):
    """A pace over the inputs of a design."""

    def __init__(self, network: Network, inputs: DesignInputs) -> None:
        self.network, self.inputs, self.clock = network, inputs, inputs.clock


class DesignSearch(Search):
    """The search for a design's weights."""

    def policy_of(self, weights: Weights) -> PacePolicy:
        """Return the policy of a network's weights."""
        assert isinstance(self.inputs, DesignInputs)
        return DesignPace(Network(weights), self.inputs)


def begun(design: Design, envs: ExecutionVectorEnv, seed: int) -> Search:
    """Start a design's search."""
    return DesignSearch.begin(envs, DesignInputs(clock_of(envs), design), seed)


def trained(
    design: Design,
    envs: ExecutionVectorEnv,
    trials: ExecutionVectorEnv,
    generations: int,
    seed: int,
) -> PacePolicy:
    """Search as `fit_pace` does; return the best of the validation band."""
    search = begun(design, envs, seed)
    search.judge(trials, seed)
    while search.generation < generations:
        search.go_on(envs, trials, generations, seed)
    return search.policy_of(search.best)


def taught(
    teacher: DesignPace, envs: ExecutionVectorEnv, trials: ExecutionVectorEnv, seed: int
) -> PacePolicy:
    """Imitate a teacher without seeing quotes; return the best round of the validation band."""
    search = begun(DESIGNS["without quotes"], envs, seed)
    search.judge(trials, seed)
    seen: list[Values] = []
    wanted: list[Values] = []
    acting: Policy = teacher
    for _ in range(ROUNDS):
        observation, _ = envs.reset(seed=int(search.generator.integers(2**31)))
        for _ in range(search.inputs.clock.length):
            seen.append(search.inputs(observation))
            turned = teacher.log_speed(observation) - search.inputs.log_speed(observation)
            wanted.append(np.clip(turned / REACH, -1.0, 1.0))
            observation = envs.step(acting.act(observation, {}))[0]
        table = (np.concatenate(seen) - search.mean) / search.scale
        table = np.concatenate([table, np.ones((len(table), 1))], axis=1)
        square = table.T @ table
        square += RIDGE * len(table) * np.eye(len(square))
        search.centre = np.linalg.solve(square, table.T @ np.concatenate(wanted))
        search.generation += 1
        search.judge(trials, seed)
        acting = search.policy(search.centre)
    return search.policy_of(search.best)


def policies(generations: int, seeds: int) -> dict[str, list[Policy]]:
    """Train every design, and make the rules that are not trained."""
    arguments = {**ARGUMENTS, "scenario": "crises"}
    envs, trials = lanes(EPISODES, "train", arguments), lanes(JUDGED, "validation", arguments)
    found: dict[str, list[Policy]] = {name: [] for name in (*DESIGNS, STUDENT)}
    for seed in tqdm(range(seeds), desc="trainings"):
        for name, design in DESIGNS.items():
            found[name].append(trained(design, envs, trials, generations, seed))
        teacher = found[DEFAULT][-1]
        assert isinstance(teacher, DesignPace)
        found[STUDENT].append(taught(teacher, envs, trials, seed))
    clock = clock_of(envs)
    found["the hand rule, to the end"] = [Patience(clock)]
    for longest in LIMITS:
        name = f"the hand rule, {longest:.0f} bars at most"
        found[name] = [Limited(clock, longest=longest)]
    return found


def measure(chosen: argparse.Namespace) -> dict[str, Any]:
    """Train and play every design."""
    begin = datetime.now(UTC)
    played = policies(chosen.generations, chosen.seeds)
    scenarios, groups = crises_alone(ARGUMENTS["episode_length"])
    paid: dict[str, dict[str, Values]] = {name: {} for name in played}
    for scenario, events in tqdm(scenarios.items(), desc="crises"):
        envs = lanes(PATHS, "test", {**ARGUMENTS, "scenario": events})
        for name, trainings in played.items():
            paid[name][scenario] = np.stack([order_costs(p, envs, SEED) for p in trainings])
    rows = []
    for name in played:
        row: dict[str, Any] = {"design": name}
        for group, members in groups.items():
            own, base = (
                np.mean([paid[who][scenario] for scenario in members], axis=0)
                for who in (name, BLIND)
            )
            interval = crossed_interval(own - base, np.random.default_rng(0), per=base)
            assert interval is not None
            row[group] = [float(own.mean()), *(100.0 * x for x in interval[:3])]
        rows.append(row)
    command = f"python -m benchmarks.designs --generations {chosen.generations}"
    command += f" --seeds {chosen.seeds}"
    return stamped(
        command, begin, rows=rows, groups=list(groups), paths=PATHS,
        generations=chosen.generations, seeds=chosen.seeds,
    )  # fmt: skip


def section(record: Mapping[str, Any]) -> list[str]:
    """Write the record's part of `docs/learning.md`."""
    groups = record["groups"]
    lines = [
        "## What the pace learns from",
        "",
        f"`{record['command']}`, commit {record['commit']}, {record['machine']}: "
        f"{record['seeds']} trainings of {record['generations']} generations each; "
        f"{record['paths']} parent orders of the test band in each crisis. Cost of an order in "
        f"percent of what the pace {BLIND} pays, less 100, with 95% intervals over trainings and "
        "paths. The student imitates the default, which sees the quotes, and sees none itself. The "
        "last rows' rules are not trained; with a limit they work the rest at a calm pace once the "
        "quotes have been bad for so many bars. What waiting saves in a crisis that "
        "ends it costs in one that does not, and the two look the same until then.",
        "",
    ]
    cell = "{1:+.1f} [{2:+.1f}, {3:+.1f}]".format
    rows = ([row["design"], *(cell(*row[group]) for group in groups)] for row in record["rows"])
    return [*lines, *table(["", *(f"{group}:" for group in groups)], rows), ""]


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--generations", type=int, default=12, help="of a training")
    parser.add_argument("--seeds", type=int, default=5, help="trainings of each design")
    return measure_section(parser, measure, section)


if __name__ == "__main__":
    sys.exit(main())
