"""The execution engine as a user calls it; the rules are in `execution_engine/inside_bar.py`.

`ExecutionEngine` prices and fills with the compiled functions that the environment's step calls.
Its history is keyed by trade id; a duplicate raises ConfigError naming the id. Its
settings are in `execution_engine/config.py`.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from trading_env.core.arguments import mapping, number, whole
from trading_env.core.averages import blend
from trading_env.core.errors import ConfigError, clip, shown
from trading_env.core.files import write_parquet
from trading_env.core.seeds import seed_of
from trading_env.core.showing import as_table, changed
from trading_env.core.values import Address
from trading_env.execution_engine.bench import (
    Bench,
    ExecutionReport,
    MarketState,
    Order,
    checked,
    completed,
)
from trading_env.execution_engine.config import ExecutionConfig

if TYPE_CHECKING:
    import pandas as pd

AVERAGED = (
    *("spread", "impact", "impact_permanent", "impact_transient", "fees"),
    *("latency_s", "arrivals", "filled", "quantity", "price"),
)


class Feedback(NamedTuple):
    """Exponentially weighted means over recorded trades, as the environment's step keeps them."""

    slippage: float  # half spread, temporary impact and fees, fraction of the notional
    latency_s: float
    fill_ratio: float  # filled share of what was asked for


UNTRIED = Feedback(slippage=0.0, latency_s=0.0, fill_ratio=1.0)


class ExecutionEngine:
    """Simulates orders one at a time and keeps the history of execution quality.

    Args:
        config: an `ExecutionConfig`, a preset's name, a mapping, or None for the defaults.
        seed: of the latency draws; the n-th order of two engines with one seed is equally late.
        capacity: records that the history holds; the oldest go first.
    """

    def __init__(
        self,
        config: ExecutionConfig | Mapping[str, Any] | str | None = None,
        seed: int = 0,
        *,
        capacity: int = 100_000,
    ) -> None:
        self.config = ExecutionConfig.of(config)
        self._seed = np.uint64(seed_of(seed))
        self._orders = 0
        self._capacity = whole("capacity", capacity, 1)
        self._history: dict[str, dict[str, float | str]] = {}

    def __repr__(self) -> str:
        """Show the settings that are not the defaults."""
        settings = f"{changed(self.config)}, " if changed(self.config) else ""
        return f"ExecutionEngine({settings}seed={self._seed}); {len(self._history)} trades recorded"

    def _repr_html_(self) -> str:
        recorded = {"trades recorded": len(self._history)}
        return as_table("ExecutionEngine", {**recorded, **self.config.as_dict()})

    def simulate_execution(
        self, order: Order | None = None, market_state: MarketState | None = None
    ) -> ExecutionReport:
        """Send one order into one bar and return its fill and its ledger.

        Raises:
            ConfigError: a quantity, price or volume that is not finite or out of range.
        """
        order = checked(Order() if order is None else order)
        market, bar = completed(MarketState() if market_state is None else market_state)
        bench = Bench(self.config, market)
        address = Address(self._seed, 0, self._orders, 0)
        self._orders += 1
        return bench.execute(order, market, bar, address)

    def record_execution_feedback(
        self, trade_id: str, execution_metrics: ExecutionReport | Mapping[str, Any]
    ) -> None:
        """Add a trade's execution quality to the history.

        Raises:
            ConfigError: the trade id is already in the history, or a metric is not finite.
        """
        if not isinstance(trade_id, str):
            raise ConfigError(f"trade_id = {shown(trade_id)}: must be text")
        if trade_id in self._history:
            raise ConfigError(f"trade_id = {shown(trade_id)}: already recorded")
        report = execution_metrics
        if isinstance(report, ExecutionReport):
            row = {**report._asdict(), "shortfall": report.shortfall}
        else:
            row = dict(mapping("execution_metrics", report))
        for name, value in row.items():
            if name != "status" or not isinstance(value, str):
                number(f"execution_metrics.{clip(name)}", value, -math.inf, math.inf)
        self._history[trade_id] = row
        while len(self._history) > self._capacity:
            del self._history[next(iter(self._history))]

    def feedback(self, rate: float = 0.1, start: Feedback = UNTRIED) -> Feedback:
        """Average the history as the environment does, oldest trade first.

        Args:
            rate: weight of the newest trade, in (0, 1].
            start: means before the first trade.

        Raises:
            ConfigError: the rate is out of range, or a record lacks a field of `ExecutionReport`.
        """
        number("rate", rate, 5e-324, 1.0)
        if not isinstance(start, Feedback):
            raise ConfigError(f"start = {shown(start)}: give a Feedback, as feedback() returns it")
        slippage, latency_s, fill_ratio = (
            number(f"start.{name}", value, -math.inf, math.inf)
            for name, value in start._asdict().items()
        )
        for trade_id, row in self._history.items():
            missing = [name for name in AVERAGED if name not in row]
            if missing:
                raise ConfigError(f"trade {shown(trade_id, 40)}: has no {missing[0]}")
            spread, impact, permanent, transient, fees, latency, arrivals, filled, asked, price = (
                float(row[name]) for name in AVERAGED
            )
            if filled != 0.0:
                cost = spread + (impact - permanent - transient) + fees
                slippage = blend(slippage, cost / abs(filled * price), rate)
            if arrivals > 0.0:
                latency_s = blend(latency_s, latency, rate)
            if asked != 0.0:
                fill_ratio = blend(fill_ratio, min(max(filled / asked, 0.0), 1.0), rate)
        return Feedback(slippage, latency_s, fill_ratio)

    @property
    def history(self) -> "pd.DataFrame":
        """Recorded trades, oldest first, indexed by trade id."""
        import pandas as pd

        frame = pd.DataFrame.from_dict(self._history, orient="index")
        frame.index.name = "trade_id"
        return frame

    def export_history(self, path: str | Path) -> None:
        """Write the history as Parquet."""
        if not isinstance(path, str | Path) or not str(path):
            raise ConfigError(f"path = {shown(path)}: give the name of a file")
        write_parquet(Path(path), self.history, index=True)
