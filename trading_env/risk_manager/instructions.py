"""What an action says of an asset: a signal, and how the order for it is worked.

With `action = "target"` an action is one signal for each asset, and orders are of the configured
type. Otherwise it has COLUMNS numbers for each asset, in this order, all in [-1, 1]:

- signal: of the target, or of the order itself (`sizing.py`, `step/pace.py`);
- type: [-1, 1] in equal parts for market, limit, stop, and with "orders" a fourth, cancel;
- offset: times OFFSET_REACH shown standard deviations of a bar, in log price, it is how far the
  limit lies on the better side of the shown price, or a stop's trigger on the worse side: below 0
  a limit bounds what a marketable order pays, and a trigger has been met; at most MAX_DISTANCE;
- time in force: below 0 the rest lapses with the bar in which it arrives, else with the episode.

So distances grow with volatility, and mean the same for any asset and any length of bar.
"""

import math

from trading_env.core.codes import ActionKind, OrderType, TimeInForce
from trading_env.core.jit import kernel
from trading_env.core.params import ExecutionParams
from trading_env.core.records import Floats
from trading_env.core.values import Instruction
from trading_env.risk_manager.desk import Desk

COLUMNS = 4
SIGNAL, TYPE, OFFSET, TIME_IN_FORCE = range(COLUMNS)
TARGET_TYPES = 3  # market, limit, stop
ORDER_TYPES = 4  # and cancel
OFFSET_REACH = 2.0
MAX_DISTANCE = 3.0  # log price, of any level from the shown price or the entry


@kernel
def part_of(x: float, parts: int) -> int:
    """Number of the part of [-1, 1], cut into equal ones, that a value lies in; ends saturate."""
    inside = min(max(x, -1.0), 1.0)  # compiled, `floor` is an integer of 64 bits
    return min(math.floor(0.5 * (inside + 1.0) * parts), parts - 1)


@kernel
def type_of(actions: Floats, a: int, kind: int) -> int:
    """Type of the order that an action asks for, with `kind` other than TARGET."""
    types = ORDER_TYPES if kind == ActionKind.ORDERS else TARGET_TYPES
    return part_of(float(actions[COLUMNS * a + TYPE]), types)


@kernel
def signal_of(actions: Floats, a: int, kind: int) -> float:
    """Signal for an asset, in [-1, 1]."""
    place = a if kind == ActionKind.TARGET else COLUMNS * a + SIGNAL
    return min(max(float(actions[place]), -1.0), 1.0)


@kernel
def cancels(actions: Floats, a: int, kind: int) -> bool:
    """Tell whether an action takes back an asset's working orders, and asks for none."""
    return kind == ActionKind.ORDERS and type_of(actions, a, kind) == OrderType.CANCEL


@kernel
def configured(execution: ExecutionParams) -> Instruction:
    """Return how orders are worked by the settings of the engine."""
    offset = execution.limit_offset
    lapses = 1 if execution.time_in_force == TimeInForce.BAR else 0
    return Instruction(execution.limit_orders, offset, offset, lapses)


@kernel
def instruction_of(actions: Floats, a: int, desk: Desk) -> Instruction:
    """Return how the order for one asset is worked."""
    kind = desk.rules.episode.action
    if kind == ActionKind.TARGET:
        return configured(desk.rules.execution)
    offset = min(max(float(actions[COLUMNS * a + OFFSET]), -1.0), 1.0)
    distance = OFFSET_REACH * offset * math.sqrt(desk.asset.seen_variance_slow)
    distance = min(max(distance, -MAX_DISTANCE), MAX_DISTANCE)
    lapses = 1 - part_of(float(actions[COLUMNS * a + TIME_IN_FORCE]), 2)
    below, above = -math.expm1(-distance), math.expm1(distance)
    return Instruction(type_of(actions, a, kind), below, above, lapses)
