"""The execution engine as a user calls it; the rules are in `kernels/execution.py`.

`ExecutionEngine` prices and fills with the compiled functions that the environment's step calls.
Its history is keyed by trade id: a duplicate is refused by name.

Over 300 lines because a third of it is the settings with their units.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np
from pydantic import Field, field_validator

from trading_env.config import ConfigError, Settings, Share, as_record
from trading_env.kernels.execution import trade_bar, wait_out_bar
from trading_env.kernels.feedback import blend
from trading_env.kernels.limits import limit_price
from trading_env.kernels.orders import book_opportunity, draw_latency, end_bar, fill_in, status_of
from trading_env.kernels.pricing import terms_of
from trading_env.kernels.stress import CALM
from trading_env.types import (
    AccountState,
    Address,
    AssetState,
    Bar,
    EpisodeParams,
    ExecutionParams,
    ImpactReference,
    OrderSlot,
    Report,
    Session,
    Status,
    Table,
    TimeInForce,
    new_table,
)

if TYPE_CHECKING:
    import pandas as pd

BPS = 1e-4
DAY_S = 86400.0
AVERAGED = ("delay", "spread", "impact", "fees", "latency_s", "filled", "left", "price")
NO_MAXIMUM = 1e300  # not inf, which times a notional of 0 is not a number

LATENCY = {  # median milliseconds, log standard deviation
    "zero": (0.0, 0.0),
    "colocated": (0.05, 0.3),
    "cloud": (4.0, 0.95),
    "retail": (80.0, 0.5),
}


Positive = Annotated[float, Field(gt=0.0)]


class ExecutionConfig(Settings):
    """Latency, spread, impact, cap and fees; defaults and sources as in `kernels/pricing.py`.

    Presets, each with its source:

    - default: Almgren, Thum, Hauptmann, Li (2005) with decaying impact, a large US stock's spread.
    - zero: nothing costs. flat_bps: 10 bp a side, the default of many backtests.
    - square_root: Y sigma sqrt(rate) with Y = 1 (Sato and Kanazawa 2024 find the exponent).
    - zipline_volume_share: 0.1 x share of volume squared, 2.5% cap, $.001 a share: the defaults of
      that library's volume-share slippage and per-share commission.
    - almgren_2005: the paper's temporary and permanent impact and nothing else.
    - almgren_chriss_2000: the paper's example, 5 million shares a day at $50: epsilon 0.0625,
      gamma 2.5e-7, eta 2.5e-6 (the engine charges half of gamma inside a fill: 0.2375, not 0.25).
    - obizhaeva_wang_2013: a block book, q = 5,000 at $100, lambda = 1/(2q), rho = 2.2231 a day;
      assumed: a day's volume is ten times the paper's order of 100,000.
    - crypto_taker: 10 bp taker fee (Binance spot, lowest tier), half a bp of half spread.
    """

    label: ClassVar[str] = "execution"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "default": {},
        "zero": {
            "latency": "zero",
            "half_spread_bps": 0.0,
            "temporary_impact": 0.0,
            "permanent_impact": 0.0,
            "transient_weights": (0.0, 0.0, 0.0),
            "fee_bps": 0.0,
        },
        "flat_bps": {
            "half_spread_bps": 10.0,
            "spread_exponent": 0.0,
            "temporary_impact": 0.0,
            "permanent_impact": 0.0,
            "transient_weights": (0.0, 0.0, 0.0),
            "fee_bps": 0.0,
        },
        "square_root": {
            "temporary_impact": 1.0,
            "impact_exponent": 0.5,
            "permanent_impact": 0.0,
        },
        "zipline_volume_share": {
            "latency": "zero",
            "half_spread_bps": 0.0,
            "temporary_impact": 0.1,
            "impact_exponent": 2.0,
            "volatility_scaled": False,
            "permanent_impact": 0.0,
            "transient_weights": (0.0, 0.0, 0.0),
            "participation_cap": 0.025,
            "fee_bps": 0.0,
            "fee_per_unit": 0.001,
        },
        "almgren_2005": {
            "latency": "zero",
            "half_spread_bps": 0.0,
            "transient_weights": (0.0, 0.0, 0.0),
            "participation_cap": 1.0,
            "fee_bps": 0.0,
        },
        "almgren_chriss_2000": {
            "latency": "zero",
            "half_spread_bps": 12.5,
            "spread_exponent": 0.0,
            "temporary_impact": 0.2375,
            "impact_exponent": 1.0,
            "volatility_scaled": False,
            "permanent_impact": 0.025,
            "inverse_turnover_days": 1.0,
            "transient_weights": (0.0, 0.0, 0.0),
            "participation_cap": 1.0,
            "fee_bps": 0.0,
            "impact_reference": "first",
        },
        "obizhaeva_wang_2013": {
            "latency": "zero",
            "half_spread_bps": 0.0,
            "temporary_impact": 0.5,
            "impact_exponent": 1.0,
            "volatility_scaled": False,
            "permanent_impact": 1.0,
            "inverse_turnover_days": 1.0,
            "transient_weights": (1.0, 0.0, 0.0),
            "transient_times_s": (DAY_S / 2.2231, DAY_S, DAY_S),
            "transient_shape": "block",
            "participation_cap": 1.0,
            "fee_bps": 0.0,
            "impact_reference": "first",
        },
        "crypto_taker": {
            "latency": "cloud",
            "half_spread_bps": 0.5,
            "fee_bps": 10.0,
        },
    }

    latency: Literal["zero", "colocated", "cloud", "retail"] = "retail"
    """Named latency: colocated 50 us, cloud 4 ms, retail 80 ms (medians, lognormal)."""
    latency_ms: float | None = Field(None, ge=0.0)
    """Median latency, milliseconds; overrides the name's."""
    latency_log_sd: float | None = Field(None, ge=0.0, le=5.0)
    """Standard deviation of log latency; overrides the name's."""
    half_spread_bps: float = Field(1.5, ge=0.0, le=1e4)
    """Half spread in calm markets, basis points of the price."""
    spread_exponent: float = Field(0.7, ge=0.0, le=3.0)
    """The half spread widens with (fast / slow volatility) to this power."""
    temporary_impact: float = Field(0.142, ge=0.0)
    """Coefficient eta of Almgren et al. 2005."""
    impact_exponent: float = Field(0.6, gt=0.0, le=2.0)
    """Exponent of the participation rate in temporary impact."""
    volatility_scaled: bool = True
    """Impact coefficients multiply the day's volatility; else they are plain fractions."""
    permanent_impact: float = Field(0.314, ge=0.0)
    """Coefficient gamma of Almgren et al. 2005; linear in quantity over day volume."""
    inverse_turnover_days: float = Field(250.0, gt=0.0)
    """Units outstanding over day volume; its fourth root multiplies permanent impact."""
    transient_weights: tuple[Share, Share, Share] = (0.5, 0.3, 0.2)
    """Shares of the temporary impact that decay with each of the times below; at most 1 in all."""
    transient_times_s: tuple[Positive, Positive, Positive] = (300.0, 3600.0, 86400.0)
    """Decay times, seconds."""
    transient_shape: Literal["flow", "block"] = "flow"
    """flow: a bar's fills press for the whole bar, and what they leave tends to their weights;
    block: each is one trade, and leaves its weight of twice what it paid (Obizhaeva and Wang)."""
    participation_cap: float = Field(0.1, gt=0.0, le=1.0)
    """Largest share of a bar's volume that all fills together may take."""
    fee_bps: float = Field(0.5, ge=-100.0, le=1000.0)
    """Fee, basis points of the notional; negative is a rebate."""
    fee_per_unit: float = Field(0.0, ge=0.0)
    """Fee per unit, currency."""
    maker_fee_bps: float | None = Field(None, ge=-100.0, le=1000.0)
    """Fee of fills of resting targets and limit orders, basis points; negative is a rebate, None
    takes `fee_bps`."""
    fee_minimum: float | None = Field(None, ge=0.0)
    """Smallest fee of an order, currency; None for no minimum."""
    fee_maximum_bps: float | None = Field(None, gt=0.0)
    """Largest fee of an order, basis points of its notional; None for no maximum."""
    tick: float = Field(0.0, ge=0.0)
    """Prices of fills, stops and targets are multiples of it, currency; 0 for any price."""
    lot: float = Field(0.0, ge=0.0)
    """Orders and fills are multiples of it, units; 0 for any quantity."""
    order_type: Literal["market", "limit"] = "market"
    """Type of the agent's orders; see `kernels/limits.py` for how a limit order fills."""
    limit_offset_bps: float = Field(0.0, ge=-1000.0, le=1000.0)
    """Limit's distance from the shown price, basis points; > 0 waits for a better price, < 0
    bounds what a marketable order may pay."""
    time_in_force: Literal["bar", "episode"] = "episode"
    """When the unfilled rest of an order lapses."""
    impact_reference: Literal["current", "first"] = "current"
    """Price that impact is a fraction of: the arrival price, or the episode's first mark."""

    @field_validator("transient_weights")
    @classmethod
    def _at_most_one(cls, weights: tuple[float, float, float]) -> tuple[float, float, float]:
        """Refuse weights under which pushing a price would pay."""
        if sum(weights) > 1.0 + 1e-12:
            raise ValueError(f"the weights sum to {sum(weights):g}: at most 1")
        return weights

    def record(self, bar_seconds: float) -> Table:
        """Return the kernel's view for bars of `bar_seconds`."""
        median_ms, log_sd = LATENCY[self.latency]
        median_ms = median_ms if self.latency_ms is None else self.latency_ms
        log_sd = log_sd if self.latency_log_sd is None else self.latency_log_sd
        highest = self.fee_maximum_bps
        ratios = [bar_seconds / max(time_s, 1e-9) for time_s in self.transient_times_s]
        values: dict[str, float] = {
            "latency_median_s": median_ms / 1000.0,
            "latency_log_sd": log_sd,
            "half_spread": self.half_spread_bps * BPS,
            "spread_exponent": self.spread_exponent,
            "temporary": self.temporary_impact,
            "exponent": self.impact_exponent,
            "volatility_scaled": int(self.volatility_scaled),
            "permanent": self.permanent_impact * self.inverse_turnover_days**0.25,
            "participation": self.participation_cap,
            "fee": self.fee_bps * BPS,
            "fee_per_unit": self.fee_per_unit,
            "maker_fee": (self.fee_bps if self.maker_fee_bps is None else self.maker_fee_bps) * BPS,
            "fee_minimum": -math.inf if self.fee_minimum is None else self.fee_minimum,
            "fee_maximum": NO_MAXIMUM if highest is None else highest * BPS,
            "tick": self.tick,
            "lot": self.lot,
            "limit_orders": int(self.order_type == "limit"),
            "limit_offset": self.limit_offset_bps * BPS,
            "time_in_force": TimeInForce[self.time_in_force.upper()].value,
            "impact_reference": ImpactReference[self.impact_reference.upper()].value,
        }
        for j, (weight, ratio) in enumerate(zip(self.transient_weights, ratios, strict=True)):
            decay, mean = math.exp(-ratio), -math.expm1(-ratio) / ratio
            if self.transient_shape == "block":  # felt at the next bar: 2 weight decay
                if decay == 1.0:
                    time_s = self.transient_times_s[j]
                    raise ConfigError(
                        f"execution: transient_times_s = {time_s:g}: a block that never decays "
                        "within a bar; make it permanent impact"
                    )
                weight *= 2.0 * decay / (mean * (1.0 - decay))
            values[f"transient_weight_{j}"] = weight
            values[f"transient_decay_{j}"] = decay
            values[f"transient_mean_{j}"] = mean
        return as_record(ExecutionParams, values)


class Order(NamedTuple):
    """An order; quantity in units, + to buy."""

    quantity: float = 100.0
    decision_price: float | None = None  # None: the market's price when it is sent
    limit_price: float | None = None  # None: as the configuration's order type says


class MarketState(NamedTuple):
    """What an order meets: one bar and the averages that price it."""

    price: float = 100.0  # mark when the order is sent
    open: float | None = None  # of the bar it trades in; None: `price`
    high: float | None = None
    low: float | None = None
    close: float | None = None
    volume: float = 1e6  # units in the bar
    mean_volume: float | None = None  # units a bar, trailing; None: `volume`
    volatility: float = 0.02  # standard deviation of a day's return
    volatility_change: float = 1.0  # fast over slow volatility
    bar_seconds: float = DAY_S
    bars_per_day: float = 1.0
    halted: bool = False


class ExecutionReport(NamedTuple):
    """What became of one order in one bar; money in currency."""

    price: float  # average fill price, or the mark when nothing was filled
    filled: float  # units, signed
    left: float  # units still working
    status: str
    latency_s: float
    delay: float
    spread: float
    impact: float  # permanent, transient and the rest, which is temporary
    fees: float
    opportunity: float
    decision_price: float
    arrival_price: float  # where it met the market; 0 when nothing was filled
    impact_permanent: float
    impact_transient: float

    @property
    def shortfall(self) -> float:
        """Implementation shortfall: the sum of the ledger."""
        return self.delay + self.spread + self.impact + self.fees + self.opportunity


class Feedback(NamedTuple):
    """Exponentially weighted means over recorded trades, as the environment's step keeps them."""

    slippage: float  # realised cost without opportunity, fraction of the notional
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
        self._seed = np.uint64(seed)
        self._orders = 0
        self._capacity = capacity
        self._history: dict[str, dict[str, float | str]] = {}

    def simulate_execution(
        self, order: Order | None = None, market_state: MarketState | None = None
    ) -> ExecutionReport:
        """Send one order into one bar and return its fill and its ledger.

        Raises:
            ConfigError: a quantity, price or volume that is not finite or out of range.
        """
        order = Order() if order is None else order
        market, bar = _completed(MarketState() if market_state is None else market_state)
        if not math.isfinite(order.quantity):
            raise ConfigError(f"order.quantity = {order.quantity}: must be finite")
        limit = order.limit_price
        if limit is not None and not 0.0 < limit < math.inf:
            raise ConfigError(f"order.limit_price = {limit}: must be finite and > 0")
        bench = _Bench(self.config, market)
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
        if trade_id in self._history:
            raise ConfigError(f"trade_id = {trade_id!r:.60}: already recorded")
        report = execution_metrics
        if isinstance(report, ExecutionReport):
            row = {**report._asdict(), "shortfall": report.shortfall}
        else:
            row = dict(report)
        for name, value in row.items():
            if not isinstance(value, str) and not math.isfinite(value):
                raise ConfigError(f"{name} = {value}: not finite (trade {trade_id!r:.40})")
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
        if not 0.0 < rate <= 1.0:
            raise ConfigError(f"rate = {rate}: must be in (0, 1]")
        slippage, latency_s, fill_ratio = start
        for trade_id, row in self._history.items():
            missing = [name for name in AVERAGED if name not in row]
            if missing:
                raise ConfigError(f"trade {trade_id!r:.40}: has no {missing[0]}")
            delay, spread, impact, fees, latency, filled, left, price = (
                float(row[name]) for name in AVERAGED
            )
            if filled != 0.0:
                cost = (delay + spread + impact + fees) / abs(filled * price)
                slippage = blend(slippage, cost, rate)
            latency_s = blend(latency_s, latency, rate)
            if filled + left != 0.0:
                fill_ratio = blend(fill_ratio, filled / (filled + left), rate)
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
        self.history.to_parquet(path)


def _completed(market: MarketState) -> tuple[MarketState, Bar]:
    """Fill in what was left out, refuse what cannot be, and return the bar."""
    opened = market.price if market.open is None else market.open
    closed = opened if market.close is None else market.close
    high = max(opened, closed) if market.high is None else market.high
    low = min(opened, closed) if market.low is None else market.low
    mean_volume = market.volume if market.mean_volume is None else market.mean_volume
    state = MarketState(*market)._replace(
        open=opened, high=high, low=low, close=closed, mean_volume=mean_volume
    )
    for name, value in state._asdict().items():
        if not math.isfinite(value) or value < 0.0:
            raise ConfigError(f"market_state.{name} = {value}: must be finite and >= 0")
    for name in ("price", "open", "high", "low", "close", "volatility", "volatility_change"):
        if getattr(state, name) <= 0.0:
            raise ConfigError(f"market_state.{name} = {getattr(state, name)}: must be > 0")
    if not low <= min(opened, closed) <= max(opened, closed) <= high:
        raise ConfigError(f"market_state: open and close must lie in [{low}, {high}]")
    return state, Bar(opened, high, low, closed, float(market.volume))


class _Bench:
    """One asset, one account and one bar, laid out as the kernels expect them."""

    def __init__(self, config: ExecutionConfig, market: MarketState) -> None:
        self.execution = config.record(market.bar_seconds)[0]
        self.episode = new_table(EpisodeParams, 1)[0]
        self.episode.bars_per_day = market.bars_per_day
        self.asset = new_table(AssetState, 1)[0]
        bar_variance = market.volatility**2 / market.bars_per_day
        self.asset.mark = market.price
        self.asset.reference_price = market.price
        self.asset.variance_fast = bar_variance
        self.asset.variance_slow = bar_variance / market.volatility_change**2
        self.asset.volume_mean = market.mean_volume
        self.slots = new_table(OrderSlot, 1)
        self.account = new_table(AccountState, 1)[0]
        self.report = new_table(Report, 1)[0]

    def execute(
        self, order: Order, market: MarketState, bar: Bar, address: Address
    ) -> ExecutionReport:
        """Run the order through the bar and read its slot back."""
        report, slots = self.report, self.slots
        if order.decision_price is not None:
            self.asset.mark = order.decision_price
        report.decision_price = self.asset.mark
        latency_s = draw_latency(self.execution, 1.0, address)
        quantity = float(order.quantity)
        limit = order.limit_price
        if limit is None:
            limit = limit_price(market.price, quantity, self.execution)
        self.execution.limit_orders = int(limit != 0.0)
        fill_in(slots[0], report, quantity, latency_s, limit)
        if market.halted or bar.volume <= 0.0:
            wait_out_bar(self.asset, slots, report, market.bar_seconds)
        else:
            terms = terms_of(self.asset, CALM[0], self.execution, self.episode)
            capacity = self.execution.participation * bar.volume
            session = Session(bar, terms, capacity, market.bar_seconds)
            trade_bar(self.asset, slots, self.account, report, session, self.execution)
        left = end_bar(slots, self.execution, market.bar_seconds)
        book_opportunity(slots, report, bar.close - self.asset.mark)
        slot = slots[0]
        price = slot.notional / abs(slot.filled) if slot.filled != 0.0 else market.price
        return ExecutionReport(
            price=price,
            filled=float(slot.filled),
            left=float(left),
            status=Status(status_of(slots, report, int(market.halted))).name.lower(),
            latency_s=latency_s,
            delay=float(slot.delay),
            spread=float(slot.spread),
            impact=float(slot.impact),
            fees=float(slot.fees),
            opportunity=float(slot.opportunity),
            decision_price=float(slot.decision_price),
            arrival_price=float(slot.arrival_price),
            impact_permanent=float(report.impact_permanent),
            impact_transient=float(report.impact_transient),
        )
