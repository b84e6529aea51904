"""Random configurations: equivalence that holds only for the defaults proves nothing.

`settings_of` draws every setting of a class from the field itself: its type, its bounds and its
default. So a new setting is drawn in every test of parity, identities, causality and the oracle as
soon as it exists. `USUAL` narrows what bounds alone would draw too widely: most of an unbounded
range is of no use, and rare values deserve to be met often.
"""

import math
from collections.abc import Mapping, Sequence
from enum import IntEnum
from types import NoneType
from typing import Any, Literal, NamedTuple, Protocol, get_args, get_origin

import numpy as np
from pydantic.fields import FieldInfo

from trading_env.core.errors import ConfigError
from trading_env.core.settings import Settings
from trading_env.execution_engine.config import ExecutionConfig
from trading_env.execution_engine.funds import AccountConfig
from trading_env.risk_manager.config import RiskConfig
from trading_env.step.config import RewardConfig
from trading_env.stress.scenario import preset_names

SMALL_POOL = {"generator": "multiscale", "paths": 4, "bars": 200}
EPISODE = 40
CHOSEN = ("target+type", "orders")  # what an action can say, but "target"
BAR_S = {"us_stock_daily": 86_400, "btc_hourly": 3_600, "btc_minute": 60}
LATENCIES = (0.001, 0.2, 0.5, 1.0, 1.7, 4.0)  # in bars
SHARES = (1e-4, 1e-3, 0.01, 0.1, 1.0, 3.0)  # of the account in a bar's volume

Range = tuple[float, float]
Usual = Mapping[str, Range | list[Any]]  # a range, or values of which one is taken

USUAL: dict[type[Settings], Usual] = {
    RiskConfig: {
        "mode": ["kelly", "kelly", "linear", "volatility_target", "raw"],
        "kelly_multiplier": (0.05, 2.0),
        "edge_bars": [None, None, 300.0, 1e5],
        "covariance": ["none", "shrunk", "shrunk"],
        "target_volatility": (1e-3, 0.1),
        "stop_width": (0.2, 5.0),
        "stop_confidence_slope": (0.0, 5.0),
        "reward_to_risk": (0.2, 5.0),
        "horizon_bars": [1.0, 1.0, 10.0, 10.0, 1000.0],
        "max_holding_bars": [None, 1, 5, 20],
        "max_weight": (0.05, 5.0),
        "max_leverage": (0.1, 5.0),
        "participation_bars": (0.1, 20.0),
        "max_drawdown": (0.05, 1.0),
        "initial_margin": (0.1, 1.0),
        "execution_floor": [1.0, 0.1, 0.6],
        "no_trade_band": [0.0, 0.0, 0.01, 0.1],
    },
    ExecutionConfig: {
        "latency_log_sd": [None, 0.0, 0.5, 1.5],
        "half_spread_bps": (0.0, 30.0),
        "spread_exponent": [0.0, 0.7, 2.0],
        "temporary_impact": (0.0, 1.0),
        "impact_exponent": [0.5, 0.6, 1.0],
        "permanent_impact": (0.0, 1.0),
        "inverse_turnover_days": (1.0, 500.0),
        "transient_weights": (0.0, 20.0),
        "transient_times_s": [60.0, 3600.0, 86400.0, 864000.0],
        "participation_cap": [0.01, 0.1, 1.0],
        "fee_bps": (-1.0, 10.0),
        "fee_per_unit": [0.0, 0.005],
        "maker_fee_bps": [None, -0.5, 2.0],
        "fee_minimum": [None, 1.0, 1000.0],
        "fee_maximum_bps": [None, 5.0, 50.0],
        "tick": [0.0, 0.0, 0.01],
        "lot": [0.0, 0.0, 1.0, 100.0],
        "minimum_notional": [0.0, 0.0, 10.0],
        "assets": [{}],  # symbols are those of the market
        "limit_offset_bps": [-20.0, 0.0, 30.0],
        "impact_reference": ["current", "current", "first"],
    },
    AccountConfig: {
        "initial_cash": [0.0],  # the share below, which fits every market
        "short_selling": [True, True, True, False],
        "borrowing": [True],  # Execution-v0 refuses False
        "borrow_rates": [{}],  # symbols are those of the market
        "short_maintenance_margin": [0.0, 0.0, 0.4],
        "liquidation_fee": [0.0, 0.01],
        "cash_rate": [0.0, 0.03],
        "margin_rate": [0.0, 0.08],
        "borrow_rate": [0.0, 0.1],
        "funding_rate": [0.0, -0.4, 0.4],
        "maintenance_margin": [0.0, 0.1, 0.25],
    },
    RewardConfig: {"scale": [1.0, 100.0], "bar_volatility": [0.0]},
}


class Picks(Protocol):
    """Where random values come from: a generator of NumPy, or Hypothesis."""

    def between(self, low: float, high: float) -> float: ...

    def one_of(self, values: Sequence[Any]) -> Any: ...


class RandomPicks(NamedTuple):
    """Picks of a generator of NumPy."""

    rng: np.random.Generator

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def one_of(self, values: Sequence[Any]) -> Any:
        return values[self.rng.integers(len(values))]


def bounds_of(field: FieldInfo) -> Range:
    """Return the range to draw from: the field's, or near the default where it has no end."""
    ends = {
        name: getattr(limit, name)
        for limit in field.metadata
        for name in ("gt", "ge", "lt", "le")
        if hasattr(limit, name)
    }
    usual = field.default if isinstance(field.default, int | float) else 0.0
    low = ends.get("gt", ends.get("ge", min(0.0, 10.0 * usual)))
    high = ends.get("lt", ends.get("le", 10.0 * abs(usual) or low + 2.0))
    margin = 1e-3 * (high - low)
    return low + margin * ("gt" in ends), high - margin * ("lt" in ends)


def value_of(field: FieldInfo, picks: Picks, usual: Range | list[Any] | None = None) -> Any:
    """Draw a value that the field's type and bounds allow."""
    kind, inner = field.annotation, get_args(field.annotation)
    if get_origin(kind) is tuple:
        return tuple(value_of(FieldInfo.from_annotation(each), picks, usual) for each in inner)
    if isinstance(usual, list):
        return picks.one_of(usual)
    if get_origin(kind) is Literal:
        return picks.one_of(inner)
    if kind is bool:
        return picks.one_of([False, True])
    if isinstance(kind, type) and issubclass(kind, IntEnum):
        return picks.one_of([code.name.lower() for code in kind])
    if NoneType in inner and picks.one_of([True, False]):
        return None
    low, high = usual or bounds_of(field)
    if kind is int or int in inner:
        return int(picks.between(math.ceil(low), math.floor(high) + 1))
    return picks.between(low, high)


def settings_of(
    config: type[Settings], picks: Picks, **narrowed: Range | list[Any]
) -> dict[str, Any]:
    """Draw every field of a class of settings; `narrowed` goes before `USUAL`.

    Where the class refuses a value together with those drawn before it (`trailing` without
    `stops`), the value is left out, which leaves the default.
    """
    usual = {**USUAL.get(config, {}), **narrowed}
    fields = config.model_fields.items()
    drawn = {name: value_of(field, picks, usual.get(name)) for name, field in fields}
    if is_allowed(config, drawn):
        return drawn
    kept: dict[str, Any] = {}
    for name, value in drawn.items():
        if is_allowed(config, {**kept, name: value}):
            kept[name] = value
    return kept


def is_allowed(config: type[Settings], given: dict[str, Any]) -> bool:
    try:
        config.of(given)
    except ConfigError:
        return False
    return True


def random_configuration(rng: np.random.Generator) -> dict[str, Any]:
    """Draw arguments of the environment; markets are small and shared through the cache."""
    picks = RandomPicks(rng)
    # Crises of minutes make fills on days cost more than the price: they have tests of their own.
    names = [name for name in preset_names() if not name.startswith("crises_")]
    first, second = rng.choice(names, size=2, replace=False)
    preset = picks.one_of(list(BAR_S))
    late = [1000.0 * BAR_S[preset] * bars for bars in LATENCIES]
    shares = [BAR_S[preset] / BAR_S["us_stock_daily"] * share for share in SHARES]
    return {
        "market": {**SMALL_POOL, "assets": int(rng.integers(1, 5)), "preset": preset},
        "scenario": picks.one_of([None, first, [first, second], {"one_of": [first, None, second]}]),
        "severity": picks.one_of([0.5, 1.0, 3.0]),
        "episode_length": int(rng.integers(20, EPISODE)),
        "seed_band": picks.one_of(["train", "validation", "test"]),
        "risk": settings_of(RiskConfig, picks),
        "execution": settings_of(ExecutionConfig, picks, latency_ms=[None, 0.0, 80.0, *late]),
        "account": settings_of(AccountConfig, picks, account_share=shares),
        "reward": settings_of(RewardConfig, picks),
    }
