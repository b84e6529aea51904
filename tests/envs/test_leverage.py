"""A leveraged account in crises: money is conserved, calls end flat, and ruin is final.

Random bets of up to eight times equity, held for ten bars on average, on assets whose volume caps
what a forced exit can sell in a bar; interest, borrow fees and funding on. With S the scale of the
money that moved (equity, gross exposure and notional) identities hold within 1e-9 S.
"""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from tests.lanes import Watched
from trading_env.core.codes import Exit
from trading_env.core.records import Floats
from trading_env.execution_engine.account import YEAR_S

TOLERANCE = 1e-9
RATES = {"cash_rate": 0.03, "margin_rate": 0.09, "borrow_rate": 0.2, "funding_rate": 0.11}
LEVERED: dict[str, Any] = {
    "market": {"generator": "multiscale", "assets": 3, "paths": 16, "bars": 400},
    "scenario": {"one_of": ["calm", "flash_crash_2010", "covid_2020", "exchange_outage"]},
    "severity": 2.0,
    "risk": {
        "preset": "linear",
        "max_weight": 4.0,
        "max_leverage": 8.0,
        "initial_margin": 0.12,
        "max_drawdown": 1.0,
        "participation_bars": 100.0,
    },
    "execution": {"participation_cap": 0.02},
    "account": {"account_share": 0.02, "maintenance_margin": 0.08, **RATES},
    "episode_length": 200,
}


def financing(assets: Any, cash: Floats, seconds: Floats) -> Floats:
    """What every account pays for the time between two bars, from the rates alone."""
    years = seconds / YEAR_S
    rate = np.where(cash > 0.0, RATES["cash_rate"], RATES["margin_rate"])
    value = assets["position"] * assets["mark"]
    fees = RATES["borrow_rate"] * np.maximum(-value, 0.0) + RATES["funding_rate"] * value
    owed: Floats = years * fees.sum(1) - cash * np.expm1(rate * years)
    return owed


def check_money(before: Any, after: Any, reports: Any, owed: Floats) -> None:
    """Equity is cash and holdings, and cash moves by fills, fees and financing alone."""
    (accounts, assets), (now, held) = before, after
    value = held["position"] * held["value"]
    scale = np.abs(accounts["equity"]) + np.abs(value).sum(1) + reports["notional"].sum(1)
    slack = TOLERANCE * (scale + np.abs(accounts["cash"]))
    assert (np.abs(now["equity"] - now["cash"] - value.sum(1)) <= slack).all()
    flow = (reports["cash_flow"] - reports["fees"]).sum(1) - owed
    assert (np.abs(now["cash"] - accounts["cash"] - flow) <= slack).all()
    moved = held["position"] - assets["position"] - reports["filled"]
    assert (np.abs(moved * held["mark"]) <= slack[:, None]).all()
    parts = sum(reports[name] for name in ("delay", "spread", "impact", "fees", "opportunity"))
    assert (np.abs(parts - reports["shortfall"]) <= slack[:, None]).all()


def check_exits(assets: Any, held: Any, reports: Any) -> Any:
    """A position that was called shrinks in every bar that trades, and is called until it is flat.

    Returns:
        Where a called position was left over for the next bar.
    """
    called = assets["exit_pending"] == Exit.MARGIN_CALL
    before, left = assets["position"][called], held["position"][called]
    assert (before != 0.0).all()
    assert (left * before >= 0.0).all()
    traded = reports["volume"][called] > 0.0
    assert (np.abs(left) < np.abs(before))[traded].all()
    assert (left == before)[~traded].all()
    assert (held["exit_pending"][called] == np.where(left, Exit.MARGIN_CALL, Exit.NONE)).all()
    assert (reports["sent"][called] == 0.0).all()
    return called & (held["position"] != 0.0)


def walk(lanes: int, steps: int, seed: int) -> Counter[str]:
    """Step at random; return what was met."""
    envs = Watched(lanes, **LEVERED)
    envs.reset(seed=seed)
    batch, elapsed = envs.batch, envs.setup.world.elapsed_s
    rng, met = np.random.default_rng(seed), Counter[str]()
    actions = rng.choice([-1.0, 1.0], envs.action_space.shape)
    for _ in range(steps):
        before = batch.lanes.accounts.copy(), batch.lanes.assets.copy()
        actions = np.where(rng.random(envs.action_space.shape) < 0.1, -actions, actions)
        *_, terminated, truncated, _ = envs.step(actions)
        now, held, reports = batch.lanes.accounts, batch.lanes.assets, batch.outputs.reports
        owed = financing(before[1], before[0]["cash"], elapsed[now["row"]])
        check_money(before, (now, held), reports, owed)
        left = check_exits(before[1], held, reports)
        new = (held["exit_pending"] == Exit.MARGIN_CALL) & ~left
        broke = now["equity"] <= 0.0
        assert (broke == terminated).all()
        gross = np.abs(held["position"] * held["value"]).sum(1)
        due = ((now["equity"] < 0.08 * gross) & ~broke)[:, None] & (held["position"] != 0.0)
        assert (held["exit_pending"][due] == Exit.MARGIN_CALL).all()
        found = {"calls": new, "leftovers": left, "ruins": broke, "shorts": held["position"] < 0.0}
        met.update({name: int(where.sum()) for name, where in found.items()})
        ended = terminated | truncated
        if ended.any():
            with pytest.raises(RuntimeError, match="has ended"):
                envs.step(actions)
            envs.renew(ended)
            fresh = batch.lanes.accounts[ended]
            assert (fresh["equity"] == fresh["initial_equity"]).all()
            assert (batch.lanes.assets["position"][ended] == 0.0).all()
    return met


def test_two_thousand_levered_steps() -> None:
    met = walk(32, 60, 2)
    assert min(met["calls"], met["shorts"]) > 10


@pytest.mark.proof
def test_twenty_thousand_levered_steps() -> None:
    met = walk(128, 160, 0)
    assert min(met["calls"], met["leftovers"], met["shorts"]) > 50
    assert met["ruins"] > 0


@pytest.mark.slow
def test_a_million_levered_steps() -> None:
    met = walk(1000, 1000, 1)
    assert min(met["calls"], met["leftovers"], met["ruins"]) > 100
