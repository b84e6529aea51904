"""The rate: how far a position goes towards its target in a step, by what fills cost of late.

It reads the level of the cost model (`execution_engine/feedback.py`). What is expected to be dear
for a while is traded slowly, and what remains within twice the no-trade band is traded at once, so
that a slowed position gets where it is going.
"""

import math
from typing import TYPE_CHECKING

from trading_env.core.codes import BoundBy
from trading_env.core.jit import kernel
from trading_env.core.values import Stake

if TYPE_CHECKING:
    from trading_env.risk_manager.config import RiskConfig

TOLERANCE = math.log(1.3)  # log multiple of the expected cost that slows nothing


@kernel
def execution_rate(level: float, floor: float) -> float:
    """Share of the way to its target that a position moves, in [floor, 1].

    One over the root of the cost multiple e^`level`, as far as that is beyond TOLERANCE: so the
    optimal rate falls with quadratic costs where they are large (Garleanu and Pedersen 2013).
    """
    return max(math.exp(-0.5 * max(level - TOLERANCE, 0.0)), floor) if floor < 1.0 else 1.0


@kernel
def slowed(stake: Stake, held: float, rate: float, risk: "RiskConfig") -> Stake:
    """Move a share held only a part of the way to its target, but by twice the no-trade band."""
    gap = stake.fraction - held
    step = max(rate * abs(gap), 2.0 * risk.no_trade_band)
    if rate >= 1.0 or step >= abs(gap):
        return stake
    fraction = held + math.copysign(step, gap)
    return Stake(fraction, stake.kelly_fraction, BoundBy.EXECUTION_FEEDBACK.value)
