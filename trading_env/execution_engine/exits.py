"""Exits: when a stop, a margin call, a time stop or a target is due, and how it trades.

A stop, or the level of a margin call where that is tighter, fills as a market order and stays
pending until the position is flat; a margin call pays the liquidation fee besides. A target rests
and fills as a resting limit order does. An exit claims the whole position and cancels the asset's
other orders.
"""

import math

from trading_env.core.codes import Exit
from trading_env.core.jit import kernel, rare_kernel
from trading_env.core.records import AssetState
from trading_env.core.values import FillWindow, Session
from trading_env.execution_engine.account import charge
from trading_env.execution_engine.fills import book_fill, room_in
from trading_env.execution_engine.limits import quote_at, resting_mid, resting_quote
from trading_env.execution_engine.orders import cancel_all
from trading_env.execution_engine.pricing import (
    charged,
    fee_due,
    on_tick,
    proportional_fee,
    taking_quote,
)
from trading_env.risk_manager.desk import Desk
from trading_env.risk_manager.levels import clear_exit, tighter


@kernel
def stop_of(asset: AssetState) -> tuple[float, int]:
    """Price at which the position is closed at a loss, 0 for none, and the Exit code.

    That is its stop, or where the account's margin is called if that is tighter.
    """
    stop, code = float(asset.stop_loss), Exit.STOP_LOSS.value
    if asset.margin_level * asset.position > 0.0:
        margin = abs(asset.margin_level)
        if tighter(stop, margin, asset.position) == margin:
            return margin, Exit.MARGIN_CALL.value
    return stop, code


@rare_kernel
def target_mid(desk: Desk, session: Session) -> float:
    """Price that the path must reach for the position's target to fill, as a resting order's."""
    asset = desk.asset
    units = -math.copysign(min(abs(asset.position), session.capacity), asset.position)
    return resting_mid(session, desk.report, asset.take_profit, units)


@kernel
def passes_target(asset: AssetState, price: float) -> bool:
    """Tell whether a price is at the position's target or beyond it, without which none fills.

    What a resting fill pays only moves the price that it needs (`target_mid`) farther off.
    """
    side = 1.0 if asset.position > 0.0 else -1.0
    return asset.take_profit > 0.0 and side * (price - asset.take_profit) >= 0.0


@kernel
def exit_at(desk: Desk, session: Session, price: float) -> int:
    """Return which exit is due at a price that the path starts from (0: none)."""
    asset = desk.asset
    if asset.position == 0.0 or asset.exit_pending != Exit.NONE:
        return int(asset.exit_pending)
    # A short is a long seen in a mirror: compare with the sign turned.
    side = 1.0 if asset.position > 0.0 else -1.0
    if passes_target(asset, price) and side * (price - target_mid(desk, session)) >= 0.0:
        return Exit.TAKE_PROFIT.value
    stop, code = stop_of(asset)
    return code if stop > 0.0 and side * (price - stop) <= 0.0 else Exit.NONE.value


@rare_kernel
def claim_exit(desk: Desk, code: int, reference: float) -> None:
    """An exit is due: it claims the whole position and cancels the asset's other orders."""
    cancel_all(desk.slots)
    desk.report.exit = code
    desk.report.exit_claim = -desk.asset.position
    desk.report.exit_reference = reference


@rare_kernel
def work_exit(
    desk: Desk, session: Session, mid: float, share: float, late: float, begun: bool
) -> None:
    """Trade what fits of an exit that is due, in the last share of the bar.

    `begun`: the path begins at `mid`, which may be beyond a target; else it met the level.
    """
    asset, report, execution = desk.asset, desk.report, desk.rules.execution
    terms = session.terms
    rests = report.exit == Exit.TAKE_PROFIT
    if not rests:
        if asset.exit_pending == Exit.NONE:
            clear_exit(asset)  # what a target has filled before was another order
        asset.exit_pending = report.exit
    room = room_in(desk, session, share, late)
    if room <= 0.0:
        return
    quantity = -math.copysign(min(abs(asset.position), room), asset.position)
    if rests:
        quoted = quote_at(session, report, asset.take_profit, quantity)
        if begun:
            quoted = resting_quote(session, report, mid, quantity)
        quoted = on_tick(quoted, execution.tick)
        report.rested += abs(quantity)
    else:
        window = FillWindow(mid, share, late, report.filled)
        quoted = taking_quote(session, window, quantity, execution.tick)
    asset.exit_notional += abs(quantity * quoted.price)
    asset.exit_units += abs(quantity)
    asset.exit_proportional += proportional_fee(
        execution.maker_fee if rests else execution.fee, quoted
    )
    fee = fee_due(
        asset.exit_proportional,
        asset.exit_notional,
        asset.exit_units,
        asset.exit_fees,
        execution,
    )
    asset.exit_fees += fee
    book_fill(desk, quoted, quoted.mid - report.exit_reference)
    fee = charged(fee, terms.fees)
    if report.exit == Exit.MARGIN_CALL:
        fee += desk.rules.funds.liquidation_fee * abs(quantity * quoted.price)
    charge(desk.account, report, fee)


@kernel
def leave_at(desk: Desk, session: Session, begin: float, price: float, late: float) -> bool:
    """Exit if one is due at the price that the path starts from at a fraction of the bar."""
    asset = desk.asset
    code = exit_at(desk, session, price)
    if code == Exit.NONE:
        return False
    reference = stop_of(asset)[0]
    if asset.exit_pending != Exit.NONE:
        reference = asset.mark
    elif code == Exit.TAKE_PROFIT:
        reference = asset.take_profit
    claim_exit(desk, code, reference)
    work_exit(desk, session, price, 1.0 - begin, late, True)
    return True
