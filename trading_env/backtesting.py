"""Policies x scenarios x severities x seeds, on the native vector environment.

Every policy meets the same episodes: episode k of each cell is lane k of a batch reset with
`seed`, so its seed is seed + k, and a difference between two policies in one episode is a paired
difference. A lane that ends early (ruin) keeps the numbers of its end.

A metric that an episode does not define (the Sharpe ratio of doing nothing, the fill ratio of no
order) is missing in the table, never 0.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from trading_env.envs.info import (
    BOUND_BY_NAMES,
    EXECUTION_FIELDS,
    EXIT_NAMES,
    RISK_FIELDS,
    STATUS_NAMES,
    summary,
)
from trading_env.envs.spaces import ObservationLayout
from trading_env.envs.trace import EpisodeTrace
from trading_env.envs.vector import PortfolioVectorEnv
from trading_env.metrics import portfolio_metrics
from trading_env.statistics import mean_interval
from trading_env.types import Flags, Floats

if TYPE_CHECKING:
    import pandas as pd


@runtime_checkable
class Policy(Protocol):
    """What is evaluated: a function of observations, with a memory that `reset` clears.

    It may have an attribute `env_overrides`, a dict of environment arguments that the policy
    needs to be itself: buy-and-hold holds nothing much under a risk manager that resizes it.
    """

    def reset(self, num_envs: int) -> None:
        """Begin an episode in each of `num_envs` lanes."""

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """Return actions (num_envs, assets) for observations (num_envs, size)."""


PolicyFactory: TypeAlias = Callable[[ObservationLayout], Policy]
PolicySpec: TypeAlias = Policy | PolicyFactory

METRICS = (
    "return",
    "sharpe",
    "max_drawdown",
    "win_rate",
    "shortfall_bps",
    "fill_ratio",
    "latency_ms",
    "orders",
    "stops",
    "turnover",
    "reward",
    "steps",
)
KEYS = ("policy", "scenario", "severity", "seed")
PER_ORDER = ("shortfall_bps", "fill_ratio", "latency_ms")


class Rollout(NamedTuple):
    """One episode in each lane."""

    equity: tuple[Floats, ...]  # a lane: currency, (steps + 1,)
    held: tuple[Flags, ...]  # a lane: step begun with a position, (steps,)
    sums: dict[str, Floats]  # `envs.info.summary` at each lane's end, (lanes,)


def build_policy(spec: PolicySpec, layout: ObservationLayout) -> Policy:
    """Return a policy: as it is, or made for an observation layout."""
    if not isinstance(spec, type) and isinstance(spec, Policy):
        return spec
    return spec(layout)


def make_envs(
    policy: Policy, num_envs: int, env_kwargs: Mapping[str, Any], **cell: Any
) -> PortfolioVectorEnv:
    """Build the lanes for a policy: the common arguments, its own needs, then the cell's.

    Lanes that are to be traced need `detail="full"`.
    """
    overrides = dict(getattr(policy, "env_overrides", {}))
    arguments = {"detail": "none", **env_kwargs, **overrides, **cell}
    return PortfolioVectorEnv(num_envs, autoreset_mode="Disabled", copy=False, **arguments)


def rollout(
    policy: Policy, envs: PortfolioVectorEnv, seed: int, traces: Sequence[EpisodeTrace] = ()
) -> Rollout:
    """Play one episode in each lane; `traces` note what happened in their lanes."""
    batch, lanes = envs.batch, envs.num_envs
    observations, _ = envs.reset(seed=seed)
    policy.reset(lanes)
    for trace in traces:
        trace.begin(batch)
    equity = [[float(e)] for e in batch.lanes.accounts["equity"]]
    held: list[list[bool]] = [[] for _ in range(lanes)]
    running = np.ones(lanes, dtype=np.bool_)
    task = batch.setup.layout.task
    sums = summary(batch.lanes.logs, batch.lanes.accounts, task)
    while running.any():
        holding = (batch.lanes.assets["position"] != 0.0).any(axis=1)
        observations, _, terminated, truncated, _ = envs.step(policy.act(observations))
        now = batch.lanes.accounts["equity"]
        for i in np.flatnonzero(running):
            equity[i].append(float(now[i]))
            held[i].append(bool(holding[i]))
        for trace in traces:
            if running[trace.lane]:
                trace.add(batch)
        ended = terminated | truncated
        if ended.any():
            ending = summary(batch.lanes.logs, batch.lanes.accounts, task)
            _keep_sums(sums, ending, ended & running)
            running = running & ~ended
            if running.any():  # a lane that has ended cannot be stepped: it plays on, unread
                observations, _ = envs.reset(options={"reset_mask": ended})
    return Rollout(
        tuple(np.array(curve) for curve in equity), tuple(np.array(flags) for flags in held), sums
    )


def _keep_sums(kept: dict[str, Floats], now: dict[str, Floats], lanes: Flags) -> None:
    """Keep the sums of the lanes that have just ended."""
    for name, values in now.items():
        kept[name] = np.where(lanes, values, kept[name])


def score(played: Rollout, steps_per_year: float) -> dict[str, Floats]:
    """Return every metric of `METRICS`, shape (lanes,); NaN where it is withheld."""
    curves = [
        portfolio_metrics(equity, steps_per_year, held)
        for equity, held in zip(played.equity, played.held, strict=True)
    ]
    scores: dict[str, Floats] = {
        "return": np.array([c.total_return for c in curves], dtype=np.float64),
        "sharpe": np.array([c.sharpe for c in curves], dtype=np.float64),
        "max_drawdown": np.array([c.max_drawdown for c in curves], dtype=np.float64),
        "win_rate": np.array([c.win_rate for c in curves], dtype=np.float64),
    }
    sums = {**played.sums, "latency_ms": 1000.0 * played.sums["latency_s"]}
    for name in METRICS[len(scores) :]:
        scores[name] = np.asarray(sums[name], dtype=np.float64)
    for name in PER_ORDER:
        scores[name] = np.where(sums["orders"] > 0, scores[name], np.nan)
    return scores


def evaluate(
    policies: Mapping[str, PolicySpec],
    *,
    scenarios: Mapping[str, Any] | Sequence[str],
    severities: Sequence[float] = (1.0,),
    episodes: int,
    seed: int,
    env_kwargs: Mapping[str, Any] | None = None,
) -> "pd.DataFrame":
    """Play every policy in every scenario at every severity on the same seeds.

    Args:
        policies: name -> a policy, or a function of the `ObservationLayout` that makes one.
        scenarios: presets' names, or name -> anything the environment takes as a scenario.
        severities: 1 as written, 0 none.
        episodes: of each cell, >= 1; episode k has seed `seed` + k.
        seed: of the first episode.
        env_kwargs: arguments of `PortfolioVectorEnv`; fractions and basis points as in `METRICS`.

    Returns:
        One row an episode: policy, scenario, severity, seed and `METRICS`.
    """
    import pandas as pd

    named = scenarios if isinstance(scenarios, Mapping) else {name: name for name in scenarios}
    shared = dict(env_kwargs or {})
    layout = PortfolioVectorEnv(1, **shared).layout
    frames = []
    for policy_name, spec in policies.items():
        policy = build_policy(spec, layout)
        for scenario_name, scenario in named.items():
            for severity in severities:
                envs = make_envs(policy, episodes, shared, scenario=scenario, severity=severity)
                played = rollout(policy, envs, seed)
                cell = {
                    "policy": policy_name,
                    "scenario": scenario_name,
                    "severity": float(severity),
                    "seed": seed + np.arange(episodes),
                }
                scores = score(played, envs.setup.market.bars_per_year)
                frames.append(pd.DataFrame({**cell, **scores}))
    return pd.concat(frames, ignore_index=True)


def pool(frame: "pd.DataFrame", name: str) -> "pd.DataFrame":
    """Average each policy's episodes of one seed over the scenarios, as one scenario `name`.

    Episodes of one seed run over the same bars in every scenario, so a seed is the unit that may
    be counted once.
    """
    keys = ["policy", "severity", "seed"]
    return frame.groupby(keys, sort=False)[list(METRICS)].mean().reset_index().assign(scenario=name)


def summarise(
    frame: "pd.DataFrame", *, baseline: str | None = None, seed: int = 0
) -> "pd.DataFrame":
    """Average episodes by policy, scenario and severity; pair them with a baseline's.

    Without a baseline each metric's mean has a bootstrap 95% interval over the episodes,
    `METRIC_low` and `METRIC_high`.

    Args:
        frame: what `evaluate` returned.
        baseline: a policy's name; adds, for each metric, the mean paired difference to it as
            `diff_METRIC` with a bootstrap 95% interval `diff_METRIC_low`, `diff_METRIC_high`.
        seed: of the bootstrap.

    Raises:
        ValueError: the baseline is not in the frame.
    """
    import pandas as pd

    if baseline is not None and baseline not in set(frame["policy"]):
        known = ", ".join(dict.fromkeys(frame["policy"]))
        raise ValueError(f"baseline {baseline!r:.60} was not evaluated; known: {known:.80}")
    by = list(KEYS[:3])
    means = frame.groupby(by, sort=False)[list(METRICS)].mean()
    means.insert(0, "episodes", frame.groupby(by, sort=False).size())
    means = means.reset_index()
    generator = np.random.default_rng(seed)
    if baseline is None:
        rows = [_intervals(cell, generator) for _, cell in frame.groupby(by, sort=False)]
        return means.join(pd.DataFrame(rows))
    reference = frame[frame["policy"] == baseline].drop(columns="policy")
    pairs = frame.merge(reference, on=list(KEYS[1:]), suffixes=("", "_baseline"))
    rows = [_paired(cell, generator) for _, cell in pairs.groupby(by, sort=False)]
    return means.join(pd.DataFrame(rows))


def _intervals(cell: "pd.DataFrame", generator: np.random.Generator) -> dict[str, float]:
    """Interval of each metric's mean over the episodes of one cell; NaN where undefined."""
    row: dict[str, float] = {}
    for metric in METRICS:
        interval = mean_interval(cell[metric], generator)
        low, high = (np.nan, np.nan) if interval is None else interval[1:3]
        row |= {f"{metric}_low": low, f"{metric}_high": high}
    return row


def _paired(cell: "pd.DataFrame", generator: np.random.Generator) -> dict[str, float]:
    """Mean paired difference of each metric of one cell and its interval; NaN where undefined."""
    row: dict[str, float] = {}
    for metric in METRICS:
        interval = mean_interval(cell[metric] - cell[f"{metric}_baseline"], generator)
        values = (np.nan,) * 3 if interval is None else interval[:3]
        for name, value in zip(("", "_low", "_high"), values, strict=True):
            row[f"diff_{metric}{name}"] = value
    return row


JOURNAL = (*RISK_FIELDS, *EXECUTION_FIELDS, "position")


def journal(trace: EpisodeTrace, *, episode: int) -> "pd.DataFrame":
    """Write every risk decision and fill of an episode: one row a step and asset.

    A row's time is that of the bar its order met; money in currency, quantities in units, levels
    of 0 are none. Orders that were wanted and not sent are rows too: `bound_by` says why.
    """
    import pandas as pd

    reports = trace.reports[1:]
    steps, assets = reports.shape
    columns: dict[str, Any] = {
        "time": np.repeat(trace.time[1:], assets),
        "episode": np.full(steps * assets, episode),
        "step": np.repeat(np.arange(steps), assets),
        "asset": np.tile(np.array(trace.symbols, dtype=object), steps),
    }
    columns |= {name: reports[name].ravel() for name in JOURNAL}
    columns["bound_by"] = BOUND_BY_NAMES[reports["bound_by"]].ravel()
    columns["status"] = STATUS_NAMES[reports["status"]].ravel()
    columns["exit"] = EXIT_NAMES[reports["exit"]].ravel()
    return pd.DataFrame(columns)
