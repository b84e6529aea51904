"""The risk manager: confidence to size, stops, caps by name, and the rate of costly fills.

Over 400 lines because every cap has its own laws, and they share the helpers above them.
"""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.helpers import (
    a_desk,
    a_lane,
    an_account,
    an_address,
    an_asset,
    an_order,
    held,
    risk_params,
    some_rulebook,
)
from tests.kept import KEPT, send_order
from trading_env.core.codes import BoundBy, Exit, RiskMode
from trading_env.core.values import Stake, Standing
from trading_env.risk_manager.instructions import configured
from trading_env.risk_manager.kelly import kelly_fraction
from trading_env.risk_manager.rate import execution_rate, slowed
from trading_env.risk_manager.sizing import (
    account_caps,
    asset_caps,
    drawdown_throttle,
    stop_distances,
)

confidences = st.floats(0.0, 1.0)
signals = st.floats(-1.0, 1.0)


def decided(actions: list[float], *assets: Any, account: Any = None, **risk: Any) -> Any:
    """Reports of one decision."""
    lane = a_lane(assets, account)
    KEPT.decide(np.array(actions), lane, some_rulebook(risk=risk_params(**risk)))
    return lane.reports


def one(signal: float, asset: Any = None, account: Any = None, **risk: Any) -> Any:
    return decided([signal], an_asset() if asset is None else asset, account=account, **risk)[0]


def sent(asset: Any, report: Any, **risk: Any) -> float:
    """Units of the order that a decision sends."""
    desk = a_desk(asset, report=report, risk=risk_params(**risk))
    send_order(desk, configured(desk.rules.execution), an_address())
    return float(report.sent)


def test_kelly_of_a_worked_confidence() -> None:
    """Confidence 1 is p = 0.55; stop 4%: ln(0.55 / 0.45) / 0.08."""
    assert kelly_fraction(1.0, 0.04, risk_params()) == pytest.approx(math.log(11 / 9) / 0.08)


def test_a_stake_is_the_multiplier_times_kelly_at_the_adaptive_stop() -> None:
    """Width 2 x 1.25 of a 1% bar over 4 bars at confidence 1/2 is 5%."""
    report = one(0.5)
    full = math.log(0.525 / 0.475) / (2 * 0.05)
    assert report.stop_distance == pytest.approx(0.05)
    assert report.target_distance == pytest.approx(0.075)
    assert report.kelly_fraction == pytest.approx(full)
    assert report.target_fraction == pytest.approx(0.25 * full)
    assert report.target == pytest.approx(0.25 * full * 1e6 / 100.0)
    assert report.bound_by == BoundBy.NONE


@pytest.mark.parametrize("mode", list(RiskMode))
@pytest.mark.parametrize("ratio", [0.1, 1.0, 10.0])
def test_no_confidence_no_position_whatever_the_reward(mode: RiskMode, ratio: float) -> None:
    assert one(0.0, mode=mode, reward_to_risk=ratio).target == 0.0


@given(confidences, confidences, st.floats(0.0, 3.0), st.floats(0.51, 0.99))
def test_kelly_size_grows_with_confidence(
    first: float, second: float, slope: float, win: float
) -> None:
    low, high = sorted((first, second))
    risk = {"stop_confidence_slope": slope, "max_win_probability": win}
    assert one(low, **risk).target <= one(high, **risk).target * (1 + 1e-12)


@given(confidences, confidences, st.floats(1e-3, 0.1))
def test_no_confidence_loses_more_than_tolerated_at_the_stop(
    first: float, second: float, tolerance: float
) -> None:
    for confidence in (first, second):
        report = one(-confidence, risk_tolerance=tolerance)
        loss = abs(report.target) * 100.0 * math.expm1(report.stop_distance)
        assert loss <= tolerance * 1e6 * (1 + 1e-9)


@given(signals, st.sampled_from([1.0, -1.0]), st.floats(0.0, 0.5))
def test_the_tolerance_is_held_at_the_stop_that_stands(
    signal: float, side: float, distance: float
) -> None:
    """A position that is enlarged keeps the stop of its opening; a flip sets another one."""
    asset = held(side * 10.0, stop_distance=distance)
    report = one(signal, asset, mode=RiskMode.LINEAR, max_weight=10.0, risk_tolerance=0.02)
    widest = stop_distances(1.0, 0.01, risk_params()).stop
    if signal * side > 0.0:
        widest = max(widest, distance)
    assert abs(report.target_fraction) <= 0.02 / math.expm1(widest) * (1 + 1e-9)


def test_a_short_that_has_gained_is_held_to_its_entry() -> None:
    """Entered at 150 and now at 100, it loses half as much again to its stop; a long does not."""
    risk = {"mode": RiskMode.LINEAR, "max_weight": 10.0, "risk_tolerance": 0.02}
    loss = math.expm1(stop_distances(1.0, 0.01, risk_params()).stop)
    for side, times in ((1.0, 1.0), (-1.0, 1.5)):
        report = one(side, held(side, entry_mid=150.0), **risk)
        assert abs(report.target_fraction) == pytest.approx(0.02 / (times * loss))


def test_the_tolerance_is_held_at_the_stop_that_an_order_on_its_way_brings() -> None:
    risk = {"mode": RiskMode.LINEAR, "max_weight": 10.0, "risk_tolerance": 0.02}
    for due in (None, 1.0):
        lane = a_lane([an_asset(slots_used=1)])
        for name, value in an_order(10.0, due, goal=10.0, stop_distance=0.3).items():
            setattr(lane.slots[0, 0], name, value)
        for signal, widest in ((1.0, 0.3), (-1.0, stop_distances(1.0, 0.01, risk_params()).stop)):
            KEPT.decide(np.array([signal]), lane, some_rulebook(risk=risk_params(**risk)))
            report = lane.reports[0]
            assert report.bound_by == BoundBy.RISK_TOLERANCE
            assert abs(report.target_fraction) == pytest.approx(0.02 / math.expm1(widest))


@given(signals, st.floats(0.0, 0.5))
def test_long_and_short_mirror_each_other(signal: float, position: float) -> None:
    caps = {"risk_tolerance": 0.02, "max_weight": 0.7, "max_drawdown": 0.3}
    account = an_account(seen_peak=1.2e6)
    units = position * 1e4
    for_long, for_short = (
        one(side * signal, held(side * units), account, **caps) for side in (1.0, -1.0)
    )
    assert for_long.target == -for_short.target
    assert for_long.bound_by == for_short.bound_by
    assert for_long.stop_distance == for_short.stop_distance


@given(confidences, confidences, st.floats(0.0, 0.05), st.floats(0.0, 0.05))
def test_stops_widen_with_confidence_and_volatility(
    first: float, second: float, calm: float, wild: float
) -> None:
    low, high = (
        stop_distances(c, v, risk_params())
        for c, v in zip(sorted((first, second)), sorted((calm, wild)), strict=True)
    )
    assert low.stop <= high.stop
    assert low.target <= high.target


def test_a_stop_lies_on_the_losing_side_however_wild_the_market() -> None:
    distances = stop_distances(1.0, 1e6, risk_params())
    assert 0.0 < math.exp(-distances.stop) < 1.0


@pytest.mark.parametrize(
    ("caps", "name", "fraction"),
    [
        ({"risk_tolerance": 0.01}, BoundBy.RISK_TOLERANCE, 0.01 / math.expm1(0.06)),
        ({"max_weight": 0.2}, BoundBy.MAX_WEIGHT, 0.2),
        ({"max_leverage": 0.25}, BoundBy.MAX_LEVERAGE, 0.25),
        ({"participation_bars": 20.0}, BoundBy.PARTICIPATION, 20 * 0.1 * 1000 * 100 / 1e6),
        ({"initial_margin": 5.0}, BoundBy.MARGIN, 0.2),
    ],
)
def test_each_cap_binds_and_is_named(
    caps: dict[str, float], name: BoundBy, fraction: float
) -> None:
    report = one(1.0, an_asset(expected_slippage=0.0), **caps)
    assert report.target_fraction == pytest.approx(fraction)
    assert report.bound_by == name


def test_leverage_is_held_against_what_the_trade_leaves() -> None:
    """Of all in at 1% of costs a hundredth of equity is gone: 0.99 of it can be held."""
    linear = {"mode": RiskMode.LINEAR, "max_weight": 1.0, "max_leverage": 1.0}
    report = one(1.0, an_asset(expected_slippage=0.01), **linear)
    assert report.target_fraction == pytest.approx(0.99)
    there = one(1.0, held(9900.0, expected_slippage=0.01), **linear)
    assert there.target_fraction == pytest.approx(1.0 - 0.01 * 0.01)


def test_the_last_cap_that_shrank_is_named() -> None:
    report = one(1.0, max_weight=0.3, max_leverage=0.2, initial_margin=4.0)
    assert report.bound_by == BoundBy.MAX_LEVERAGE
    report = one(1.0, max_weight=0.3, max_leverage=0.2, initial_margin=6.0)
    assert report.bound_by == BoundBy.MARGIN


@pytest.mark.parametrize(
    ("drawdown", "throttle"), [(0.0, 1.0), (0.1, 1.0), (0.15, 0.5), (0.2, 0.0), (0.6, 0.0)]
)
def test_the_throttle_falls_from_half_the_limit_to_the_limit(
    drawdown: float, throttle: float
) -> None:
    assert drawdown_throttle(drawdown, 0.2) == pytest.approx(throttle)
    assert drawdown_throttle(drawdown, 1.0) == 1.0


def test_a_drawdown_shrinks_the_target_and_is_named() -> None:
    account = an_account(seen_peak=1e6 / 0.85)
    report = one(1.0, account=account, max_weight=0.4, max_drawdown=0.2)
    assert report.target_fraction == pytest.approx(0.5 * 0.4)
    assert report.bound_by == BoundBy.DRAWDOWN


@given(
    st.lists(st.tuples(signals, st.floats(-1e4, 1e4)), min_size=1, max_size=4),
    st.sampled_from([RiskMode.KELLY, RiskMode.LINEAR]),
    st.floats(0.05, 2.0),
    st.floats(0.05, 2.0),
    st.floats(0.1, 1.0),
)
def test_caps_are_never_exceeded(
    book: list[tuple[float, float]], mode: RiskMode, weight: float, leverage: float, margin: float
) -> None:
    """Whatever is held: each target within its weight, all within leverage and margin."""
    caps = {"max_weight": weight, "max_leverage": leverage, "initial_margin": margin}
    holdings = [held(position) for _, position in book]
    reports = decided([signal for signal, _ in book], *holdings, mode=mode, **caps)
    fractions = np.abs(reports["target_fraction"])
    assert fractions.max() <= weight * (1 + 1e-12)
    assert fractions.sum() <= min(leverage, 1.0 / margin) * (1 + 1e-12)


@pytest.mark.parametrize(
    ("caps", "name"),
    [
        ({"max_leverage": 1.0, "initial_margin": 0.1}, BoundBy.MAX_LEVERAGE),
        ({"max_leverage": 2.0, "initial_margin": 1.0}, BoundBy.MARGIN),
    ],
)
def test_what_is_held_beyond_a_cap_of_the_account_is_sold(
    caps: dict[str, float], name: BoundBy
) -> None:
    """Two assets at 0.8 of equity each, and wishes that would keep them there.

    A leverage keeps aside what selling is expected to cost, 0.06% of equity.
    """
    free = {"mode": RiskMode.LINEAR, "max_weight": 0.8, "risk_tolerance": 1.0}
    reports = decided([1.0, 1.0], held(8e3), held(8e3), **free, **caps)
    assert reports["target_fraction"] == pytest.approx(0.5, rel=1e-3)
    assert (reports["bound_by"] == name).all()


stakes = st.floats(-2.0, 2.0)
shares = st.floats(0.0, 2.0)


@given(stakes, stakes, shares, st.floats(0.0, 0.5))
def test_each_cap_can_only_shrink(
    fraction: float, position: float, reach: float, drawdown: float
) -> None:
    risk = risk_params(max_leverage=1.5, initial_margin=0.5, max_drawdown=0.4)
    stake = Stake(fraction, 0.0, BoundBy.NONE.value)
    standing = Standing(abs(fraction) + 0.5, 0.01, position, reach, drawdown)
    limited = account_caps(stake, standing, risk)
    assert abs(limited.fraction) <= abs(fraction)
    assert limited.fraction * fraction >= 0.0


@given(stakes, stakes, st.floats(0.01, 1.0), st.sampled_from([0.0, 0.01, 0.1]))
def test_a_rate_goes_its_share_of_the_way_but_two_bands_at_least(
    fraction: float, position: float, rate: float, band: float
) -> None:
    stake, gap = Stake(fraction, 0.3, BoundBy.MAX_WEIGHT.value), fraction - position
    moved = slowed(stake, position, rate, risk_params(no_trade_band=band))
    way = max(rate * abs(gap), 2.0 * band)
    if rate == 1.0 or way >= abs(gap):
        assert moved == stake
    else:
        part = position + math.copysign(way, gap)
        assert moved == Stake(part, 0.3, BoundBy.EXECUTION_FEEDBACK)


@given(stakes, stakes, shares)
def test_a_position_grows_by_no_more_than_the_market_can_fill(
    fraction: float, position: float, reach: float
) -> None:
    """What is held on the other side has to be filled first."""
    stake = Stake(fraction, 0.0, BoundBy.NONE.value)
    standing = Standing(abs(fraction), 0.0, position, reach, 0.0)
    limited = account_caps(stake, standing, risk_params())
    along = math.copysign(1.0, fraction) * position
    assert abs(limited.fraction) <= max(along + reach, 0.0) + 1e-12


FIVE = math.log(5.2)  # four times what slows nothing: half of the way


@pytest.mark.parametrize(
    ("level", "floor", "rate"),
    [
        (FIVE, 0.1, 0.5),
        (FIVE, 0.8, 0.8),
        (FIVE, 1.0, 1.0),  # off
        (math.log(1.3), 0.1, 1.0),
        (math.log(1.3 * 1.44), 0.1, 1.0 / 1.2),
        (-2.0, 0.1, 1.0),  # cheaper than expected is no reason to trade more
        (4.0, 0.1, math.exp(-2.0) * 1.3**0.5),
        (4.0, 0.2, 0.2),
    ],
)
def test_costly_fills_slow_a_position_down_to_a_floor(
    level: float, floor: float, rate: float
) -> None:
    assert execution_rate(level, floor) == pytest.approx(rate, rel=1e-12)


@pytest.mark.parametrize(
    ("signal", "share", "moved"),
    [
        (1.0, 0.0, 0.2),  # into it
        (1.0, 0.2, 0.3),
        (-1.0, 0.2, -0.1),  # and to the other side
        (0.5, 0.3, 0.25),  # out of it, where no cap bound
        (0.0, 0.2, 0.1),
    ],
)
def test_where_fills_cost_more_than_expected_a_position_moves_half_of_the_way_by_name(
    signal: float, share: float, moved: float
) -> None:
    linear = {"mode": RiskMode.LINEAR, "max_weight": 0.4, "execution_floor": 0.1}
    report = one(signal, held(1e4 * share, cost_level=FIVE), **linear)
    assert report.target_fraction == pytest.approx(moved, rel=1e-12)
    assert report.bound_by == BoundBy.EXECUTION_FEEDBACK
    floored = one(signal, held(1e4 * share, cost_level=FIVE), **linear | {"execution_floor": 0.75})
    wished = 0.4 * signal
    assert floored.target_fraction == pytest.approx(share + 0.75 * (wished - share), rel=1e-12)


def test_a_rate_is_off_by_default_and_for_raw_signals() -> None:
    costly = an_asset(cost_level=FIVE)
    assert one(1.0, costly, max_weight=0.4).target_fraction == 0.4
    raw = one(1.0, costly, mode=RiskMode.RAW, max_weight=0.4, execution_floor=0.1)
    assert raw.target_fraction == 0.4


@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize(
    ("caps", "name", "left"),
    [
        ({"max_weight": 0.3}, BoundBy.MAX_WEIGHT, 0.3),
        ({"max_leverage": 0.25}, BoundBy.MAX_LEVERAGE, 0.25),
        ({"initial_margin": 5.0}, BoundBy.MARGIN, 0.2),
        ({"max_drawdown": 0.2}, BoundBy.DRAWDOWN, 0.0),
    ],
)
def test_what_a_cap_asks_to_be_sold_is_sold_at_once(
    side: float, caps: dict[str, float], name: BoundBy, left: float
) -> None:
    asset = held(side * 5000.0, cost_level=FIVE, expected_slippage=0.0)
    wish = {"mode": RiskMode.VOLATILITY_TARGET, "target_volatility": 0.03, "max_weight": 1.0}
    account = an_account(seen_peak=1.3e6)
    report = one(side, asset, account, **wish | {"execution_floor": 0.1} | caps)
    assert report.target_fraction == pytest.approx(side * left)
    assert report.bound_by == name


@pytest.mark.parametrize(
    ("bars", "fraction", "name"),
    [(20.0, 0.1 + 0.2, BoundBy.PARTICIPATION), (50.0, 0.55, BoundBy.EXECUTION_FEEDBACK)],
)
def test_what_is_slowed_keeps_within_its_reach(bars: float, fraction: float, name: BoundBy) -> None:
    """Half of the way from 0.1 to 1, of which bars fill 1% of equity each."""
    linear = {"mode": RiskMode.LINEAR, "max_weight": 1.0, "execution_floor": 0.1}
    asset = held(1000.0, cost_level=FIVE, expected_slippage=0.0)
    report = one(1.0, asset, participation_bars=bars, **linear)
    assert report.target_fraction == pytest.approx(fraction)
    assert report.bound_by == name


def test_the_leverage_counts_what_is_slowed_by_where_its_step_ends() -> None:
    """Half of the way is 0.5 and 0.3, of which the second is held: 0.8 of at most 0.6."""
    linear = {"mode": RiskMode.LINEAR, "max_weight": 1.0, "execution_floor": 0.1}
    slow = {"cost_level": FIVE, "expected_slippage": 0.0}
    book = held(0.0, **slow), held(3000.0, **slow)
    reports = decided([1.0, 0.3], *book, max_leverage=0.6, **linear)
    assert reports[0].target_fraction == pytest.approx(min(0.5 * 0.6 / 0.8, 0.6 - 0.3))
    assert reports[1].target_fraction == pytest.approx(0.3 * 0.6 / 0.8)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_cap_is_kept_at_once_whatever_the_rate(side: float) -> None:
    """Of 0.8 held, half of the way to a wish just below the cap would end at 0.545."""
    cap = {"mode": RiskMode.VOLATILITY_TARGET, "target_volatility": 0.01, "max_weight": 0.3}
    asset = held(side * 8000.0, cost_level=FIVE, expected_slippage=0.0)
    below, above = (one(side * wish, asset, **cap, execution_floor=0.1) for wish in (0.29, 0.31))
    assert abs(below.wished_fraction) < 0.3 < abs(above.wished_fraction)
    for report in (below, above):
        assert report.target_fraction == pytest.approx(side * 0.3, rel=1e-15)
        assert abs(report.target_fraction) <= 0.3
        assert report.bound_by == BoundBy.MAX_WEIGHT


slow_settings = st.fixed_dictionaries(
    {
        "mode": st.sampled_from([RiskMode.KELLY, RiskMode.LINEAR, RiskMode.VOLATILITY_TARGET]),
        "execution_floor": st.floats(0.01, 0.99),
        "max_weight": st.floats(0.05, 2.0),
        "risk_tolerance": st.floats(0.001, 0.2),
        "no_trade_band": st.sampled_from([0.0, 0.01, 0.1]),
    }
)
slow_assets = st.builds(
    lambda share, level: held(1e4 * share, cost_level=level, expected_slippage=0.0),
    st.floats(-3.0, 3.0),
    st.floats(-4.0, 4.0),
)


@given(signals, signals, slow_assets, slow_settings)
def test_what_is_slowed_keeps_its_caps_and_grows_with_the_signal(
    first: float, second: float, asset: Any, risk: dict[str, Any]
) -> None:
    low, high = (one(signal, asset, **risk) for signal in sorted((first, second)))
    rounding = 1e-15 * (abs(low.target_fraction) + abs(asset.position) / 1e4)
    assert low.target_fraction <= high.target_fraction + rounding
    tolerated = risk["risk_tolerance"] / math.expm1(stop_distances(1.0, 0.01, risk_params()).stop)
    for report in (low, high):
        assert abs(report.target_fraction) <= min(risk["max_weight"], tolerated)


@given(st.floats(-3.0, 3.0), st.floats(-4.0, 4.0), st.floats(0.01, 1.0), st.floats(0.001, 0.1))
def test_a_slowed_exit_finishes_and_every_order_on_the_way_is_sent(
    share: float, level: float, floor: float, band: float
) -> None:
    """Two bands a step at least; no target within the band of what is held is left but flat."""
    risk = {"mode": RiskMode.LINEAR, "execution_floor": floor, "no_trade_band": band}
    assume(abs(share) >= 1e-10)  # what is less than 1e-14 of equity is no position
    asset, steps = held(1e4 * share, cost_level=level), 0
    while asset.position != 0.0:
        report = one(0.0, asset, **risk)
        assert sent(asset, report, **risk) == pytest.approx(report.target - asset.position)
        assert abs(report.target) < abs(asset.position)
        asset.position = report.target
        steps += 1
        assert steps <= math.ceil(abs(share) / (2.0 * band) + 1e-9)


def test_a_slowed_exit_of_a_worked_size() -> None:
    """At 3 a step takes e^-1.5 sqrt 1.3 = 0.254 of 0.8 held; below 0.0786, 0.02: 8 + 4 steps."""
    risk = {"mode": RiskMode.LINEAR, "execution_floor": 0.1, "no_trade_band": 0.01}
    asset, shares = held(8000.0, cost_level=3.0), []
    while asset.position != 0.0:
        asset.position = one(0.0, asset, **risk).target
        shares.append(asset.position / 1e4)
    rate = math.exp(-1.5) * 1.3**0.5
    left = [0.8 * (1.0 - rate) ** k for k in range(1, 9)]
    assert shares[:8] == pytest.approx(left)
    assert left[-2] > 0.02 / rate > left[-1]
    assert shares[8:] == pytest.approx([left[-1] - 0.02 * k for k in (1, 2, 3)] + [0.0])


@given(st.floats(-1.0, 1.0), st.floats(1e-3, 0.1), st.floats(1e-3, 0.2))
def test_a_volatility_target_is_met_before_the_caps(
    signal: float, shown: float, target: float
) -> None:
    asset = an_asset(seen_variance_slow=shown**2)
    risk = {"mode": RiskMode.VOLATILITY_TARGET, "target_volatility": target, "max_weight": 0.7}
    report = one(signal, asset, **risk)
    assert report.wished_fraction * shown == pytest.approx(signal * target)
    assert report.target_fraction == pytest.approx(np.clip(report.wished_fraction, -0.7, 0.7))
    assert report.kelly_fraction == 0.0


@given(signals, st.floats(0.05, 0.6))
def test_what_was_wished_before_the_caps_stays_on_record(signal: float, weight: float) -> None:
    report, free = one(signal, max_weight=weight), one(signal)
    assert report.wished_fraction == free.wished_fraction == free.target_fraction
    assert abs(report.target_fraction) == min(abs(free.target_fraction), weight)
    assert report.win_probability == pytest.approx(0.5 + 0.05 * abs(signal))
    refused = one(signal, held(5.0, exit_pending=Exit.TIME_STOP))
    assert (refused.wished_fraction, refused.target_fraction) == (free.wished_fraction, 0.0)


@pytest.mark.proof
@pytest.mark.parametrize("mode", [RiskMode.KELLY, RiskMode.LINEAR, RiskMode.VOLATILITY_TARGET])
@given(share=st.integers(-100, 100).map(lambda percent: 0.01 * percent))
def test_any_holding_up_to_that_of_full_confidence_can_be_held(
    mode: RiskMode, share: float
) -> None:
    """The stake is continuous and grows with the signal, so some signal asks for what is held."""
    risk = {"mode": mode, "max_weight": 0.3}
    asset = held(share * one(1.0, **risk).target)
    lane, rules = a_lane([asset], None), some_rulebook(risk=risk_params(**risk))
    low, high = -1.0, 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        KEPT.decide(np.array([middle]), lane, rules)
        below = lane.reports[0].target < asset.position
        low, high = (middle, high) if below else (low, middle)
    report = one(high, asset, **risk)
    assert report.target == pytest.approx(asset.position, rel=1e-12, abs=1e-9)
    assert sent(asset, report, **risk, no_trade_band=1e-6) == 0.0


@pytest.mark.parametrize("mode", list(RiskMode))
@given(signal=signals)
def test_an_action_that_has_been_reached_trades_nothing(mode: RiskMode, signal: float) -> None:
    """With no band at all: the target is the position, to the bit."""
    assume(abs(signal) >= 1e-10)  # an order of less than 1e-14 of equity is rounding
    wanted = one(signal, an_asset(expected_slippage=0.0), mode=mode)
    there = held(wanted.target, expected_slippage=0.0)
    again = one(signal, there, mode=mode)
    assert sent(there, again, mode=mode) == 0.0
    assert sent(held(0.99 * wanted.target), again, mode=mode) == pytest.approx(0.01 * wanted.target)


@pytest.mark.parametrize("exit_", [Exit.STOP_LOSS, Exit.MARGIN_CALL])
def test_a_pending_exit_wins_over_the_signal(exit_: Exit) -> None:
    report = one(1.0, held(5.0, exit_pending=exit_))
    assert report.target == 0.0
    assert report.bound_by == BoundBy.EXIT_PENDING


def test_without_equity_nothing_is_wanted() -> None:
    assert one(1.0, account=an_account(seen_equity=-1.0)).target == 0.0


def test_signals_beyond_the_edge_saturate() -> None:
    assert one(7.0).target == one(1.0).target
    assert one(-7.0).target == one(-1.0).target


def test_size_follows_what_was_shown_and_never_the_true_market() -> None:
    shown = one(0.5)
    wild = an_asset(variance_slow=0.5, variance_fast=0.5, volume_mean=1.0, displacement=3.0)
    wild.mark = 1.0
    assert one(0.5, wild).target == shown.target


@given(signals, st.floats(0.01, 100.0))
def test_units_scale_with_the_price_and_fractions_do_not(signal: float, factor: float) -> None:
    cheap = one(signal, an_asset(100.0))
    dear = one(signal, an_asset(100.0 * factor), an_account(1e6 * factor))
    assert dear.target_fraction == pytest.approx(cheap.target_fraction)
    assert dear.target == pytest.approx(cheap.target)


def test_without_stops_there_are_no_levels_and_no_tolerance() -> None:
    report = one(1.0, stops=0, risk_tolerance=1e-6)
    assert (report.stop_distance, report.target_distance) == (0.0, 0.0)
    assert report.bound_by == BoundBy.NONE


def test_raw_signals_meet_no_cap() -> None:
    caps = {"max_weight": 2.0, "max_leverage": 0.1, "risk_tolerance": 1e-6}
    report = one(-0.5, mode=RiskMode.RAW, **caps)
    assert report.target_fraction == -1.0
    wish = Stake(1.0, 0.0, BoundBy.NONE.value)
    stake = asset_caps(wish, 0.01, 1e-6, risk_params(mode=RiskMode.LINEAR, max_weight=2.0))
    assert stake.bound_by == BoundBy.RISK_TOLERANCE
