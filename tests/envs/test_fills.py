"""Fills of random environments: in the bar, under the cap, on tick and lot."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from tests.configurations import random_configuration
from tests.helpers import off_grid
from tests.lanes import Watched
from trading_env.core.codes import Exit, Factor, SlotState
from trading_env.execution_engine.config import ExecutionConfig

CONFIGURATIONS, LANES, STEPS = 27, 32, 50


def fills_of(slots: Any, before: Any, reports: Any) -> Any:
    """One row a fill: quantity, notional, what it paid, if it may rest, and the asset's place.

    An order fills once in a bar at most, and so does an exit, which is what is left of the report.
    """
    fresh = slots["filled"] == slots["step_filled"]
    names = ("notional", "spread", "impact")
    gained = {name: slots[name] - np.where(fresh, 0.0, before[name]) for name in names}
    mine = (slots["step_filled"] != 0.0) & (slots["state"] != SlotState.EMPTY)
    side, limit = np.sign(slots["quantity"]), slots["limit"]
    paid = gained["notional"] / np.maximum(np.abs(slots["step_filled"]), 1e-300)
    limited = mine & (limit != 0.0)
    slack = 1e-11 * slots["notional"] / np.maximum(np.abs(slots["step_filled"]), 1e-300)
    assert (side * (paid - limit) <= slack)[limited].all(), "worse than its limit"
    lane, _, asset = np.nonzero(mine)
    parts = [gained[name][mine] for name in names]
    rests = limit[mine] != 0.0
    orders = [slots["step_filled"][mine], *parts, slots["notional"][mine], rests, lane, asset]
    exited = reports["filled"] - reports["order_filled"]
    out = np.abs(exited) > 1e-9 * reports["traded"]
    parts = [(reports[n] - np.where(mine, gained[n], 0.0).sum(1))[out] for n in names]
    rests = reports["exit"][out] == Exit.TAKE_PROFIT
    exits = [exited[out], *parts, reports["notional"][out], rests, *np.nonzero(out)]
    return np.vstack([np.column_stack(orders), np.column_stack(exits)])


def gridded(draw: int) -> tuple[Watched, dict[str, Any]]:
    """A random configuration with a tick and a lot that fit its market."""
    rng = np.random.default_rng([11, draw])
    kwargs = random_configuration(rng)
    market = Watched(1, **kwargs)
    market.reset(seed=draw)
    assets = market.batch.lanes.assets
    rebate_bps = min(0.5, ExecutionConfig.of(kwargs["execution"]).half_spread_bps)
    kwargs["execution"] |= {
        "tick": float(assets["mark"].min() * rng.choice([1e-5, 1e-4, 1e-3])),
        "lot": float(assets["volume_mean"].min() * rng.choice([1e-7, 1e-5, 1e-3])),
        "fee_maximum_bps": [None, 50.0][rng.integers(2)],
        "maker_fee_bps": [None, -rebate_bps][rng.integers(2)],
        "order_type": ["market", "limit"][rng.integers(2)],
        "limit_offset_bps": float(rng.choice([-20.0, 0.0, 30.0])),
    }
    # Coefficients far from any market's would cost more than the price itself.
    for name in ("volatility_scaled", "inverse_turnover_days", "spread_exponent"):
        kwargs["execution"].pop(name, None)
    return Watched(LANES, **kwargs), kwargs["execution"]


def test_fills_of_a_random_environment_lie_in_the_bar_under_the_cap_and_on_the_grid() -> None:
    assert checked_fills([1]) > 1000


@pytest.mark.proof
def test_fills_of_random_environments_lie_in_the_bar_under_the_cap_and_on_the_grid() -> None:
    assert checked_fills(range(2, CONFIGURATIONS)) > 20_000


@pytest.mark.slow
def test_a_million_fills_lie_in_the_bar_under_the_cap_and_on_the_grid() -> None:
    assert checked_fills(range(1000, 1900)) > 1_000_000


def checked_fills(draws: Iterable[int]) -> int:
    """Check every fill of some configurations; return how many there were."""
    count, odd = 0, 0
    for draw in draws:
        envs, execution = gridded(draw)
        envs.reset(seed=draw)
        rng, batch = np.random.default_rng(draw), envs.batch
        for _ in range(STEPS):
            before = batch.lanes.slots.copy()
            usual = batch.lanes.assets["volume_usual"].copy()
            _, _, terminated, truncated, _ = envs.step(
                rng.uniform(-1.1, 1.1, envs.action_space.shape)
            )
            reports, lot = batch.outputs.reports, execution["lot"]
            dry = reports["volume"] == 0.0  # a halt is a bar without volume
            assert (reports["traded"][dry] == 0.0).all()
            factor = batch.outputs.stresses["factor"][..., Factor.VOLUME]
            share = execution["participation_cap"]
            known = np.minimum(share * factor * usual, reports["volume"])
            cap = np.maximum(share * reports["volume"], known)
            assert (reports["traded"] <= cap * (1 + 1e-12) + 1e-8 * lot).all()

            quantity, notional, spread, impact, total, rests, i, a = fills_of(
                batch.lanes.slots, before, reports
            ).T
            bar = reports[i.astype(int), a.astype(int)]
            size = np.abs(quantity)
            slack = 1e-11 * total / size  # sums of notional were subtracted
            price = notional / size
            mid = price - np.sign(quantity) * (spread + impact) / size
            # Arithmetic costs can exceed a price: a notional is then that of a price below 0, and
            # a sale below one tick stays as it is.
            whole = bar["low"] >= execution["tick"]  # the market has not collapsed
            plain = whole & (spread + impact < notional) & (price >= execution["tick"])
            # The path reaches a resting order by the price of all that the bar can fill of it, U at
            # most the cap. Of a smaller fill q the ledger's middle lies off it by what their
            # impacts differ by. The permanent: less than U's, (e^z - 1) / z - 1 <= (e^z - 1) / 2 of
            # the price with z = kappa U, or z / 2 of the first price. The temporary: it grows by no
            # more than (U / q)^beta, whatever the bar has traded before.
            place = i.astype(int), a.astype(int)
            asset = batch.lanes.assets[place]
            z = asset["permanent_unit"] * cap[place]
            first = execution["impact_reference"] == "first"
            off = z * asset["reference_price"] if first else np.expm1(z) * bar["high"]
            grown = (cap[place] / size) ** ExecutionConfig.of(execution).impact_exponent - 1.0
            off = 0.5 * off + np.maximum(impact, 0.0) / size * np.maximum(grown, 0.0)
            off_path = slack + np.where(rests == 1.0, off, 0.0)
            assert (mid >= bar["low"] - off_path)[plain].all()
            assert (mid <= bar["high"] + off_path)[plain].all()
            odd += int((whole & ~plain).sum())
            off = off_grid(price, execution["tick"]) - slack / execution["tick"]
            assert (off <= 1e-6)[plain].all()
            rounding = 1e-15 * size / lot  # a few units in the last place of the number of lots
            assert (off_grid(quantity, lot) <= 1e-6 + rounding).all()
            assert (size > 0.5 * lot).all()
            count += int(whole.sum())
            envs.renew(terminated | truncated)
    assert odd < 0.01 * count
    return count
