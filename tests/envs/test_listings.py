"""Assets that are newly listed, which have no past, and delisted, which have no future."""

from typing import Any

import numpy as np
import pytest

from trading_env.core.averages import MIN_VARIANCE, SETTLED, square_of, weight_of
from trading_env.envs.execution import ExecutionEnv
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.markets import Market

DAY_S, BARS, LISTED, SD, PATHS = 86_400, 300, 100, 0.02, 64
FREE = {"preset": "zero", "participation_cap": 1.0}


def walk() -> Market:
    """Two assets of one volatility, with ways inside their bars; the second is listed later."""
    rng = np.random.default_rng(7)
    moves = rng.normal(0.0, SD / 4.0, (PATHS, BARS, 2, 16))
    inside = 100.0 * np.exp(np.cumsum(moves.transpose(0, 2, 1, 3).reshape(PATHS, 2, -1), axis=2))
    inside = inside.reshape(PATHS, 2, BARS, 16).transpose(0, 2, 1, 3)
    close = inside[..., -1]
    opened = np.concatenate((np.full((PATHS, 1, 2), 100.0), close[:, :-1]), axis=1)
    bars = {"open": opened, "close": close, "volume": np.full(close.shape, 1e6)}
    bars["high"] = np.maximum(inside.max(axis=3), opened)
    bars["low"] = np.minimum(inside.min(axis=3), opened)
    listed = np.ones(close.shape)
    first = opened[:, LISTED, 1:2].copy()
    for name in ("open", "high", "low", "close"):
        bars[name][:, :LISTED, 1] = first
    listed[:, :LISTED, 1] = bars["volume"][:, :LISTED, 1] = 0.0
    return Market(
        symbols=("OLD", "NEW"),
        time=DAY_S * np.arange(1, BARS + 1),
        **bars,
        signals=np.zeros((*close.shape, 0)),
        notices={"listed": listed},
    )


def deviations(start: int, steps: int) -> Any:
    """Standard deviation of both positions over equity, median of paths, (steps, 2)."""
    env = PortfolioEnv(
        market=walk(),
        risk={
            "mode": "volatility_target",
            "target_volatility": 0.005,
            "stops": False,
            "max_weight": 5.0,
            "max_leverage": 10.0,
            "initial_margin": 0.1,
            "max_drawdown": 1.0,
            "participation_bars": 100.0,
        },
        execution=FREE,
        episode_length=steps,
        seed_band=None,
        detail="full",
    )
    held = np.zeros((PATHS, steps, 2))
    for path in range(PATHS):
        env.reset(seed=0, options={"path": path, "start": start})
        for k in range(steps):
            info = env.step(np.ones(2))[-1]
            held[path, k] = info["position"] * info["mark"] / info["equity"]
    return SD * np.median(held, axis=0)


def test_a_new_listing_is_held_at_the_volatility_target() -> None:
    """Before, days that stood still counted as quiet ones: 12 times the target on the first."""
    first = LISTED - 90
    found = deviations(90, 40)
    assert (found[:first, 1] == 0.0).all()
    assert (found[:, 0] < 1.3 * 0.005).all()
    assert (found[first : first + 4, 1] < 1.3 * 0.005).all()
    assert found[first + 10 :, 1] == pytest.approx(0.005, rel=0.2)


def test_a_reset_after_a_listing_knows_what_has_been_seen_since() -> None:
    assert deviations(LISTED + 4, 3)[1:, 1] == pytest.approx(0.005, rel=0.4)


def test_a_new_variance_begins_with_the_range_and_weighs_its_bars_alike() -> None:
    variance, squares = MIN_VARIANCE, []
    for n in range(1, 12):
        square = square_of(0.01 * n, 103.0, 100.0, n, variance)
        squares.append(square)
        variance += weight_of(0.01, n, variance) * (square - variance)
        assert variance == pytest.approx(np.mean(squares), rel=1e-12)
    assert squares[0] == pytest.approx(np.log(1.03) ** 2, rel=1e-12)
    assert squares[1:] == pytest.approx([(0.01 * n) ** 2 for n in range(2, 12)], rel=1e-12)


def test_weights_join_the_usual_ones() -> None:
    for rate in (0.0669670084631926, 0.0114859719962183):  # half-lives of 10 and 60 bars
        weights = [weight_of(rate, n, 1e-4) for n in range(2, SETTLED + 1)]
        assert weights == sorted(weights, reverse=True) and weights[-1] == rate
    assert weight_of(0.1, 0, 1e-4) == 0.0


def closing_down(recovery: float) -> Market:
    """Two assets that stand at 100, the second of which is delisted in bar 110."""
    shape = (1, 200, 2)
    price, volume, listed = np.full(shape, 100.0), np.full(shape, 1e6), np.ones(shape)
    listed[:, 110:, 1] = volume[:, 110:, 1] = 0.0
    return Market(
        symbols=("A", "B"),
        time=DAY_S * np.arange(1, 201),
        **dict.fromkeys(("open", "high", "low", "close"), price),
        volume=volume,
        signals=np.zeros((*shape, 0)),
        notices={"listed": listed, "recovery": np.full(shape, recovery)},
    )


@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize(("pace", "left"), [(1.0, 0.0), (0.0, 0.7), (-1.0, 1.0)])
@pytest.mark.parametrize("recovery", [0.2, 1.5])
def test_a_parent_order_owes_for_a_delisting_what_it_has_left(
    side: float, pace: float, left: float, recovery: float
) -> None:
    """Perold's paper portfolio traded it all at the start: a buyer's rest has been spared."""
    env = ExecutionEnv(
        market=closing_down(recovery),
        parent={"quantity": [1e4, side * 1e4]},
        episode_length=30,
        execution=FREE,
        seed_band=None,
        detail="full",
        reward={"preset": "arrival_price", "risk": 0.0},
    )
    env.reset(seed=0, options={"start": 100})
    total, terminated = 0.0, False
    while not terminated:
        _, reward, terminated, _, info = env.step(np.array([1.0, pace]))
        total += reward
    cost = side * left * (recovery - 1.0) * 1e6
    assert info["summary"]["parent_shortfall_bps"] == pytest.approx(1e4 * cost / 2e6, abs=1e-6)
    assert total == pytest.approx(-100.0 * cost / 2e6, abs=1e-9)
    assert info["summary"]["parent_cost_bps"] == pytest.approx(0.0, abs=1e-6)


def test_what_a_holder_loses_by_a_delisting_is_no_cost_of_trading() -> None:
    env = PortfolioEnv(
        market=closing_down(0.2),
        risk={"preset": "linear", "max_leverage": 2.0},
        execution=FREE,
        episode_length=30,
        seed_band=None,
    )
    env.reset(seed=0, options={"start": 100})
    for _ in range(30):
        info = env.step(np.array([0.0, 0.3]))[-1]
    assert info["summary"]["return"] == pytest.approx(-0.24, rel=1e-9)
    assert info["summary"]["shortfall_bps"] == pytest.approx(0.0, abs=1e-9)
