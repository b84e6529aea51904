"""The first state of an episode.

The path, the first bar and the scenario of an episode, and the step at which its events begin,
are draws addressed by (seed, episode). The events of a scenario that have one label share one draw,
so that a crisis stays in one piece, and happens or not as a whole. `warmup` bars before the first
decision move the trailing averages, so that no feature starts cold; they are shown as they are,
without scenario.
"""

import numpy as np

from trading_env.core.averages import MIN_VARIANCE, SETTLED
from trading_env.core.codes import Task
from trading_env.core.jit import kernel, rare_kernel
from trading_env.core.noise import Stream, uniform, uniforms
from trading_env.core.params import EpisodeParams
from trading_env.core.past import base_return
from trading_env.core.records import AccountState, AssetState, EventRecord, Report
from trading_env.core.values import Address, Bar, Opening, Shown
from trading_env.core.world import Lane, World
from trading_env.execution_engine.account import revalue
from trading_env.execution_engine.feedback import PRIOR, expected_cost
from trading_env.execution_engine.notices import bars_listed, rebase_shown
from trading_env.execution_engine.pricing import half_spread_of, permanent_of, widening_of
from trading_env.risk_manager.desk import Rules, rulebook_of, rules_of
from trading_env.risk_manager.kelly import begin_covariance
from trading_env.step.observation import observe
from trading_env.step.pace import begin_parent
from trading_env.step.rows import note_bar
from trading_env.stress.composition import NEUTRAL
from trading_env.stress.feed import count_crisis, show_bar

NEVER = 2**62  # a step that no episode reaches


@kernel
def pick(seed: np.uint64, episode: int, index: int, stream: int, count: int) -> int:
    """Draw an integer below `count`."""
    return min(int(uniform(seed, episode, 0, index, stream) * count), count - 1)


@kernel
def begin_asset(world: World, asset: AssetState, row: int, a: int) -> None:
    """Warm one asset's averages up on the bars before and including `row`."""
    begin_shown(world, asset, row, a)
    for k in range(row - world.episode[0].warmup + 1, row + 1):
        warm_up(world, asset, k, a)
    asset.variance_fast = asset.seen_variance_fast  # all that has happened has been shown
    asset.variance_slow = asset.seen_variance_slow
    asset.volume_mean = asset.volume_usual = asset.seen_volume_mean
    asset.undisturbed = asset.seen_close
    asset.mark = asset.seen_close
    asset.base_close = asset.seen_close
    asset.displacement = 1.0
    asset.reference_price = asset.mark
    rules = rules_of(rulebook_of(world), a)
    asset.permanent_unit = permanent_of(asset, rules)
    asset.widening = widening_of(asset, rules.execution)
    asset.seen_half_spread = half_spread_of(asset, 1.0, rules.execution)
    count_crisis(asset, rules.execution.half_spread)


@kernel
def begin_shown(world: World, asset: AssetState, row: int, a: int) -> None:
    """Begin what is shown of an asset `warmup` bars before `row`."""
    first = world.bars[row - world.episode[0].warmup, a]
    asset.seen_close = asset.seen_before = asset.seen_earlier = first.close
    asset.listed_bars = SETTLED
    if world.notices.shape[0] > 0:
        asset.listed_bars = bars_listed(SETTLED, world.notices[row - world.episode[0].warmup, a])
    asset.seen_volume_mean = first.volume
    square = warmup_variance(world, row, a)
    asset.seen_variance_fast = square
    asset.seen_variance_slow = square


@kernel
def warm_up(world: World, asset: AssetState, k: int, a: int) -> None:
    """Show an asset the bar in row `k` as it is, and its notice."""
    bar = world.bars[k, a]
    if world.notices.shape[0] > 0:
        notice = world.notices[k, a]
        rebase_shown(asset, notice.units, notice.kept / notice.units)
        asset.listed_bars = bars_listed(asset.listed_bars, notice)
    show_bar(asset, Shown(bar.high, bar.low, bar.close, bar.volume, 0.0, 1.0))


@kernel
def warmup_variance(world: World, row: int, a: int) -> float:
    """Mean squared return over the warm-up: where the variances start from."""
    total = 0.0
    count = world.episode[0].warmup
    for k in range(row - count + 1, row + 1):
        change = base_return(world.bars, world.notices, k, a)
        total += change * change
    return float(max(total / count, MIN_VARIANCE))


@kernel
def begin_feedback(asset: AssetState, rules: Rules) -> None:
    """Before any fill the feedback is what is expected of a fill of 1% of a bar's volume."""
    volume = asset.seen_volume_mean
    price, variance = asset.seen_close, asset.seen_variance_slow
    expected = expected_cost(0.01 * volume, price, variance, volume, rules)
    asset.slippage = expected
    asset.expected_slippage = expected
    asset.latency = rules.execution.latency_median_s
    asset.fill_ratio = 1.0
    asset.cost_variance = PRIOR


@kernel
def begin_report(asset: AssetState, report: Report) -> None:
    """Before the first step a report holds prices, and nothing traded."""
    report.price = asset.mark
    report.decision_price = asset.mark
    high, low, volume = asset.seen_high, asset.seen_low, asset.seen_volume
    note_bar(report, Bar(asset.mark, high, low, asset.mark, volume))
    report.seen_close = asset.seen_close
    report.position = asset.position


@kernel
def begin_account(world: World, lane: Lane) -> None:
    """Give the account its cash: fixed, a share of daily value, or what the parents are worth."""
    account = lane.accounts[0]
    cash = world.account[0].initial_cash
    if world.episode[0].task == Task.EXECUTION:
        cash = account.arrival_value if account.arrival_value > 0.0 else 1.0
    elif cash <= 0.0:
        traded = 0.0
        for a in range(lane.assets.shape[0]):
            asset = lane.assets[a]
            traded += asset.mark * asset.volume_mean
        traded *= world.episode[0].bars_per_day / lane.assets.shape[0]
        cash = world.account[0].account_share * traded
    account.cash = cash
    account.fees_paid = 0.0
    account.financing_paid = 0.0
    revalue(account, lane.assets, rulebook_of(world))
    account.initial_equity = account.equity
    account.peak_equity = account.equity
    account.seen_equity = account.seen_equity_before = account.equity
    account.seen_peak = account.equity
    account.step = 0
    account.done = 0


@kernel
def start_of(event: EventRecord, group: int, seed: np.uint64, episode: int) -> int:
    """Draw the step at which an event begins, or NEVER: other group, or it does not happen."""
    if event.group != group:
        return NEVER
    stream = Stream.EVENT_START.value
    drawn, chance = uniforms(seed, episode, event.label, event.group, stream)
    if chance >= event.chance:
        return NEVER
    choices = event.latest - event.earliest + 1
    return int(event.earliest + min(int(drawn * choices), choices - 1))


@rare_kernel
def begin_episode(world: World, lane: Lane, seed: np.uint64, opening: Opening) -> None:
    """Write the first state of an episode and its observation; the lane is blank."""
    episode, path, start = opening
    params: EpisodeParams = world.episode[0]
    account: AccountState = lane.accounts[0]
    if path < 0:
        path = pick(seed, episode, 0, Stream.EPISODE_PATH.value, params.paths)
    if start < 0:
        choices = params.bars - params.warmup - params.length
        start = params.warmup + pick(seed, episode, 0, Stream.EPISODE_START.value, choices)
    account.episode = episode
    account.row = path * params.bars + start
    account.group = pick(seed, episode, 0, Stream.SCENARIO_CHOICE.value, params.groups)
    for e in range(world.events.shape[0]):
        lane.starts[e] = start_of(world.events[e], account.group, seed, episode)
    account.arrival_value = 0.0
    book = rulebook_of(world)
    for a in range(lane.assets.shape[0]):
        asset, rules = lane.assets[a], rules_of(book, a)
        begin_asset(world, asset, account.row, a)
        begin_feedback(asset, rules)
        if params.task == Task.EXECUTION:
            here = Address(seed, episode, 0, a)
            lot = rules.execution.lot
            value = begin_parent(asset, world.parents[a], params.length, lot, here)
            account.arrival_value += value
        begin_report(asset, lane.reports[a])
        lane.stresses[a] = NEUTRAL[0]
    if lane.covariance.shape[1] > 0:
        begin_covariance(world, lane.covariance, account.row)
    begin_account(world, lane)
    observe(lane, world)
