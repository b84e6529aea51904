"""What is held and live: how much it commits, and what an order of the agent's adds to it.

Where the agent sends orders, a signal is not the wish for a position but for one more order, of the
size that the mapping gives it. It stands on top of what is held and live, without what works on its
other side, which it will replace. Caps hold for where that leads to; they shrink an order, and
never turn it round, add to it or send one by themselves: what is held beyond a cap may be kept.
"""

from trading_env.core.codes import BoundBy, SlotState
from trading_env.core.jit import kernel
from trading_env.core.records import Table
from trading_env.risk_manager.desk import Desk


@kernel
def outstanding(slots: Table) -> tuple[float, float]:
    """Units in flight, and working in orders that nothing replaces, signed."""
    flying, working = 0.0, 0.0
    for s in range(slots.shape[0]):
        if slots[s].state == SlotState.IN_FLIGHT:
            flying += slots[s].left
        elif slots[s].state == SlotState.WORKING:
            working += slots[s].left * (1 - slots[s].replaced)
    return flying, working


@kernel
def reach_of(desk: Desk) -> float:
    """Units by which a position may grow in a step, of what mean bars can fill under the cap."""
    rules = desk.rules
    return float(
        rules.risk.participation_bars * rules.execution.participation * desk.asset.seen_volume_mean
    )


@kernel
def committed_share(desk: Desk) -> float:
    """Largest share of equity that the asset may hold, on either side, before a new order is done.

    Its position; what its working orders lead to, which are all on one side; and the positions that
    its orders in flight were sent for: an arriving order is cut to that.
    """
    units, worked = abs(desk.asset.position), float(desk.asset.position)
    for k in range(desk.asset.slots_used):
        slot = desk.slots[k]
        if slot.state == SlotState.WORKING:
            worked += slot.left
        elif slot.state == SlotState.IN_FLIGHT:
            units = max(units, abs(slot.goal))
    return max(units, abs(worked)) * (desk.asset.seen_close / desk.account.seen_equity)


@kernel
def base_of(desk: Desk, asked: float) -> float:
    """Position that an order on a side (the sign of `asked`, 0: of none) comes on top of, units."""
    flying, working = outstanding(desk.slots[: desk.asset.slots_used])
    kept = working if working * asked >= 0.0 else 0.0
    return desk.asset.position + flying + kept


@kernel
def keep_to_side(desk: Desk) -> None:
    """Let the caps shrink an order that was asked for, but neither turn it round nor add to it."""
    report, asked = desk.report, desk.report.wished_fraction
    if report.bound_by == BoundBy.EXIT_PENDING:
        return
    if asked == 0.0:
        report.bound_by = BoundBy.NONE.value
    base = base_of(desk, asked)
    units = asked * (desk.account.seen_equity / desk.asset.seen_close)
    change = report.target - base
    if change * asked <= 0.0:
        report.target = base_of(desk, 0.0)
    elif abs(change) > abs(units):
        report.target = base + units
        report.bound_by = BoundBy.NONE.value
