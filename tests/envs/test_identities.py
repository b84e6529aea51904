"""Accounting identities over a million random steps and seventy-two random configurations.

With S the scale of the money that moved (equity before the step, gross exposure and notional; for
the ledger also what was asked for, at the marks before and after), each identity holds within
1e-9 S: every term is a sum of at most a dozen rounded products.
"""

import numpy as np
import pytest

from tests.configurations import CHOSEN, random_configuration
from tests.lanes import Watched, quick_first
from trading_env.core.codes import Factor
from trading_env.core.records import Floats
from trading_env.envs.vector import PortfolioVectorEnv

CONFIGURATIONS = 72  # in the last ten the agent chooses its orders
LANES = 256
STEPS = 66  # 72 x 256 x 66 = 1,216,512, two episodes and more in each lane
TOLERANCE = 1e-9


def excess(left: Floats, right: Floats, scale: Floats) -> float:
    """Largest deviation in units of the tolerance."""
    return float(np.max(np.abs(left - right) / scale)) / TOLERANCE


@pytest.mark.proof
@pytest.mark.parametrize("draw", quick_first(reversed(range(CONFIGURATIONS)), 2))
def test_accounts_and_ledgers_add_up(draw: int) -> None:
    rng = np.random.default_rng([2026, draw])
    kwargs = random_configuration(rng)
    if draw >= CONFIGURATIONS - 10:
        kwargs["action"] = CHOSEN[draw % 2]
    envs = Watched(LANES, **kwargs)
    envs.reset(seed=draw)
    low, high = envs.single_observation_space.low, envs.single_observation_space.high
    batch = envs.batch
    for _ in range(STEPS):
        accounts = batch.lanes.accounts.copy()
        assets = batch.lanes.assets.copy()
        observations, rewards, terminated, truncated, _ = envs.step(
            rng.uniform(-1.1, 1.1, envs.action_space.shape)
        )
        after, now, reports = batch.lanes.accounts, batch.lanes.assets, batch.outputs.reports
        exposure = np.abs(now["position"]) * np.maximum(now["mark"], now["value"])
        scale = np.abs(accounts["equity"]) + exposure.sum(1) + reports["notional"].sum(1)
        by_asset = scale[:, None]

        value = (now["position"] * now["value"]).sum(1)
        assert excess(after["equity"], after["cash"] + value, scale) <= 1.0

        financing = after["financing_paid"] - accounts["financing_paid"]
        change = (reports["cash_flow"] - reports["fees"]).sum(1) - financing
        assert excess(after["cash"] - accounts["cash"], change, scale) <= 1.0

        moved = now["position"] - assets["position"]
        assert excess(moved, reports["filled"], by_asset / now["mark"]) <= 1.0

        asked = np.abs(reports["live"]) * (assets["mark"] + now["mark"])
        by_asset = by_asset + asked + np.abs(reports["exit_claim"]) * reports["exit_reference"]
        ledger = sum(reports[name] for name in ("delay", "spread", "impact", "fees", "opportunity"))
        assert excess(ledger, reports["shortfall"], by_asset) <= 1.0
        paper = reports["live"] * (now["mark"] - assets["mark"])
        paper += reports["exit_claim"] * (now["mark"] - reports["exit_reference"])
        actual = reports["cash_flow"] + reports["filled"] * now["mark"] - reports["fees"]
        assert excess(ledger, paper - actual, by_asset) <= 1.0

        share, volume = kwargs["execution"]["participation_cap"], reports["volume"]
        factor = batch.outputs.stresses["factor"][..., Factor.VOLUME]
        expected = factor * assets["volume_usual"]
        cap = np.maximum(share * volume, np.minimum(share * expected, volume))
        assert (reports["traded"] <= cap * (1 + 1e-12)).all()
        assert np.isfinite(rewards).all()
        assert np.isfinite(observations).all()
        assert (observations >= low).all()
        assert (observations <= high).all()
        assert (after["equity"][terminated] <= 0.0).all()
        assert (after["equity"][~terminated] > 0.0).all()
        envs.renew(terminated | truncated)


def test_growth_terms_add_up_to_log_growth() -> None:
    envs = PortfolioVectorEnv(16, autoreset_mode="Disabled", reward="growth", detail="full")
    _, info = envs.reset(seed=3)
    start = info["equity"]
    total = np.zeros(16)
    rng = np.random.default_rng(0)
    for _ in range(252):
        info = envs.step(rng.uniform(-1, 1, envs.action_space.shape))[4]
        total += info["reward_terms"]["growth"]
        leaving = info["reward_terms"]["liquidation"]
    assert (leaving < 0.0).all()
    np.testing.assert_allclose(total, np.log(info["equity"] / start), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(info["summary"]["reward"], 100.0 * (total + leaving), rtol=1e-9)


def test_order_ledgers_add_up_to_perolds_shortfall() -> None:
    """Summed over its life, an order's ledger is paper profit less actual, fees included."""
    envs = Watched(
        32,
        market={"generator": "multiscale", "paths": 4, "bars": 200},
        account={"account_share": 2.0},
        execution={"participation_cap": 0.05},
        risk={"stops": False, "mode": "linear"},
        episode_length=60,
    )
    envs.reset(seed=1)
    rng = np.random.default_rng(1)
    checked = 0
    for _ in range(60):
        envs.step(rng.uniform(-1, 1, envs.action_space.shape))
        marks = envs.batch.lanes.assets["mark"]
        for i, s, a in np.argwhere(envs.batch.lanes.slots["state"] == 3):
            slot = envs.batch.lanes.slots[i, s, a]
            if slot.claim != slot.step_filled + slot.left or slot.claim == 0.0:
                continue  # replaced orders stand for nothing in their last step
            side = np.sign(slot.quantity)
            paid = side * slot.notional + slot.fees
            missed = (slot.quantity - slot.filled) * (marks[i, a] - slot.decision_price)
            perold = paid - slot.filled * slot.decision_price + missed
            ledger = slot.delay + slot.spread + slot.impact + slot.fees + slot.opportunity
            assert ledger == pytest.approx(perold, rel=1e-9, abs=1e-9 * slot.notional + 1e-6)
            checked += 1
    assert checked > 1000
