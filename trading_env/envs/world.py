"""From a user's arguments to the world that kernels read.

`Setup` holds the resolved configuration (what was built, not what was asked for) and the tables.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np

from trading_env.core.codes import Task, names_of
from trading_env.core.errors import ConfigError, shown
from trading_env.core.params import EpisodeParams
from trading_env.core.records import BarRecord, Floats, Table, new_table
from trading_env.core.settings import as_record
from trading_env.core.world import World
from trading_env.envs.spaces import ObservationLayout
from trading_env.execution_engine.config import AccountConfig, ExecutionConfig
from trading_env.markets import Market, load_market
from trading_env.markets.loading import MarketSpec
from trading_env.risk_manager.config import RiskConfig
from trading_env.step.config import ParentConfig, RewardConfig
from trading_env.step.reward import Term
from trading_env.stress.event_table import compile_scenarios
from trading_env.stress.scenario import Scenario, ScenarioSpec

WARMUP = 64  # bars before the first decision, so that no feature starts cold
DEFAULT_LENGTH = 252
EXECUTION_DEFAULTS: dict[str, Any] = {
    "market": {"generator": "multiscale", "assets": 1},
    "reward": "arrival_price",
    "episode_length": 20,
}

ConfigSpec: TypeAlias = Mapping[str, Any] | str | None


class MarketTables(NamedTuple):
    """A market laid out for kernels: paths one after the other."""

    bars: Table  # BarRecord (paths x bars, assets)
    signals: Floats  # (paths x bars, assets, signals)
    elapsed_s: Floats  # (paths x bars,)


_TABLES: "WeakKeyDictionary[Market, MarketTables]" = WeakKeyDictionary()


class Setup(NamedTuple):
    """One built configuration."""

    world: World
    market: Market
    layout: ObservationLayout
    scenarios: tuple[Scenario, ...]
    resolved: dict[str, Any]  # JSON-able


def tables_of(market: Market) -> MarketTables:
    """Lay a market out for kernels; environments on the same market share the tables."""
    if market not in _TABLES:
        rows = market.paths * market.bars
        bars = new_table(BarRecord, rows, market.assets)
        for name in BarRecord.__annotations__:
            bars[name] = getattr(market, name).reshape(rows, market.assets)
        signals = np.array(market.signals).reshape(rows, market.assets, -1)
        elapsed = np.diff(market.time, prepend=market.time[0]).astype(np.float64)
        _TABLES[market] = MarketTables(bars, signals, np.tile(elapsed, market.paths))
    return _TABLES[market]


def check_length(market: Market, length: int) -> int:
    """Return the episode length, or raise if the market is too short for it.

    Raises:
        ConfigError: not a positive whole number, or longer than the market allows.
    """
    if isinstance(length, bool) or not isinstance(length, int | np.integer) or length < 1:
        raise ConfigError(f"episode_length = {shown(length)}: must be a whole number >= 1")
    longest = market.bars - WARMUP - 1
    if length > longest:
        raise ConfigError(
            f"episode_length = {length}: {market.source} has {market.bars} bars, of which "
            f"{WARMUP} warm up; the longest episode is {longest}"
        )
    return int(length)


def build(
    *,
    market: MarketSpec = "multiscale",
    scenario: ScenarioSpec = None,
    severity: float = 1.0,
    risk: RiskConfig | ConfigSpec = None,
    execution: ExecutionConfig | ConfigSpec = None,
    account: AccountConfig | ConfigSpec = None,
    reward: RewardConfig | ConfigSpec = "execution_quality",
    episode_length: int = DEFAULT_LENGTH,
    seed_band: str | None = "train",
    task: Task = Task.PORTFOLIO,
    parent: ParentConfig | ConfigSpec = None,
) -> Setup:
    """Resolve every argument and lay the world out.

    Raises:
        ValueError: an argument is invalid; the message is one line naming it.
    """
    table = load_market(market, seed_band=seed_band)
    length = check_length(table, episode_length)
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
    account_config = AccountConfig.of(account)
    reward_config = RewardConfig.of(reward)
    if task is not Task.EXECUTION and parent is not None:
        raise ConfigError("parent: only trading_env/Execution-v0 has parent orders")
    parent_config = ParentConfig.of(parent)
    episode = {
        "paths": table.paths,
        "bars": table.bars,
        "bar_seconds": table.bar_seconds,
        "bars_per_day": table.bars_per_day,
        "warmup": WARMUP,
        "length": length,
        "groups": compiled.groups,
        "task": task.value,
        "scale": reward_config.scale,
        "bar_volatility": reward_config.bar_volatility,
    }
    world = World(
        *tables_of(table),
        events=compiled.events,
        ends=compiled.ends,
        hits=compiled.hits,
        risk=risk_config.record(),
        execution=execution_config.record(table.bar_seconds),
        account=account_config.record(),
        episode=as_record(EpisodeParams, episode),
        parents=parent_config.record(table.assets),
        weights=np.array([getattr(reward_config, name) for name in names_of(Term)]),
    )
    resolved = {
        "market": {"source": table.source, "sha256": table.sha256, "symbols": table.symbols},
        "scenarios": [{"name": s.name, "sha256": s.sha256} for s in compiled.scenarios],
        "severity": float(severity),
        "risk": risk_config.as_dict(),
        "execution": execution_config.as_dict(),
        "account": account_config.as_dict(),
        "reward": reward_config.as_dict(),
        "episode_length": length,
        "seed_band": seed_band,
    }
    if task is Task.EXECUTION:
        resolved["parent"] = parent_config.as_dict()
    layout = ObservationLayout(table.symbols, table.signal_names, task)
    return Setup(world, table, layout, compiled.scenarios, resolved)
