"""One order in one bar, laid out as the kernels expect it: what goes in, and what comes out.

The trading of the bar is compiled once and kept like the drivers of the step.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from trading_env.core.arguments import flag, number
from trading_env.core.codes import Status
from trading_env.core.compiling import speak
from trading_env.core.errors import ConfigError, shown
from trading_env.core.grid import whole_lots
from trading_env.core.jit import driver
from trading_env.core.params import EpisodeParams
from trading_env.core.records import AccountState, AssetState, OrderSlot, Report, new_table
from trading_env.core.settings import LARGEST
from trading_env.core.showing import as_table
from trading_env.core.sources import source_digest
from trading_env.core.values import Address, Bar, Session
from trading_env.execution_engine.config import ExecutionConfig
from trading_env.execution_engine.fills import known_capacity
from trading_env.execution_engine.funds import AccountConfig
from trading_env.execution_engine.inside_bar import trade_bar, wait_out_bar
from trading_env.execution_engine.limits import limit_price
from trading_env.execution_engine.orders import (
    book_opportunity,
    draw_latency,
    end_bar,
    fill_in,
    status_of,
)
from trading_env.execution_engine.presets import DAY_S
from trading_env.execution_engine.pricing import permanent_of, terms_of, widening_of
from trading_env.risk_manager.config import RiskConfig
from trading_env.risk_manager.desk import Desk, Rules
from trading_env.risk_manager.instructions import configured
from trading_env.stress.composition import NEUTRAL

LEFT_OUT = ("open", "high", "low", "close", "mean_volume")  # of a MarketState, may be None
POSITIVE = (
    *("price", "open", "high", "low", "close", "volatility", "volatility_change"),
    *("bar_seconds", "bars_per_day"),
)


class Order(NamedTuple):
    """An order; quantity in units, + to buy, cut to whole lots when it is sent."""

    quantity: float = 100.0
    decision_price: float | None = None  # None: the market's price when it is sent
    limit_price: float | None = None  # None: as the configuration's order type says
    stop_price: float | None = None  # where it becomes a market order; None: it is sent at once


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
    quantity: float  # units that were sent, in whole lots, signed; 0 when it was rejected
    arrivals: int  # 1 when it arrived in this bar: only then its latency is known

    @property
    def shortfall(self) -> float:
        """Implementation shortfall: the sum of the ledger."""
        return self.delay + self.spread + self.impact + self.fees + self.opportunity

    def _repr_html_(self) -> str:
        return as_table("ExecutionReport", {**self._asdict(), "shortfall": self.shortfall})


def checked(order: Order) -> Order:
    """Refuse an order that is none, or whose quantity or prices are no numbers."""
    if not isinstance(order, Order):
        raise ConfigError(f"order = {shown(order)}: give an Order, as Order(quantity=100.0)")
    number("order.quantity", order.quantity, -math.inf, math.inf)
    if order.limit_price is not None and order.stop_price is not None:
        raise ConfigError("order: limit_price and stop_price: give one of them")
    for name in ("decision_price", "limit_price", "stop_price"):
        value = getattr(order, name)
        if value is not None:
            number(f"order.{name}", value, 5e-324, math.inf)
    return order


def completed(market: MarketState) -> tuple[MarketState, Bar]:
    """Fill in missing values, refuse invalid ones, and return the bar."""
    if not isinstance(market, MarketState):
        reason = "give a MarketState, as MarketState(price=100.0, volume=1e6)"
        raise ConfigError(f"market_state = {shown(market)}: {reason}")
    given = market._asdict() | {"halted": flag("market_state.halted", market.halted)}
    for name, value in market._asdict().items():  # kernels take one type of number
        if name != "halted" and not (value is None and name in LEFT_OUT):
            lowest = 5e-324 if name in POSITIVE else 0.0
            given[name] = number(f"market_state.{name}", value, lowest, LARGEST)
    market = MarketState(**given)
    opened = market.price if market.open is None else market.open
    closed = opened if market.close is None else market.close
    high = max(opened, closed) if market.high is None else market.high
    low = min(opened, closed) if market.low is None else market.low
    mean_volume = market.volume if market.mean_volume is None else market.mean_volume
    state = market._replace(open=opened, high=high, low=low, close=closed, mean_volume=mean_volume)
    if not low <= min(opened, closed) <= max(opened, closed) <= high:
        raise ConfigError(f"market_state: open and close must lie in [low, high] = [{low}, {high}]")
    return state, Bar(opened, high, low, closed, market.volume)


def _build() -> Callable[[Desk, Session, Address], None]:
    """Compile the trading of one bar; the digest in its closure is part of numba's cache key."""
    key = source_digest(Path(__file__))

    @driver
    def trade(desk: Desk, session: Session, address: Address) -> None:
        _ = key
        trade_bar(desk, session, address)

    return trade


speak()
trade = _build()


class Bench:
    """One asset, one account and one bar, laid out as the kernels expect them."""

    def __init__(self, config: ExecutionConfig, market: MarketState) -> None:
        execution = config.record(market.bar_seconds)[0]
        episode = new_table(EpisodeParams, 1)[0]
        episode.bars_per_day = market.bars_per_day
        asset = new_table(AssetState, 1)[0]
        bar_variance = market.volatility**2 / market.bars_per_day
        asset.mark = market.price
        asset.reference_price = market.price
        asset.variance_fast = bar_variance
        asset.variance_slow = bar_variance / market.volatility_change**2
        asset.volume_mean = asset.volume_usual = market.mean_volume
        self.desk = Desk(
            asset=asset,
            slots=new_table(OrderSlot, 1),
            account=new_table(AccountState, 1)[0],
            report=new_table(Report, 1)[0],
            stress=NEUTRAL[0],
            rules=Rules(RiskConfig().record()[0], execution, episode, AccountConfig().record()[0]),
        )
        asset.permanent_unit = permanent_of(asset, self.desk.rules)
        asset.widening = widening_of(asset, execution)

    def execute(
        self, order: Order, market: MarketState, bar: Bar, address: Address
    ) -> ExecutionReport:
        """Run the order through the bar and read its slot back."""
        asset, slots, report = self.desk.asset, self.desk.slots, self.desk.report
        execution = self.desk.rules.execution
        if order.decision_price is not None:
            asset.mark = order.decision_price
        report.decision_price = asset.mark
        quantity = whole_lots(float(order.quantity), execution.lot)
        if quantity == 0.0 or abs(quantity) * market.price < execution.minimum_notional:
            quantity = 0.0  # not -0.0 either
        is_sent = quantity != 0.0 or order.quantity == 0.0
        latency_s = draw_latency(execution, 1.0, address) if is_sent else 0.0
        limit, trigger = order.limit_price or 0.0, order.stop_price or 0.0
        if limit == trigger == 0.0:
            limit = limit_price(market.price, quantity, configured(execution), execution.tick)
        execution.limit_orders = 1
        fill_in(slots[0], report, quantity, latency_s)
        slots[0].limit = limit
        slots[0].trigger = trigger
        slots[0].lapses = configured(execution).lapses
        slots[0].goal = quantity
        if not is_sent:
            report.status = Status.REJECTED.value
        elif market.halted or bar.volume <= 0.0 or asset.volume_mean <= 0.0:
            wait_out_bar(self.desk, market.bar_seconds)
        else:
            terms = terms_of(asset, self.desk.stress, self.desk.rules)
            capacity = execution.participation * bar.volume
            known = known_capacity(asset, self.desk.stress, bar.volume, execution)
            session = Session(bar, terms, capacity, known, market.bar_seconds)
            trade(self.desk, session, address)
        left = end_bar(slots, market.bar_seconds)
        book_opportunity(slots, report, bar.close - asset.mark)
        slot = slots[0]
        was_filled = slot.filled != 0.0
        price = slot.notional / abs(slot.filled) if was_filled else market.price
        return ExecutionReport(
            price=float(price),
            filled=float(slot.filled),
            left=float(left),
            status=Status(status_of(slots, report, int(market.halted))).name.lower(),
            latency_s=float(latency_s),
            delay=float(slot.delay),
            spread=float(slot.spread),
            impact=float(slot.impact),
            fees=float(slot.fees),
            opportunity=float(slot.opportunity),
            decision_price=float(slot.decision_price),
            arrival_price=float(slot.arrival_price),
            impact_permanent=float(report.impact_permanent),
            impact_transient=float(report.impact_transient),
            quantity=float(slot.quantity),
            arrivals=int(report.arrivals),
        )
