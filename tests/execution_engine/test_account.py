"""The account: conservation, averages, financing, margin."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import (
    a_desk,
    a_report,
    account_params,
    an_account,
    an_asset,
    held,
    record,
    some_rulebook,
)
from trading_env.core.codes import Exit
from trading_env.core.records import AssetState, OrderSlot, Report, new_table
from trading_env.execution_engine.account import (
    YEAR_S,
    accrue,
    call_margin,
    charge,
    revalue,
    settle,
)
from trading_env.risk_manager.levels import age_position, enter, trail_stop

fills = st.tuples(st.floats(-1e4, 1e4), st.floats(0.01, 1e4))


def table_of(*assets: Any) -> Any:
    table = new_table(AssetState, len(assets))
    for k, asset in enumerate(assets):
        table[k] = asset
    return table


def financed(account: Any, *assets: Any, seconds: float = YEAR_S, **rates: float) -> Any:
    reports = new_table(Report, len(assets))
    own = [[rates.pop("funding_rate", 0.0), rates.pop("borrow_rate", 0.0)]] * len(assets)
    accrue(
        account,
        table_of(*assets),
        reports,
        seconds,
        account_params(**rates),
        np.reshape(own, (len(assets), 2)),
    )
    return reports


@pytest.mark.proof
@given(st.lists(fills, min_size=1, max_size=10), st.floats(0.01, 1e4))
def test_fills_and_fees_conserve_value(trades: list[tuple[float, float]], mark: float) -> None:
    """Equity changes by what was bought below the mark, less the fees, and by nothing else."""
    asset, account, report = an_asset(mark=mark), an_account(0.0), a_report()
    expected = scale = 0.0
    for quantity, price in trades:
        settle(a_desk(asset, account=account, report=report), quantity, price)
        charge(account, report, 0.01 * abs(quantity * price))
        expected += quantity * (mark - price) - 0.01 * abs(quantity * price)
        scale += abs(quantity) * (mark + price)
    revalue(account, table_of(asset), some_rulebook())
    assert account.equity == pytest.approx(expected, abs=1e-12 * scale + 1e-9)
    assert report.filled == pytest.approx(asset.position, abs=1e-9)
    assert report.notional == pytest.approx(sum(abs(q * p) for q, p in trades))
    assert account.fees_paid == report.fees == pytest.approx(0.01 * report.notional)
    assert report.cash_flow - report.fees == pytest.approx(account.cash)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_the_entry_is_the_average_price_of_what_is_held(side: float) -> None:
    asset, account, report = an_asset(), an_account(), a_report()
    settle(a_desk(asset, account=account, report=report), side * 10.0, 100.0)
    settle(a_desk(asset, account=account, report=report), side * 30.0, 120.0)
    assert asset.entry_price == pytest.approx(115.0)
    settle(a_desk(asset, account=account, report=report), -side * 25.0, 90.0)
    assert asset.entry_price == pytest.approx(115.0)  # reducing leaves it
    settle(a_desk(asset, account=account, report=report), -side * 20.0, 80.0)
    assert asset.position == pytest.approx(-5.0 * side)
    assert asset.entry_price == pytest.approx(80.0)  # reversing starts anew


def test_a_closed_position_leaves_nothing_behind() -> None:
    asset = held(3.0, stop_loss=90.0, take_profit=120.0, exit_pending=Exit.MARGIN_CALL)
    settle(a_desk(asset), -3.0, 100.0)
    left = (asset.position, asset.entry_price, asset.stop_loss, asset.take_profit)
    assert left == (0.0, 0.0, 0.0, 0.0)
    assert asset.exit_pending == Exit.NONE


def test_rounding_is_not_a_position() -> None:
    asset, account, report = an_asset(), an_account(), a_report()
    for _ in range(3):
        settle(a_desk(asset, account=account, report=report), 0.1, 100.0)
    settle(
        a_desk(asset, account=account, report=report), -0.3, 100.0
    )  # 0.1 + 0.1 + 0.1 - 0.3 is not 0 in binary
    assert asset.position == 0.0


@pytest.mark.proof
def test_levels_of_long_and_short_mirror_each_other_in_log_price() -> None:
    slot = record(OrderSlot, {"stop_distance": 0.05, "target_distance": 0.08}, {})
    long, short = held(1.0), held(-1.0)
    for asset in (long, short):
        enter(asset, slot, 100.0, 1.0, 0.0)
    assert long.stop_loss == pytest.approx(100.0 * math.exp(-0.05))
    assert long.take_profit == pytest.approx(100.0 * math.exp(0.08))
    assert short.stop_loss * long.stop_loss == pytest.approx(100.0**2)
    assert short.take_profit * long.take_profit == pytest.approx(100.0**2)


def test_an_order_without_stops_takes_the_levels_away() -> None:
    asset = held(1.0, stop_loss=90.0, take_profit=120.0)
    enter(asset, record(OrderSlot, {}, {}), 100.0, 1.0, 0.0)
    assert (asset.stop_loss, asset.take_profit) == (0.0, 0.0)


def placed(side: float, stop: float = 0.05, price: float = 100.0, **fields: Any) -> Any:
    """A position whose levels were set by a fill."""
    asset = held(side, **fields)
    distances = {"stop_distance": stop, "target_distance": 2.0 * stop}
    enter(asset, record(OrderSlot, distances, {}), price, 1.0, 0.0)
    return asset


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_trailing_stop_follows_what_was_shown_twice(side: float) -> None:
    asset = placed(side)
    for shown, reached in [(1.0, 0.0), (3.0, 1.0), (2.0, 2.0), (-4.0, 2.0), (9.0, 2.0), (8.0, 8.0)]:
        asset.seen_before = asset.seen_close
        asset.seen_close = 100.0 * math.exp(0.01 * side * shown)
        trail_stop(asset, 0.0)
        level = 100.0 * math.exp(side * (0.01 * reached - 0.05))
        assert asset.stop_loss == pytest.approx(level, rel=1e-12)


def test_one_bad_print_moves_no_stop_even_if_the_next_bar_tells_nothing_new() -> None:
    asset = placed(1.0)
    asset.seen_close = 150.0
    trail_stop(asset, 0.0)
    asset.is_new = 0
    asset.seen_before = 150.0
    trail_stop(asset, 0.0)  # missing or repeated: the close shown is still the bad print
    assert asset.stop_loss == pytest.approx(100.0 * math.exp(-0.05))


@given(
    st.sampled_from([1.0, -1.0]),
    st.lists(st.tuples(st.booleans(), st.floats(-0.2, 0.2)), min_size=1, max_size=12),
    st.sampled_from([0.0, 0.01, 1.0]),
)
def test_a_stop_that_trails_only_ever_tightens(
    side: float, events: list[tuple[bool, float]], tick: float
) -> None:
    """Whatever is shown, and whatever is added at whatever price."""
    asset = placed(side)
    trail_stop(asset, tick)
    for adds, move in events:
        last, price = asset.stop_loss, 100.0 * math.exp(move)
        if adds:
            enter(asset, record(OrderSlot, {}, {}), price, 0.4, tick)
        else:
            asset.seen_close, asset.seen_before = price, asset.seen_close
            trail_stop(asset, tick)
        assert side * (asset.stop_loss - last) >= 0.0


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_an_addition_tightens_the_stop_or_leaves_it_and_the_target_stays(
    side: float,
) -> None:
    """Half of the position at 100, half at 110: the average entry is 105."""
    slot = record(OrderSlot, {"stop_distance": 0.3, "target_distance": 0.4}, {})
    bettered, worsened = placed(side), placed(side)
    enter(bettered, slot, 100.0 + 10.0 * side, 0.5, 0.0)
    enter(worsened, slot, 100.0 - 10.0 * side, 0.5, 0.0)
    average = 100.0 + 5.0 * side
    assert bettered.stop_loss == pytest.approx(average * math.exp(-0.05 * side))
    assert bettered.take_profit == pytest.approx(100.0 * math.exp(0.1 * side))
    assert worsened.stop_loss == pytest.approx(100.0 * math.exp(-0.05 * side))
    assert worsened.take_profit == bettered.take_profit


def test_a_position_without_stop_has_nothing_that_trails() -> None:
    asset = held(1.0)
    trail_stop(asset, 0.0)
    assert asset.stop_loss == 0.0


def test_a_flip_starts_the_clock_and_the_stop_anew_and_an_addition_does_not() -> None:
    asset, account, report = placed(2.0, holding_bars=7), an_account(), a_report()
    settle(a_desk(asset, account=account, report=report), 1.0, 100.0)
    assert asset.holding_bars == 7
    settle(a_desk(asset, account=account, report=report), -1.0, 100.0)
    assert asset.holding_bars == 7
    settle(a_desk(asset, account=account, report=report), -5.0, 100.0)
    assert asset.holding_bars == 0
    enter(asset, record(OrderSlot, {"stop_distance": 0.05}, {}), 100.0, 1.0, 0.0)
    assert asset.stop_loss == pytest.approx(100.0 * math.exp(0.05))


def test_a_time_stop_is_due_after_its_bars_and_never_without() -> None:
    asset, patient = held(3.0, exit_fees=2.0), held(3.0)
    due = []
    for _ in range(4):
        age_position(asset, 3)
        age_position(patient, 0)
        due.append(asset.exit_pending)
    assert due == [Exit.NONE, Exit.NONE, Exit.TIME_STOP, Exit.TIME_STOP]
    assert asset.exit_fees == 0.0  # a new order for its fee
    assert patient.exit_pending == Exit.NONE


def test_a_time_stop_does_not_take_the_place_of_another_exit() -> None:
    asset = held(3.0, exit_pending=Exit.STOP_LOSS, exit_fees=2.0)
    age_position(asset, 1)
    assert (asset.exit_pending, asset.exit_fees) == (Exit.STOP_LOSS, 2.0)


def test_a_year_of_financing() -> None:
    rich, poor = an_account(1000.0), an_account(-1000.0)
    rates = {"cash_rate": 0.03, "margin_rate": 0.08, "borrow_rate": 0.1}
    financed(rich, an_asset(), **rates)
    financed(poor, an_asset(), **rates)
    assert rich.cash == pytest.approx(1000.0 * math.exp(0.03))
    assert rich.financing_paid == pytest.approx(-1000.0 * math.expm1(0.03))
    assert poor.cash == pytest.approx(-1000.0 * math.exp(0.08))
    assert poor.financing_paid == pytest.approx(1000.0 * math.expm1(0.08))


def test_only_a_short_position_pays_to_borrow() -> None:
    account = an_account(0.0)
    reports = financed(account, held(5.0), held(-2.0), borrow_rate=0.1)
    assert reports["financing"].tolist() == pytest.approx([0.0, 20.0])
    assert account.cash == pytest.approx(-20.0)
    assert account.financing_paid == -account.cash


@pytest.mark.parametrize("rate", [0.11, -0.11])
def test_longs_pay_shorts_the_funding_and_a_flat_book_nets_to_nothing(rate: float) -> None:
    account = an_account(0.0)
    reports = financed(account, held(5.0), held(-2.0), an_asset(), funding_rate=rate)
    assert reports["financing"].tolist() == pytest.approx([500.0 * rate, -200.0 * rate, 0.0])
    assert account.cash == pytest.approx(-300.0 * rate)
    flat = an_account(0.0)
    financed(flat, held(5.0), held(-5.0), funding_rate=rate)
    assert flat.cash == 0.0


@given(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4), st.integers(1, 12))
def test_a_year_costs_its_closed_form_whatever_the_length_of_a_bar(
    cash: float, position: float, parts: int
) -> None:
    """Cash compounds; fees on positions are simple. All at once, cash at rest between them."""
    rates = {"borrow_rate": 0.3, "funding_rate": 0.11}
    account, reports = an_account(cash), 0.0
    for _ in range(parts):
        before = account.cash
        financed(account, an_asset(), seconds=YEAR_S / parts, cash_rate=0.03, margin_rate=0.08)
        compounded = account.cash
        reports += financed(account, held(position), seconds=YEAR_S / parts, **rates)["financing"][
            0
        ]
        account.cash = compounded  # fees apart, so that they earn no interest here
        assert abs(account.cash) >= abs(before)
    assert account.cash == pytest.approx(cash * math.exp(0.03 if cash > 0.0 else 0.08), rel=1e-9)
    fee = 0.11 * position * 100.0 + 0.3 * max(-position, 0.0) * 100.0
    assert reports == pytest.approx(fee, rel=1e-9)


@given(st.floats(-1e6, 1e6), st.integers(1, 12))
def test_financing_goes_by_the_clock_and_not_by_the_step(cash: float, parts: int) -> None:
    once, often = an_account(cash), an_account(cash)
    rates = {"cash_rate": 0.03, "margin_rate": 0.08}
    financed(once, an_asset(), **rates)
    for _ in range(parts):
        financed(often, an_asset(), seconds=YEAR_S / parts, **rates)
    assert often.cash == pytest.approx(once.cash, rel=1e-9)


def test_without_rates_cash_stands_still() -> None:
    account = an_account(1234.5)
    financed(account, held(-5.0))
    assert account.cash == 1234.5


def test_gross_adds_magnitudes_and_equity_adds_values() -> None:
    account = an_account(50.0)
    everything = some_rulebook(funds=account_params(maintenance_margin=1.0))
    assert revalue(account, table_of(held(2.0), held(-3.0)), everything) == pytest.approx(500.0)
    assert account.equity == pytest.approx(-50.0)
    assert account.peak_equity == 50.0


@pytest.mark.proof
@pytest.mark.parametrize(("cash", "called"), [(-70.0, True), (-76.0, True), (-60.0, False)])
def test_a_margin_call_closes_every_position(cash: float, called: bool) -> None:
    """Long 1 and short 0 of 100: equity 100 + cash, required 0.35 of 100."""
    assets, account = table_of(held(1.0), an_asset()), an_account(cash)
    funds = account_params(maintenance_margin=0.35)
    margin = revalue(account, assets, some_rulebook(funds=funds))
    assert call_margin(account, assets, margin) is called
    pending = Exit.MARGIN_CALL if called else Exit.NONE
    assert assets["exit_pending"].tolist() == [pending, Exit.NONE]


def test_two_bad_prints_in_a_row_make_no_peak() -> None:
    account = an_account(100.0)
    shown = [100.0, 900.0, 800.0, 100.0, 130.0, 120.0, 110.0]
    for value in shown:
        account.cash = value
        revalue(account, table_of(an_asset()), some_rulebook())
    assert account.seen_equity == 110.0
    assert account.seen_peak == 110.0
