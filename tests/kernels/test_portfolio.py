"""The account: conservation, averages, financing, margin."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.helpers import a_report, account_params, an_account, an_asset, held, record
from trading_env.kernels.portfolio import (
    YEAR_S,
    accrue,
    call_margin,
    charge,
    revalue,
    revalue_as_seen,
    set_levels,
    settle,
)
from trading_env.types import AssetState, Exit, OrderSlot, Report, new_table

fills = st.tuples(st.floats(-1e4, 1e4), st.floats(0.01, 1e4))


def table_of(*assets: Any) -> Any:
    table = new_table(AssetState, len(assets))
    for k, asset in enumerate(assets):
        table[k] = asset
    return table


def financed(account: Any, *assets: Any, seconds: float = YEAR_S, **rates: float) -> Any:
    reports = new_table(Report, len(assets))
    accrue(account, table_of(*assets), reports, seconds, account_params(**rates))
    return reports


@given(st.lists(fills, min_size=1, max_size=10), st.floats(0.01, 1e4))
def test_fills_and_fees_conserve_value(trades: list[tuple[float, float]], mark: float) -> None:
    """Equity changes by what was bought below the mark, less the fees, and by nothing else."""
    asset, account, report = an_asset(mark=mark), an_account(0.0), a_report()
    expected = scale = 0.0
    for quantity, price in trades:
        settle(asset, account, report, quantity, price)
        charge(account, report, 0.01 * abs(quantity * price))
        expected += quantity * (mark - price) - 0.01 * abs(quantity * price)
        scale += abs(quantity) * (mark + price)
    revalue(account, table_of(asset))
    assert account.equity == pytest.approx(expected, abs=1e-12 * scale + 1e-9)
    assert report.filled == pytest.approx(asset.position, abs=1e-9)
    assert report.notional == pytest.approx(sum(abs(q * p) for q, p in trades))
    assert account.fees_paid == report.fees == pytest.approx(0.01 * report.notional)
    assert report.cash_flow - report.fees == pytest.approx(account.cash)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_the_entry_is_the_average_price_of_what_is_held(side: float) -> None:
    asset, account, report = an_asset(), an_account(), a_report()
    settle(asset, account, report, side * 10.0, 100.0)
    settle(asset, account, report, side * 30.0, 120.0)
    assert asset.entry_price == pytest.approx(115.0)
    settle(asset, account, report, -side * 25.0, 90.0)
    assert asset.entry_price == pytest.approx(115.0)  # reducing leaves it
    settle(asset, account, report, -side * 20.0, 80.0)
    assert asset.position == pytest.approx(-5.0 * side)
    assert asset.entry_price == pytest.approx(80.0)  # reversing starts anew


def test_a_closed_position_leaves_nothing_behind() -> None:
    asset = held(3.0, stop_loss=90.0, take_profit=120.0, exit_pending=Exit.MARGIN_CALL)
    settle(asset, an_account(), a_report(), -3.0, 100.0)
    left = (asset.position, asset.entry_price, asset.stop_loss, asset.take_profit)
    assert left == (0.0, 0.0, 0.0, 0.0)
    assert asset.exit_pending == Exit.NONE


def test_rounding_is_not_a_position() -> None:
    asset, account, report = an_asset(), an_account(), a_report()
    for _ in range(3):
        settle(asset, account, report, 0.1, 100.0)
    settle(asset, account, report, -0.3, 100.0)  # 0.1 + 0.1 + 0.1 - 0.3 is not 0 in binary
    assert asset.position == 0.0


def test_levels_of_long_and_short_mirror_each_other_in_log_price() -> None:
    slot = record(OrderSlot, {"stop_distance": 0.05, "target_distance": 0.08}, {})
    long, short = held(1.0), held(-1.0)
    for asset in (long, short):
        set_levels(asset, slot, 100.0, 0.0)
    assert long.stop_loss == pytest.approx(100.0 * math.exp(-0.05))
    assert long.take_profit == pytest.approx(100.0 * math.exp(0.08))
    assert short.stop_loss * long.stop_loss == pytest.approx(100.0**2)
    assert short.take_profit * long.take_profit == pytest.approx(100.0**2)


def test_an_order_without_stops_takes_the_levels_away() -> None:
    asset = held(1.0, stop_loss=90.0, take_profit=120.0)
    set_levels(asset, record(OrderSlot, {}, {}), 100.0, 0.0)
    assert (asset.stop_loss, asset.take_profit) == (0.0, 0.0)


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
    assert reports["financing"].tolist() == pytest.approx([0.0, 200.0 * math.expm1(0.1)])
    assert account.cash == pytest.approx(-200.0 * math.expm1(0.1))
    assert account.financing_paid == -account.cash


@given(st.floats(-1e6, 1e6), st.integers(1, 50))
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
    assert revalue(account, table_of(held(2.0), held(-3.0))) == pytest.approx(500.0)
    assert account.equity == pytest.approx(-50.0)
    assert account.peak_equity == 50.0


@pytest.mark.parametrize(("cash", "called"), [(-70.0, True), (-76.0, True), (-60.0, False)])
def test_a_margin_call_closes_every_position(cash: float, called: bool) -> None:
    """Long 1 and short 0 of 100: equity 100 + cash, required 0.35 of 100."""
    assets, account = table_of(held(1.0), an_asset()), an_account(cash)
    gross = revalue(account, assets)
    assert call_margin(account, assets, gross, account_params(maintenance_margin=0.35)) is called
    pending = Exit.MARGIN_CALL if called else Exit.NONE
    assert assets["exit_pending"].tolist() == [pending, Exit.NONE]


def test_one_bad_print_makes_no_peak() -> None:
    account = an_account(100.0)
    shown = [100.0, 900.0, 100.0, 120.0, 110.0]
    for value in shown:
        account.cash = value
        revalue_as_seen(account, table_of(an_asset()))
    assert account.seen_equity == 110.0
    assert account.seen_peak == 110.0
