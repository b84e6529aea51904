"""Train the pace of parent orders by the cross-entropy method (Rubinstein 1999).

What is learned are the weights of a linear layer over the inputs of `policies/pace.py`. In each
generation POPULATION sets of weights are drawn around the present ones, in pairs of opposite sign,
and each works the same EPISODES parent orders: the same sizes, paths and crises, so that what sets
two of them apart is what they did. The quarter that paid least moves mean and deviation of the
draws; the deviation keeps a least value (Szita and Lorincz 2006). What an order pays is its cost
without luck (`step/pace.py`): the market's own moves are several times as large, and a pace that
decides on cost alone has no use for them. The next generation works other orders.

The first weights are 0, so the search starts at the rule that the network corrects. Between
generations the mean is tried on the validation band, and the best is kept, the first included: then
training has found nothing better. The test band is not touched.

Not learned this way: more than some dozens of weights.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from trading_env.backtesting.interruption import stop_if_interrupted
from trading_env.envs.info import BPS_PER_UNIT
from trading_env.envs.vector import ExecutionVectorEnv
from trading_env.policies.adaptive import Network
from trading_env.policies.pace import REACH, PaceInputs, PacePolicy
from trading_env.policies.patience import Clock

POPULATION, EPISODES = 24, 1024
ELITE = 0.25  # share of a generation that the next one follows
SMOOTHING = 0.7  # weight of the newest generation
DEVIATION, LEAST_DEVIATION = 0.15, 0.02  # of the draws: the first, and the least
JUDGED_EVERY, JUDGED = 3, 2048  # generations between trials, episodes of one
Values = NDArray[np.float64]


class TrainedPace(NamedTuple):
    """The best policy on the validation band, its mean cost there in bps, and its generation."""

    policy: PacePolicy
    validation_bps: float
    generation: int


def fit_pace(
    env_kwargs: dict[str, Any],
    *,
    feedback: bool,
    generations: int,
    seed: int,
    advance: Callable[[int], None],
    record: Callable[[dict[str, float]], None],
) -> TrainedPace:
    """Search for the weights that pay least, and return those that did best on the validation band.

    Args:
        env_kwargs: of the environment, without `num_envs` and `seed_band`.
        feedback: False trains the ablation, which sees neither quotes nor its own fills.
        generations: at least 1.
        seed: of the draws and of the training episodes.
        advance: called with 1 after each generation, for a progress bar.
        record: called with what each generation paid, in bps.
    """
    envs, trials = lanes(EPISODES, "train", env_kwargs), lanes(JUDGED, "validation", env_kwargs)
    inputs = PaceInputs(clock_of(envs), feedback=feedback)
    generator = np.random.default_rng(seed)
    mean, scale = input_moments(envs, inputs, generator)

    def policy_of(weights: Values) -> PacePolicy:
        named = {"mean": mean, "scale": scale}
        named |= {"layer_0.weight": weights[None, :-1], "layer_0.bias": weights[-1:]}
        network = Network({name: w.astype(np.float32) for name, w in named.items()})
        return PacePolicy(network, inputs.clock, feedback=feedback)

    centre = np.zeros(len(inputs.names) + 1)
    deviation = np.full(len(centre), DEVIATION)
    best = TrainedPace(policy_of(centre), mean_cost(policy_of(centre), trials, seed), 0)
    for generation in range(1, generations + 1):
        stop_if_interrupted()
        half = generator.normal(size=(POPULATION // 2, len(centre)))
        drawn = centre + deviation * np.concatenate([half, -half])
        orders = int(generator.integers(2**31))
        paid = np.array([mean_cost(policy_of(weights), envs, orders) for weights in drawn])
        elite = drawn[np.argsort(paid)[: round(ELITE * POPULATION)]]
        centre = centre + SMOOTHING * (elite.mean(axis=0) - centre)
        spread = np.maximum(elite.std(axis=0), LEAST_DEVIATION)
        deviation = deviation + SMOOTHING * (spread - deviation)
        row = {"paid_bps": float(paid.mean()), "least_bps": float(paid.min())}
        if generation % JUDGED_EVERY == 0 or generation == generations:
            row["validation_bps"] = mean_cost(policy_of(centre), trials, seed)
            if row["validation_bps"] < best.validation_bps:
                best = TrainedPace(policy_of(centre), row["validation_bps"], generation)
        record(row)
        advance(1)
    return best


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


def mean_cost(policy: PacePolicy, envs: ExecutionVectorEnv, seed: int) -> float:
    """Return what one parent order in each lane pays on average, bps of its arrival value."""
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
    return float(BPS_PER_UNIT * np.mean(cost / value))


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
