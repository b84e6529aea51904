"""Stops and targets against first passage of Brownian motion, through the environment.

A small position in a market without costs, entered at the first step, carries a stop and a
target at known log distances until one of them closes it. With bars that hold the path's true
extremes, stops work in continuous time. With bars that are points they work at the close of each
bar, which moves both barriers out by 0.5826 standard deviations of a bar (Broadie, Glasserman and
Kou 1997), and the fill overshoots by as much. Half a bar and four standard errors are allowed: an
exit inside a bar is known to a bar, and paths are finite in number.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.lanes import Watched
from trading_env.core.codes import Exit
from trading_env.markets import Market

YEAR = 252  # days
SHIFT = 0.5825971579  # -zeta(1/2) / sqrt(2 pi)
SUBSTEPS = 8
WARMUP = 64


class Case(NamedTuple):
    """Drift and volatility of the log price a year, target and stop as log distances."""

    drift: float
    volatility: float
    target: float
    stop: float

    def chance(self, out: float = 0.0) -> float:
        """P(target first), both barriers moved out by `out`."""
        a, b = self.target + out, self.stop + out
        theta = 2.0 * self.drift / self.volatility**2
        if theta == 0.0:
            return b / (a + b)
        return math.expm1(theta * b) / (math.exp(theta * b) - math.exp(-theta * a))

    def years(self, out: float = 0.0) -> float:
        """Mean time to the first barrier."""
        a, b, p = self.target + out, self.stop + out, self.chance(out)
        if self.drift == 0.0:
            return a * b / self.volatility**2
        return (a * p - b * (1.0 - p)) / self.drift


CASES = [
    Case(0.0, 0.20, 0.03, 0.02),
    Case(0.10, 0.25, 0.10, 0.05),
    Case(-0.15, 0.30, 0.06, 0.06),
    Case(0.1, 1.0, 2.0, 1.0),
]


def market_of(logs: Any, lows: Any, highs: Any) -> Market:
    """Bars whose open is the close before; arrays (paths, bars) of log prices."""
    before = np.concatenate([np.zeros((len(logs), 1)), logs[:, :-1]], axis=1)
    close, opened = np.exp(logs)[..., None], np.exp(before)[..., None]
    return bars_of(opened, np.exp(highs)[..., None], np.exp(lows)[..., None], close)


def bars_of(opened: Any, high: Any, low: Any, close: Any) -> Market:
    bars = close.shape[1]
    return Market(
        symbols=("A",),
        time=1_000_000_000 + 86_400 * np.arange(bars),
        open=100.0 * opened,
        high=100.0 * np.maximum.reduce([high, opened, close]),
        low=100.0 * np.minimum.reduce([low, opened, close]),
        close=100.0 * close,
        volume=np.full_like(close, 1e9),
        signals=np.zeros((*close.shape, 0)),
        bar_seconds=86_400.0,
        bars_per_day=1.0,
        bars_per_year=float(YEAR),
    )


def log_path(case: Case, dt: float, shape: tuple[int, ...], seed: int) -> tuple[Any, Any]:
    """Steps of length dt and their running sums; along a path all axes but the first are one."""
    noise = np.random.default_rng(seed).standard_normal(shape)
    steps = case.drift * dt + case.volatility * math.sqrt(dt) * noise
    return steps, np.cumsum(steps.reshape(shape[0], -1), axis=1).reshape(shape)


def brownian(case: Case, dt: float, paths: int, bars: int, seed: int) -> tuple[Any, Any, Any]:
    """Closes, lows and highs of log price; extremes of each sub-step are those of its bridge."""
    shape = (paths, bars, SUBSTEPS)
    variance = case.volatility**2 * dt / SUBSTEPS
    steps, path = log_path(case, dt / SUBSTEPS, shape, seed)
    begun, rng = path - steps, np.random.default_rng(seed + 100)
    reach = np.sqrt(steps**2 - 2.0 * variance * np.log(rng.random(shape)))
    depth = np.sqrt(steps**2 - 2.0 * variance * np.log(rng.random(shape)))
    highs = (0.5 * (begun + path + reach)).max(axis=2)
    lows = (0.5 * (begun + path - depth)).min(axis=2)
    return path[:, :, -1], lows, highs


class Exits(NamedTuple):
    """How the positions ended."""

    bars: Any  # that each lasted
    targets: Any  # 1 where the target closed it
    overshoot: Any  # of the fill beyond its level, log

    def error(self, values: Any) -> float:
        """Standard error: paths are a sample, and lanes draw theirs with replacement."""
        return float(values.std() * math.sqrt(2.0 / values.size))


def hold_to_exit(market: Market, case: Case, side: float = 1.0) -> Exits:
    """Enter every path at the first step, set the levels, and wait."""
    lanes, length = len(market.close), market.bars - WARMUP - 2
    envs = Watched(
        lanes,
        market=market,
        seed_band=None,
        episode_length=length,
        execution={"preset": "zero", "participation_cap": 1.0},
        risk={"preset": "raw"},
        account={"maintenance_margin": 0.0, "initial_cash": 1e4, "borrow_rate": 0.0},
    )
    envs.reset(seed=1)
    envs.step(np.full((lanes, 1), 0.1 * side))
    assets, accounts = envs.batch.lanes.assets, envs.batch.lanes.accounts
    entry = assets["mark"].copy()
    assert (assets["position"] * side > 0.0).all()
    assets["stop_loss"] = entry * math.exp(-side * case.stop)
    assets["take_profit"] = entry * math.exp(side * case.target)
    level = {
        Exit.STOP_LOSS: assets["stop_loss"].copy(),
        Exit.TAKE_PROFIT: assets["take_profit"].copy(),
    }
    bars, targets = np.zeros(lanes), np.zeros(lanes)
    overshoot, held = np.zeros(lanes), np.ones(lanes, dtype=bool)
    for k in range(1, length):
        value = assets["position"] * assets["seen_close"]
        envs.step(value / accounts["seen_equity"][:, None])  # hold what is held
        report = envs.batch.outputs.reports[:, 0]
        out = held & (report["exit"] != Exit.NONE)
        bars[out] = k
        targets[out] = report["exit"][out] == Exit.TAKE_PROFIT
        for code, values in level.items():
            left = out & (report["exit"] == code)
            overshoot[left] = np.abs(np.log(report["price"][left] / values[left, 0]))
        held &= ~out
        if not held.any():
            break
    assert held.mean() < 1e-3, "the horizon is too short"
    return Exits(bars[~held], targets[~held], overshoot[~held])


def check(
    exits: Exits, chance: float, bars: float, overshoot: float, *, late: float, slack: float = 0.0
) -> None:
    """Compare with theory; an exit is counted `late` bars after it happens."""
    assert abs(exits.targets.mean() - chance) < 4.0 * exits.error(exits.targets) + slack
    allowed = 4.0 * exits.error(exits.bars) + (0.5 if late else 0.0) + slack * bars
    assert abs(exits.bars.mean() - late - bars) < allowed
    allowed = 4.0 * exits.error(exits.overshoot) + 1e-9 + slack * overshoot
    assert abs(exits.overshoot.mean() - overshoot) < allowed


@pytest.mark.proof
@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.drift:g}")
def test_intrabar_stops_are_first_passage_in_continuous_time(case: Case, side: float) -> None:
    """A bar is a sixth of the nearer barrier or less, so that none is wide enough for both."""
    if side < 0.0:
        case = case._replace(drift=-case.drift)  # a short position in the mirror
    dt = (min(case.stop, case.target) / (6.0 * case.volatility)) ** 2
    bars = WARMUP + 2 + int(12.0 * case.years() / dt)
    closes, lows, highs = brownian(case._replace(drift=side * case.drift), dt, 1000, bars, seed=2)
    exits = hold_to_exit(market_of(closes, lows, highs), case, side)
    check(exits, case.chance(), case.years() / dt, 0.0, late=0.5)


@pytest.mark.proof
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.drift:g}")
def test_stops_watched_at_closes_are_first_passage_of_barriers_moved_out(case: Case) -> None:
    """The correction is asymptotic: beside the error of the sample a five-hundredth is allowed."""
    dt = 0.01 if case.volatility == 1.0 else 1.0 / YEAR
    out = SHIFT * case.volatility * math.sqrt(dt)
    bars = WARMUP + 2 + int(12.0 * case.years(out) / dt)
    prices = np.exp(log_path(case, dt, (2000, bars), seed=3)[1])[..., None]
    exits = hold_to_exit(bars_of(prices, prices, prices, prices), case)
    check(exits, case.chance(out), case.years(out) / dt, out, late=0.0, slack=0.002)
    assert exits.overshoot.mean() > 0.5 * out, "the fill is at the close, beyond its level"


def test_a_gap_through_the_stop_fills_where_the_gap_ends() -> None:
    """Exponential jumps have no memory: what the last one goes beyond the stop is exponential."""
    rng = np.random.default_rng(4)
    mean, paths, bars = 0.03, 4000, WARMUP + 220
    jumps = rng.exponential(mean, (paths, bars)) * (rng.random((paths, bars)) < 0.2)
    jumps[:, : WARMUP + 1] = 0.0
    prices = np.exp(-np.cumsum(jumps, axis=1))[..., None]
    exits = hold_to_exit(bars_of(prices, prices, prices, prices), Case(0.0, 1.0, 9.0, 0.08))
    assert exits.targets.sum() == 0.0
    assert abs(exits.overshoot.mean() - mean) < 4.0 * exits.error(exits.overshoot)
    # Jumps until the barrier: one more than a Poisson count of mean stop / mean.
    assert abs(exits.bars.mean() * 0.2 - (1.0 + 0.08 / mean)) < 4.0 * exits.error(exits.bars) * 0.2
