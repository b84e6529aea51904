"""The risk manager as a user calls it; the rule itself is in `kernels/risk.py`.

`RiskManager` calls the compiled functions that the environment's step calls, so what it returns
is what the step would do, to the bit.
"""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple

from pydantic import Field

from trading_env.config import ConfigError, Settings, as_record
from trading_env.kernels.risk import account_caps, asset_stake, stop_distances
from trading_env.types import BoundBy, RiskMode, RiskParams, Table


class RiskConfig(Settings):
    """How signals become sized orders with stops; volatility is per bar, shares are of equity."""

    label: ClassVar[str] = "risk"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "kelly": {"mode": "kelly"},
        "linear": {"mode": "linear", "stops": False, "max_weight": 1.0, "no_trade_band": 0.0},
        "raw": {"mode": "raw", "stops": False, "max_weight": 1.0, "no_trade_band": 0.0},
        "execution": {"mode": "raw", "stops": False, "no_trade_band": 0.0},
    }

    mode: Literal["kelly", "linear", "raw"] = "kelly"
    """`kelly`: confidence to stake; `linear`: signal x max_weight; `raw`: that without caps."""
    stops: bool = True
    """Positions carry an adaptive stop and target."""
    kelly_multiplier: float = Field(0.25, gt=0.0, le=2.0)
    """Share of the growth-optimal stake."""
    max_win_probability: float = Field(0.55, gt=0.5, lt=1.0)
    """Win probability that full confidence stands for."""
    stop_width: float = Field(2.0, gt=0.0, le=50.0)
    """Stop distance at zero confidence, in standard deviations over the horizon."""
    stop_confidence_slope: float = Field(0.5, ge=0.0, le=10.0)
    """The width grows by this share at full confidence."""
    reward_to_risk: float = Field(1.5, gt=0.0, le=50.0)
    """Target distance over stop distance."""
    horizon_bars: float = Field(10.0, gt=0.0)
    """Horizon of the volatility that scales stops."""
    risk_tolerance: float = Field(0.02, gt=0.0, le=1.0)
    """Largest loss at the stop, as a share of the balance."""
    max_weight: float = Field(0.5, gt=0.0)
    """Largest position of one asset over equity."""
    max_leverage: float = Field(1.0, gt=0.0)
    """Largest gross exposure over equity."""
    participation_bars: float = Field(3.0, gt=0.0)
    """A position grows by at most what this many mean bars can fill under the volume cap."""
    max_drawdown: float = Field(0.3, gt=0.0, le=1.0)
    """Targets shrink from half this drawdown on and are 0 at it; 1 switches the throttle off.

    A flat account does not recover, so at the limit trading is over for the episode."""
    initial_margin: float = Field(0.5, gt=0.0, le=1.0)
    """Equity needed over gross exposure to open."""
    no_trade_band: float = Field(0.01, ge=0.0, lt=1.0)
    """Orders up to this share of equity are not sent, unless the target is no position at all."""
    feedback_rate: float = Field(0.1, gt=0.0, le=1.0)
    """Weight of the newest fill in the execution-feedback means."""

    def record(self) -> Table:
        """Return the kernel's view."""
        values = self.model_dump()
        values["mode"] = RiskMode[self.mode.upper()].value
        values["stops"] = int(self.stops)
        return as_record(RiskParams, values)


class PositionSize(NamedTuple):
    """A sized position; all but `bound_by` are signed like the confidence."""

    units: float
    notional: float  # currency
    fraction: float  # of the account's balance
    bound_by: str  # the cap that decided the size, or "none"


class StopLevels(NamedTuple):
    """Price levels of stop and target, currency per unit."""

    stop_loss: float
    take_profit: float


class RiskManager:
    """Maps confidence to position size and stop levels.

    Args:
        config: a `RiskConfig`, a preset's name, a mapping, or None for the defaults.

    Raises:
        ConfigError: the configuration is not valid.
    """

    def __init__(self, config: RiskConfig | Mapping[str, Any] | str | None = None) -> None:
        self.config = RiskConfig.of(config)
        self._params = self.config.record()

    def calculate_position_size(
        self,
        confidence_score: float,
        account_balance: float,
        risk_tolerance: float | None = None,
        *,
        price: float = 1.0,
        market_volatility: float = 0.01,
        side: int = 1,
        position: float = 0.0,
        other_exposure: float = 0.0,
        bar_capacity: float = math.inf,
        drawdown: float = 0.0,
    ) -> PositionSize:
        """Size a position for a confidence in [0, 1].

        Args:
            confidence_score: 0 (no view) to 1.
            account_balance: equity, currency, >= 0.
            risk_tolerance: largest loss at the stop over the balance; None takes the config's.
            price: currency per unit.
            market_volatility: standard deviation of a bar's return.
            side: +1 long, -1 short.
            position: units held now.
            other_exposure: gross exposure wanted in other assets, currency.
            bar_capacity: units one bar can fill under the volume cap.
            drawdown: present drawdown, 0 to 1.

        Raises:
            ConfigError: an argument is not finite or out of its range, by name.
        """
        confidence = within("confidence_score", confidence_score, 0.0, 1.0)
        balance = within("account_balance", account_balance, 0.0, math.inf)
        price = within("price", price, 1e-300, math.inf)
        volatility = within("market_volatility", market_volatility, 1e-12, 10.0)
        tolerance = self.config.risk_tolerance if risk_tolerance is None else risk_tolerance
        tolerance = within("risk_tolerance", tolerance, 0.0, 1.0)
        held = within("position", position, -math.inf, math.inf) * price
        other = within("other_exposure", other_exposure, 0.0, math.inf)
        fallen = within("drawdown", drawdown, 0.0, 1.0)
        if bar_capacity != math.inf:
            bar_capacity = within("bar_capacity", bar_capacity, 0.0, math.inf)
        signal = check_side(side) * confidence
        if balance == 0.0:
            return PositionSize(0.0, 0.0, 0.0, "none")
        params = self._params[0]
        distances = stop_distances(confidence, volatility, params)
        stake = asset_stake(signal, distances, tolerance, params)
        if params.mode != RiskMode.RAW:
            gross = abs(stake.fraction) + other / balance
            reach = params.participation_bars * bar_capacity * price / balance
            stake = account_caps(stake, gross, held / balance, reach, fallen, params)
        units = stake.fraction * balance / price
        bound_by = BoundBy(stake.bound_by).name.lower()
        return PositionSize(units, units * price, stake.fraction, bound_by)

    def determine_adaptive_stops(
        self,
        entry_price: float,
        confidence_score: float,
        market_volatility: float,
        *,
        side: int = 1,
    ) -> StopLevels:
        """Place stop and target around an entry; wider with confidence and with volatility.

        Args:
            entry_price: currency per unit, > 0.
            confidence_score: 0 to 1.
            market_volatility: standard deviation of a bar's return.
            side: +1 long (stop below, target above), -1 short (mirrored in log price).

        Raises:
            ConfigError: an argument is not finite or out of its range, by name.
        """
        entry = within("entry_price", entry_price, 1e-300, math.inf)
        confidence = within("confidence_score", confidence_score, 0.0, 1.0)
        volatility = within("market_volatility", market_volatility, 1e-12, 10.0)
        sign = check_side(side)
        distances = stop_distances(confidence, volatility, self._params[0])
        return StopLevels(
            stop_loss=entry * math.exp(-sign * distances.stop),
            take_profit=entry * math.exp(sign * distances.target),
        )


def within(name: str, value: float, low: float, high: float) -> float:
    """Return a finite number inside [low, high], or raise naming it."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ConfigError(f"{name} = {value!r:.60}: not a number") from None
    if not math.isfinite(number) or not low <= number <= high:
        raise ConfigError(f"{name} = {number}: must be finite and in [{low:g}, {high:g}]")
    return number


def check_side(side: int) -> int:
    """Return +1 or -1, or raise."""
    if side not in (1, -1):
        raise ConfigError(f"side = {side!r:.60}: must be +1 (long) or -1 (short)")
    return side
