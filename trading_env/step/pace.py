"""Execution-v0: parent orders worked to completion, as functions of one environment.

Each asset has a parent order of `parent` units (+ to buy), to be done in `length` steps. A seller
starts with what is to be sold, a buyer with nothing; cash at the start is the arrival value, the
sum of |parent| x arrival price. What is left is `goal` - position. An asset that is not listed at
the start, or has not traded by then, has no parent order; without any the episode ends in a step.

Action to intent. Pace a in [-1, 1] asks for a share of what is left, with e = 1 / (steps left):

    a <= 0:  (1 + a) e            -1 nothing, 0 the even pace
    a > 0:   e + a (1 - e)        +1 all of it

piecewise linear and onto, so that every quantity can be asked for. In the last step the share is
1. What the risk manager's participation limit leaves out is named `participation`. What is in
flight is not called back; what is working is cut back by a replacing order. Where the agent sends
orders, the share is of what is left and not yet ordered, and what works is left alone.

Deadline. What the last bar has not filled is completed at cost at its close: half spread, impact
at the rate of half a mean bar's volume, less where the scenario thins it, on top of what that bar
has filled, without a cap, and a fee of its own. Half: else the deadline would be one more bar to
spread an order over. So is what is left where equity falls to 0, at which the episode ends; no
margin is called.

Reward, in units of the arrival value A, with L what is left before the step, M and M' the marks,
q and p the fills, s the standard deviation of a bar's price change in currency:

    shortfall  -(sum q (p - M') + fees + L (M' - M)) / A      sums to Perold's (1988) over a parent
    risk       -sum over assets of (what is left after the step x s)^2 / A^2
    turnover   -(notional traded) / A

so that with weights 1 and lambda A the sum of rewards is -(cost + lambda variance) / A, the
objective of Almgren and Chriss (2000). Not modelled: correlation between assets in `risk`.

Luck is what the market's own moves add to the shortfall: on what is left unfilled its move without
own impact, and on fills the move before their arrival. For market orders its mean is 0 where the
market has no drift, so shortfall less luck is what trading costs, at a tenth of the noise.
"""

import math

from trading_env.core.codes import ActionKind, BoundBy, Exit, Status
from trading_env.core.grid import whole_lots
from trading_env.core.jit import kernel, rare_kernel
from trading_env.core.noise import Stream, uniforms
from trading_env.core.params import ParentParams
from trading_env.core.records import AssetState, Floats
from trading_env.core.values import Address
from trading_env.core.world import Lane
from trading_env.execution_engine.account import DUST, charge
from trading_env.execution_engine.fills import book_fill, closing
from trading_env.execution_engine.orders import cancel_all, is_live
from trading_env.risk_manager.desk import Desk, Rulebook, desk_of
from trading_env.risk_manager.instructions import cancels, signal_of
from trading_env.risk_manager.outstanding import outstanding, reach_of
from trading_env.step.reward import Term, weighted

SMALLEST = 1e-300  # of a square of money that is divided by
HURRY = 0.5  # share of a mean bar in which a deadline completes


@kernel
def left_of(asset: AssetState) -> float:
    """Units still to trade, signed; exactly 0 when what remains is rounding."""
    left = asset.goal - asset.position
    return 0.0 if abs(left) <= DUST * abs(asset.parent) else left


@kernel
def begin_parent(
    asset: AssetState, parent: ParentParams, length: int, lot: float, address: Address
) -> float:
    """Draw one parent order and hand the seller his units; return its value at arrival.

    There is none in what is not listed, or has not traded yet.
    """
    units = parent.quantity
    if asset.listed_bars == 0 or asset.volume_mean == 0.0:
        units = 0.0
    elif parent.drawn == 1:
        seed, episode, step, a = address
        drawn, side = uniforms(seed, episode, step, a, Stream.PARENT_ORDER.value)
        share = parent.smallest + drawn * (parent.largest - parent.smallest)
        units = max(whole_lots(share * asset.volume_mean * length, lot), lot)
        if parent.side < 0.0 or (parent.side == 0.0 and side < 0.5):
            units = -units
    asset.parent = units
    asset.goal = max(units, 0.0)
    asset.position = max(0.0, -units)
    asset.entry_price = asset.mark if asset.position > 0.0 else 0.0
    return abs(units) * float(asset.mark)


@kernel
def share_of(pace: float, even: float) -> float:
    """Share of what is left that a pace asks for; `even` is one over the steps left."""
    return (1.0 + pace) * even if pace <= 0.0 else even + pace * (1.0 - even)


@kernel
def pace_asset(pace: float, share: float, desk: Desk) -> None:
    """Turn one pace, and the share of what is left that it asks for, into a target position."""
    asset, report, rules = desk.asset, desk.report, desk.rules
    flying, working = outstanding(desk.slots[: asset.slots_used])
    least = flying
    left = left_of(asset)
    wanted = share * left
    if rules.episode.action == ActionKind.ORDERS:
        least = flying + working
        wanted = least + share * (left - least)
    report.signal = pace
    report.confidence = share
    report.wished_fraction = wanted / asset.parent if asset.parent != 0.0 else 0.0
    reach = reach_of(desk) if asset.listed_bars > 0 else 0.0
    if abs(wanted) > reach:
        wanted = math.copysign(reach, wanted)
        report.bound_by = BoundBy.PARTICIPATION.value
    if abs(wanted) < abs(least):
        wanted = least
    report.target = asset.position + wanted
    if wanted == left:
        report.target = asset.goal
    report.target_fraction = wanted / asset.parent if asset.parent != 0.0 else 0.0


@kernel
def decide_pace(actions: Floats, lane: Lane, book: Rulebook) -> None:
    """Turn every pace into a target position; paces beyond [-1, 1] saturate."""
    steps_left, kind = book.episode.length - lane.accounts[0].step, book.episode.action
    for a in range(lane.assets.shape[0]):
        pace = signal_of(actions, a, kind)
        share = 1.0 if steps_left <= 1 else share_of(pace, 1.0 / steps_left)
        if cancels(actions, a, kind):
            share = 0.0
        pace_asset(pace, share, desk_of(lane, book, a))


@kernel
def market_move(desk: Desk) -> float:
    """Move of the price over the step without own impact, currency per unit."""
    return float(desk.asset.undisturbed - desk.report.undisturbed_before)


@rare_kernel
def complete(desk: Desk) -> None:
    """Trade what the deadline finds unfilled, at the close and at cost."""
    asset, report = desk.asset, desk.report
    left = left_of(asset)
    cancel_all(desk.slots)
    if left == 0.0:
        return
    report.luck += left * market_move(desk)
    quoted, fee = closing(desk, left, report.traded, HURRY)
    before = report.spread + report.impact + report.fees
    book_fill(desk, quoted, 0.0)
    charge(desk.account, report, fee)
    report.shortfall += report.spread + report.impact + report.fees - before
    report.price = report.notional / report.traded
    report.working = 0.0
    report.status = Status.FILLED.value


@kernel
def complete_parents(lane: Lane, book: Rulebook) -> None:
    """Complete every parent order at the deadline."""
    for a in range(lane.assets.shape[0]):
        complete(desk_of(lane, book, a))


@kernel
def all_done(lane: Lane) -> bool:
    """Tell whether every parent order is filled and nothing is outstanding."""
    for a in range(lane.assets.shape[0]):
        if left_of(lane.assets[a]) != 0.0:
            return False
        for s in range(lane.assets[a].slots_used):
            if is_live(lane.slots[s, a]):
                return False
    return True


@kernel
def score_parents(lane: Lane, weights: Floats, book: Rulebook) -> float:
    """Fill in the reward's terms and return their weighted sum."""
    arrival_value, episode = lane.accounts[0].arrival_value, book.episode
    if arrival_value == 0.0:  # no parent order, and nothing traded
        arrival_value = 1.0
    cost = 0.0
    variance = 0.0
    notional = 0.0
    for a in range(lane.assets.shape[0]):
        desk = desk_of(lane, book, a)
        asset, report = desk.asset, desk.report
        left = asset.goal - asset.position
        if report.exit == Exit.DELISTED:
            cost += report.luck  # of what the order had left; the position is no part of it
        else:
            report.luck += report.delay + left * market_move(desk)
            before = left + report.filled
            paid = -report.cash_flow - report.filled * asset.mark + report.fees
            cost += paid + before * (asset.mark - report.decision_price)
        lane.logs[0].parent_luck += report.luck
        unit = episode.bar_volatility * asset.reference_price
        if unit == 0.0:
            unit = asset.mark * math.sqrt(asset.seen_variance_slow)
        variance += (left * unit) ** 2
        notional += report.notional
    terms = lane.terms
    terms[Term.GROWTH] = 0.0
    terms[Term.SHORTFALL] = -cost / arrival_value
    terms[Term.RISK] = -variance / max(arrival_value**2, SMALLEST)
    terms[Term.TURNOVER] = -notional / arrival_value
    lane.logs[0].parent_shortfall += cost
    return weighted(terms, weights, episode.scale)
