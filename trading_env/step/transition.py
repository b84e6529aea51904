"""One environment, one step, top to bottom.

The clock. Decision k is taken at the close of bar k, from what the feed has shown. Targets are
set for all assets from that one picture; then, asset by asset, the order is sent, bar k+1 happens
(base bar, scenario, own lasting impact), stops and orders trade inside it, and the feed delivers
it. The account is marked at the close of bar k+1, and the reward is what happened in between.
"""

import numpy as np

from trading_env.core.averages import update_averages
from trading_env.core.codes import BoundBy, Exit, Task
from trading_env.core.jit import kernel
from trading_env.core.params import EpisodeParams, ExecutionParams, RiskParams
from trading_env.core.records import (
    AccountState,
    AssetState,
    BarRecord,
    EpisodeLog,
    Floats,
    Report,
    Stress,
    Table,
)
from trading_env.core.values import Address, Bar, Outcome, Session, Terms
from trading_env.core.world import Lane, World
from trading_env.execution_engine.account import accrue, call_margin, revalue, revalue_as_seen
from trading_env.execution_engine.feedback import learn_from_fills
from trading_env.execution_engine.inside_bar import close_bar, has_business, trade_bar, wait_out_bar
from trading_env.execution_engine.orders import book_opportunity, send_order, status_of
from trading_env.execution_engine.pricing import leave_impact, terms_of
from trading_env.risk_manager.kelly import update_covariance
from trading_env.risk_manager.levels import age_position, trail_stop
from trading_env.risk_manager.sizing import decide
from trading_env.step.observation import observe
from trading_env.step.pace import all_done, complete_parents, decide_pace, score_parents
from trading_env.step.prefetch import prefetch_row
from trading_env.step.reward import score
from trading_env.step.rows import clear_reports
from trading_env.stress.composition import share_shocks, stress_assets
from trading_env.stress.feed import deliver
from trading_env.stress.true_bar import frozen_bar, impacted_bar, impacted_price, stressed_bar


@kernel
def transition(world: World, lane: Lane, actions: Floats, seed: np.uint64) -> Outcome:
    """Take one environment from decision k to decision k + 1."""
    account = lane.accounts[0]
    before = account.equity
    account.row += 1
    prefetch_row(world, account.row)
    clear_reports(lane)

    task = world.episode[0].task
    if task == Task.EXECUTION:
        decide_pace(actions, lane, world)
    else:
        decide(
            actions,
            lane.assets,
            lane.reports,
            lane.covariance,
            account,
            world.risk[0],
            world.execution[0],
        )
    accrue(account, lane.assets, lane.reports, world.elapsed_s[account.row], world.account[0])
    risk, execution, episode = world.risk[0], world.execution[0], world.episode[0]
    here = Address(seed, account.episode, account.step, 0)
    if stress_assets(lane.stresses, world.events, world.ends, world.hits, lane.starts, here):
        share_shocks(lane.stresses, world.bars, account.row, episode.warmup, here)
    for a in range(lane.assets.shape[0]):
        step_asset(
            lane.assets[a],
            lane.slots[:, a],
            lane.reports[a],
            lane.stresses[a],
            account,
            world.bars[account.row, a],
            risk,
            execution,
            episode,
            Address(seed, account.episode, account.step, a),
        )
    if lane.covariance.shape[1] > 0:
        update_covariance(lane.covariance, lane.assets)
    last = account.step + 1 >= episode.length
    if task == Task.EXECUTION and last:
        complete_parents(lane, world)
    gross = revalue(account, lane.assets)
    revalue_as_seen(account, lane.assets)
    called = call_margin(account, lane.assets, gross, world.account[0])

    account.step += 1
    shortfall, notional = log_step(lane, called)
    terminated = account.equity <= 0.0
    if task == Task.EXECUTION:
        reward = score_parents(lane, world.episode[0])
        terminated = terminated or last or all_done(lane)
    else:
        reward = score(lane.terms[0], world.episode[0], before, account.equity, shortfall, notional)
    lane.logs[0].reward += reward
    signals = world.signals[account.row]
    observe(lane.observation, lane.assets, lane.reports, signals, account, world.episode[0])
    truncated = last and not terminated
    account.done = 1 if terminated or truncated else 0
    return Outcome(reward, terminated, truncated)


@kernel
def step_asset(
    asset: AssetState,
    slots: Table,
    report: Report,
    stress: Stress,
    account: AccountState,
    base: BarRecord,
    risk: RiskParams,
    execution: ExecutionParams,
    episode: EpisodeParams,
    address: Address,
) -> None:
    """Order, bar, fills, marks, feedback and feed of one asset.

    Rows one by one instead of `World` and `Lane`: those are a hundred words, copied at each call.
    """
    held_s = stress.outage * episode.bar_seconds
    send_order(asset, slots, report, account, risk, execution, stress.latency, held_s, address)
    slots = slots[: asset.slots_used]

    undisturbed, displacement = stressed_bar(base, asset.base_close, asset.displacement, stress)
    asset.base_close = base.close
    asset.displacement = displacement
    bar = impacted_bar(asset, undisturbed, execution.impact_reference)
    if stress.halted == 1:
        bar = frozen_bar(asset.mark)
    trade(asset, slots, report, stress, account, bar, execution, episode)

    mark = asset.mark
    if stress.halted == 0:
        mark = impacted_price(asset, undisturbed.close, execution.impact_reference)
    bar = Bar(bar.open, max(bar.high, mark), min(bar.low, mark), mark, bar.volume)
    close_ledger(asset, slots, report, mark)
    report.status = status_of(slots, report, stress.halted)
    learn_from_fills(asset, report, execution, episode, risk.feedback_rate)
    asset.mark = mark
    if stress.halted == 0:
        update_averages(asset, undisturbed.close, bar.volume)
    shown = asset.seen_close
    deliver(asset, report, bar, stress, address)
    if asset.position != 0.0 and episode.task == Task.PORTFOLIO:
        age_position(asset, risk.max_holding_bars)
        if risk.trailing == 1:
            trail_stop(asset, shown, execution.tick)
    note_bar(asset, report, bar)


@kernel
def trade(
    asset: AssetState,
    slots: Table,
    report: Report,
    stress: Stress,
    account: AccountState,
    bar: Bar,
    execution: ExecutionParams,
    episode: EpisodeParams,
) -> None:
    """Let one asset's exits and orders meet the bar, and carry their impact on."""
    seconds = episode.bar_seconds
    terms = Terms(0.0, 0.0, 0.0, 1.0, 0.0, 0.0, stress.fees, stress.resilience)
    if has_business(asset, slots, bar):
        if stress.halted == 0 and bar.volume > 0.0:
            terms = terms_of(asset, stress, execution, episode)
            session = Session(bar, terms, execution.participation * bar.volume, seconds)
            trade_bar(asset, slots, account, report, session, execution)
        else:
            wait_out_bar(asset, slots, report, seconds)
    taken = report.traded - report.rested
    pressed = report.pressure / taken if taken > 0.0 else 0.0
    leave_impact(asset, terms, report.filled, pressed, execution)
    close_bar(slots, report, execution, seconds)


@kernel
def close_ledger(asset: AssetState, slots: Table, report: Report, mark: float) -> None:
    """Charge what was not filled, and compute the shortfall it must all add up to."""
    move = mark - asset.mark
    book_opportunity(slots, report, move)
    if report.exit != Exit.NONE:
        missed = report.exit_claim - (report.filled - report.order_filled)
        report.opportunity += missed * (mark - report.exit_reference)
    paper = report.live * move + report.exit_claim * (mark - report.exit_reference)
    actual = report.cash_flow + report.filled * mark - report.fees
    report.shortfall = paper - actual


@kernel
def note_bar(asset: AssetState, report: Report, bar: Bar) -> None:
    """Note the bar, the holding and the levels in force for whoever asks."""
    if report.traded == 0.0:
        report.price = bar.close
    report.stop_loss = asset.stop_loss
    report.take_profit = asset.take_profit
    report.open = bar.open
    report.high = bar.high
    report.low = bar.low
    report.close = bar.close
    report.volume = bar.volume
    report.seen_close = asset.seen_close
    report.position = asset.position


@kernel
def log_step(lane: Lane, called: bool) -> tuple[float, float]:
    """Add the step to the episode's sums; return its shortfall and its notional."""
    log = lane.logs[0]
    shortfall = 0.0
    notional = 0.0
    for a in range(lane.reports.shape[0]):
        report = lane.reports[a]
        shortfall += report.shortfall
        notional += report.notional
        log.delay += report.delay
        log.spread += report.spread
        log.impact += report.impact
        log.fees += report.fees
        log.opportunity += report.opportunity
        log.ordered += report.ordered * report.decision_price
        log.filled += report.order_value
        log.orders += 1 if report.sent != 0.0 else 0
        log.arrivals += report.arrivals
        log.latency += report.latency_s * report.arrivals
        log.stops += 1 if report.exit == Exit.STOP_LOSS else 0
        log.targets += 1 if report.exit == Exit.TAKE_PROFIT else 0
        log.time_stops += 1 if report.exit == Exit.TIME_STOP else 0
        count_bound(log, report.bound_by)
    log.traded += notional
    log.steps += 1
    log.margin_calls += 1 if called else 0
    account = lane.accounts[0]
    log.max_drawdown = max(log.max_drawdown, 1.0 - account.equity / account.peak_equity)
    return shortfall, notional


@kernel
def count_bound(log: EpisodeLog, code: int) -> None:
    """Count one decision under the name of what bound it."""
    if code == BoundBy.NONE:
        return
    if code == BoundBy.RISK_TOLERANCE:
        log.bound_risk_tolerance += 1
    elif code == BoundBy.MAX_WEIGHT:
        log.bound_max_weight += 1
    elif code == BoundBy.MAX_LEVERAGE:
        log.bound_max_leverage += 1
    elif code == BoundBy.PARTICIPATION:
        log.bound_participation += 1
    elif code == BoundBy.DRAWDOWN:
        log.bound_drawdown += 1
    elif code == BoundBy.MARGIN:
        log.bound_margin += 1
    elif code == BoundBy.NO_TRADE_BAND:
        log.bound_no_trade_band += 1
    elif code == BoundBy.EXIT_PENDING:
        log.bound_exit_pending += 1
    elif code == BoundBy.ORDER_SLOTS:
        log.bound_order_slots += 1
    elif code == BoundBy.LOT_SIZE:
        log.bound_lot_size += 1
    elif code == BoundBy.EXECUTION_FEEDBACK:
        log.bound_execution_feedback += 1
