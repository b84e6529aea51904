"""The risk manager: signal -> size, stops, and the name of what bound.

Confidence to size, by `mode`:

- `kelly`: `kelly_multiplier` times the growth-optimal share of `kelly.py`, of the asset by itself
  or together with the others: zero at zero confidence for any reward-to-risk ratio;
- `linear`: signal x max_weight;
- `volatility_target`: signal x target_volatility / shown volatility, so that the position's return
  has the target's standard deviation at full confidence;
- `raw`: as linear, and no cap below.

Adaptive stops. d = stop_width (1 + stop_confidence_slope c) sigma sqrt(h): wider with confidence
and with volatility; the target lies at reward_to_risk d. Distances are in log price, so long and
short mirror each other exactly.

Caps, in this order, each can only shrink the target; the last that did is reported:
risk_tolerance, max_weight, max_leverage, participation, drawdown, margin. Between the second and
the third stands `execution_feedback`, a limit on the way and not on the size: where fills cost more
than expected, a position moves only a share of the way to its target, at least `execution_floor` of
it, and the first two caps hold for where that ends.
Leverage and margin are held against the equity that is left after what the change of position is
expected to cost; and they hold for what can be held on the way: a position grows only into the room
that the other assets' positions and live orders leave, whatever is to be sold of those
(`leave_room`). So a full account moves from one asset to another in two steps, not in one.
Everything is computed from what the feed has shown, never from the true market.

Where the agent sends orders, a signal is the wish for one more of them (`outstanding.py`).

Not modelled here: correlation between assets in any mode but `kelly`, and in any cap.
"""

import math
from typing import TYPE_CHECKING

from trading_env.core.codes import ActionKind, BoundBy, Exit, RiskMode, SlotState
from trading_env.core.jit import kernel, outer_kernel
from trading_env.core.records import AssetState, Floats, Report
from trading_env.core.values import Distances, Stake, Standing
from trading_env.core.world import Lane
from trading_env.risk_manager.desk import Desk, Rulebook, desk_of
from trading_env.risk_manager.instructions import MAX_DISTANCE, cancels, signal_of
from trading_env.risk_manager.kelly import (
    edge_noise,
    edge_share,
    kelly_fraction,
    size_together,
    win_probability,
)
from trading_env.risk_manager.outstanding import base_of, committed_share, keep_to_side
from trading_env.risk_manager.rate import execution_rate, slowed

if TYPE_CHECKING:
    from trading_env.risk_manager.config import RiskConfig

MAX_RESERVE = 0.5  # share of equity that expected costs may set aside
BANDS_TOGETHER = 0.05  # of the leverage: what no-trade bands may leave beyond it
ROUNDING = 1e-12  # of the leverage: more than that is beyond it


@kernel
def stop_distance(confidence: float, volatility: float, risk: "RiskConfig") -> float:
    """Distance of the stop; `volatility` is the standard deviation of a bar's return."""
    width = risk.stop_width * (1.0 + risk.stop_confidence_slope * confidence)
    return min(width * volatility * math.sqrt(risk.horizon_bars), MAX_DISTANCE)


@kernel
def stop_distances(confidence: float, volatility: float, risk: "RiskConfig") -> Distances:
    """Distance of stop and target."""
    stop = stop_distance(confidence, volatility, risk)
    return Distances(stop=stop, target=min(stop * risk.reward_to_risk, MAX_DISTANCE))


@kernel
def capped(stake: Stake, limit: float, name: int) -> Stake:
    """Shrink a stake to a limit on its magnitude, and say so if that bound."""
    if abs(stake.fraction) <= limit:
        return stake
    fraction = math.copysign(limit, stake.fraction)
    return Stake(fraction=fraction, kelly_fraction=stake.kelly_fraction, bound_by=name)


@kernel
def wished_stake(
    signal: float, stop: float, volatility: float, noise: float, risk: "RiskConfig"
) -> Stake:
    """Size one asset by itself, before every cap; a `noise` of 0 takes the edge as known."""
    if risk.mode == RiskMode.KELLY:
        full = kelly_fraction(abs(signal), stop, risk)
        full *= edge_share((full * volatility) ** 2, noise)
        fraction = math.copysign(risk.kelly_multiplier * full, signal)
        return Stake(fraction, full, BoundBy.NONE.value)
    if risk.mode == RiskMode.VOLATILITY_TARGET:
        fraction = signal * risk.target_volatility / volatility
        return Stake(fraction, 0.0, BoundBy.NONE.value)
    return Stake(signal * risk.max_weight, 0.0, BoundBy.NONE.value)


@kernel
def loss_at_stop(distance: float, entry: float) -> float:
    """Loss of a short from its entry, times the price, to its stop; a long's is smaller."""
    return math.expm1(distance) * max(entry, 1.0)


@kernel
def largest_loss(desk: Desk, fraction: float) -> float:
    """Largest loss from entry to stop of a position on a side, over its value at the price shown.

    At the widest stop: that of full confidence, so that more confidence never means a smaller
    position; or the one that it was opened with, which a resized position keeps, or that an order
    on its way would bring. A short that has gained was entered at a higher price.
    """
    asset = desk.asset
    if desk.rules.risk.stops == 0:
        return 0.0
    widest = stop_distance(1.0, math.sqrt(asset.seen_variance_slow), desk.rules.risk)
    if asset.position * fraction > 0.0:
        widest = max(widest, asset.stop_distance)
    for s in range(asset.slots_used):
        slot = desk.slots[s]
        is_live = slot.state == SlotState.IN_FLIGHT or slot.state == SlotState.WORKING
        if is_live and slot.left * fraction > 0.0:
            widest = max(widest, slot.stop_distance)
    is_short = asset.position < 0.0 and fraction < 0.0
    return loss_at_stop(widest, asset.entry_mid / asset.seen_close if is_short else 1.0)


@kernel
def asset_caps(stake: Stake, loss: float, tolerance: float, risk: "RiskConfig") -> Stake:
    """Apply the caps of one asset alone: risk tolerance, held at its largest loss, and weight."""
    if risk.mode == RiskMode.RAW:
        return stake
    if risk.stops == 1:
        stake = capped(stake, tolerance / loss, BoundBy.RISK_TOLERANCE.value)
    return capped(stake, risk.max_weight, BoundBy.MAX_WEIGHT.value)


@kernel
def drawdown_throttle(drawdown: float, limit: float) -> float:
    """Multiplier of size: 1 up to half the limit, then straight down to 0 at the limit."""
    if limit >= 1.0 or drawdown <= 0.5 * limit:
        return 1.0
    return max(0.0, 2.0 * (1.0 - drawdown / limit))


@kernel
def account_caps(stake: Stake, standing: Standing, risk: "RiskConfig") -> Stake:
    """Apply the caps that look beyond one asset; selling is never capped."""
    size, gross = abs(stake.fraction), standing.gross
    left = 1.0 - min(standing.reserve, MAX_RESERVE)
    if gross > risk.max_leverage * left:
        limit = size * (risk.max_leverage * left / gross)
        stake = capped(stake, limit, BoundBy.MAX_LEVERAGE.value)
    already = math.copysign(standing.held, stake.fraction * standing.held)  # < 0: other side
    stake = capped(stake, max(already + standing.reach, 0.0), BoundBy.PARTICIPATION.value)
    throttle = drawdown_throttle(standing.drawdown, risk.max_drawdown)
    if throttle < 1.0:
        limit = throttle * abs(stake.fraction)
        stake = capped(stake, limit, BoundBy.DRAWDOWN.value)
    if gross * risk.initial_margin > left:
        limit = size * (left / (gross * risk.initial_margin))
        stake = capped(stake, limit, BoundBy.MARGIN.value)
    return stake


@kernel
def propose(
    signal: float, asset: AssetState, report: Report, together: bool, risk: "RiskConfig"
) -> None:
    """Turn one signal into the stake it wishes for, and the distances of its stops.

    Of assets that are sized together the noise of the edge is reckoned later, for all at once.
    """
    confidence = abs(signal)
    volatility = math.sqrt(asset.seen_variance_slow)
    distances = stop_distances(confidence, volatility, risk)
    noise = 0.0 if together else edge_noise(risk)
    stake = wished_stake(signal, distances.stop, volatility, noise, risk)
    report.signal = signal
    report.confidence = confidence
    report.win_probability = win_probability(confidence, risk)
    report.kelly_fraction = stake.kelly_fraction
    report.wished_fraction = stake.fraction
    report.stop_distance = distances.stop if risk.stops == 1 else 0.0
    report.target_distance = distances.target if risk.stops == 1 else 0.0


@kernel
def cap_asset(desk: Desk) -> float:
    """Apply to one asset the caps of its own, and its rate; return the magnitude of its stake."""
    asset, report, risk = desk.asset, desk.report, desk.rules.risk
    equity, wished = desk.account.seen_equity, report.wished_fraction
    if desk.rules.episode.action == ActionKind.ORDERS and equity > 0.0:
        wished += base_of(desk, wished) * (asset.seen_close / equity)
    stake = Stake(wished, report.kelly_fraction, BoundBy.NONE.value)
    if stake.fraction < 0.0 and desk.rules.funds.short_selling == 0:
        stake = Stake(0.0, report.kelly_fraction, BoundBy.MARGIN.value)
    stake = asset_caps(stake, largest_loss(desk, stake.fraction), risk.risk_tolerance, risk)
    if risk.execution_floor < 1.0 and risk.mode != RiskMode.RAW and equity > 0.0:
        held = asset.position * (asset.seen_close / equity)
        stake = slowed(stake, held, execution_rate(asset.cost_level, risk.execution_floor), risk)
        stake = asset_caps(stake, largest_loss(desk, stake.fraction), risk.risk_tolerance, risk)
    report.target_fraction = stake.fraction
    report.bound_by = stake.bound_by
    return abs(stake.fraction)


@kernel
def expected_share(
    slippage: float, fraction: float, held: float, gross: float, risk: "RiskConfig"
) -> float:
    """Share of equity that moving an asset to a target within the leverage is expected to cost."""
    within = fraction * min(1.0, risk.max_leverage / gross) if gross > 0.0 else fraction
    return max(slippage, 0.0) * abs(within - held)


@kernel
def limit_asset(desk: Desk, gross: float, reserve: float, drawdown: float) -> None:
    """Apply the account's caps to one asset's share of equity."""
    asset, report, risk = desk.asset, desk.report, desk.rules.risk
    equity = desk.account.seen_equity
    if equity <= 0.0 or asset.exit_pending != Exit.NONE:
        report.target_fraction = 0.0
        report.bound_by = BoundBy.EXIT_PENDING.value
        return
    if asset.listed_bars == 0:
        report.target_fraction = 0.0
        report.bound_by = BoundBy.PARTICIPATION.value
        return
    if risk.mode != RiskMode.RAW:
        share = asset.seen_close / equity  # of equity, one unit
        stake = Stake(report.target_fraction, report.kelly_fraction, report.bound_by)
        bar_fill = desk.rules.execution.participation * asset.seen_volume_mean * share
        standing = Standing(
            gross,
            reserve,
            asset.position * share,
            risk.participation_bars * bar_fill,
            drawdown,
        )
        stake = account_caps(stake, standing, risk)
        report.target_fraction = stake.fraction
        report.bound_by = stake.bound_by


@kernel
def leave_room(lane: Lane, book: Rulebook, reserve: float) -> None:
    """Share what positions and live orders leave of the leverage among the targets that grow.

    Each gets of it in proportion to how much it would grow. Where they are far beyond it no band
    keeps an order back.
    """
    risk = book.risk
    limit, name = risk.max_leverage, BoundBy.MAX_LEVERAGE.value
    if limit * risk.initial_margin > 1.0:
        limit, name = 1.0 / risk.initial_margin, BoundBy.MARGIN.value
    beyond = (1.0 + BANDS_TOGETHER) * limit
    limit *= 1.0 - min(reserve, MAX_RESERVE)
    committed, growth = 0.0, 0.0
    for a in range(lane.assets.shape[0]):
        share = committed_share(desk_of(lane, book, a))
        committed += share
        growth += max(abs(lane.reports[a].target_fraction) - share, 0.0)
    lane.accounts[0].beyond = 1 if committed > beyond else 0
    room = max(limit - committed, 0.0)
    if growth <= room + ROUNDING * limit:
        return
    for a in range(lane.assets.shape[0]):
        report = lane.reports[a]
        share = committed_share(desk_of(lane, book, a))
        beyond = abs(report.target_fraction) - share
        if beyond > 0.0:
            size = share + beyond * (room / growth)
            report.target_fraction = math.copysign(size, report.target_fraction)
            report.bound_by = name


@outer_kernel
def decide(actions: Floats, lane: Lane, book: Rulebook) -> None:
    """Turn every signal into a target position; signals beyond [-1, 1] saturate.

    Assets are sized together where there is a covariance.
    """
    assets, reports, risk, kind = lane.assets, lane.reports, book.risk, book.episode.action
    together = lane.covariance.shape[1] > 0
    for a in range(assets.shape[0]):
        signal = signal_of(actions, a, kind)
        if assets[a].listed_bars == 0 or cancels(actions, a, kind):
            signal = 0.0
        propose(signal, assets[a], reports[a], together, risk)
    if together:
        size_together(assets, reports, lane.covariance, risk)
    gross = 0.0
    for a in range(assets.shape[0]):
        gross += cap_asset(desk_of(lane, book, a))
    account = lane.accounts[0]
    drawdown = 1.0 - account.seen_equity / account.seen_peak
    reserve = 0.0
    for a in range(assets.shape[0]):
        asset = assets[a]
        held = asset.position * (asset.seen_close / account.seen_equity)
        fraction = reports[a].target_fraction
        reserve += expected_share(asset.expected_slippage, fraction, held, gross, risk)
    for a in range(assets.shape[0]):
        limit_asset(desk_of(lane, book, a), gross, reserve, drawdown)
    if account.seen_equity <= 0.0:
        return
    if risk.mode != RiskMode.RAW:
        leave_room(lane, book, reserve)
    for a in range(assets.shape[0]):
        share = assets[a].seen_close / account.seen_equity  # of equity, one unit
        reports[a].target = reports[a].target_fraction / share
        if kind == ActionKind.ORDERS:
            keep_to_side(desk_of(lane, book, a))
