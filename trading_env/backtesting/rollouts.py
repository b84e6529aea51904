"""Play one episode in each lane of a batch, and note what metrics need.

Episode k of a batch reset with `seed` is lane k: its seed is seed + k, so two policies, or one
policy with and without a scenario, meet the same episodes. A lane that ends early (ruin, or a
parent order that is done) keeps the numbers of its end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_env.backtesting.interruption import stop_if_interrupted
from trading_env.core.codes import Task
from trading_env.core.records import Flags, Floats
from trading_env.envs.batch import Batch
from trading_env.envs.info import BPS_PER_UNIT, summary
from trading_env.envs.trace import EpisodeTrace
from trading_env.envs.vector import TradingVectorEnv
from trading_env.policies.policy import Policy
from trading_env.stress.activity import is_active

PARTS = ("delay", "spread", "impact", "fees", "opportunity")


class StepRecord(NamedTuple):
    """What happened in each step, shape (steps, lanes) or (steps, lanes, assets)."""

    exposure: Floats  # gross position at the marks over equity, after the step
    traded: Floats  # notional, currency
    cost: Floats  # spread, impact and fees, currency
    is_active: Flags  # the scenario acted on some asset
    latency_s: Floats  # per asset: mean over the orders that arrived in the bar
    arrivals: NDArray[np.int64]  # per asset: how many
    bound_by: NDArray[np.int64]  # per asset: BoundBy code


class Rollout(NamedTuple):
    """One episode in each lane."""

    equity: tuple[Floats, ...]  # a lane: currency, (steps + 1,)
    held: tuple[Flags, ...]  # a lane: step begun with a position, (steps,)
    sums: dict[str, Floats]  # `envs.info.summary` and the ledger at each lane's end, (lanes,)
    rows: NDArray[np.int64]  # (lanes,) row of the market at the first decision
    record: StepRecord | None = None


@dataclass
class _Recorder:
    """Collects the fields of `StepRecord`."""

    steps: list[tuple[NDArray[Any], ...]] = field(default_factory=list)

    def add(self, batch: Batch) -> None:
        """Note the state after a step."""
        reports, accounts, assets = batch.outputs.reports, batch.lanes.accounts, batch.lanes.assets
        gross = (np.abs(assets["position"]) * assets["value"]).sum(axis=1)
        equity = np.maximum(accounts["equity"], 0.0)
        exposure = np.divide(gross, equity, out=np.zeros_like(gross), where=equity > 0.0)
        cost = sum(reports[name] for name in ("spread", "impact", "fees"))
        self.steps.append(
            (
                exposure,
                reports["notional"].sum(axis=1),
                np.asarray(cost).sum(axis=1),
                np.asarray(is_active(batch.outputs.stresses).any(axis=1)),
                reports["latency_s"].copy(),
                reports["arrivals"].copy(),
                reports["bound_by"].copy(),
            )
        )

    def record(self) -> StepRecord:
        """Return all steps."""
        return StepRecord(*(np.stack(column) for column in zip(*self.steps, strict=True)))


def rollout(
    policy: Policy,
    envs: TradingVectorEnv,
    seed: int,
    traces: Sequence[EpisodeTrace] = (),
    *,
    record: bool = False,
) -> Rollout:
    """Play one episode in each lane.

    Args:
        policy: reset before it plays.
        envs: lanes without autoreset.
        seed: of lane 0; lane k has `seed` + k.
        traces: note all that happened in their lanes; they need `detail="full"`.
        record: keep a `StepRecord`; it needs `detail="full"`.

    Raises:
        ValueError: a record or trace is asked of lanes that keep no reports.
    """
    batch, lanes = envs.batch, envs.num_envs
    if record and not batch.keeps_reports:
        raise ValueError("a record needs an environment made with detail='full'")
    observations, info = envs.reset(seed=seed)
    policy.reset(lanes)
    for trace in traces:
        trace.begin(batch)
    recorder = _Recorder()
    equity = [[float(e)] for e in batch.lanes.accounts["equity"]]
    held: list[list[bool]] = [[] for _ in range(lanes)]
    running = np.ones(lanes, dtype=np.bool_)
    rows = batch.lanes.accounts["row"].astype(np.int64)
    sums = _sums(envs)
    while running.any():
        holding = (batch.lanes.assets["position"] != 0.0).any(axis=1)
        stop_if_interrupted()
        actions = policy.act(observations, info)
        observations, _, terminated, truncated, info = envs.step(actions)
        now = batch.lanes.accounts["equity"]
        for i in np.flatnonzero(running):
            equity[i].append(float(now[i]))
            held[i].append(bool(holding[i]))
        if record:
            recorder.add(batch)
        for trace in traces:
            if running[trace.lane]:
                trace.add(batch)
        ended = terminated | truncated
        if ended.any():
            _keep_sums(sums, _sums(envs), ended & running)
            running = running & ~ended
            if running.any():  # lanes that have ended are reset and play on, unread
                observations, info = envs.reset(options={"reset_mask": ended})
    return Rollout(
        tuple(np.array(curve) for curve in equity),
        tuple(np.array(flags) for flags in held),
        sums,
        rows,
        recorder.record() if record else None,
    )


def _sums(envs: TradingVectorEnv) -> dict[str, Floats]:
    """Sum every lane's episode up, and take its shortfall apart, in bps of what was ordered."""
    logs, accounts = envs.batch.lanes.logs, envs.batch.lanes.accounts
    task: Task = envs.setup.layout.task
    ordered = np.where(logs["ordered"] > 0.0, logs["ordered"], np.inf)
    parts = {f"{name}_bps": BPS_PER_UNIT * logs[name] / ordered for name in PARTS}
    return {**summary(logs, accounts, task), **parts, "arrivals": logs["arrivals"].copy()}


def _keep_sums(kept: dict[str, Floats], now: dict[str, Floats], lanes: Flags) -> None:
    """Keep the sums of the lanes that have just ended."""
    for name, values in now.items():
        kept[name] = np.where(lanes, values, kept[name])
