"""Stop and target of a position: where they stand, how a stop follows the price, a time stop.

A fill that opens or flips a position places stop and target around itself, at the distances that
its order brings. A fill that enlarges it may tighten the stop, to its distance from the average
entry, and never loosens it, so that buying more of what falls does not put it off. The target
stays, so that topping up a share of equity, which long positions do as they lose and short ones as
they gain, favours neither side. Where stops trail,
the stop follows the most favourable close *shown*, at its distance, from the next bar on: a price
counts once two bars in a row that differ reach it, so one bad print moves no stop, also where the
feed repeats it. A position that has been
held for `max_holding_bars` bars (since it was opened or flipped) is closed at market.
"""

import math

from trading_env.core.codes import Exit
from trading_env.core.grid import tick_above, tick_below
from trading_env.core.jit import kernel
from trading_env.core.records import AssetState, OrderSlot


@kernel
def clear_exit(asset: AssetState) -> None:
    """The next exit is a new order for its fee."""
    asset.exit_notional = 0.0
    asset.exit_units = 0.0
    asset.exit_proportional = 0.0
    asset.exit_fees = 0.0


@kernel
def enter(asset: AssetState, slot: OrderSlot, price: float, added: float, tick: float) -> None:
    """Place the levels after a fill that opened the position, or tighten its stop after another.

    `price` is the price at the moment of the fill, not the price paid, so that costs trigger
    nothing; `added` is the share of the position that the fill is, 1 where it opened it.
    """
    clear_exit(asset)
    if added >= 1.0:
        asset.entry_mid = price
        asset.stop_distance = slot.stop_distance
        asset.stop_loss = 0.0
        asset.take_profit = 0.0
        if slot.stop_distance > 0.0:
            asset.take_profit = level_with(price, slot.target_distance, asset.position, tick)
    else:
        asset.entry_mid += added * (price - asset.entry_mid)
    if asset.stop_distance > 0.0:
        stop = level_against(asset.entry_mid, asset.stop_distance, asset.position, tick)
        asset.stop_loss = tighter(asset.stop_loss, stop, asset.position)


@kernel
def level_against(price: float, distance: float, side: float, tick: float) -> float:
    """Price level on the losing side of a position, rounded to ticks away from the price."""
    if side > 0.0:
        return tick_below(price * math.exp(-distance), tick)
    return tick_above(price * math.exp(distance), tick)


@kernel
def level_with(price: float, distance: float, side: float, tick: float) -> float:
    """Price level on the winning side of a position, rounded to ticks away from the price."""
    return level_against(price, distance, -side, tick)


@kernel
def tighter(stop: float, other: float, side: float) -> float:
    """Return the stop that is reached first; 0 is none."""
    if stop <= 0.0 or side > 0.0:
        return max(stop, other)
    return min(stop, other)


@kernel
def trail_stop(asset: AssetState, tick: float) -> None:
    """Let the stop follow the worse of the last two prices shown, where the last bar was new."""
    if asset.stop_loss <= 0.0:
        return
    if asset.is_new == 0:
        return  # the close shown is the last bar's, which has counted
    shown, before = asset.seen_close, asset.seen_before
    reached = min(shown, before) if asset.position > 0.0 else max(shown, before)
    level = level_against(reached, asset.stop_distance, asset.position, tick)
    asset.stop_loss = tighter(asset.stop_loss, level, asset.position)


@kernel
def age_position(asset: AssetState, longest: int) -> None:
    """Count a bar of holding; start closing what has been held for `longest` (0: any time)."""
    asset.holding_bars += 1
    if 0 < longest <= asset.holding_bars and asset.exit_pending == Exit.NONE:
        clear_exit(asset)
        asset.exit_pending = Exit.TIME_STOP.value
