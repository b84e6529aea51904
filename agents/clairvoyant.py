"""What a parent order would pay if the path were known: a bound for every pace that is not told.

The episode is played once without trading, which shows each bar's half spread h, temporary impact
and volume V; then it is played again on schedules made for them. If n units of a bar cost
n (h + k n^b), with k its impact over V^b, then at the optimum what one more unit costs is the same
in every bar that trades,

    n_t = (max(price - h_t, 0) / ((1 + b) k_t))^(1 / b),  at most the volume cap,

and `price` is found by bisection so that the bars add up to the order. b is the exponent of
temporary impact if nothing else were paid; but own impact decays over many bars, so that a parent
order costs about the same at any pace, and a smaller b, which crowds into the cheapest bars, may
pay less. The schedules of several b are played, and of each episode the cheapest counts. That is no
proven optimum; `docs/learning.md` says how near to it a pace comes that is not told the path.
"""

from typing import Any, NamedTuple

import numpy as np

from trading_env.backtesting.rollouts import rollout
from trading_env.core.codes import Factor
from trading_env.core.records import Floats
from trading_env.envs.vector import ExecutionVectorEnv
from trading_env.execution_engine.pricing import MAX_COST, MAX_DAY_VOLATILITY
from trading_env.policies.policy import Action, Info, Observation, Policy
from trading_env.policies.schedules import pace_of

EXPONENTS = (0.5, 0.2, 0.08, 0.04, 0.02)  # b
HALVINGS = 80  # of the bracket of `price`
NOTHING = -1.0  # the pace that trades nothing


class Path(NamedTuple):
    """What trading meets in each bar of each lane, (steps, lanes)."""

    half_spread: Floats  # fraction
    impact: Floats  # fraction at a rate of one volume
    volume: Floats  # units


class Clairvoyant(Policy):
    """Work each lane's order on a schedule of its own, (steps, lanes), in units."""

    def __init__(self, units: Floats) -> None:
        left = np.cumsum(units[::-1], axis=0)[::-1]
        self.shares = np.divide(units, left, out=np.ones_like(units), where=left > 0.0)
        self.step = 0

    def reset(self, num_envs: int) -> None:
        """Begin again."""
        self.step = 0

    def act(self, observation: Observation, info: Info) -> Action:
        """Return the paces (num_envs, 1)."""
        steps_left = np.full(len(observation), float(len(self.shares) - self.step))
        paces = pace_of(self.shares[self.step], steps_left)[:, None]
        self.step += 1
        return paces


def clairvoyant_costs(env_kwargs: dict[str, Any], *, episodes: int, seed: int) -> Floats:
    """Return what each parent order pays on its cheapest schedule, without luck, bps (episodes,).

    Args:
        env_kwargs: of an environment with one asset, without `num_envs`.
        episodes: lanes; lane k has `seed` + k.
        seed: of lane 0.
    """
    envs = ExecutionVectorEnv(
        episodes, autoreset_mode="Disabled", detail="full", copy=False, **env_kwargs
    )
    path = walked(envs, seed)
    envs.reset(seed=seed)
    goal = np.abs(envs.batch.lanes.assets["parent"][:, 0])
    cap = float(envs.setup.world.execution[0].participation)
    paid = []
    for exponent in EXPONENTS:
        policy = Clairvoyant(best_units(path, goal, exponent, cap))
        paid.append(rollout(policy, envs, seed).sums["parent_cost_bps"])
    least: Floats = np.min(paid, axis=0)
    return least


def walked(envs: ExecutionVectorEnv, seed: int) -> Path:
    """Walk through the episodes without trading, up to their last step."""
    rules = envs.setup.world.execution[0]
    episode = envs.setup.world.episode[0]
    envs.reset(seed=seed)
    batch, seen = envs.batch, []
    wait = np.full((envs.num_envs, 1), NOTHING)
    for _ in range(int(episode.length)):
        envs.step(wait)
        factor = batch.outputs.stresses["factor"][:, 0]
        asset = batch.lanes.assets[:, 0]
        widening = asset["widening"] * factor[:, Factor.SPREAD]
        scale: Floats | float = 1.0
        if rules.volatility_scaled:
            day = np.sqrt(asset["variance_fast"] * episode.bars_per_day)
            scale = np.minimum(day, MAX_DAY_VOLATILITY)
        shallow = factor[:, Factor.DEPTH] ** rules.exponent
        volume = batch.outputs.reports["volume"][:, 0].copy()
        seen.append(
            (
                np.minimum(rules.half_spread * widening, MAX_COST),
                rules.felt * scale * rules.temporary / shallow,
                volume,
            )
        )
    return Path(*(np.stack(column) for column in zip(*seen, strict=True)))


def best_units(path: Path, goal: Floats, exponent: float, participation: float) -> Floats:
    """Return the cheapest schedule of each lane, units, (steps, lanes); the module has the rule.

    Args:
        path: what is met.
        goal: units of each order, (lanes,).
        exponent: b.
        participation: share of a bar's volume that fills may take.
    """
    cap = participation * path.volume
    slope = (1.0 + exponent) * path.impact / np.maximum(path.volume, 1e-300) ** exponent

    def at(price: Floats) -> Floats:
        units = (np.maximum(price - path.half_spread, 0.0) / slope) ** (1.0 / exponent)
        return np.minimum(units, cap)

    low = np.zeros(len(goal))
    high = (path.half_spread + slope * np.maximum(cap, goal) ** exponent).max(axis=0)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        too_much = at(middle).sum(axis=0) > goal
        low, high = np.where(too_much, low, middle), np.where(too_much, middle, high)
    return at(high)
