"""Train the pace of parent orders by the cross-entropy method (Rubinstein 1999).

What is learned are the weights of a linear layer over the inputs of `policies/pace.py`. In each
generation POPULATION sets of weights are drawn around the present ones, in pairs of opposite sign,
and each works the same EPISODES parent orders: the same sizes, paths and crises, so that what sets
two of them apart is what they did. The quarter that paid least moves mean and deviation of the
draws; the deviation keeps a least value (Szita and Lorincz 2006). What an order pays is its cost
without luck (`step/pace.py`): the market's own moves are several times as large, and a pace that
decides on cost alone has no use for them. The next generation works other orders.

Weights that correct the rule cost DECAY bps times their squares besides. In the mix of crises that
training meets, haste pays in those that outlast the deadline what it loses in those that end, so
that without it some trainings are hasty everywhere; a pace without a rule is free.

The first weights are 0, so the search starts at the rule that the network corrects. Between
generations the mean is tried on the validation band, and the best is kept, the first included: then
training has found nothing better. The test band is not touched.

A cost or a weight that is not finite ends the search. After each generation all that the next one
depends on is kept (`agents/checkpoint.py`).

Not learned this way: more than some dozens of weights.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray
from pydantic import Field

from agents.checkpoint import Checkpoints, Notes, check_finite, described
from trading_env.backtesting.interruption import stop_if_interrupted
from trading_env.core.doors import Checked
from trading_env.core.seeds import first_seed
from trading_env.envs.info import BPS_PER_UNIT
from trading_env.envs.vector import ExecutionVectorEnv
from trading_env.policies.adaptive import Network, Weights
from trading_env.policies.pace import REACH, PaceInputs, PacePolicy
from trading_env.policies.patience import Clock
from trading_env.policies.policy import Policy

POPULATION, EPISODES = 24, 1024
ELITE = 0.25  # share of a generation that the next one follows
SMOOTHING = 0.7  # weight of the newest generation
DECAY = 2.0  # bps
DEVIATION, LEAST_DEVIATION = 0.15, 0.02  # of the draws: the first, and the least
JUDGED_EVERY, JUDGED = 3, 2048  # generations between trials, episodes of one
Values = NDArray[np.float64]


class TrainedPace(NamedTuple):
    """The best policy on the validation band, its mean cost there in bps, and its generation."""

    policy: PacePolicy
    validation_bps: float
    generation: int


class GeneratorState(Checked):
    """Where the generator of the draws stands (PCG64)."""

    state: Annotated[int, Field(ge=0, lt=2**128)]
    inc: Annotated[int, Field(ge=0, lt=2**128)]
    has_uint32: Annotated[int, Field(ge=0, le=1)]
    uinteger: Annotated[int, Field(ge=0, lt=2**32)]


class SearchNotes(Notes):
    """What a checkpoint of the search holds beside its tensors."""

    generation: Annotated[int, Field(ge=0)]
    best_bps: float
    best_generation: Annotated[int, Field(ge=0)]
    rows: list[dict[str, float]]
    generator: GeneratorState


@dataclass
class Search:
    """All that the next generation depends on."""

    generator: np.random.Generator
    inputs: PaceInputs
    mean: Values
    scale: Values
    centre: Values
    deviation: Values
    best: Weights
    best_bps: float = math.inf
    best_generation: int = 0
    generation: int = 0
    rows: list[dict[str, float]] = field(default_factory=list)

    @classmethod
    def begin(cls, envs: ExecutionVectorEnv, inputs: PaceInputs, seed: int) -> "Search":
        """Start from the rule that the network corrects."""
        generator = np.random.default_rng(seed)
        mean, scale = input_moments(envs, inputs, generator)
        centre = np.zeros(len(inputs.names) + 1)
        search = cls(generator, inputs, mean, scale, centre, np.full(len(centre), DEVIATION), {})
        search.best = search.policy(centre).network.weights
        return search

    def policy(self, weights: Values) -> PacePolicy:
        """Return the policy of some weights, the bias last."""
        named = {"mean": self.mean, "scale": self.scale}
        named |= {"layer_0.weight": weights[None, :-1], "layer_0.bias": weights[-1:]}
        return self.policy_of({name: w.astype(np.float32) for name, w in named.items()})

    def policy_of(self, weights: Weights) -> PacePolicy:
        """Return the policy of a network's weights."""
        feedback = self.inputs.rule is not None
        return PacePolicy(Network(weights), self.inputs.clock, feedback=feedback)

    def judge(self, trials: ExecutionVectorEnv, seed: int) -> float:
        """Try the centre on the validation band, keep it if it is the best, return what it paid."""
        policy = self.policy(self.centre)
        paid = mean_cost(policy, trials, first_seed(seed))
        check_finite("validation cost", paid, self.generation, "generation")
        if paid < self.best_bps:
            self.best, self.best_bps = policy.network.weights, paid
            self.best_generation = self.generation
        return paid

    def turn(self, envs: ExecutionVectorEnv) -> dict[str, float]:
        """Play a generation and move the draws towards its best; return what it paid."""
        self.generation += 1
        half = self.generator.normal(size=(POPULATION // 2, len(self.centre)))
        drawn = self.centre + self.deviation * np.concatenate([half, -half])
        orders = int(self.generator.integers(2**31))
        paid = np.array([mean_cost(self.policy(weights), envs, orders) for weights in drawn])
        check_finite("cost of a draw", paid, self.generation, "generation")
        decay = DECAY if self.inputs.rule is not None else 0.0
        penalised = paid + decay * np.square(drawn).sum(axis=1)
        elite = drawn[np.argsort(penalised)[: round(ELITE * POPULATION)]]
        self.centre = self.centre + SMOOTHING * (elite.mean(axis=0) - self.centre)
        spread = np.maximum(elite.std(axis=0), LEAST_DEVIATION)
        self.deviation = self.deviation + SMOOTHING * (spread - self.deviation)
        for name, values in (("centre", self.centre), ("deviation", self.deviation)):
            check_finite(f"{name} of the draws", values, self.generation, "generation")
        return {"paid_bps": float(paid.mean()), "least_bps": float(paid.min())}

    def go_on(
        self, envs: ExecutionVectorEnv, trials: ExecutionVectorEnv, generations: int, seed: int
    ) -> dict[str, float]:
        """Play the next of some generations, and try its centre now and then and at the end."""
        row = self.turn(envs)
        if self.generation % JUDGED_EVERY == 0 or self.generation == generations:
            row["validation_bps"] = self.judge(trials, seed)
        return row

    @property
    def tensors(self) -> dict[str, NDArray[Any]]:
        """The arrays of a checkpoint."""
        own = {name: getattr(self, name) for name in ("mean", "scale", "centre", "deviation")}
        return own | {f"best.{name}": weights for name, weights in self.best.items()}

    def save(self, checkpoints: Checkpoints, of: dict[str, Any]) -> None:
        """Write a checkpoint."""
        now = self.generator.bit_generator.state
        flags = {name: now[name] for name in ("has_uint32", "uinteger")}
        notes = SearchNotes(
            of=of,
            generation=self.generation,
            best_bps=self.best_bps,
            best_generation=self.best_generation,
            rows=self.rows,
            generator=GeneratorState(**now["state"], **flags),
        )
        checkpoints.write(self.generation, self.tensors, notes)

    def load(self, checkpoints: Checkpoints, of: dict[str, Any]) -> None:
        """Go on from the newest valid checkpoint, if there is one."""
        found = checkpoints.newest(self.tensors, SearchNotes, of)
        if found is None:
            return
        tensors, notes = found
        for name in ("mean", "scale", "centre", "deviation"):
            setattr(self, name, tensors[name])
        self.best = {name: tensors[f"best.{name}"] for name in self.best}
        for name in ("generation", "best_bps", "best_generation", "rows"):
            setattr(self, name, getattr(notes, name))
        now = notes.generator.model_dump()
        numbers = {name: now.pop(name) for name in ("state", "inc")}
        self.generator.bit_generator.state = {"bit_generator": "PCG64", "state": numbers, **now}


def fit_pace(
    env_kwargs: dict[str, Any],
    *,
    feedback: bool,
    generations: int,
    seed: int,
    advance: Callable[[int], None],
    record: Callable[[dict[str, float]], None],
    checkpoints: Checkpoints | None = None,
) -> TrainedPace:
    """Search for the weights that pay least, and return those that did best on the validation band.

    Args:
        env_kwargs: of the environment, without `num_envs` and `seed_band`.
        feedback: False trains the ablation, which sees neither quotes nor its own fills.
        generations: at least 1.
        seed: of the draws and of the training episodes.
        advance: called with 1 after each generation, for a progress bar.
        record: called with what each generation paid, in bps.
        checkpoints: where one is kept after each generation; the search goes on from the newest.

    Raises:
        DivergedError: a cost or a weight is not finite.
    """
    envs, trials = lanes(EPISODES, "train", env_kwargs), lanes(JUDGED, "validation", env_kwargs)
    search = Search.begin(envs, PaceInputs(clock_of(envs), feedback=feedback), seed)
    of: dict[str, Any] = {}
    if checkpoints is not None:
        settings: dict[str, Any] = {"feedback": feedback, "generations": generations, "seed": seed}
        settings |= {"population": POPULATION, "elite": ELITE, "smoothing": SMOOTHING}
        settings |= {"decay": DECAY, "deviations": [DEVIATION, LEAST_DEVIATION]}
        settings |= {"judged_every": JUDGED_EVERY, "train": envs, "validation": trials}
        of = described(**settings)
        search.load(checkpoints, of)
    if search.generation == 0:
        search.judge(trials, seed)
    for row in search.rows:
        record(row)
        advance(1)
    while search.generation < generations:
        stop_if_interrupted()
        row = search.go_on(envs, trials, generations, seed)
        search.rows.append(row)
        record(row)
        advance(1)
        if checkpoints is not None:
            search.save(checkpoints, of)
    return TrainedPace(search.policy_of(search.best), search.best_bps, search.best_generation)


def lanes(count: int, band: str, env_kwargs: dict[str, Any]) -> ExecutionVectorEnv:
    """Return environments of a band; a lane that ends plays on, unread."""
    return ExecutionVectorEnv(
        count,
        autoreset_mode=AutoresetMode.SAME_STEP,
        detail="none",
        copy=False,
        **{**env_kwargs, "seed_band": band},
    )


def clock_of(envs: ExecutionVectorEnv) -> Clock:
    """Return the clock of an environment."""
    world = envs.setup.world
    share = float(world.execution[0].participation)
    return Clock(envs.layout, int(world.episode[0].length), share)


def mean_cost(policy: Policy, envs: ExecutionVectorEnv, seed: int) -> float:
    """Return what parent orders pay on average, bps of their arrival value."""
    return float(np.mean(order_costs(policy, envs, seed)))


def order_costs(policy: Policy, envs: ExecutionVectorEnv, seed: int) -> Values:
    """Return what one parent order in each lane pays without luck (lanes,), bps of its value."""
    observation, _ = envs.reset(seed=seed)
    batch = envs.batch
    value = batch.lanes.accounts["arrival_value"].copy()
    cost, running = np.zeros(envs.num_envs), np.ones(envs.num_envs, dtype=np.bool_)
    while running.any():
        actions = policy.act(observation, {})
        observation, _, terminated, truncated, _ = envs.step(actions)
        ended = (terminated | truncated) & running
        logs = batch.outputs.final_logs[ended]
        cost[ended] = logs["parent_shortfall"] - logs["parent_luck"]
        running &= ~ended
    paid: Values = BPS_PER_UNIT * cost / value
    return paid


def input_moments(
    envs: ExecutionVectorEnv, inputs: PaceInputs, generator: np.random.Generator
) -> tuple[Values, Values]:
    """Return mean and deviation of each input while speeds are drawn, both (inputs,)."""
    observation, _ = envs.reset(seed=int(generator.integers(2**31)))
    seen = []
    for _ in range(inputs.clock.length):
        seen.append(inputs(observation))
        turned = generator.uniform(-REACH, REACH, envs.num_envs)
        paces = inputs.clock.paces(observation, inputs.log_speed(observation) + turned)
        observation = envs.step(paces)[0]
    table = np.concatenate(seen)
    deviation = table.std(axis=0)
    return table.mean(axis=0), np.where(deviation > 1e-6, deviation, 1.0)
