"""Settings of the risk manager with their units."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from trading_env.core.codes import RiskMode
from trading_env.core.params import RiskParams
from trading_env.core.records import Table
from trading_env.core.settings import Settings, as_record


class RiskConfig(Settings):
    """How signals become sized orders with stops; volatility is per bar, shares are of equity."""

    label: ClassVar[str] = "risk"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "kelly": {"mode": "kelly"},
        "linear": {"mode": "linear", "stops": False, "max_weight": 1.0, "no_trade_band": 0.0},
        "raw": {"mode": "raw", "stops": False, "max_weight": 1.0, "no_trade_band": 0.0},
        "execution": {"mode": "raw", "stops": False, "no_trade_band": 0.0},
    }

    mode: Literal["kelly", "linear", "volatility_target", "raw"] = "kelly"
    """`kelly`: confidence to stake; `linear`: signal x max_weight; `volatility_target`: signal x
    target_volatility over shown volatility; `raw`: as linear, without caps."""
    stops: bool = True
    """Positions carry an adaptive stop and target."""
    kelly_multiplier: float = Field(0.25, gt=0.0, le=2.0)
    """Share of the growth-optimal stake."""
    max_win_probability: float = Field(0.55, gt=0.5, lt=1.0)
    """Win probability that full confidence stands for."""
    edge_bars: float | None = Field(None, gt=0.0)
    """Kelly: bars that the edge behind a confidence was estimated from, which shrinks the stake;
    None takes the edge as known."""
    covariance: Literal["none", "shrunk"] = "none"
    """Kelly: `none` sizes each asset by itself, `shrunk` all together by their shown covariance."""
    covariance_shrinkage: float = Field(0.2, ge=0.01, le=1.0)
    """Share taken off every correlation of `shrunk`."""
    target_volatility: float = Field(0.005, gt=0.0, le=10.0)
    """Volatility target: standard deviation of the position's return in a bar over equity, at full
    confidence."""
    stop_width: float = Field(2.0, gt=0.0, le=50.0)
    """Stop distance at zero confidence, in standard deviations over the horizon."""
    stop_confidence_slope: float = Field(0.5, ge=0.0, le=10.0)
    """The width grows by this share at full confidence."""
    reward_to_risk: float = Field(1.5, gt=0.0, le=50.0)
    """Target distance over stop distance."""
    horizon_bars: float = Field(10.0, gt=0.0)
    """Horizon of the volatility that scales stops."""
    trailing: bool = False
    """Stops follow the most favourable close that was shown twice, and only ever tighten."""
    max_holding_bars: int | None = Field(None, ge=1)
    """Time stop: bars after which a position is closed at market; None for never."""
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
    execution_floor: float = Field(1.0, gt=0.0, le=1.0)
    """Targets are multiplied by expected over realised cost of fills, at least by this and at most
    by 1; 1 switches it off."""
    no_trade_band: float = Field(0.01, ge=0.0, lt=1.0)
    """Orders up to this share of equity are not sent, unless the target is no position at all."""
    feedback_rate: float = Field(0.1, gt=0.0, le=1.0)
    """Weight of the newest fill in the execution-feedback means."""

    @model_validator(mode="after")
    def _used(self) -> Self:
        for name in ("edge_bars", "covariance"):
            if self.mode != "kelly" and getattr(self, name) not in (None, "none"):
                raise ValueError(f"{name} is of mode kelly, and mode is {self.mode}")
        if self.trailing and not self.stops:
            raise ValueError("trailing needs stops")
        return self

    def record(self) -> Table:
        """Return the kernel's view."""
        values = self.model_dump()
        bars = values.pop("edge_bars")
        values["edge_noise"] = 0.0 if bars is None else 1.0 / bars
        values["mode"] = RiskMode[self.mode.upper()].value
        values["covariance"] = int(self.covariance == "shrunk")
        values["max_holding_bars"] = self.max_holding_bars or 0
        values["stops"] = int(self.stops)
        values["trailing"] = int(self.trailing)
        return as_record(RiskParams, values)
