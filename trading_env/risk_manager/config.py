"""Settings of the risk manager with their units."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import Field, field_validator, model_validator

from trading_env.core.codes import Covariance, RiskMode
from trading_env.core.settings import RecordSettings


class RiskConfig(RecordSettings):
    """How signals become sized orders with stops; volatility is per bar, shares are of equity."""

    label: ClassVar[str] = "risk"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "kelly": {"mode": "kelly"},
        "linear": {"mode": "linear", "stops": False, "max_weight": 1.0, "no_trade_band": 0.0},
        "raw": {"mode": "raw", "stops": False, "max_weight": 1.0, "no_trade_band": 0.0},
        "execution": {"mode": "raw", "stops": False, "no_trade_band": 0.0},
    }

    mode: RiskMode = RiskMode.KELLY
    """`kelly`: confidence to stake; `linear`: signal x max_weight; `volatility_target`: signal x
    target_volatility over shown volatility; `raw`: as linear, without caps."""
    stops: bool = True
    """Positions carry an adaptive stop and target."""
    kelly_multiplier: float = Field(0.25, gt=0.0, le=2.0)
    """Share of the growth-optimal stake."""
    max_win_probability: float = Field(0.55, gt=0.5, lt=1.0)
    """Win probability that full confidence stands for."""
    edge_bars: float = Field(0.0, ge=0.0)
    """Mode kelly: bars that the edge behind a confidence was estimated from, which shrinks the
    stake; 0 or None takes the edge as known."""
    covariance: Covariance = Covariance.NONE
    """Mode kelly: `none` sizes each asset by itself, `shrunk` all together by the covariance of
    their shown returns."""
    covariance_shrinkage: float = Field(0.2, ge=0.01, le=1.0)
    """Share taken off every correlation of `shrunk`."""
    target_volatility: float = Field(0.005, gt=0.0, le=10.0)
    """Mode volatility_target: standard deviation of the position's return in a bar over equity, at
    full confidence."""
    stop_width: float = Field(2.0, gt=0.0, le=50.0)
    """Stop distance at zero confidence, in standard deviations over the horizon."""
    stop_confidence_slope: float = Field(0.5, ge=0.0, le=10.0)
    """The width grows by this share at full confidence."""
    reward_to_risk: float = Field(1.5, gt=0.0, le=50.0)
    """Target distance over stop distance."""
    horizon_bars: float = Field(10.0, gt=0.0)
    """Horizon of the volatility that scales stops."""
    trailing: bool = False
    """Stops follow the most favourable close that was shown twice in a row, and only ever tighten,
    also when the position is enlarged."""
    max_holding_bars: int = Field(0, ge=0)
    """Time stop: bars since a position was opened or flipped after which it is closed at market; 0
    or None for never."""
    risk_tolerance: float = Field(0.02, gt=0.0, le=1.0)
    """Largest loss from entry to stop, costs and gaps apart, as a share of the balance; held at the
    widest stop, that of full confidence or that which the position was opened with."""
    max_weight: float = Field(0.5, gt=0.0)
    """Largest position of one asset over equity."""
    max_leverage: float = Field(1.0, gt=0.0)
    """Largest gross exposure over equity, of all that is held or that orders may still fill; with
    `action="orders"` of what a new order may add."""
    participation_bars: float = Field(3.0, gt=0.0)
    """A position grows by at most what this many mean bars can fill under the volume cap."""
    max_drawdown: float = Field(0.3, gt=0.0, le=1.0)
    """Targets shrink from half this drawdown on and are 0 at it; 1 switches the throttle off.

    A flat account does not recover, so at the limit trading is over for the episode."""
    initial_margin: float = Field(0.5, gt=0.0, le=1.0)
    """Equity needed to open, over gross exposure counted as for `max_leverage`."""
    execution_floor: float = Field(1.0, gt=0.0, le=1.0)
    """While fills cost more than 1.3 times what was expected (see `cost_level`), a position moves
    only a share of the way to its target, at least this; 1 switches it off."""
    no_trade_band: float = Field(0.01, ge=0.0, lt=1.0)
    """Orders up to this share of equity are not sent, or up to half of what `participation_bars`
    lets a position grow by, or of the target that a cap leaves, where that is less; all are where
    the target is 0, and where all that is held is more than a twentieth beyond `max_leverage`."""
    feedback_rate: float = Field(0.1, gt=0.0, le=1.0)
    """Weight of the newest fill in the execution-feedback means."""

    @field_validator("edge_bars", "max_holding_bars", mode="before")
    @classmethod
    def _none_is_zero(cls, value: Any) -> Any:
        return 0 if value is None else value

    @model_validator(mode="after")
    def _used(self) -> Self:
        for name in ("edge_bars", "covariance"):
            if self.mode != RiskMode.KELLY and getattr(self, name) != 0:
                raise ValueError(f"{name} is of mode kelly, and mode is {self.mode.name.lower()}")
        if self.trailing and not self.stops:
            raise ValueError("trailing needs stops")
        return self
