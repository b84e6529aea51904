"""From a user's arguments to the world that kernels read.

`Setup` holds the resolved configuration (what was built, not what was asked for) and the tables.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np

from trading_env.core.arguments import whole
from trading_env.core.codes import Task, names_of
from trading_env.core.errors import ConfigError, clip, shown, unknown
from trading_env.core.params import EpisodeParams
from trading_env.core.records import BarRecord, Floats, Table, new_table
from trading_env.core.settings import as_record
from trading_env.core.world import World
from trading_env.envs.actions import Actions
from trading_env.envs.look_back import WARMUP as WARMUP
from trading_env.envs.look_back import Past
from trading_env.envs.own_reward import OwnReward
from trading_env.envs.spaces import LISTED, ObservationLayout
from trading_env.execution_engine.config import ExecutionConfig
from trading_env.execution_engine.funds import AccountConfig
from trading_env.markets import Market, load_market
from trading_env.markets.loading import MarketSpec
from trading_env.markets.notices import notice_table, rate_table
from trading_env.markets.volume import require_volume
from trading_env.risk_manager.config import RiskConfig
from trading_env.step.config import ParentConfig, RewardConfig
from trading_env.step.reward import Term
from trading_env.stress.event_table import compile_scenarios
from trading_env.stress.scenario import Scenario, ScenarioSpec

DEFAULT_LENGTH = 252
UNLIMITED_CASH = 1e6  # where volume is unlimited, so that a share of it says nothing
EXECUTION_DEFAULTS: dict[str, Any] = {
    "market": {"generator": "multiscale", "assets": 1},
    "reward": "arrival_price",
    "episode_length": 20,
}

ConfigSpec: TypeAlias = Mapping[str, Any] | str | None
RewardSpec: TypeAlias = RewardConfig | ConfigSpec | Callable[..., Any]


class MarketTables(NamedTuple):
    """A market laid out for kernels: paths one after the other."""

    bars: Table  # BarRecord (paths x bars, assets)
    signals: Floats  # (paths x bars, assets, signals)
    elapsed_s: Floats  # (paths x bars,)
    notices: Table  # NoticeRecord (paths x bars, assets), or of no rows


_TABLES: "WeakKeyDictionary[Market, MarketTables]" = WeakKeyDictionary()


class Setup(NamedTuple):
    """One built configuration."""

    world: World
    market: Market
    layout: ObservationLayout
    scenarios: tuple[Scenario, ...]
    resolved: dict[str, Any]  # JSON-able
    actions: Actions
    own_reward: OwnReward | None = None
    past: Past = Past()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle all but the market's tables, which are laid out again or shared."""
        return _laid_out, (self.world[len(MarketTables._fields) :], *self[1:])

    def about(self) -> dict[str, Any]:
        """Say in a few words what was built."""
        return {
            "market": repr(self.market.source),
            "assets": self.market.assets,
            "scenario": " or ".join(s.name for s in self.scenarios),
            "severity": f"{self.resolved['severity']:g}",
            "steps": self.resolved["episode_length"],
        }


def _laid_out(rest: tuple[Any, ...], market: Market, *others: Any) -> Setup:
    """Build a setup from its pickle."""
    return Setup(World(*tables_of(market), *rest), market, *others)


def tables_of(market: Market) -> MarketTables:
    """Lay a market out for kernels; environments on the same market share the tables."""
    if market not in _TABLES:
        rows = market.paths * market.bars
        bars = new_table(BarRecord, rows, market.assets)
        for name in BarRecord.__annotations__:
            bars[name] = getattr(market, name).reshape(rows, market.assets)
        signals = np.array(market.signals).reshape(rows, market.assets, -1)
        if "listed" in market.notices:
            listed = market.notices["listed"].reshape(rows, market.assets, 1)
            signals = np.concatenate((signals, listed), axis=2)
        elapsed = np.diff(market.time, prepend=market.time[0]).astype(np.float64)
        _TABLES[market] = MarketTables(
            bars, signals, np.tile(elapsed, market.paths), notice_table(market)
        )
    return _TABLES[market]


def check_length(market: Market, length: int, band: str | None, warmup: int = WARMUP) -> int:
    """Return the episode length, or raise if the market is too short for it.

    Raises:
        ConfigError: not a positive whole number, or longer than the market allows.
    """
    whole("episode_length", length, 1)
    missing = warmup + length + 1 - market.bars
    if missing > 0:
        longest = market.bars - warmup - 1
        rest = f"; the longest episode is {longest}" if longest > 0 else ""
        part = "" if band is None else f" in the band {band!r}"
        raise ConfigError(
            f"episode_length = {shown(length, 24)}: {clip(market.source, 40)} has {market.bars} "
            f"bars{part}, {shown(missing, 24)} too few: {warmup} warm up{rest}"
        )
    return int(length)


def check_volume(market: Market, length: int, parent: ParentConfig | None) -> None:
    """Refuse a market whose volume measures no account and no parent order.

    Args:
        market: Its bars.
        length: Steps of an episode.
        parent: Parent orders, or None for a portfolio.

    Raises:
        ValueError: the message is one line.
    """
    require_volume(market, WARMUP, length)
    if parent is not None and market.is_unlimited and parent.quantity is None:
        reason = "a share of unlimited volume is no size; give the units of each asset"
        raise ConfigError(f"parent: quantity = None: {reason}")


def _check_terms(reward: RewardConfig, own: OwnReward | None) -> None:
    """Refuse a reward of parent orders that only has terms which are always 0 there."""
    names = names_of(Term)
    weighed = {name for name in names if getattr(reward, name) != 0.0}
    named = {names[column] for column in own.columns} if own else weighed
    absent = {names[Term.GROWTH], names[Term.LIQUIDATION]}
    if named and named <= absent:
        found = f"{' and '.join(sorted(named))} alone, always 0 for parent orders"
        raise ConfigError(f"reward: {found}: known: {', '.join(sorted({*names} - absent))}")


def about_market(market: Market) -> dict[str, Any]:
    """Say which bars were built on, and which clock: two readings of one file may differ in it."""
    names = ("source", "sha256", "symbols", "bar_seconds", "bars_per_day", "bars_per_year")
    return {name: getattr(market, name) for name in names}


def cash_of(account: AccountConfig, market: Market) -> AccountConfig:
    """Return the account with the cash that stands in for a share of unlimited volume."""
    if account.initial_cash > 0.0 or not market.is_unlimited:
        return account
    return account.model_copy(update={"initial_cash": UNLIMITED_CASH})


def build(
    task: Task = Task.PORTFOLIO,
    /,  # no argument of a user's
    *,
    market: MarketSpec = "multiscale",
    scenario: ScenarioSpec = None,
    severity: float = 1.0,
    risk: RiskConfig | ConfigSpec = None,
    execution: ExecutionConfig | ConfigSpec = None,
    account: AccountConfig | ConfigSpec = None,
    reward: RewardSpec = "execution_quality",
    episode_length: int = DEFAULT_LENGTH,
    seed_band: str | None = "train",
    parent: ParentConfig | ConfigSpec = None,
    window: int | None = None,
    frames: Sequence[str] | None = None,
    action: str = "target",
    action_form: str = "box",
    **others: Any,
) -> Setup:
    """Resolve every argument and lay the world out.

    Raises:
        ValueError: an argument is unknown or invalid; the message is one line naming it.
    """
    for name, value in others.items():
        if name in OF_VECTORS:
            reason = "an argument of the vector environment only: use gymnasium.make_vec"
            raise ConfigError(f"{name} = {shown(value)}: {reason}")
        raise ConfigError(unknown("argument", name, ARGUMENTS))
    table = load_market(market, seed_band=seed_band)
    past = Past.of(window, frames, table)
    actions = Actions.of(action, action_form, table.symbols)
    warmup = past.warmup(table)
    length = check_length(table, episode_length, seed_band, warmup)
    compiled = compile_scenarios(
        scenario,
        severity=severity,
        bar_seconds=table.bar_seconds,
        bars_per_day=table.bars_per_day,
        length=length,
        symbols=table.symbols,
        family="test" if seed_band == "test" else "train",
    )
    if task is Task.EXECUTION and (risk is None or isinstance(risk, Mapping)):
        risk = {"preset": "execution", **(risk or {})}
    risk_config = RiskConfig.of(risk)
    execution_config = ExecutionConfig.of(execution)
    account_config = cash_of(AccountConfig.of(account), table)
    if task is Task.EXECUTION and not account_config.borrowing:
        raise ConfigError("account: borrowing = False: a parent order is filled on any cash")
    if "funding" in table.notices and not account_config.borrowing:
        raise ConfigError("account: borrowing = False: funding is owed whatever cash there is")
    own = OwnReward(reward) if callable(reward) else None
    reward_config = RewardConfig.of(None if callable(reward) else reward)
    if task is Task.EXECUTION:
        _check_terms(reward_config, own)
    if task is not Task.EXECUTION and parent is not None:
        raise ConfigError("parent: only trading_env/Execution-v0 has parent orders")
    parent_config = ParentConfig.of(parent)
    check_volume(table, length, parent_config if task is Task.EXECUTION else None)
    episode = {
        "paths": table.paths,
        "bars": table.bars,
        "bar_seconds": table.bar_seconds,
        "bars_per_day": table.bars_per_day,
        "warmup": warmup,
        "length": length,
        "groups": compiled.groups,
        "task": task.value,
        "action": actions.kind.value,
        "scale": reward_config.scale,
        "bar_volatility": reward_config.bar_volatility,
    }
    tables = tables_of(table)
    rates = rate_table(table, account_config.rates(table.symbols), tables.elapsed_s)
    world = World(
        **tables._asdict(),
        events=compiled.events,
        ends=compiled.ends,
        hits=compiled.hits,
        risk=risk_config.record(),
        execution=execution_config.records(table.symbols, table.bar_seconds),
        rates=rates,
        account=account_config.record(),
        episode=as_record(EpisodeParams, episode),
        parents=parent_config.record(table.assets),
        weights=np.array([getattr(reward_config, name) for name in names_of(Term)]),
    )
    resolved = {
        "market": about_market(table),
        "scenarios": [{"name": s.name, "sha256": s.sha256} for s in compiled.scenarios],
        "severity": float(severity),
        "risk": risk_config.as_dict(),
        "execution": execution_config.as_dict(),
        "account": account_config.as_dict(),
        "reward": own.as_dict() if own else reward_config.as_dict(),
        "episode_length": length,
        "seed_band": seed_band,
        **past.as_dict(),
        **actions.as_dict(),
    }
    if task is Task.EXECUTION:
        resolved["parent"] = parent_config.as_dict()
    signals = table.signal_names + (LISTED,) * ("listed" in table.notices)
    layout = ObservationLayout(table.symbols, signals, task, *past)
    return Setup(world, table, layout, compiled.scenarios, resolved, actions, own, past)


OF_VECTORS = ("num_envs", "autoreset_mode", "copy")
ARGUMENTS = [
    *(name for name in build.__annotations__ if name not in ("return", "others", "task")),
    *("detail", "render_mode", *OF_VECTORS),  # beside the world's
]
