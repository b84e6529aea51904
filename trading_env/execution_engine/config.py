"""Settings of the execution engine with their units, and the presets with their sources."""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from trading_env.core.codes import ImpactReference, TimeInForce
from trading_env.core.errors import ConfigError, clip, unknown
from trading_env.core.params import ExecutionParams
from trading_env.core.records import Floats, Table, new_table
from trading_env.core.settings import Settings, as_record
from trading_env.execution_engine.presets import PRESETS

BPS = 1e-4
LEAST_UNIT = 1e-100
LARGEST_WEIGHT = 1e4
NO_MAXIMUM = 1e300  # not inf, which times a notional of 0 is not a number

LATENCY = {  # median milliseconds, log standard deviation
    "zero": (0.0, 0.0),
    "colocated": (0.05, 0.3),
    "cloud": (4.0, 0.95),
    "retail": (80.0, 0.5),
}

Positive = Annotated[float, Field(gt=0.0)]
Weight = Annotated[float, Field(ge=0.0, le=LARGEST_WEIGHT)]


class ExecutionConfig(Settings):
    """Latency, spread, impact, cap and fees; defaults and sources as in `pricing.py`.

    Presets, each with its source:

    - default: the square-root law of a parent order, 2/3 sigma sqrt(Q/V) on average (Sato and
      Kanazawa 2024; Bouchaud, Bonart, Donier, Gould 2018, chapter 12), as pressure that builds up
      and decays: within a factor 1.5 from 0.1% to 20% of a day's volume, for bars from a minute to
      a day and from the fastest pace to a day's; a large US stock's spread.
    - zero: nothing costs. flat_bps: 10 bp a side, the default of many backtests.
    - square_root: Y sigma sqrt(rate) with Y = 1 (Sato and Kanazawa 2024 find the exponent), in
      each bar anew.
    - zipline_volume_share: 0.1 x share of volume squared, 2.5% cap, $.001 a share: the defaults of
      that library's volume-share slippage and per-share commission.
    - almgren_2005: the paper's temporary and permanent impact and nothing else.
    - almgren_chriss_2000: the paper's example, 5 million shares a day at $50: epsilon 0.0625,
      gamma 2.5e-7, eta 2.5e-6 (the engine charges half of gamma inside a fill: 0.2375, not 0.25).
    - obizhaeva_wang_2013: a block book, q = 5,000 at $100, lambda = 1/(2q), rho = 2.2231 a day;
      assumed: a day's volume is ten times the paper's order of 100,000.
    - crypto_taker: 10 bp taker fee (Binance spot, lowest tier), half a bp of half spread.

    Venues: as the default, with the fees and filters of a place; its spreads are assumed, and ticks
    and lots that differ by asset belong into `assets`.

    - us_equities: $0.005 a share, at least $1 and at most 1% of an order (Interactive Brokers,
      fixed pricing, US stocks); a cent's tick (SEC Rule 612, prices from $1 on); whole shares.
    - crypto_spot: 10 bp maker and taker (Binance spot, lowest tier); orders from 5 USDT on
      (assumed, as its futures).
    - crypto_perpetual: 2 bp maker, 5 bp taker, orders from 5 USDT on (Binance USD-M futures, lowest
      tier); with `account = "perpetual"`.
    - fx: 0.2 bp of the value, at least $2 an order (Interactive Brokers, spot currencies).
    """

    label: ClassVar[str] = "execution"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS

    latency: Literal["zero", "colocated", "cloud", "retail"] = "retail"
    """Named latency: zero, colocated 50 us, cloud 4 ms, retail 80 ms (medians, lognormal)."""
    latency_ms: float | None = Field(None, ge=0.0)
    """Median latency, milliseconds; overrides the name's."""
    latency_log_sd: float | None = Field(None, ge=0.0, le=5.0)
    """Standard deviation of log latency; overrides the name's."""
    half_spread_bps: float = Field(1.5, ge=0.0, le=1e4)
    """Half spread in calm markets, basis points of the price."""
    spread_exponent: float = Field(0.7, ge=0.0, le=3.0)
    """The half spread widens with (fast / slow volatility) to this power."""
    temporary_impact: float = Field(0.036, ge=0.0)
    """Pressure on the price at a participation of 1, before it builds up; eta of Almgren et al.
    2005 is 0.142."""
    impact_exponent: float = Field(0.5, gt=0.0, le=2.0)
    """Exponent of the participation rate in temporary impact."""
    volatility_scaled: bool = True
    """Impact coefficients multiply the day's volatility; else they are plain fractions."""
    permanent_impact: float = Field(0.05, ge=0.0)
    """Linear in quantity over day volume, at the volatility and volume that an episode begins with;
    gamma of Almgren et al. 2005 is 0.314."""
    inverse_turnover_days: float = Field(250.0, gt=0.0)
    """Units outstanding over day volume; its fourth root multiplies permanent impact."""
    transient_weights: tuple[Weight, Weight, Weight] = (0.8, 7.0, 44.0)
    """Times the temporary impact that steady trading builds up over each of the times below; it
    decays as it builds up, and makes no trade cheaper."""
    transient_times_s: tuple[Positive, Positive, Positive] = (300.0, 3600.0, 86400.0)
    """Decay times, seconds by the clock: nights and weekends count."""
    transient_shape: Literal["flow", "block"] = "flow"
    """`flow`: a bar's fills press for the whole bar, pay for what they build up within it, and what
    they leave tends to their weights; `block`: each is one trade, and leaves its weight of twice
    what it paid (Obizhaeva and Wang)."""
    participation_cap: float = Field(0.1, gt=0.0, le=1.0)
    """Largest share of a bar's volume that all fills together may take; of what waits for a price,
    of the volume to be expected (trailing mean times the scenario's), at most the bar's own."""
    fee_bps: float = Field(0.5, ge=-100.0, le=1000.0)
    """Fee, basis points of the notional; negative is a rebate, at most the half spread."""
    fee_per_unit: float = Field(0.0, ge=0.0)
    """Fee per unit, currency."""
    maker_fee_bps: float | None = Field(None, ge=-100.0, le=1000.0)
    """Fee of fills of resting targets and limit orders, basis points; negative is a rebate, at
    most the half spread; None takes `fee_bps`."""
    fee_minimum: float | None = Field(None, ge=0.0)
    """Smallest fee of an order, currency; an exit is one order until the position is flat. None for
    no minimum."""
    fee_maximum_bps: float | None = Field(None, gt=0.0)
    """Largest fee of an order, basis points of its notional; None for no maximum."""
    tick: float = Field(0.0, ge=0.0)
    """Prices of fills, stops and targets are multiples of it, currency; 0 for any price."""
    lot: float = Field(0.0, ge=0.0)
    """Orders and fills are multiples of it, units, but for what closes a position or ends a parent
    order, which may be an odd lot; 0 for any quantity."""
    minimum_notional: float = Field(0.0, ge=0.0)
    """Orders worth less at the shown price are not sent, currency; exits are."""
    order_type: Literal["market", "limit"] = "market"
    """An order with a limit takes what its limit allows, rests at it, and is filled as a maker when
    the path reaches it."""
    limit_offset_bps: float = Field(0.0, ge=-1000.0, le=1000.0)
    """Limit's distance from the shown price, basis points; > 0 waits for a better price, < 0
    bounds what a marketable order may pay."""
    time_in_force: TimeInForce = TimeInForce.EPISODE
    """When the unfilled rest of an order lapses: at the end of the `bar` it arrived in, or with the
    `episode`."""
    impact_reference: ImpactReference = ImpactReference.CURRENT
    """Price that impact is a fraction of: `current`, the arrival price, or `first`, the episode's
    first mark."""
    assets: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Of assets that differ: symbol to those of the settings above that are its own, such as
    `{"BTC": {"tick": 0.01, "fee_bps": 2.0}}`."""

    @field_validator("tick", "lot")
    @classmethod
    def _countable(cls, unit: float) -> float:
        """Refuse units so small that their number in a price or an order is no number."""
        if 0.0 < unit < LEAST_UNIT:
            raise ValueError(f"must be 0 or at least {LEAST_UNIT:g}")
        return unit

    @model_validator(mode="after")
    def _earns_nothing(self) -> Self:
        """Refuse rebates for which trading would pay whatever the market does."""
        for name in ("fee_bps", "maker_fee_bps"):
            fee = getattr(self, name)
            if fee is not None and -fee > self.half_spread_bps:
                raise ValueError(
                    f"{name} = {fee:g}: a rebate above half_spread_bps = "
                    f"{self.half_spread_bps:g} would pay for trading back and forth"
                )
        return self

    def of_asset(self, symbol: str) -> "ExecutionConfig":
        """Return the settings of one asset.

        Raises:
            ConfigError: one of its own is invalid.
        """
        own = self.assets.get(symbol)
        if own is None:
            return self
        try:
            return type(self)(**{**self.model_dump(exclude={"assets"}), **own, "assets": {}})
        except ConfigError as error:
            raise ConfigError(f"assets: {clip(symbol, 20)}: {error}") from None

    def records(self, symbols: Sequence[str], bar_seconds: float) -> Table:
        """Return the kernel's view of each asset for bars of `bar_seconds`.

        Raises:
            ConfigError: settings of an asset are invalid, or there is no such asset.
        """
        for symbol in self.assets:
            if symbol not in symbols:
                raise ConfigError(f"{self.label}: assets: {unknown('symbol', symbol, symbols)}")
        table = new_table(ExecutionParams, len(symbols))
        for a, symbol in enumerate(symbols):
            table[a] = self.of_asset(symbol).record(bar_seconds)[0]
        return table

    def record(self, bar_seconds: float) -> Table:
        """Return the kernel's view for bars of `bar_seconds`."""
        median_ms, log_sd = LATENCY[self.latency]
        median_ms = median_ms if self.latency_ms is None else self.latency_ms
        log_sd = log_sd if self.latency_log_sd is None else self.latency_log_sd
        highest = self.fee_maximum_bps
        values: dict[str, Any] = {
            "latency_median_s": median_ms / 1000.0,
            "latency_log_sd": log_sd,
            "half_spread": self.half_spread_bps * BPS,
            "spread_exponent": self.spread_exponent,
            "temporary": self.temporary_impact,
            "exponent": self.impact_exponent,
            "volatility_scaled": int(self.volatility_scaled),
            "felt": self._felt(bar_seconds),
            "permanent": self.permanent_impact * self.inverse_turnover_days**0.25,
            "participation": self.participation_cap,
            "fee": self.fee_bps * BPS,
            "fee_per_unit": self.fee_per_unit,
            "maker_fee": (self.fee_bps if self.maker_fee_bps is None else self.maker_fee_bps) * BPS,
            "fee_minimum": -math.inf if self.fee_minimum is None else self.fee_minimum,
            "fee_maximum": NO_MAXIMUM if highest is None else highest * BPS,
            "tick": self.tick,
            "lot": self.lot,
            "minimum_notional": self.minimum_notional,
            "limit_orders": int(self.order_type == "limit"),
            "limit_offset": self.limit_offset_bps * BPS,
            "time_in_force": self.time_in_force,
            "impact_reference": self.impact_reference,
        }
        return as_record(ExecutionParams, values | self._transient(bar_seconds))

    def _decays(self, bar_seconds: float) -> tuple[Floats, Floats]:
        """Return the share left after a bar, and the mean share over it, by decay time."""
        ratios = [bar_seconds / max(time_s, 1e-9) for time_s in self.transient_times_s]
        decay = np.array([math.exp(-ratio) for ratio in ratios])
        return decay, np.array([-math.expm1(-ratio) / ratio for ratio in ratios])

    def _felt(self, bar_seconds: float) -> float:
        """Return what a fill pays over its own pressure: with what builds up while it trades."""
        if self.transient_shape == "block":
            return 1.0
        built = 1.0 - self._decays(bar_seconds)[1]
        return float(1.0 + (np.array(self.transient_weights) * built).sum())

    def _transient(self, bar_seconds: float) -> dict[str, Floats]:
        """Return how own impact decays over bars of `bar_seconds`, by decay time."""
        decay, mean = self._decays(bar_seconds)
        weight = np.array(self.transient_weights)
        if self.transient_shape == "block":  # felt at the next bar: 2 weight decay
            if (decay == 1.0).any():
                time_s = self.transient_times_s[int(decay.argmax())]
                raise ConfigError(
                    f"execution: transient_times_s = {time_s:g}: a block that never decays "
                    "within a bar; make it permanent impact"
                )
            weight = weight * (2.0 * decay / (mean * (1.0 - decay)))
        return {
            "transient_weight": weight,
            "transient_decay": decay,
            "transient_mean": mean,
            "transient_rate": 1.0 / np.array(self.transient_times_s),
        }
