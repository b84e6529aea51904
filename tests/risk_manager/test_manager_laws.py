"""Laws of the risk manager as a user calls it, for random settings and random situations.

Over 300 lines because the laws share the strategies that draw settings and situations.
"""

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
def managers(draw: st.DrawFn, *, stops: bool | None = None, **own: Any) -> RiskManager:
    """A manager of any mode but raw, which has no caps."""
    settings = settings_of(
        RiskConfig,
        DrawnPicks(draw),
        mode=["kelly", "linear", "volatility_target"],
        stops=[False, True] if stops is None else [stops],
        **{"execution_floor": (0.05, 1.0), **own},
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
        "bar_capacity": draw(st.sampled_from([0.0, math.inf]) | st.floats(1e-200, 1e6)),
        "drawdown": draw(st.floats(0.0, 0.6)),
        "expected_slippage": draw(st.floats(-1e-3, 1e-2)),
        "cost_level": draw(st.floats(-4.0, 4.0)),
    }


def on_its_side(given_: dict[str, Any]) -> dict[str, Any]:
    """The same with nothing held against the side that is wanted."""
    return {**given_, "position": given_["side"] * abs(given_["position"])}


AT_ONCE = {"execution_floor": [1.0]}


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
    """Along the side that is wanted: what is held on the other is slowed on the way out of it."""
    low, high = (size_of(manager, x, balance, tolerance, given_) for x in sorted((c, d)))
    more, side = abs(low.units) + abs(high.units), given_["side"]
    assert side * low.units <= side * high.units + 1e-9 * more + 1e-12 * abs(given_["position"])


@given(managers(**AT_ONCE), situations(), confidences, balances, balances, tolerances)
def test_a_larger_balance_is_never_a_smaller_position(
    manager: RiskManager, given_: Any, c: float, b: float, other: float, tolerance: float
) -> None:
    low, high = (size_of(manager, c, x, tolerance, given_) for x in sorted((b, other)))
    assert is_no_larger(low, high)


@given(managers(no_trade_band=[0.0]), situations(), confidences, balances, balances, tolerances)
def test_nor_is_it_when_slowed_from_its_own_side(
    manager: RiskManager, given_: Any, c: float, b: float, other: float, tolerance: float
) -> None:
    """Else a larger account may sell more, by bands that grow with it.

    Or keep more of what is held on the other side, since its caps bind later.
    """
    given_ = on_its_side(given_)
    low, high = (size_of(manager, c, x, tolerance, given_) for x in sorted((b, other)))
    assert is_no_larger(low, high)


@given(managers(stops=True, **AT_ONCE), situations(), confidences, balances, tolerances, tolerances)
def test_more_tolerance_is_never_a_smaller_position(
    manager: RiskManager, given_: Any, c: float, balance: float, t: float, other: float
) -> None:
    low, high = (size_of(manager, c, balance, x, given_) for x in sorted((t, other)))
    assert is_no_larger(low, high)


@given(managers(stops=True), situations(), confidences, balances, tolerances, tolerances)
def test_nor_is_it_with_more_tolerance(
    manager: RiskManager, given_: Any, c: float, balance: float, t: float, other: float
) -> None:
    """Of what is held on the other side, more tolerance lets a slowed position keep more."""
    given_ = on_its_side(given_)
    low, high = (size_of(manager, c, balance, x, given_) for x in sorted((t, other)))
    assert is_no_larger(low, high)


@given(managers(**AT_ONCE), situations(), balances, tolerances)
def test_no_confidence_is_no_position(
    manager: RiskManager, given_: Any, balance: float, tolerance: float
) -> None:
    size = size_of(manager, 0.0, balance, tolerance, given_)
    assert (size.units, size.notional, size.fraction) == (0.0, 0.0, 0.0)


@given(managers(), situations(), balances, tolerances)
def test_a_slowed_exit_goes_two_bands_towards_nothing_and_never_beyond(
    manager: RiskManager, given_: Any, balance: float, tolerance: float
) -> None:
    size = size_of(manager, 0.0, balance, tolerance, given_)
    held = given_["position"] * given_["price"] / balance
    assert size.fraction * held >= 0.0
    left = max(abs(held) - 2.0 * manager.config.no_trade_band, 0.0)
    assert abs(size.fraction) <= left * ROUNDING + 1e-12 * abs(held)
    if left == 0.0:
        assert size.units == 0.0


@given(managers(), situations(), confidences, balances, tolerances)
def test_a_position_is_on_its_side_and_its_three_measures_agree(
    manager: RiskManager, given_: Any, c: float, balance: float, tolerance: float
) -> None:
    size, side = size_of(manager, c, balance, tolerance, given_), given_["side"]
    if size.units * side < 0.0:  # on its way out of what was held there
        assert manager.config.execution_floor < 1.0
        assert -abs(given_["position"]) * ROUNDING <= size.units * side
        assert given_["position"] * side < 0.0
    assert math.isclose(size.notional, size.units * given_["price"], rel_tol=1e-12, abs_tol=1e-300)
    assert math.isclose(size.fraction * balance, size.notional, rel_tol=1e-9, abs_tol=1e-300)


@given(managers(stops=True), situations(), confidences, balances, tolerances)
def test_a_stop_costs_no_more_than_the_tolerance(
    manager: RiskManager, given_: Any, c: float, balance: float, tolerance: float
) -> None:
    """At the level that the manager itself sets for this confidence, long or short."""
    size = size_of(manager, c, balance, tolerance, given_)
    price, side = given_["price"], int(math.copysign(1.0, size.units))
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
    alone = {**given_, "bar_capacity": math.inf, "drawdown": 0.0}
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
    grown = math.copysign(1.0, size.units) * (size.units - given_["position"])
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
        # Numbers below the smallest normal one have fewer digits.
        assert math.isclose(half.units, 0.5 * whole.units, rel_tol=1e-9, abs_tol=1e-300)


WIDE = {
    "max_leverage": 1e12,
    "initial_margin": 1e-12,
    "max_drawdown": 1.0,
    "participation_bars": 1e12,
}


def rate_of(given_: dict[str, Any], floor: float) -> float:
    """One over the root of what fills cost over 1.3 times what they should."""
    return min(max(math.exp(-0.5 * (given_["cost_level"] - math.log(1.3))), floor), 1.0)


@given(managers(**AT_ONCE), situations(), confidences, balances, tolerances, st.floats(0.05, 0.99))
def test_costly_fills_slow_a_position_down_within_its_own_caps(
    manager: RiskManager, given_: Any, c: float, balance: float, tolerance: float, floor: float
) -> None:
    """It goes its share of the way that a manager of the same settings goes at once.

    Two bands at least, and to where its weight and the tolerance end, which a wish for more than
    anyone may hold shows. The account's caps are wide: they look at where it ends.
    """
    given_["bar_capacity"] = math.inf
    quick = RiskManager(manager.config.as_dict() | WIDE)
    slow = RiskManager(quick.config.as_dict() | {"execution_floor": floor})
    at_once, slowed = (size_of(m, c, balance, tolerance, given_) for m in (quick, slow))
    rate, held = rate_of(given_, floor), given_["position"] * (given_["price"] / balance)
    assume(not 1.0 - 1e-9 < rate < 1.0)  # rounding decides whether it slows at all
    gap = at_once.fraction - held
    way = max(rate * abs(gap), 2.0 * manager.config.no_trade_band)
    if rate == 1.0 or way >= abs(gap):
        assert slowed == at_once
        return
    boundless = {**given_, "kelly_fraction": 1e15, "cost_level": 0.0}
    most = size_of(quick, c, balance, tolerance, boundless).fraction
    end = held + math.copysign(way, gap)
    rounding = 1e-12 * (abs(at_once.fraction) + abs(held))
    kept = min(max(end, -most), most)
    assert math.isclose(slowed.fraction, kept, rel_tol=1e-12, abs_tol=rounding)
    if abs(end) < most - rounding:
        assert slowed.bound_by == "execution_feedback"
    if abs(end) > most + rounding:
        assert slowed.bound_by in {"risk_tolerance", "max_weight"}


@given(managers(), situations(), confidences, balances, tolerances, st.floats(0.0, 4.0))
def test_costlier_fills_never_speed_a_position_up(
    manager: RiskManager, given_: Any, c: float, balance: float, tolerance: float, more: float
) -> None:
    """Where the account's caps are wide: what else is held may ask for more to be sold."""
    given_["bar_capacity"] = math.inf
    wide = RiskManager(manager.config.as_dict() | WIDE)
    costly = {**given_, "cost_level": given_["cost_level"] + more}
    held = given_["position"] * given_["price"] / balance
    usual, slowed = (
        abs(size_of(wide, c, balance, tolerance, g).fraction - held) for g in (given_, costly)
    )
    assert slowed <= usual * ROUNDING + 1e-12 * abs(held)


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
