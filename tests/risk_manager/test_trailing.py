"""Stops and targets against the first passage of a Brownian motion with drift.

Log price has drift 0.1 and volatility 1 a unit of time; bars are short, and their highs and lows
are drawn from the Brownian bridge between open and close. With theta = 2 mu / sigma^2, a target at
+a and a stop at -b are closed forms (see `closed_form`); a trailing stop at b leaves at a mean time
((e^(theta b) - 1) / theta - b) / mu. A barrier that is only looked at every dt acts as if it lay
0.5826 sigma sqrt(dt) further out (Broadie, Glasserman, Kou 1997).
"""

import math
from typing import Any

import numpy as np
import pytest
from numba import njit

from tests.helpers import held
from trading_env.core.codes import Exit
from trading_env.core.noise import normal, uniforms
from trading_env.core.records import AssetState, new_table
from trading_env.core.values import Bar, Level
from trading_env.execution_engine.bar_path import whole_bar
from trading_env.execution_engine.touches import reaches
from trading_env.risk_manager.levels import trail_stop

DRIFT, UP, DOWN = 0.1, 2.0, 1.0
OVERSHOOT = 0.5825971579
STOP, TARGET = Exit.STOP_LOSS.value, Exit.TAKE_PROFIT.value
SEED = np.uint64(11)


@njit
def passages(asset: Any, paths: int, dt: float, inside: bool, trailing: bool, out: Any) -> None:
    """Write for each path whether the target came first, the time and the log price of the exit."""
    for p in range(paths):
        x = 0.0
        k = 0
        asset.position = 1.0
        asset.stop_distance = DOWN
        asset.stop_loss = math.exp(-DOWN)
        asset.take_profit = 1e300 if trailing else math.exp(UP)
        asset.seen_close = 1.0
        code = 0
        while code == 0:
            z = normal(SEED, p, k, 0, 0)
            y = x + DRIFT * dt + math.sqrt(dt) * z
            low, high = min(x, y), max(x, y)
            if inside:
                first, second = uniforms(SEED, p, k, 0, 1)
                square = (y - x) ** 2
                low = 0.5 * (x + y - math.sqrt(square - 2.0 * dt * math.log(1.0 - first)))
                high = 0.5 * (x + y + math.sqrt(square - 2.0 * dt * math.log(1.0 - second)))
            elif not trailing:
                low, high = y, y
            bar = Bar(math.exp(x), math.exp(high), math.exp(low), math.exp(y), 1.0)
            part = whole_bar(bar)
            price = bar.open
            stop = Level(0, STOP, -1, asset.stop_loss)
            target = Level(1, TARGET, -1, asset.take_profit)
            if bar.open <= asset.stop_loss or reaches(part, stop, 1.0):
                code, price = STOP, min(bar.open, asset.stop_loss)
            elif reaches(part, target, -1.0):
                code, price = TARGET, asset.take_profit
            if trailing and code == 0:
                asset.seen_before = asset.seen_close
                asset.seen_close = bar.close
                trail_stop(asset, 0.0)
            x = y
            k += 1
        out[p, 0] = 1.0 if code == Exit.TAKE_PROFIT else 0.0
        out[p, 1] = k * dt
        out[p, 2] = math.log(price)


def simulated(paths: int, dt: float, *, inside: bool = True, trailing: bool = False) -> Any:
    assets = new_table(AssetState, 1)
    assets[0] = held(1.0)
    out = np.zeros((paths, 3))
    passages(assets[0], paths, dt, inside, trailing, out)
    return out


def closed_form(up: float, down: float) -> tuple[float, float]:
    """Chance that the target is first, and the mean time to either."""
    theta = 2.0 * DRIFT
    chance = math.expm1(theta * down) / (math.exp(theta * down) - math.exp(-theta * up))
    return chance, (up * chance - down * (1.0 - chance)) / DRIFT


def test_the_closed_form_of_the_unit_case() -> None:
    assert closed_form(UP, DOWN) == pytest.approx((0.401760, 2.052787), abs=1e-6)


@pytest.mark.proof
def test_levels_inside_the_bar_are_watched_all_the_time() -> None:
    """Four standard errors; the exit is counted at the end of its bar, half a bar late."""
    found = simulated(40_000, 0.01)
    chance, time = closed_form(UP, DOWN)
    error = found.std(axis=0) / math.sqrt(len(found))
    assert found[:, 0].mean() == pytest.approx(chance, abs=4.0 * error[0])
    assert found[:, 1].mean() - 0.005 == pytest.approx(time, abs=4.0 * error[1])
    exits = np.unique(np.round(found[:, 2], 9))
    assert exits == pytest.approx([-DOWN, UP])  # at the levels, never beyond


@pytest.mark.proof
def test_levels_that_only_closes_reach_act_as_if_they_lay_further_out() -> None:
    """Bars without extremes of their own: what mixing up the two kinds of stop would look like."""
    found = simulated(40_000, 0.01, inside=False)
    shift = OVERSHOOT * math.sqrt(0.01)
    chance, time = closed_form(UP + shift, DOWN + shift)
    error = found.std(axis=0) / math.sqrt(len(found))
    assert found[:, 0].mean() == pytest.approx(chance, abs=4.0 * error[0])
    assert found[:, 1].mean() == pytest.approx(time, abs=4.0 * error[1])


@pytest.mark.proof
def test_a_trailing_stop_leaves_at_its_mean_time_as_bars_get_short() -> None:
    """It looks at closes, so it lags by a multiple of sqrt(dt): extrapolated from two lengths."""
    coarse, fine = (simulated(20_000, dt, trailing=True) for dt in (0.01, 0.0025))
    times = 2.0 * fine[:, 1].mean() - coarse[:, 1].mean()
    theta = 2.0 * DRIFT
    mean = (math.expm1(theta * DOWN) / theta - DOWN) / DRIFT
    assert mean == pytest.approx(1.070138, abs=1e-6)
    error = math.hypot(2.0 * fine[:, 1].std(), coarse[:, 1].std()) / math.sqrt(20_000)
    assert times == pytest.approx(mean, abs=4.0 * error)
    for found in (coarse, fine):  # Wald: whatever the rule, the mean exit is drift x mean time
        exits, noise = found[:, 2].mean(), found[:, 2].std() / math.sqrt(20_000)
        assert exits == pytest.approx(DRIFT * found[:, 1].mean(), abs=4.0 * noise)
