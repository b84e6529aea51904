"""Laws of the account and of the throttles, for random books, prices and drawdowns."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import a_desk, account_params, an_account, held, some_rulebook
from trading_env.core.codes import Exit
from trading_env.core.records import AssetState, new_table
from trading_env.execution_engine.account import call_margin, revalue, settle
from trading_env.risk_manager.rate import execution_rate
from trading_env.risk_manager.sizing import drawdown_throttle

books = st.lists(
    st.tuples(st.just(0.0) | st.floats(-1e4, 1e4), st.floats(0.01, 1e4)), min_size=1, max_size=6
)
money = st.floats(-1e7, 1e7)
shares = st.floats(0.0, 1.0)


def table_of(book: list[tuple[float, float]]) -> Any:
    table = new_table(AssetState, len(book))
    for k, (position, mark) in enumerate(book):
        table[k] = held(position, mark=mark, seen_close=mark)
    return table


@given(books, money)
def test_equity_is_cash_and_holdings_and_gross_their_magnitude(
    book: list[tuple[float, float]], cash: float
) -> None:
    account = an_account(cash)
    everything = account_params(maintenance_margin=1.0)
    gross = revalue(account, table_of(book), some_rulebook(funds=everything))
    values = [position * mark for position, mark in book]
    size = math.fsum(map(abs, values))
    assert math.isclose(gross, size, rel_tol=1e-12)
    assert abs(account.equity - cash - math.fsum(values)) <= 1e-12 * (abs(cash) + size)
    assert account.peak_equity == max(cash, account.equity)


@given(books, money, st.floats(0.0, 0.99))
def test_a_margin_call_is_of_every_position_or_of_none(
    book: list[tuple[float, float]], cash: float, maintenance: float
) -> None:
    """And comes exactly when equity is less than the share of gross exposure that it must be."""
    account, assets = an_account(cash), table_of(book)
    margin = revalue(
        account, assets, some_rulebook(funds=account_params(maintenance_margin=maintenance))
    )
    assert margin == pytest.approx(maintenance * sum(abs(x * mark) for x, mark in book))
    called = call_margin(account, assets, margin)
    assert called is bool(account.equity < margin)
    due = (assets["position"] != 0.0) & called
    assert (assets["exit_pending"] == np.where(due, Exit.MARGIN_CALL, Exit.NONE)).all()


@given(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4), st.floats(0.01, 1e4), st.floats(0.01, 1e4))
def test_the_entry_lies_between_the_prices_paid_and_moves_only_when_a_position_grows(
    first: float, second: float, paid: float, later: float
) -> None:
    account, asset = an_account(), held(0.0, entry=0.0)
    settle(a_desk(asset, account=account), first, paid)
    settle(a_desk(asset, account=account), second, later)
    position = asset.position
    if position == 0.0:
        assert asset.entry_price == 0.0
    elif first * second > 0.0:
        low, high = sorted((paid, later))
        assert low * (1.0 - 1e-9) <= asset.entry_price <= high * (1.0 + 1e-9)
    elif first != 0.0 and second != 0.0:
        assert asset.entry_price == (paid if position * first > 0.0 else later)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12))
def test_the_peak_shown_never_falls_and_no_two_prints_raise_it(shown: list[float]) -> None:
    """It is the highest that three statements in a row reached."""
    account, nothing = an_account(100.0), table_of([(0.0, 1.0)])
    before, peak = [100.0, 100.0], 100.0
    for value in shown:
        account.cash = value
        revalue(account, nothing, some_rulebook())
        peak, before = max(peak, min(value, *before)), [before[1], value]
        assert (account.seen_equity, account.seen_peak) == (value, peak)


@given(shares, shares, st.floats(0.01, 1.0))
def test_the_drawdown_throttle_only_closes_as_the_drawdown_deepens(
    one: float, other: float, limit: float
) -> None:
    shallow, deep = (drawdown_throttle(x, limit) for x in sorted((one, other)))
    assert 0.0 <= deep <= shallow <= 1.0
    assert drawdown_throttle(0.5 * limit, limit) == 1.0
    if limit < 1.0:
        assert drawdown_throttle(limit, limit) == 0.0


levels = st.floats(-4.0, 4.0)


@given(levels, levels, st.floats(0.01, 1.0))
def test_the_execution_rate_stays_between_its_floor_and_one(
    one: float, other: float, floor: float
) -> None:
    """And falls as costs grow; what costs up to 1.3 times what it should is done at once."""
    cheap, costly = (execution_rate(level, floor) for level in sorted((one, other)))
    assert floor <= costly <= cheap <= 1.0
    assert (execution_rate(one, floor) == 1.0) is (one <= math.log(1.3) + 1e-15 or floor == 1.0)
