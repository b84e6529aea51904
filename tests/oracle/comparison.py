"""One environment and its oracle, stepped side by side from the same state.

Each step starts from the environment's state, so that rounding does not pile up. Integer codes are
equal; `tolerance.py` says how far all else may lie apart.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from tests.oracle import feed, feedback, prices, reference
from tests.oracle.tolerance import (
    FLOAT32,
    LOG_MONEY,
    MONEY,
    PAID_SHARES,
    ROUNDING,
    TERMS,
    Sizes,
    allowed,
    of_equity,
    seen_within,
    sizes_of,
)
from trading_env.core.codes import BoundBy, Factor, Fault, SlotState, names_of
from trading_env.core.records import Table
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.step.reward import Term

Record = dict[str, Any]

NOT_ON_THE_PAGE = {"slots_used", "identity"}  # bookkeeping: which slots to look at, and a label
OF_THE_LIVE = {"due_s", "replaced", "replaces"}  # of an order that is done they mean nothing
NO_STRESS = {"spread": 1.0, "depth": 1.0, "fees": 1.0, "resilience": 1.0}
PARTS = {"factor": "{}", "rate": "{}_rate"}  # how values of an array are called


class Difference(NamedTuple):
    """A field on which oracle and environment disagree."""

    field: str
    oracle: Any
    environment: Any


def dicts_of(table: Table) -> list[Record]:
    """Turn a row of records into plain dicts; of an array each value has a name of its own."""
    columns: dict[str, list[Any]] = {}
    for name in table.dtype.names:
        column = table[name]
        if column.ndim == 1:
            columns[name] = column.tolist()
            continue
        codes: Any = {"factor": Factor, "rate": Fault, "bound": BoundBy}.get(name)
        first = int(codes in {Fault, BoundBy})  # their 0 stands for none of them
        for k in range(first, column.shape[1]):
            own = str(k) if codes is None else codes(k).name.lower()
            title = PARTS.get(name, f"{name}_{{}}").format(own)
            columns[title] = column[:, k].tolist()
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def world_of(env: PortfolioEnv) -> Record:
    """What a step reads and never writes: tables, and settings as their page names them."""
    world, resolved, market = env.setup.world, env.setup.resolved, env.setup.market
    account = dict(resolved["account"])
    own_rates, usual = account["borrow_rates"], account["borrow_rate"]
    rates = world.rates.tolist()
    if not market.notices.keys() & {"funding", "borrow"}:
        funding = account["funding_rate"]
        rates = [[[funding, own_rates.get(symbol, usual)] for symbol in market.symbols]]
    shared = {
        **{name: dict(resolved[name]) for name in ("risk", "execution", "account", "reward")},
        "bars": [dicts_of(row) for row in world.bars],
        "signals": world.signals.tolist(),
        "elapsed_s": world.elapsed_s.tolist(),
        "events": dicts_of(world.events),
        "ends": dicts_of(world.ends),
        "hits": world.hits.tolist(),
        "length": resolved["episode_length"],
        "action": resolved.get("action", "target"),
        "bar_seconds": market.bar_seconds,
        "bars_per_day": market.bars_per_day,
        "notices": [dicts_of(row) for row in world.notices],
        "rates": rates,
    }
    own = shared["execution"]["assets"]
    each = [{**shared["execution"], **own.get(symbol, {})} for symbol in market.symbols]
    return {**shared, "each": [{**shared, "execution": execution} for execution in each]}


def state_of(env: PortfolioEnv) -> Record:
    """Turn the environment's state into plain dicts."""
    state = env.get_state()
    return {
        "assets": dicts_of(state["assets"][0]),
        "slots": [dicts_of(slots) for slots in state["slots"][0].T],
        "account": dicts_of(state["accounts"])[0],
        "log": dicts_of(state["logs"])[0],
        "starts": state["starts"][0].tolist(),
        "covariance": state["covariances"][0, 0].tolist(),
    }


def differences(where: str, ours: Record, theirs: Record, sizes: Sizes) -> list[Difference]:
    """Return the fields that differ by more than rounding."""
    found = []
    money = {"log": LOG_MONEY, "terms": TERMS}.get(where, MONEY)
    for name, value in theirs.items():
        if name in NOT_ON_THE_PAGE or ours[name] == value:
            continue
        size = max(abs(ours[name]), abs(value))
        rounding = 0.0 if isinstance(value, int) else allowed(name, size, sizes, money)
        if not abs(ours[name] - value) <= rounding:
            found.append(Difference(f"{where}.{name}", ours[name], value))
    return found


def meaningful(slot: Record) -> Record:
    """Leave out what an order's state gives no meaning to."""
    if slot["state"] == SlotState.EMPTY:
        return {"state": slot["state"]}
    if slot["state"] == SlotState.DONE:
        return {name: value for name, value in slot.items() if name not in OF_THE_LIVE}
    return slot


class Pair:
    """An environment and its oracle."""

    def __init__(self, arguments: dict[str, Any], seed: int) -> None:
        self.env = PortfolioEnv(detail="full", **arguments)
        self.world = world_of(self.env)
        self.seed = seed
        self.features = [feature.name for feature in self.env.layout.features]
        self.env.reset(seed=seed)
        self.state = state_of(self.env)
        self.started = self._start()
        self.ended = False
        self.reports: list[Record] = []
        self.stresses: list[Record] = []
        self.excuses: list[str] = []
        self.met: list[str] = []
        self.within: Record = {}  # of an observation, by the feature's name

    def step(self, actions: Any) -> list[Difference]:
        """Step both, beginning a new episode where the last one ended; return what differs."""
        if self.ended:
            self.env.reset()
            self.state = state_of(self.env)
            self.started = self._start()
        found, self.started = self.started, []
        before = self.state
        ours = reference.step(self.world, before, np.asarray(actions).tolist(), self.seed)
        observation, reward, terminated, truncated, _ = self.env.step(actions)
        self.met = [event for report in ours.reports for event in report["met"]]
        self.excuses = [report["excuse"] for report in ours.reports if report["excuse"]]
        self.state, self.ended = state_of(self.env), terminated or truncated
        outputs = self.env._batch.outputs
        self.reports, self.stresses = dicts_of(outputs.reports[0]), dicts_of(outputs.stresses[0])
        found += self._compare_assets(before, ours)
        terms = dict(zip(names_of(Term), outputs.terms[0].tolist(), strict=True))
        found += self._compare_account(before, ours, terms)
        result = {"reward": reward, "terminated": int(terminated), "truncated": int(truncated)}
        found += differences("result", ours._asdict(), result, Sizes(0.0, 0.0))
        for name, mine, shown in zip(self.features, ours.observation, observation, strict=True):
            if not abs(mine - float(shown)) <= FLOAT32 + self.within.get(name, 0.0):
                found.append(Difference(f"observation.{name}", mine, float(shown)))
        return found

    def _start(self) -> list[Difference]:
        """What an episode begins with: kappa, values at the mark, quotes, costs as known."""
        found = []
        for world, asset in zip(self.world["each"], self.state["assets"], strict=True):
            kappa = prices.permanent_unit(world, asset)
            value = prices.value_of(world, asset, asset["mark"])
            quotes = feed.quotes_of(world, asset, NO_STRESS)
            begun = {f"seen_{name}": quoted for name, quoted in quotes.items()}
            begun |= {"crisis_bars": 0, "cost_variance": feedback.FIRST_VARIANCE}
            feed.count_crisis(world, begun)
            begun |= {"permanent_unit": kappa, "value": value, "cost_level": 0.0, "last_cost": 0.0}
            units = 0.01 * asset["seen_volume_mean"]
            cost = feedback.expected_of(world, asset, units, asset["seen_close"])
            begun |= dict.fromkeys(PAID_SHARES, cost)
            for name, mine in begun.items():
                size = 1.0 + abs(mine) if name in PAID_SHARES else mine
                if not abs(mine - asset[name]) <= ROUNDING * size:
                    found.append(Difference(f"start.{name}", mine, asset[name]))
        return found

    def _cancelled(self, before: Record) -> list[float]:
        """How much larger the largest stake is than each asset's, in standard deviations.

        Stakes of n assets sized together are the solution x of R x = m, where R, the shrunk
        correlations, has a condition of at most n / covariance_shrinkage <= 400. Solving rounds
        each x by at most about n 2^-53 400 = 2e-13 of the largest, which is the largest over x
        times as much of itself. Caps scale x and its error alike.
        """
        if self.world["risk"]["covariance"] != "shrunk":
            return [1.0] * len(self.reports)
        sigmas = [math.sqrt(asset["seen_variance_slow"]) for asset in before["assets"]]
        wished = [report["wished_fraction"] for report in self.reports]
        stakes = [abs(f) * sigma for f, sigma in zip(wished, sigmas, strict=True)]
        return [max(stakes) / stake if stake > 0.0 else 1.0 for stake in stakes]

    def _compare_assets(self, before: Record, ours: reference.Result) -> list[Difference]:
        found = []
        cancelled = self._cancelled(before)
        for a, after in enumerate(self.state["assets"]):
            slots, report = self.state["slots"][a], self.reports[a]
            sizes = sizes_of(before["assets"][a], slots, after, report)
            solved = abs(report["target"]) * cancelled[a]
            sizes = sizes._replace(units=max(sizes.units, solved))
            symbol = self.env.setup.market.symbols[a]
            for feature, within in seen_within(after, sizes).items():
                self.within[f"{symbol}.{feature}"] = within
            found += differences("asset", ours.state["assets"][a], after, sizes)
            found += differences("report", ours.reports[a], report, sizes)
            found += differences("stress", ours.stresses[a], self.stresses[a], sizes)
            for mine, slot in zip(ours.state["slots"][a], slots, strict=True):
                found += differences("slot", mine, meaningful(slot), sizes)
        return found

    def _compare_account(
        self, before: Record, ours: reference.Result, terms: Record
    ) -> list[Difference]:
        account = self.state["account"]
        money = abs(before["account"]["cash"]) + before["account"]["equity"]
        for a, report in enumerate(self.reports):
            asset = self.state["assets"][a]
            money += report["notional"] + abs(asset["position"]) * asset["mark"]
            money += sizes_of(asset, self.state["slots"][a], asset, report).money
        sizes = Sizes(0.0, money)
        found = differences("account", ours.state["account"], account, sizes)
        found += differences("log", ours.state["log"], self.state["log"], sizes)
        for mine, row in zip(ours.state["covariance"], self.state["covariance"], strict=True):
            for one, other in zip(mine, row, strict=True):
                if not abs(one - other) <= ROUNDING * abs(other):
                    found.append(Difference("covariance", one, other))
        shares = Sizes(0.0, of_equity(money, before["account"], account))
        return found + differences("terms", ours.terms, terms, shares)
