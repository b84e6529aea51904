"""One environment, one step, top to bottom.

The clock. Decision k is taken at the close of bar k, from what the feed has shown. Targets are
set for all assets from that one picture; orders are sent, and bar k+1 happens (base bar, scenario,
own lasting impact); then, asset by asset, stops, margin calls and orders trade inside it, and the
feed delivers it. The account is valued at the close of bar k+1, and the reward is what happened in
between.
"""

import numpy as np

from trading_env.core.averages import update_averages
from trading_env.core.codes import Exit, Factor, Task
from trading_env.core.jit import kernel, outer_kernel, rare_kernel
from trading_env.core.records import AssetState, BarRecord, Floats, Report
from trading_env.core.values import Address, Bar, Outcome, Session, Shown, Totals
from trading_env.core.world import Lane, World
from trading_env.execution_engine.account import accrue, call_margin, revalue
from trading_env.execution_engine.feedback import learn_from_fills
from trading_env.execution_engine.fills import closing, known_capacity
from trading_env.execution_engine.inside_bar import (
    finish_bar,
    has_business,
    trade_bar,
    wait_out_bar,
)
from trading_env.execution_engine.margin import set_margin_levels
from trading_env.execution_engine.notices import serve_notice
from trading_env.execution_engine.orders import book_opportunity, send_order, status_of
from trading_env.execution_engine.pricing import (
    half_spread_of,
    leave_impact,
    pass_idle_time,
    permanent_of,
    terms_of,
    widening_of,
)
from trading_env.risk_manager.desk import Desk, Rulebook, desk_of, in_use, rulebook_of
from trading_env.risk_manager.instructions import instruction_of
from trading_env.risk_manager.kelly import update_covariance
from trading_env.risk_manager.levels import age_position, trail_stop
from trading_env.risk_manager.sizing import decide
from trading_env.step.observation import observe
from trading_env.step.pace import all_done, complete_parents, decide_pace, score_parents
from trading_env.step.prefetch import prefetch_row
from trading_env.step.reward import score_account
from trading_env.step.rows import clear_reports, note_bar
from trading_env.stress.composition import Script, share_shocks, stress_assets
from trading_env.stress.feed import count_crisis, deliver
from trading_env.stress.true_bar import frozen_bar, impacted_bar, impacted_price, stressed_bar


@kernel
def transition(world: World, lane: Lane, actions: Floats, seed: np.uint64) -> Outcome:
    """Take one environment from decision k to decision k + 1."""
    account, book = lane.accounts[0], rulebook_of(world)
    here = Address(seed, account.episode, account.step, 0)
    before = account.equity
    open_step(world, lane)
    decide_targets(actions, lane, book)
    pass_time(world, lane, book)
    stress_market(world, lane, here)
    for a in range(lane.assets.shape[0]):
        desk, address = desk_of(lane, book, a), Address(seed, here.episode, here.step, a)
        send_order(desk, instruction_of(actions, a, desk), address)
        open_asset(desk, world.bars[account.row, a])
    if book.episode.task == Task.PORTFOLIO:
        set_margin_levels(account.cash, lane.assets, lane.reports, world.account[0])
    for a in range(lane.assets.shape[0]):
        desk, address = desk_of(lane, book, a), Address(seed, here.episode, here.step, a)
        trade_asset(desk, world.bars[account.row, a], address)
    settle_lane(lane, book)
    totals = log_step(lane, before, book)
    outcome = score_step(world, lane, totals, book)
    observe(lane, world)
    return outcome


@kernel
def open_step(world: World, lane: Lane) -> None:
    """Advance to the next bar, with blank reports."""
    lane.accounts[0].row += 1
    prefetch_row(world, lane.accounts[0].row)
    clear_reports(lane)


@outer_kernel
def decide_targets(actions: Floats, lane: Lane, book: Rulebook) -> None:
    """Turn actions into target positions, as the task has it."""
    if book.episode.task == Task.EXECUTION:
        decide_pace(actions, lane, book)
    else:
        decide(actions, lane, book)


@kernel
def pass_time(world: World, lane: Lane, book: Rulebook) -> None:
    """Accrue financing since the bar before, decay own impact in between, and serve notices."""
    account = lane.accounts[0]
    elapsed_s = world.elapsed_s[account.row]
    rates = world.rates[account.row if world.rates.shape[0] > 1 else 0]
    accrue(account, lane.assets, lane.reports, elapsed_s, book.funds, rates)
    idle_s = elapsed_s - book.episode.bar_seconds
    if idle_s > 0.0:
        for a in range(lane.assets.shape[0]):
            pass_idle_time(lane.assets[a], idle_s, book.executions[a])
    if world.notices.shape[0] > 0:
        for a in range(lane.assets.shape[0]):
            serve_notice(desk_of(lane, book, a), world.notices[account.row, a])


@kernel
def stress_market(world: World, lane: Lane, here: Address) -> None:
    """Compose what the scenario does to each asset in this bar."""
    script = Script(world.events, world.ends, world.hits, lane.starts)
    if stress_assets(lane.stresses, script, here):
        row, warmup = lane.accounts[0].row, world.episode[0].warmup
        share_shocks(lane.stresses, world.bars, world.notices, row, warmup, here)


@kernel
def settle_lane(lane: Lane, book: Rulebook) -> None:
    """Complete what is due, mark the account, and call margin.

    Whoever gave a parent order pays for it: its account is called for no margin, and where it is
    ruined the order is completed.
    """
    account = lane.accounts[0]
    if lane.covariance.shape[1] > 0:
        update_covariance(lane.covariance, lane.assets)
    account.step += 1
    if book.episode.task == Task.EXECUTION and account.step >= book.episode.length:
        complete_parents(lane, book)
    margin = revalue(account, lane.assets, book)
    if book.episode.task == Task.EXECUTION:
        if account.equity <= 0.0 and account.step < book.episode.length:
            complete_parents(lane, book)
            revalue(account, lane.assets, book)
        return
    called = call_margin(account, lane.assets, margin)
    for a in range(lane.reports.shape[0]):
        called = called or lane.reports[a].exit == Exit.MARGIN_CALL
    if called:
        lane.logs[0].margin_calls += 1


@kernel
def score_step(world: World, lane: Lane, totals: Totals, book: Rulebook) -> Outcome:
    """Return the reward, and whether the episode ends here."""
    account = lane.accounts[0]
    last = account.step >= book.episode.length
    terminated = account.equity <= 0.0
    if book.episode.task == Task.EXECUTION:
        reward = score_parents(lane, world.weights, book)
        terminated = terminated or last or all_done(lane)
    else:
        reward = score_account(lane.terms, totals, world.weights, book.episode.scale)
    lane.logs[0].reward += reward
    truncated = last and not terminated
    account.done = 1 if terminated or truncated else 0
    return Outcome(reward, terminated, truncated)


@kernel
def open_asset(desk: Desk, base: BarRecord) -> None:
    """Make the bar that an asset's orders meet."""
    asset, report, stress, rules = desk.asset, desk.report, desk.stress, desk.rules
    undisturbed, displacement = stressed_bar(base, asset.base_close, asset.displacement, stress)
    asset.base_close = base.close
    asset.displacement = displacement
    bar = impacted_bar(asset, undisturbed, rules.execution.impact_reference)
    if stress.halted == 1:
        bar = frozen_bar(asset.mark)
    report.undisturbed = undisturbed.close
    report.undisturbed_before = asset.undisturbed
    note_bar(report, bar)


@outer_kernel
def trade_asset(desk: Desk, base: BarRecord, address: Address) -> None:
    """Fills, marks, feedback and feed of one asset."""
    asset, report, stress, rules = desk.asset, desk.report, desk.stress, desk.rules
    desk = in_use(desk)
    bar = Bar(report.open, report.high, report.low, report.close, report.volume)
    trade(desk, bar, base.path_scale, address)

    mark = asset.mark
    if stress.halted == 0:
        mark = impacted_price(asset, report.undisturbed, rules.execution.impact_reference)
    bar = Bar(bar.open, max(bar.high, mark), min(bar.low, mark), mark, bar.volume)
    close_ledger(desk, mark)
    report.status = status_of(desk.slots, report, stress.halted)
    learn_from_fills(desk)
    asset.mark = mark
    if stress.halted == 0:
        listed = asset.volume_mean > 0.0
        update_averages(asset, report.undisturbed, bar, base.volume)
        asset.widening = widening_of(asset, rules.execution)
        if not listed:
            asset.permanent_unit = permanent_of(asset, rules)
    half_spread = half_spread_of(asset, stress.factor[Factor.SPREAD], rules.execution)
    depth = stress.factor[Factor.DEPTH]
    quoted = Shown(bar.high, bar.low, bar.close, bar.volume, half_spread, depth)
    deliver(asset, report, quoted, stress, address)
    count_crisis(asset, rules.execution.half_spread)
    if asset.position != 0.0 and rules.episode.task == Task.PORTFOLIO:
        age_position(asset, rules.risk.max_holding_bars)
        if rules.risk.trailing == 1:
            trail_stop(asset, rules.execution.tick)
    note_bar(report, bar)
    note_holding(asset, report)


@outer_kernel
def trade(desk: Desk, bar: Bar, path_scale: float, address: Address) -> None:
    """Let one asset's exits and orders meet the bar, and carry their impact on."""
    asset, slots, report = desk.asset, desk.slots, desk.report
    execution, seconds = desk.rules.execution, desk.rules.episode.bar_seconds
    resilience = desk.stress.factor[Factor.RESILIENCE]
    if has_business(asset, slots, bar):
        if desk.stress.halted == 0 and bar.volume > 0.0 and asset.volume_mean > 0.0:
            terms = terms_of(asset, desk.stress, desk.rules)
            capacity = execution.participation * bar.volume
            known = known_capacity(asset, desk.stress, bar.volume, execution)
            session = Session(bar, terms, capacity, known, seconds, path_scale)
            trade_bar(desk, session, address)
        else:
            wait_out_bar(desk, seconds)
    pressed = report.pressure / report.traded if report.traded > 0.0 else 0.0
    leave_impact(asset, report.filled, pressed, resilience, execution)
    finish_bar(slots, report, seconds)


@kernel
def close_ledger(desk: Desk, mark: float) -> None:
    """Charge what was not filled, and compute the shortfall it must all add up to."""
    report = desk.report
    move = mark - desk.asset.mark
    book_opportunity(desk.slots, report, move)
    if report.exit != Exit.NONE:
        missed = report.exit_claim - (report.filled - report.order_filled)
        report.opportunity += missed * (mark - report.exit_reference)
    paper = report.live * move + report.exit_claim * (mark - report.exit_reference)
    actual = report.cash_flow + report.filled * mark - report.fees
    report.shortfall = paper - actual


@kernel
def note_holding(asset: AssetState, report: Report) -> None:
    """Note the holding and the levels in force for whoever asks."""
    if report.traded == 0.0:
        report.price = report.close
    report.stop_loss = asset.stop_loss
    report.take_profit = asset.take_profit
    report.seen_close = asset.seen_close
    report.position = asset.position


@kernel
def log_step(lane: Lane, before: float, book: Rulebook) -> Totals:
    """Add the step to the episode's sums; return what it adds up to."""
    log, account = lane.logs[0], lane.accounts[0]
    cost = 0.0
    notional = 0.0
    for a in range(lane.reports.shape[0]):
        report = lane.reports[a]
        cost += report.spread + report.impact + report.fees
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
        log.bound[report.bound_by] += 1
    log.traded += notional
    log.steps += 1
    log.max_drawdown = max(log.max_drawdown, 1.0 - account.equity / account.peak_equity)
    leaving = 0.0
    if book.episode.task == Task.PORTFOLIO and account.step >= book.episode.length:
        leaving = cost_of_leaving(lane, book)
    return Totals(account.initial_equity, before, account.equity, cost, leaving, notional)


@rare_kernel
def cost_of_leaving(lane: Lane, book: Rulebook) -> float:
    """Cost of closing every position at the last mark, at the rate of a mean bar's volume."""
    cost = 0.0
    for a in range(lane.assets.shape[0]):
        desk = desk_of(lane, book, a)
        asset = desk.asset
        if asset.position != 0.0:
            quoted, fee = closing(desk, -asset.position, 0.0, 1.0)
            cost += asset.position * (asset.value - quoted.price) + fee
    return cost
