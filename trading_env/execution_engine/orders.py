"""Orders: sent, in flight, working, done.

A new order is what the target lacks after everything still live. If that is opposite to what is
working, the new order replaces it: on arrival it cancels the working rest. Orders of one asset
arrive in the order in which they were sent: one that would overtake waits for those before it. An
order never takes the position beyond the target it was sent for: what other orders have filled
meanwhile is taken off it when it arrives, and it cancels what works on the other side. An asset
has SLOTS live orders at most; one more is rejected with `bound_by = ORDER_SLOTS`, and where an
agent chooses its orders the last slot is kept for one that replaces, so that it can always take
them back. An order that ends stays readable, with its ledger, until the next step begins.

An agent that chooses how its target is worked says so anew at each step: what works with another
limit or trigger is replaced. One that sends orders leaves them as they are until it cancels them or
sends one on the other side.

Over 300 lines because an order is followed here from its sending to its end.
"""

import math

from trading_env.core.codes import (
    ActionKind,
    BoundBy,
    Factor,
    OrderType,
    SlotState,
    Status,
)
from trading_env.core.grid import GRID_SLACK, whole_lots
from trading_env.core.jit import kernel
from trading_env.core.noise import Stream, normal
from trading_env.core.params import ExecutionParams
from trading_env.core.records import AssetState, OrderSlot, Report, Table
from trading_env.core.values import Address, Instruction
from trading_env.execution_engine.account import DUST, ROUNDING
from trading_env.execution_engine.limits import limit_price, trigger_price
from trading_env.risk_manager.desk import Desk
from trading_env.risk_manager.outstanding import outstanding, reach_of

WIDEST_BAND = 0.5  # of what a position may grow by in a step, and of what a cap leaves of it


@kernel
def is_live(slot: OrderSlot) -> bool:
    """Tell whether an order is in flight or working."""
    return slot.state == SlotState.IN_FLIGHT or slot.state == SlotState.WORKING


@kernel
def begin_step(asset: AssetState, slots: Table) -> None:
    """Free the slots of finished orders, and note what the others stand for."""
    used = 0
    for s in range(asset.slots_used):
        slot = slots[s]
        if slot.state == SlotState.DONE:
            slot.state = SlotState.EMPTY.value
        slot.claim = slot.left if is_live(slot) and slot.replaced == 0 else 0.0
        slot.step_filled = 0.0
        if slot.state != SlotState.EMPTY:
            used = s + 1
    asset.slots_used = used


@kernel
def take_slot(asset: AssetState, slots: Table, kept: int) -> int:
    """Return the index of an empty slot, or -1 when no more than `kept` are left."""
    first, empty = -1, slots.shape[0] - asset.slots_used
    for s in range(asset.slots_used):
        if slots[s].state == SlotState.EMPTY:
            empty += 1
            if first < 0:
                first = s
    if empty <= kept:
        return -1
    if first < 0:
        first = asset.slots_used
        asset.slots_used += 1
    return first


@kernel
def is_worked_otherwise(desk: Desk, wanted: float, instruction: Instruction) -> bool:
    """Tell whether something works that is not what the agent now chooses for `wanted` units."""
    if desk.rules.episode.action != ActionKind.TARGET_AND_TYPE:
        return False
    shown, tick = desk.asset.seen_close, desk.rules.execution.tick
    limit = limit_price(shown, wanted, instruction, tick)
    trigger = trigger_price(shown, wanted, instruction, tick)
    for s in range(desk.asset.slots_used):
        slot = desk.slots[s]
        works = slot.state == SlotState.WORKING and slot.replaced == 0
        if works and (slot.limit != limit or slot.trigger != trigger):
            return True
    return False


@kernel
def send_order(desk: Desk, instruction: Instruction, address: Address) -> None:
    """Send the order that takes the account to its target, if one is needed."""
    asset, slots, report = desk.asset, desk.slots, desk.report
    execution = desk.rules.execution
    begin_step(asset, slots)
    in_flight, working = outstanding(slots[: asset.slots_used])
    report.decision_price = asset.mark
    report.intended = report.target - asset.position
    report.live = in_flight + working
    if report.bound_by == BoundBy.EXIT_PENDING:
        return
    needed = report.intended - in_flight - working
    takes_back = instruction.kind == OrderType.CANCEL and working != 0.0
    anew = takes_back or is_worked_otherwise(desk, report.intended - in_flight, instruction)
    dust = dust_of(desk, max(abs(in_flight), abs(working)))
    if not anew and is_too_small(desk, needed, dust):
        return
    replaces = anew or needed * working < 0.0
    if replaces:
        needed = report.intended - in_flight
        if takes_back or abs(needed) <= dust:
            needed = 0.0
    wished = needed
    if report.target != asset.goal:  # what is left at the end may be an odd lot
        needed = whole_lots(needed, execution.lot)
    if abs(needed) * asset.seen_close < execution.minimum_notional:
        needed = 0.0
    cut = abs(needed - wished) > GRID_SLACK * execution.lot
    if cut and report.bound_by == BoundBy.NONE:
        report.bound_by = BoundBy.LOT_SIZE.value
    if needed == 0.0 and not replaces:
        return
    chosen = desk.rules.episode.action != ActionKind.TARGET
    free = take_slot(asset, slots, 1 if chosen and not replaces else 0)
    if free < 0:
        report.bound_by = BoundBy.ORDER_SLOTS.value
        report.status = Status.REJECTED.value
        return
    if replaces:
        disown_working(slots[: asset.slots_used])
        report.live = in_flight
    report.live += needed
    report.sent = needed
    # What replaces an order on its side repeats a wish: only what is beyond it is added.
    repeated = abs(working) if replaces and needed * working > 0.0 else 0.0
    report.ordered = max(abs(needed) - repeated, 0.0)
    slot = slots[free]
    held_s = desk.stress.outage * desk.rules.episode.bar_seconds
    latency_s = held_s + draw_latency(execution, desk.stress.factor[Factor.LATENCY], address)
    latency_s = max(latency_s, last_arrival(slots))
    fill_in(slot, report, needed, latency_s)
    slot.limit = limit_price(asset.seen_close, needed, instruction, execution.tick)
    slot.trigger = trigger_price(asset.seen_close, needed, instruction, execution.tick)
    slot.lapses = instruction.lapses
    slot.goal = asset.position + report.live
    if needed == wished and not takes_back:
        slot.goal = report.target
    slot.identity = address.step + 1
    slot.replaces = 1 if replaces else 0


@kernel
def last_arrival(slots: Table) -> float:
    """Seconds until the last order in flight arrives, 0 without one."""
    last = 0.0
    for s in range(slots.shape[0]):
        if slots[s].state == SlotState.IN_FLIGHT:
            last = max(last, slots[s].due_s)
    return last


@kernel
def dust_of(desk: Desk, live: float) -> float:
    """Units that are rounding beside target, position and what is live."""
    asset = desk.asset
    largest = max(max(abs(desk.report.target), abs(asset.position)), live)
    return max(DUST * largest, ROUNDING * desk.account.seen_equity / asset.seen_close)


@kernel
def is_too_small(desk: Desk, needed: float, dust: float) -> bool:
    """Tell whether an order would trade dust, or less than the no-trade band."""
    asset, report = desk.asset, desk.report
    if abs(needed) <= dust:
        return True
    reach = reach_of(desk) * asset.seen_close
    band = min(desk.rules.risk.no_trade_band * desk.account.seen_equity, WIDEST_BAND * reach)
    if desk.account.beyond == 1:
        return False
    if BoundBy.RISK_TOLERANCE <= report.bound_by <= BoundBy.MARGIN:
        band = min(band, WIDEST_BAND * abs(report.target) * asset.seen_close)
    if report.target == 0.0 or abs(needed) * asset.seen_close > band:
        return False
    if report.bound_by == BoundBy.NONE:
        report.bound_by = BoundBy.NO_TRADE_BAND.value
    return True


@kernel
def disown_working(slots: Table) -> None:
    """Working orders that are being replaced no longer stand for a wish of the account."""
    for s in range(slots.shape[0]):
        if slots[s].state == SlotState.WORKING:
            slots[s].claim = 0.0
            slots[s].replaced = 1


@kernel
def draw_latency(execution: ExecutionParams, multiplier: float, address: Address) -> float:
    """Seconds from decision to arrival: lognormal, times the scenario's multiplier."""
    latency = execution.latency_median_s * multiplier
    if execution.latency_log_sd > 0.0 and latency > 0.0:
        z = normal(
            address.seed,
            address.episode,
            address.step,
            address.asset,
            Stream.ORDER_LATENCY.value,
        )
        latency *= math.exp(execution.latency_log_sd * z)
    return latency


@kernel
def fill_in(slot: OrderSlot, report: Report, quantity: float, latency_s: float) -> None:
    """Write a fresh market order, good for the episode, into a slot."""
    slot.state = SlotState.IN_FLIGHT.value
    slot.replaced = 0
    slot.outcome = Status.NONE.value
    slot.quantity = quantity
    slot.left = quantity
    slot.claim = quantity
    slot.decision_price = report.decision_price
    slot.arrival_price = 0.0
    slot.limit = 0.0
    slot.trigger = 0.0
    slot.lapses = 0
    slot.latency_s = latency_s
    slot.due_s = latency_s
    slot.stop_distance = report.stop_distance
    slot.target_distance = report.target_distance
    slot.step_filled = 0.0
    slot.filled = 0.0
    slot.notional = 0.0
    slot.proportional = 0.0
    slot.delay = 0.0
    slot.spread = 0.0
    slot.impact = 0.0
    slot.fees = 0.0
    slot.opportunity = 0.0


@kernel
def finish(slot: OrderSlot, outcome: int) -> None:
    """End an order; its ledger stays until the next step."""
    slot.state = SlotState.DONE.value
    slot.outcome = outcome


@kernel
def cancel_all(slots: Table) -> None:
    """Cancel everything live, in flight or working."""
    for s in range(slots.shape[0]):
        if is_live(slots[s]):
            finish(slots[s], Status.CANCELLED.value)


@kernel
def next_arrival(slots: Table, seconds: float) -> int:
    """Index of the in-flight order that arrives first within `seconds`, or -1."""
    first = -1
    for s in range(slots.shape[0]):
        slot = slots[s]
        if slot.state != SlotState.IN_FLIGHT or slot.due_s >= seconds:
            continue
        if first < 0:
            first = s
            continue
        ahead = slots[first]
        sooner = slot.due_s < ahead.due_s
        if sooner or (slot.due_s == ahead.due_s and slot.identity < ahead.identity):
            first = s
    return first


@kernel
def keep_to_goal(slot: OrderSlot, desk: Desk) -> None:
    """Take off an arriving order what would carry the position beyond what it was sent for."""
    slots, side = desk.slots, math.copysign(1.0, slot.left)
    others = float(desk.asset.position)
    for s in range(slots.shape[0]):
        if slots[s].state == SlotState.WORKING:
            others += slots[s].left
    rounding = DUST * max(abs(slot.goal), abs(slot.left))
    if side * (others + slot.left - slot.goal) <= rounding:
        return
    left = side * max(side * (slot.goal - others), 0.0)  # so that it fills to the goal exactly
    if slot.goal != desk.asset.goal:
        left = whole_lots(left, desk.rules.execution.lot)
    if abs(left) <= rounding:
        left = 0.0
    cut = slot.left - left
    slot.quantity -= cut
    slot.left = left
    slot.claim -= cut
    desk.report.live -= cut


@kernel
def arrive(slot: OrderSlot, desk: Desk) -> None:
    """Take an order from flight to the market; it cancels what it replaces, or would trade with."""
    slots, report = desk.slots, desk.report
    for s in range(slots.shape[0]):
        other = slots[s]
        if other.state == SlotState.WORKING:
            replaced = slot.replaces == 1 and other.replaced == 1
            if replaced or other.left * slot.left < 0.0:
                finish(other, Status.CANCELLED.value)
    outcome = Status.NONE if slot.left == 0.0 else Status.CANCELLED
    keep_to_goal(slot, desk)
    slot.state = SlotState.WORKING.value
    report.latency_s += slot.latency_s  # becomes the mean when the bar closes
    report.arrivals += 1
    if slot.left == 0.0:  # a pure cancel, or filled by others: there is nothing to fill
        finish(slot, outcome)


@kernel
def end_bar(slots: Table, seconds: float) -> float:
    """Let time pass: expire by time in force, fly on; return the units still live."""
    live = 0.0
    for s in range(slots.shape[0]):
        slot = slots[s]
        if slot.state == SlotState.WORKING and slot.lapses == 1:
            finish(slot, Status.EXPIRED.value)
        elif slot.state == SlotState.IN_FLIGHT:
            slot.due_s -= seconds
        if is_live(slot):
            live += slot.left
    return live


@kernel
def book_opportunity(slots: Table, report: Report, move: float) -> None:
    """Charge what was not filled with the bar's move of the mark."""
    for s in range(slots.shape[0]):
        slot = slots[s]
        if slot.state != SlotState.EMPTY:
            missed = (slot.claim - slot.step_filled) * move
            slot.opportunity += missed
            report.opportunity += missed


@kernel
def status_of(slots: Table, report: Report, halted: int) -> int:
    """Sum up what became of an asset's orders in this step."""
    filled, cancelled, expired, working, in_flight = 0, 0, 0, 0, 0
    for s in range(slots.shape[0]):
        slot = slots[s]
        if slot.state == SlotState.WORKING:
            working += 1
        elif slot.state == SlotState.IN_FLIGHT:
            in_flight += 1
        elif slot.state == SlotState.DONE:
            filled += 1 if slot.outcome == Status.FILLED else 0
            cancelled += 1 if slot.outcome == Status.CANCELLED else 0
            expired += 1 if slot.outcome == Status.EXPIRED else 0
    if report.order_filled != 0.0 and working + in_flight + expired + cancelled > 0:
        return Status.PARTIAL.value
    if report.status == Status.REJECTED:
        return Status.REJECTED.value
    if filled > 0:
        return Status.FILLED.value
    if cancelled > 0:
        return Status.CANCELLED.value
    if expired > 0:
        return Status.EXPIRED.value
    if working > 0:
        return Status.HALTED.value if halted == 1 else Status.WORKING.value
    return Status.IN_FLIGHT.value if in_flight > 0 else report.status
