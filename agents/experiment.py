"""What `train.py` does with a trained network: evaluate, compare, record, draw.

Every policy meets the same episodes on the test band. Besides each scenario there are two pooled
rows: all scenarios, and those that training never saw.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_env.backtesting import (
    Policy,
    evaluate,
    journal,
    make_envs,
    order_ledger,
    rollout,
    summary_of,
)
from trading_env.backtesting.replay import equity_curves, replay
from trading_env.backtesting.summaries import ALL
from trading_env.core.files import write_json, write_with
from trading_env.envs.render import save_episode, save_equity_curves
from trading_env.envs.trace import EpisodeTrace
from trading_env.envs.vector import PortfolioVectorEnv
from trading_env.policies.adaptive import AdaptivePolicy, Network
from trading_env.policies.baselines import BASELINES
from trading_env.report import difference_sections, score_sections, text_table

HELD_OUT = "held-out scenarios"
JOURNALLED = 4  # episodes of each scenario whose every decision is kept
PICTURED = ("price_shock", "flash_crash_2010")  # first choice for the pictures
SCENARIO_FREE = "calm"
LEARNERS = ("adaptive", "ppo")


class Plan(NamedTuple):
    """What is evaluated, and where."""

    learner: str  # "adaptive" or "ppo"
    scenarios: tuple[str, ...]
    trained_on: tuple[str, ...]
    episodes: int
    seed: int
    env_kwargs: dict[str, Any]

    @property
    def held_out(self) -> list[str]:
        """Scenarios that training did not see."""
        return [name for name in self.scenarios if name not in self.trained_on]

    @property
    def pictured(self) -> str:
        """The scenario to draw."""
        eventful = [name for name in self.scenarios if name != SCENARIO_FREE]
        wanted = [name for name in PICTURED if name in eventful]
        return (wanted or eventful or list(self.scenarios))[0]


def policies_of(network: Network, plan: Plan) -> dict[str, Policy]:
    """Name the policies: the learner first, its ablation, then the baselines."""
    layout = PortfolioVectorEnv(1, **plan.env_kwargs).layout
    learners: dict[str, Policy] = {
        name: AdaptivePolicy(network, layout, calibrate=name == "adaptive") for name in LEARNERS
    }
    if plan.learner == "ppo":
        del learners["adaptive"]
    return {**learners, **{name: make(layout) for name, make in BASELINES.items()}}


def evaluate_plan(
    plan: Plan, policies: Mapping[str, Policy]
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return one row an episode, and the summary that tables and report are made from."""
    frame = evaluate(
        policies,
        scenarios=plan.scenarios,
        episodes=plan.episodes,
        seed=plan.seed,
        env_kwargs=plan.env_kwargs,
    )
    pools = {ALL: plan.scenarios}
    if len(plan.held_out) > 1:
        pools[HELD_OUT] = tuple(plan.held_out)
    summary = summary_of(
        frame,
        learner=plan.learner,
        baselines=[n for n in policies if n not in (plan.learner, "random", "momentum")],
        scenarios=[{"name": n, "role": _role(plan, n)} for n in _shown(plan)],
        market=str(plan.env_kwargs["market"]),
        notes=_notes(plan),
        pools=pools,
    )
    return frame, summary


def _shown(plan: Plan) -> list[str]:
    """Scenarios and pools in the order of the tables."""
    pools = [HELD_OUT] if len(plan.held_out) > 1 else []
    return [*plan.scenarios, *pools, ALL]


def _role(plan: Plan, name: str) -> str:
    """Say whether training saw a scenario."""
    if name in (ALL, HELD_OUT):
        return "mean by seed"
    return "held out" if name in plan.held_out else "trained on"


def _notes(plan: Plan) -> list[str]:
    """Say what the numbers are, for whoever reads only the table."""
    steps = plan.env_kwargs["episode_length"]
    return [
        f"Means over {plan.episodes} episodes of {steps} steps on the test band, the same seeds "
        "for every policy. Episodes are cut from one history and overlap, so the intervals speak "
        "of that history, not of years to come.",
        f"Trained on: {', '.join(plan.trained_on)}. Held out: {', '.join(plan.held_out)}. Held "
        "out means unseen by the network; the calibrator's settings were chosen on the validation "
        "band in scenarios that included liquidity_drought, gfc_2008 and covid_2020.",
        "Buy-and-hold, volatility_target and momentum take up to the whole account; the learner, "
        "random and always_long go through the risk manager, which allows far less: compare "
        "Sharpe and drawdown, not return alone. ppo is the learner with its calibrator off.",
    ]


class Recording(NamedTuple):
    """The learner's first episodes in each scenario, noted step by step."""

    traces: dict[str, list[EpisodeTrace]]  # scenario -> episodes
    resolved: dict[str, Any]  # the configuration that was played, read back from what was built


def record(plan: Plan, policy: Policy) -> Recording:
    """Play the learner's first episodes of each scenario again, noting everything."""
    traces: dict[str, list[EpisodeTrace]] = {}
    resolved: dict[str, Any] = {"scenarios": []}
    lanes = min(JOURNALLED, plan.episodes)
    for scenario in plan.scenarios:
        envs = make_envs(policy, lanes, plan.env_kwargs, scenario=scenario, detail="full")
        traces[scenario] = [EpisodeTrace(envs.setup, lane) for lane in range(lanes)]
        rollout(policy, envs, plan.seed, traces[scenario])
        scenarios = [*resolved["scenarios"], *envs.setup.resolved["scenarios"]]
        resolved = {**envs.setup.resolved, "scenarios": scenarios}
    return Recording(traces, resolved)


def save_journals(recording: Recording, folder: Path) -> None:
    """Write every decision and fill that was recorded, and every order's ledger."""
    for name, write in (("journal", journal), ("orders", order_ledger)):
        tables = []
        for scenario, traces in recording.traces.items():
            for episode, trace in enumerate(traces):
                table = write(trace, episode=episode)
                table.insert(0, "scenario", scenario)
                tables.append(table)
        save_table(pd.concat(tables, ignore_index=True), folder / f"{name}.parquet")


def save_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as Parquet, whole or not at all."""
    write_with(path, lambda beside: table.to_parquet(beside, index=False))


def draw_episode(plan: Plan, recording: Recording, path: Path) -> None:
    """Save the picture of one recorded episode."""
    scenario = plan.pictured
    title = f"{plan.learner}, scenario {scenario}, seed {plan.seed}"
    trace = recording.traces[scenario][0]
    write_with(path, lambda beside: save_episode(trace, beside, title=title))


def save_replays(plan: Plan, recording: Recording, path: Path) -> None:
    """Write the learner's first episode in each scenario for the report to play."""
    episodes = [
        replay(traces[0], policy=plan.learner, scenario=scenario)
        for scenario, traces in recording.traces.items()
    ]
    write_json(path, episodes)


def save_equity(
    plan: Plan, policies: Mapping[str, Policy], recording: Recording, folder: Path
) -> None:
    """Save the equity curves of all policies but the random one in one scenario."""
    scenario = plan.pictured
    curves: dict[str, NDArray[np.float64]] = {}
    for name in dict.fromkeys((plan.learner, "buy_and_hold", *policies)):
        if name != "random":
            envs = make_envs(policies[name], plan.episodes, plan.env_kwargs, scenario=scenario)
            curves[name] = _stacked(rollout(policies[name], envs, plan.seed).equity)
    title = f"Scenario {scenario}, {plan.episodes} episodes of the test band, medians"
    path = folder / "equity.png"
    write_with(path, lambda beside: save_equity_curves(curves, beside, title=title))
    shown = equity_curves(
        {name: list(each) for name, each in curves.items()},
        recording.traces[scenario],
        scenario=scenario,
    )
    write_json(folder / "evaluation" / "equity.json", shown)


def _stacked(curves: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Stack curves; one that ended early stays where it ended."""
    longest = max(map(len, curves))
    return np.stack([np.pad(curve, (0, longest - len(curve)), mode="edge") for curve in curves])


def save_evaluation(folder: Path, frame: pd.DataFrame, summary: dict[str, Any]) -> None:
    """Write `episodes.parquet` and `summary.json`."""
    save_table(frame, folder / "episodes.parquet")
    write_json(folder / "summary.json", summary)


def print_tables(summary: dict[str, Any]) -> None:
    """Print what the run found."""
    for section in score_sections(summary):
        print(f"\n{text_table(section)}")
    print("\nPaired differences with bootstrap 95% intervals (* excludes 0)")
    for section in difference_sections(summary):
        print(f"\n{text_table(section)}")
    for note in summary["notes"]:
        print(f"\n{note}")
