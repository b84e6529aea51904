"""No round trip pays, however volatility, volume and the scenario vary while it is on.

The price itself moves, so what it did is taken off: with S the price without the account's own
impact where a fill meets the market, a fill of q units paid at p costs q (p - S), or that over S
where impact is a fraction of the price and not of the first one. A schedule that ends where it
began has then paid

    sum of q (p - S) + fees >= 0    or    sum of (q (p - S) + fees) / S >= 0

for every path of the price, not in the mean: permanent impact is a function of the position, at
one coefficient an episode, and all else that is paid is positive. Orders arrive at the open, where
they all meet one price; the cap leaves parts of them to later bars, at what impact costs then.

Events that make orders late are left out of the presets, since a bar then has fills at several
prices. Not covered: resting orders, whose fills the path of the price decides; rebates.
"""

from typing import Any

import numpy as np
import pytest

from tests.lanes import Watched
from trading_env.core.codes import ImpactReference
from trading_env.core.records import Floats
from trading_env.execution_engine.config import ExecutionConfig
from trading_env.stress.events import Latency, Outage
from trading_env.stress.scenario import Scenario, load_preset, preset_names

BARS, CLOSING = 30, 8  # of an episode, and of its last bars that lead back to nothing
ROUNDING = 1e-12  # of what was bought and sold
STORM = Scenario.model_validate(
    {
        "name": "storm",
        "events": [
            {"kind": "volatility", "start": "4 bars", "duration": "6 bars", "multiplier": 5.0},
            {
                "kind": "liquidity",
                "start": "7 bars",
                "duration": "6 bars",
                "volume": 1e-3,
                "depth": 0.1,
            },
            {"kind": "liquidity", "start": "14 bars", "duration": "4 bars", "volume": 30.0},
            {"kind": "resilience", "start": "2 bars", "duration": "15 bars", "multiplier": 0.2},
            {"kind": "fees", "start": "5 bars", "duration": "9 bars", "multiplier": 3.0},
        ],
    }
)


def prompt(name: str) -> Scenario:
    """Return a preset without the events that make orders late."""
    preset = load_preset(name)
    events = tuple(event for event in preset.events if not isinstance(event, (Latency, Outage)))
    return preset.model_copy(update={"events": events})


CASES = [(prompt(name), "default") for name in preset_names()] + [
    (STORM, costs) for costs in ExecutionConfig.presets
]


def name_of(case: Any) -> str:
    """Name a case."""
    scenario, costs = case
    return f"{scenario.name}-{costs}"


def paid_for_round_trips(case: Any, tries: int, seed: int, **execution: Any) -> tuple[Floats, int]:
    """Play random zero-sum schedules; return what each paid over its turnover, and the bars filled.

    Schedules that ruin or a halt kept from their end are left out.
    """
    scenario, costs = case
    execution = {"preset": costs, "latency": "zero", **execution}
    additive = ExecutionConfig.of(execution).impact_reference is ImpactReference.FIRST
    envs = Watched(
        tries,
        market={"generator": "multiscale", "assets": 1, "paths": 64, "bars": 400},
        scenario=scenario,
        execution=execution,
        risk={"preset": "raw", "max_weight": 1.0, "max_drawdown": 1.0},
        account={"account_share": 30.0, "maintenance_margin": 0.0, "cash_rate": 0.0,
                 "margin_rate": 0.0, "borrow_rate": 0.0},
        episode_length=BARS,
    )  # fmt: skip
    envs.reset(seed=seed)
    rng = np.random.default_rng(seed)
    # Sizes over four orders of magnitude, so that no part of the cost hides behind another; some
    # trade seldom, so that whole regimes pass between two of their trades.
    size, often = 10.0 ** rng.uniform(-6.0, -2.0, tries), rng.uniform(0.1, 1.0, tries)
    wanted, paid, turnover, bars = np.zeros(tries), np.zeros(tries), np.zeros(tries), 0
    alive = np.ones(tries, dtype=np.bool_)
    for step in range(BARS):
        new = size * rng.uniform(-1.0, 1.0, tries)
        if step >= BARS - CLOSING:
            new, often = np.zeros(tries), np.ones(tries)
        wanted = np.where(rng.random(tries) < often, new, wanted)
        assets = envs.batch.lanes.assets[:, 0]
        lasting, first = assets["permanent"].copy(), assets["reference_price"]
        *_, ruined, _, _ = envs.step(wanted[:, None])
        report = envs.batch.outputs.reports[:, 0]
        filled = report["filled"]
        met = filled != 0.0
        cost = report["spread"] + report["impact"]
        moment = -(report["cash_flow"] + cost) / np.where(met, filled, 1.0)
        price = moment - lasting * first if additive else moment * np.exp(-lasting)
        own = np.where(met, price, 1.0)
        assert additive or (own > 0.0).all()
        assert (np.abs(report["traded"] - np.abs(filled)) <= 1e-12 * report["traded"]).all()
        worse = report["fees"] - report["cash_flow"] - filled * own
        paid += worse / (first if additive else own)
        turnover += np.abs(filled)
        bars += int(met.sum())
        alive &= ~ruined
        envs.renew(ruined)
    flat = alive & (envs.batch.lanes.assets["position"][:, 0] == 0.0) & (turnover > 0.0)
    assert flat.mean() > 0.05  # the halt of svb_2023 lasts to the end of most
    return paid[flat] / turnover[flat], bars


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_no_round_trip_pays_while_the_market_varies(case: Any) -> None:
    paid, bars = paid_for_round_trips(case, 400, 0)
    assert bars > 2_000
    assert paid.min() >= -ROUNDING


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_no_round_trip_of_a_million_pays(case: Any) -> None:
    tries = -(-1_000_000 // len(CASES))
    paid, _ = paid_for_round_trips(case, tries, 1)
    assert paid.min() >= -ROUNDING


def test_permanent_impact_alone_gives_back_what_it_took() -> None:
    """Without it, the law above would hold by the spread alone."""
    nothing = {"half_spread_bps": 0.0, "temporary_impact": 0.0, "fee_bps": 0.0}
    paid, _ = paid_for_round_trips(
        (STORM, "default"), 400, 2, **nothing, transient_weights=(0.0, 0.0, 0.0)
    )
    assert np.abs(paid).max() <= ROUNDING
