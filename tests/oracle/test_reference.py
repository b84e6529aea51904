"""The kernels against the oracle: `docs/model.md`, written twice, is one model."""

from collections import Counter
from copy import deepcopy
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.lanes import quick_first
from tests.oracle import (
    accounts,
    comparison,
    decision,
    feed,
    feedback,
    limits,
    market,
    orders,
    path,
    prices,
    reference,
    trading,
)
from tests.oracle.comparison import Difference, Pair, world_of
from tests.oracle.configurations import reference_configuration
from trading_env.core.codes import BoundBy, Exit, Status

CONFIGURATIONS, STEPS = 165, 60  # 9,900 steps
FEW = 10  # configurations of the quick lane, with every kind of action
RARE = (
    618,
    873,
)  # configurations in which it matters that levels on both sides are searched longer
MANY = 1700  # configurations of the slow test: 102,000 steps
ACTIONS = ("target", "target", "orders", "target", "target+type")  # by configuration, in turn

WHERE = ("inside", "at once", "pending")  # where an exit is due: on the way, where a part begins
EVENTS = (  # what the oracle notes of a bar: the branches of sections 9 and 10
    *(f"{kind.name} {where}" for kind in (Exit.STOP_LOSS, Exit.MARGIN_CALL) for where in WHERE),
    *(f"TAKE_PROFIT {where}" for where in ("inside", "at once")),
    "TIME_STOP pending",
    "a cancel",
    "a cancel of nothing",
    "a cap after the rate",
    "a cap that would add to an order",
    "a short that has gained",
    "a band of half of what a cap leaves",
    "a band of half the reach",
    "an odd lot at the end",
    "a delisting",
    "a dividend",
    "a fill at rest is no reading",
    "a fill beside others",
    "a part of a target",
    "a part of an order taken off",
    "a path joined",
    "a purchase cut to the cash",
    "a reading cut to its bounds",
    "a rebate held to the half spread",
    "a rebate is no reading",
    "a split",
    "a stop that stood was tighter",
    "a volume not known yet",
    "a wider stop that stands",
    "a trigger on the way",
    "a way of at most two bands",
    "all of an order taken off",
    "an order against another",
    "an order below the minimum",
    "an order on the way",
    "an order refused",
    "an order without room",
    "an order worked otherwise",
    "no band beyond the leverage",
    "no order",
    "the cost at its bound",
    "the last slot kept",
    "the rate",
    "the rate at its floor",
    "two bands of a longer way",
    "two on one side",
    "two sides",
)


def pair_of(draw: int) -> tuple[Pair, np.random.Generator]:
    rng = np.random.default_rng([5, draw])
    arguments = {**reference_configuration(rng), "action": ACTIONS[draw % len(ACTIONS)]}
    return Pair(arguments, seed=int(rng.integers(2**63))), rng


def next_actions(rng: np.random.Generator, last: Any) -> Any:
    """Hold on, change one's mind, or want nothing."""
    assets = len(last)
    fresh = rng.uniform(-1.2, 1.2, assets) * (rng.random(assets) < 0.85)
    if last.ndim == 1:
        return np.where(rng.random(assets) < 0.6, fresh, last)
    worked = rng.uniform(-1.2, 1.2, last.shape)
    worked[:, 0] = fresh * (rng.random(assets) < 0.7)
    return np.where(rng.random((assets, 1)) < 0.7, worked, last)


def run(draw: int, met: Counter[Any]) -> list[tuple[int, Difference]]:
    """Step one random configuration; count what was met and return all disagreements."""
    pair, rng = pair_of(draw)
    actions = np.zeros(pair.env.setup.actions.shape)
    found = []
    for k in range(STEPS):
        actions = next_actions(rng, actions)
        different = pair.step(actions)
        met["step"] += 1
        met.update(pair.met)
        if different and pair.excuses:
            met["excused"] += 1
        else:
            found += [(k, difference) for difference in different]
        for report, stress in zip(pair.reports, pair.stresses, strict=True):
            met["status", report["status"]] += 1
            met["exit", report["exit"]] += 1
            met["bound_by", report["bound_by"]] += 1
            met["fault", report["feed_fault"]] += 1
            met["halted", stress["halted"]] += 1
            met["zero volume"] += report["volume"] == 0.0
            met["rested"] += report["rested"] != 0.0
            met["arrivals", min(report["arrivals"], 2)] += 1
    return found


@cache
def compared(configurations: int) -> tuple[Counter[Any], list[tuple[int, int, Difference]]]:
    met: Counter[Any] = Counter()
    found = [(draw, *each) for draw in range(configurations) for each in run(draw, met)]
    return met, found


@pytest.mark.parametrize("configurations", quick_first([FEW, CONFIGURATIONS]))
def test_kernels_agree_with_the_page(configurations: int) -> None:
    met, found = compared(configurations)
    assert met["step"] == configurations * STEPS
    assert found == [], found[:5]
    assert met["excused"] < 0.005 * met["step"]


@pytest.mark.proof
def test_the_comparison_meets_everything_that_can_happen() -> None:
    met, _ = compared(CONFIGURATIONS)
    codes = {"status": Status, "exit": Exit, "bound_by": BoundBy, "fault": range(6)}
    wanted: list[Any] = [(name, int(code)) for name, kind in codes.items() for code in kind]
    wanted += [("halted", 1), "zero volume", "rested", ("arrivals", 2), *EVENTS]
    assert [item for item in wanted if met[item] == 0] == []


@pytest.mark.slow
@pytest.mark.parametrize("first", range(CONFIGURATIONS, CONFIGURATIONS + MANY, 100))
def test_kernels_agree_with_the_page_over_many_steps(first: int) -> None:
    met: Counter[Any] = Counter()
    found = [(draw, *each) for draw in range(first, first + 100) for each in run(draw, met)]
    assert found == [], found[:5]
    assert met["excused"] < 0.005 * met["step"]


PERTURBATIONS = [
    (accounts, "YEAR_S", 365.0 * 86400.0),
    (decision, "MAX_DISTANCE", 0.3),
    (reference, "FEED_STREAM", 6),
    (orders, "LATENCY_STREAM", 6),
    (orders, "OFFSET_SD", 2.0001),
    (feed, "HALF_LIVES", (5, 20, 61)),
    (feed, "CALM", 1.6),
    (feedback, "KEPT", 0.991),
    (feedback, "DRIFT", 0.021),
    (feedback, "NOISE", 0.091),
    (decision, "CHEAP", 1.31),
    (market, "HALT_SHARE", 0.2),
    (market, "SIZE_STREAM", 6),
    (market, "COMMON_STREAM", 6),
    (market, "COMMON_BARS", 19),
    (prices, "SLOWEST", 0.2),
    (market, "STRETCH_FLOOR", 0.24),
    (limits, "PARTS", 2**19),
    (prices, "PATH_STREAM", 66),
    (path, "CELLS", 25),
    (path, "HALVINGS", 15),
    (path, "REACH", 4.9),
    (path, "GARMAN_KLASS", 0.386),
    (trading, "SEARCHES", 4),
    (trading, "MOST_SEARCHES", 5),
    (decision, "LARGEST_COST", 0.4),
]
RARELY_FELT = [
    (accounts, "WORST", 2e-2),
    (orders, "FURTHEST", 0.3),
    (feedback, "LARGEST", 3.9),
    (path, "LIFTED", 1.1e-3),
    (trading, "SHORTEST", 1 / 200),
]


def str_of(part: Any) -> str:
    return part if isinstance(part, str) else ""


def first_difference() -> Difference | None:
    for draw in (*RARE, *range(CONFIGURATIONS)):
        found = run(draw, Counter())
        if found:
            return found[0][1]
    return None


@pytest.mark.proof
@pytest.mark.parametrize(
    ("module", "name", "value"),
    [*PERTURBATIONS, *(pytest.param(*each, marks=pytest.mark.slow) for each in RARELY_FELT)],
    ids=str_of,
)
def test_a_perturbed_constant_is_noticed(
    module: Any, name: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, name, value)
    assert first_difference() is not None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("group", "name"),
    [
        ("execution", "fee_bps"),
        ("execution", "impact_exponent"),
        ("execution", "spread_exponent"),
        ("risk", "initial_margin"),
        ("risk", "covariance_shrinkage"),
        ("risk", "edge_bars"),
        ("risk", "target_volatility"),
        ("risk", "execution_floor"),
        ("risk", "no_trade_band"),
        ("account", "borrow_rate"),
        ("account", "funding_rate"),
        ("reward", "turnover"),
    ],
)
def test_a_perturbed_setting_is_noticed(
    group: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def perturbed(env: Any) -> dict[str, Any]:
        resolved = deepcopy(env.setup.resolved)
        if resolved[group][name] is not None:
            resolved[group][name] *= 1.0 + 1e-6
        return world_of(SimpleNamespace(setup=env.setup._replace(resolved=resolved)))

    monkeypatch.setattr(comparison, "world_of", perturbed)
    assert first_difference() is not None
