"""Laws of the risk manager as a user calls it, for random settings and random situations."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from hypothesis import assume, given
from hypothesis import strategies as st

from tests.configurations import settings_of
from trading_env.core.codes import RiskMode
from trading_env.risk_manager.config import RiskConfig
from trading_env.risk_manager.manager import PositionSize, RiskManager

confidences = st.floats(0.0, 1.0)
balances = st.floats(1.0, 1e9)
tolerances = st.floats(1e-4, 1.0)
sides = st.sampled_from([1, -1])
ROUNDING = 1.0 + 1e-9


class DrawnPicks(NamedTuple):
    """Random values that Hypothesis draws, and shrinks."""

    draw: st.DrawFn

    def between(self, low: float, high: float) -> float:
        return self.draw(st.floats(low, high))

    def one_of(self, values: Sequence[Any]) -> Any:
        return self.draw(st.sampled_from(values))


@st.composite
def managers(draw: st.DrawFn, *, stops: bool | None = None) -> RiskManager:
    """A manager of any mode but raw, which has no caps."""
    settings = settings_of(
        RiskConfig,
        DrawnPicks(draw),
        mode=["kelly", "linear", "volatility_target"],
        stops=[False, True] if stops is None else [stops],
        execution_floor=(0.05, 1.0),
    )
    return RiskManager(settings)


@st.composite
def situations(draw: st.DrawFn) -> dict[str, Any]:
    """What a call is told beside confidence, balance and tolerance."""
    return {
        "price": draw(st.floats(0.01, 1e4)),
        "market_volatility": draw(st.floats(1e-4, 0.2)),
        "side": draw(sides),
        "position": draw(st.just(0.0) | st.floats(-1e5, 1e5)),
        "other_exposure": draw(st.just(0.0) | st.floats(0.0, 1e7, allow_subnormal=False)),
        "bar_capacity": draw(st.just(math.inf) | st.floats(0.0, 1e6, allow_subnormal=False)),
        "drawdown": draw(st.floats(0.0, 0.6)),
        "slippage": draw(st.floats(-1e-3, 1e-2)),
        "expected_slippage": draw(st.floats(-1e-3, 1e-2)),
    }


def size_of(
    manager: RiskManager, confidence: float, balance: float, tolerance: float, given_: Any
) -> PositionSize:
    return manager.calculate_position_size(confidence, balance, tolerance, **given_)


def is_no_larger(small: PositionSize, large: PositionSize) -> bool:
    return abs(small.units) <= abs(large.units) * ROUNDING


@given(managers(), situations(), confidences, confidences, balances, tolerances)
def test_more_confidence_is_never_a_smaller_position(
    manager: RiskManager, given_: Any, c: float, d: float, balance: float, tolerance: float
) -> None:
    low, high = (size_of(manager, x, balance, tolerance, given_) for x in sorted((c, d)))
    assert is_no_larger(low, high)


@given(managers(), situations(), confidences, balances, balances, tolerances)
def test_a_larger_balance_is_never_a_smaller_position(
    manager: RiskManager, given_: Any, c: float, b: float, other: float, tolerance: float
) -> None:
    low, high = (size_of(manager, c, x, tolerance, given_) for x in sorted((b, other)))
    assert is_no_larger(low, high)


@given(managers(stops=True), situations(), confidences, balances, tolerances, tolerances)
def test_more_tolerance_is_never_a_smaller_position(
    manager: RiskManager, given_: Any, c: float, balance: float, t: float, other: float
) -> None:
    low, high = (size_of(manager, c, balance, x, given_) for x in sorted((t, other)))
    assert is_no_larger(low, high)


@given(managers(), situations(), balances, tolerances)
def test_no_confidence_is_no_position(
    manager: RiskManager, given_: Any, balance: float, tolerance: float
) -> None:
    size = size_of(manager, 0.0, balance, tolerance, given_)
    assert (size.units, size.notional, size.fraction) == (0.0, 0.0, 0.0)


@given(managers(), situations(), confidences, balances, tolerances)
def test_a_position_is_on_its_side_and_its_three_measures_agree(
    manager: RiskManager, given_: Any, c: float, balance: float, tolerance: float
) -> None:
    size = size_of(manager, c, balance, tolerance, given_)
    assert size.units * given_["side"] >= 0.0
    assert math.isclose(size.notional, size.units * given_["price"], rel_tol=1e-12, abs_tol=1e-300)
    assert math.isclose(size.fraction * balance, size.notional, rel_tol=1e-9, abs_tol=1e-300)


@given(managers(stops=True), situations(), confidences, balances, tolerances)
def test_a_stop_costs_no_more_than_the_tolerance(
    manager: RiskManager, given_: Any, c: float, balance: float, tolerance: float
) -> None:
    """At the level that the manager itself sets for this confidence, long or short."""
    size = size_of(manager, c, balance, tolerance, given_)
    price, side = given_["price"], given_["side"]
    levels = manager.determine_adaptive_stops(price, c, given_["market_volatility"], side=side)
    lost = size.units * (price - levels.stop_loss)
    assert lost <= tolerance * balance * ROUNDING


@given(managers(), situations(), confidences, balances, tolerances)
def test_no_position_exceeds_its_weight(
    manager: RiskManager, given_: Any, c: float, balance: float, tolerance: float
) -> None:
    size = size_of(manager, c, balance, tolerance, given_)
    assert abs(size.notional) <= manager.config.max_weight * balance * ROUNDING


@given(managers(), situations(), confidences, balances, tolerances)
def test_a_position_takes_its_share_of_leverage_and_margin_and_no_more(
    manager: RiskManager, given_: Any, c: float, balance: float, tolerance: float
) -> None:
    """The rest is for the others: their exposure, shrunk by the same factor, fits beside it."""
    size = size_of(manager, c, balance, tolerance, given_)
    config = manager.config
    for limit in (config.max_leverage, 1.0 / config.initial_margin):
        assert abs(size.notional) <= limit * balance * ROUNDING
    wide = config.as_dict() | {"max_leverage": 1e12, "initial_margin": 1e-12}
    free = size_of(RiskManager(wide), c, balance, tolerance, given_)
    alone = {**given_, "bar_capacity": math.inf, "drawdown": 0.0, "slippage": 0.0}
    wished = abs(size_of(RiskManager(wide), c, balance, tolerance, alone).notional)
    gross = wished + given_["other_exposure"]
    assert is_no_larger(size, free)
    for limit in (config.max_leverage, 1.0 / config.initial_margin):
        assert abs(size.notional) * gross <= wished * max(limit * balance, gross) * ROUNDING
        if gross > limit * balance:  # with the others cut alike, all together are at the limit
            assert abs(size.notional) <= wished * limit * balance / gross * ROUNDING


@given(managers(), situations(), confidences, balances, tolerances, st.floats(0.0, 1e6))
def test_a_position_grows_by_no_more_than_its_bars_can_fill(
    manager: RiskManager, given_: Any, c: float, balance: float, tolerance: float, capacity: float
) -> None:
    given_["bar_capacity"] = capacity
    size = size_of(manager, c, balance, tolerance, given_)
    reach = manager.config.participation_bars * capacity
    grown = given_["side"] * (size.units - given_["position"])
    if size.units != 0.0:
        assert grown <= reach + 1e-9 * (reach + abs(given_["position"]))


@given(managers(), situations(), confidences, balances, tolerances, confidences, confidences)
def test_a_deeper_drawdown_is_never_a_larger_position_and_at_the_limit_none(
    manager: RiskManager, given_: Any, c: float, balance: float, t: float, d: float, e: float
) -> None:
    shallow, deep = (
        size_of(manager, c, balance, t, {**given_, "drawdown": x}) for x in sorted((d, e))
    )
    assert is_no_larger(deep, shallow)
    limit = manager.config.max_drawdown
    if limit < 1.0:
        assert size_of(manager, c, balance, t, {**given_, "drawdown": limit}).units == 0.0
        # Half of it at three quarters of the limit, before the margin, which comes after it.
        free = RiskManager(manager.config.as_dict() | {"initial_margin": 1e-12})
        whole = size_of(free, c, balance, t, {**given_, "drawdown": 0.0})
        half = size_of(free, c, balance, t, {**given_, "drawdown": 0.75 * limit})
        assert math.isclose(half.units, 0.5 * whole.units, rel_tol=1e-9)


@given(managers(), situations(), confidences, balances, tolerances, st.floats(0.0, 0.05))
def test_costlier_fills_are_never_a_larger_position_and_never_below_the_floor(
    manager: RiskManager, given_: Any, c: float, balance: float, tolerance: float, more: float
) -> None:
    costly = {**given_, "slippage": given_["slippage"] + more}
    usual = size_of(manager, c, balance, tolerance, given_)
    shrunk = size_of(manager, c, balance, tolerance, costly)
    assert is_no_larger(shrunk, usual)
    assert abs(shrunk.units) * ROUNDING >= manager.config.execution_floor * abs(usual.units)


@given(managers(), situations(), confidences, balances, tolerances)
def test_the_other_side_of_the_mirror_gets_the_same_size(
    manager: RiskManager, given_: Any, c: float, balance: float, tolerance: float
) -> None:
    mirrored = {**given_, "side": -given_["side"], "position": -given_["position"]}
    one, other = (size_of(manager, c, balance, tolerance, g) for g in (given_, mirrored))
    assert (one.units, one.bound_by) == (-other.units, other.bound_by)


@given(managers(), situations(), confidences, balances, tolerances)
def test_nothing_is_named_unless_it_bound(
    manager: RiskManager, given_: Any, c: float, balance: float, tolerance: float
) -> None:
    """With the name "none" the size is that of a manager without caps."""
    size = size_of(manager, c, balance, tolerance, given_)
    assume(size.bound_by == "none" and manager.config.mode is not RiskMode.LINEAR)
    free = manager.config.as_dict() | {
        "max_weight": 1e12,
        "max_leverage": 1e12,
        "initial_margin": 1e-12,
        "max_drawdown": 1.0,
        "execution_floor": 1.0,
        "participation_bars": 1e12,
        "stops": False,
        "trailing": False,
    }
    assert size.units == size_of(RiskManager(free), c, balance, tolerance, given_).units


prices = st.floats(0.01, 1e5)
volatilities = st.floats(1e-4, 0.3)


def room(manager: RiskManager, *situation: float, side: int = 1) -> tuple[float, float]:
    """Distances of stop and target from the entry, log, > 0 on their sides."""
    price, _, _ = situation
    stop, target = manager.determine_adaptive_stops(*situation, side=side)
    return side * math.log(price / stop), side * math.log(target / price)


@given(managers(stops=True), prices, confidences, volatilities, sides, st.floats(1e-9, 0.1))
def test_stops_lie_on_the_losing_side_and_targets_on_the_winning_side(
    manager: RiskManager, price: float, c: float, volatility: float, side: int, tick: float
) -> None:
    """Strictly; rounding to ticks moves both away from the entry, or to the last tick above 0."""
    assert min(room(manager, price, c, volatility, side=side)) > 0.0
    levels = manager.determine_adaptive_stops(price, c, volatility, side=side, tick=tick * price)
    assert min(levels) > 0.0
    assert side * (price - levels.stop_loss) > 0.0
    assert side * (levels.take_profit - price) > 0.0


@given(managers(stops=True), prices, confidences, confidences, volatilities, sides)
def test_levels_move_away_with_confidence(
    manager: RiskManager, price: float, c: float, d: float, volatility: float, side: int
) -> None:
    near, far = (room(manager, price, x, volatility, side=side) for x in sorted((c, d)))
    assert near[0] <= far[0] + 1e-9
    assert near[1] <= far[1] + 1e-9


@given(managers(stops=True), prices, confidences, volatilities, volatilities, sides)
def test_levels_move_away_with_volatility(
    manager: RiskManager, price: float, c: float, calm: float, wild: float, side: int
) -> None:
    near, far = (room(manager, price, c, x, side=side) for x in sorted((calm, wild)))
    assert near[0] <= far[0] + 1e-9
    assert near[1] <= far[1] + 1e-9


@given(managers(stops=True), prices, confidences, volatilities)
def test_levels_of_a_short_are_those_of_a_long_mirrored_in_log_price(
    manager: RiskManager, price: float, c: float, volatility: float
) -> None:
    long, short = (
        manager.determine_adaptive_stops(price, c, volatility, side=side) for side in (1, -1)
    )
    assert math.isclose(long.stop_loss * short.stop_loss, price**2, rel_tol=1e-12)
    assert math.isclose(long.take_profit * short.take_profit, price**2, rel_tol=1e-12)
