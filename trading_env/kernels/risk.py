"""The risk manager: signal -> size, stops, and the name of what bound.

Confidence to size (mode `kelly`). Confidence c in [0, 1] is a win probability

    p = 1/2 + c (p_max - 1/2)

of a trade with symmetric barriers at the stop distance d (log price). On a diffusion that is a
drift over variance of ln(p / (1 - p)) / (2 d), which is the growth-optimal share of equity
(Kelly 1956; first-passage odds of Brownian motion with drift). The stake is `kelly_multiplier`
times that: zero at zero confidence whatever the reward-to-risk ratio.

Adaptive stops. d = stop_width (1 + stop_confidence_slope c) sigma sqrt(h): wider with confidence
and with volatility; the target lies at reward_to_risk d. Distances are in log price, so long and
short mirror each other exactly.

Caps, in this order, each can only shrink the target; the last that did is reported:
risk_tolerance, max_weight, max_leverage, participation, drawdown, margin. Everything is computed
from what the feed has shown, never from the true market.

Not modelled here: correlation between assets (each is sized on its own, then the sum is capped).
"""

import math

from trading_env.kernels.jit import kernel
from trading_env.types import (
    AccountState,
    AssetState,
    BoundBy,
    Distances,
    ExecutionParams,
    Exit,
    Report,
    RiskMode,
    RiskParams,
    Stake,
    Table,
)

MAX_DISTANCE = 3.0  # log price; a stop further than that is no stop


@kernel
def stop_distances(confidence: float, volatility: float, risk: RiskParams) -> Distances:
    """Distance of stop and target; `volatility` is the standard deviation of a bar's return."""
    width = risk.stop_width * (1.0 + risk.stop_confidence_slope * confidence)
    stop = min(width * volatility * math.sqrt(risk.horizon_bars), MAX_DISTANCE)
    widest = risk.stop_width * (1.0 + risk.stop_confidence_slope)
    return Distances(
        stop=stop,
        target=min(stop * risk.reward_to_risk, MAX_DISTANCE),
        widest_stop=min(widest * volatility * math.sqrt(risk.horizon_bars), MAX_DISTANCE),
    )


@kernel
def kelly_fraction(confidence: float, stop_distance: float, risk: RiskParams) -> float:
    """Growth-optimal share of equity for a confidence, before multiplier and caps."""
    win = 0.5 + confidence * (risk.max_win_probability - 0.5)
    return math.log(win / (1.0 - win)) / (2.0 * stop_distance)


@kernel
def capped(stake: Stake, limit: float, name: int) -> Stake:
    """Shrink a stake to a limit on its magnitude, and say so if that bound."""
    if abs(stake.fraction) <= limit:
        return stake
    fraction = math.copysign(limit, stake.fraction)
    return Stake(fraction=fraction, kelly_fraction=stake.kelly_fraction, bound_by=name)


@kernel
def asset_stake(signal: float, distances: Distances, tolerance: float, risk: RiskParams) -> Stake:
    """Size one asset on its own: mode, then risk tolerance and weight.

    The tolerance is held at the widest stop, that of full confidence, so that more confidence
    never means a smaller position.
    """
    if risk.mode != RiskMode.KELLY:
        stake = Stake(signal * risk.max_weight, 0.0, BoundBy.NONE.value)
    else:
        full = kelly_fraction(abs(signal), distances.stop, risk)
        fraction = math.copysign(risk.kelly_multiplier * full, signal)
        stake = Stake(fraction, full, BoundBy.NONE.value)
    if risk.mode == RiskMode.RAW:
        return stake
    if risk.stops == 1:
        loss = math.expm1(distances.widest_stop)  # a short's, which is larger than a long's
        stake = capped(stake, tolerance / loss, BoundBy.RISK_TOLERANCE.value)
    return capped(stake, risk.max_weight, BoundBy.MAX_WEIGHT.value)


@kernel
def drawdown_throttle(drawdown: float, limit: float) -> float:
    """Multiplier of size: 1 up to half the limit, then straight down to 0 at the limit."""
    if limit >= 1.0 or drawdown <= 0.5 * limit:
        return 1.0
    return max(0.0, 2.0 * (1.0 - drawdown / limit))


@kernel
def account_caps(
    stake: Stake, gross: float, held: float, reach: float, drawdown: float, risk: RiskParams
) -> Stake:
    """Apply the caps that look beyond one asset.

    `gross` is the sum of all targets' magnitudes, `held` the present share of this asset,
    `reach` how far its volume lets it grow, all as shares of equity. Closing is never capped.
    """
    size = abs(stake.fraction)
    if gross > risk.max_leverage:
        stake = capped(stake, size * risk.max_leverage / gross, BoundBy.MAX_LEVERAGE.value)
    already = math.copysign(held, stake.fraction * held)  # < 0: held on the other side
    stake = capped(stake, max(already + reach, 0.0), BoundBy.PARTICIPATION.value)
    throttle = drawdown_throttle(drawdown, risk.max_drawdown)
    if throttle < 1.0:
        limit = throttle * abs(stake.fraction)
        stake = capped(stake, limit, BoundBy.DRAWDOWN.value)
    if gross * risk.initial_margin > 1.0:
        limit = size / (gross * risk.initial_margin)
        stake = capped(stake, limit, BoundBy.MARGIN.value)
    return stake


@kernel
def decide_asset(signal: float, asset: AssetState, report: Report, risk: RiskParams) -> float:
    """Size one asset from its signal; return the magnitude of its stake."""
    confidence = abs(signal)
    volatility = math.sqrt(asset.seen_variance_slow)
    distances = stop_distances(confidence, volatility, risk)
    stake = asset_stake(signal, distances, risk.risk_tolerance, risk)
    report.signal = signal
    report.confidence = confidence
    report.kelly_fraction = stake.kelly_fraction
    report.target_fraction = stake.fraction
    report.bound_by = stake.bound_by
    report.stop_distance = distances.stop if risk.stops == 1 else 0.0
    report.target_distance = distances.target if risk.stops == 1 else 0.0
    return abs(stake.fraction)


@kernel
def limit_asset(
    asset: AssetState,
    report: Report,
    account: AccountState,
    gross: float,
    drawdown: float,
    risk: RiskParams,
    execution: ExecutionParams,
) -> None:
    """Apply the account's caps to one asset and turn the share into units."""
    equity = account.seen_equity
    if equity <= 0.0 or asset.exit_pending != Exit.NONE:
        report.target_fraction = 0.0
        report.target = 0.0
        report.bound_by = BoundBy.EXIT_PENDING.value
        return
    share = asset.seen_close / equity  # of equity, one unit
    if risk.mode != RiskMode.RAW:
        stake = Stake(report.target_fraction, report.kelly_fraction, report.bound_by)
        held = asset.position * share
        bar_fill = execution.participation * asset.seen_volume_mean * share
        reach = risk.participation_bars * bar_fill
        stake = account_caps(stake, gross, held, reach, drawdown, risk)
        report.target_fraction = stake.fraction
        report.bound_by = stake.bound_by
    report.target = report.target_fraction / share


@kernel
def decide(
    actions: Table,
    assets: Table,
    reports: Table,
    account: AccountState,
    risk: RiskParams,
    execution: ExecutionParams,
) -> None:
    """Turn every signal into a target position; signals beyond [-1, 1] saturate."""
    gross = 0.0
    for a in range(assets.shape[0]):
        signal = min(max(float(actions[a]), -1.0), 1.0)
        gross += decide_asset(signal, assets[a], reports[a], risk)
    drawdown = 1.0 - account.seen_equity / account.seen_peak
    for a in range(assets.shape[0]):
        limit_asset(assets[a], reports[a], account, gross, drawdown, risk, execution)
