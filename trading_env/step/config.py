"""Settings of the two tasks: the reward's weights, and parent orders."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from trading_env.core.errors import ConfigError, shown
from trading_env.core.params import ParentParams
from trading_env.core.records import Table, new_table
from trading_env.core.settings import Settings, Share


class RewardConfig(Settings):
    """Weights of the reward's named terms (see `reward.py`) and a common scale."""

    label: ClassVar[str] = "reward"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "execution_quality": {"growth": 1.0, "shortfall": 1.0},
        "growth": {"growth": 1.0, "shortfall": 0.0},
        "mean_variance": {"growth": 1.0, "shortfall": 0.0, "risk": 5.0, "liquidation": 0.0},
        "arrival_price": {"growth": 0.0, "shortfall": 1.0, "risk": 10.0, "liquidation": 0.0},
    }

    growth: float = 1.0
    """Weight of the log growth of equity; Execution has none."""
    shortfall: float = 1.0
    """Weight of minus what fills cost (spread, impact, fees) over equity; in Execution of minus the
    implementation shortfall over the arrival value."""
    risk: float = 0.0
    """Weight of minus half the squared return; in Execution of the squared price risk left."""
    turnover: float = 0.0
    """Weight of minus the notional traded over equity (the arrival value in Execution)."""
    liquidation: float = 1.0
    """Weight of the log share of equity that closing every position would leave when an episode
    ends; Execution has none."""
    scale: float = Field(100.0, gt=0.0)
    """100: a reward of 1 is one percent of equity (of the arrival value in Execution)."""
    bar_volatility: float = Field(0.0, ge=0.0, lt=10.0)
    """Execution: standard deviation of a bar's price change over the arrival price, for `risk`;
    0 takes the shown slow volatility."""


class ParentConfig(Settings):
    """Parent orders of Execution-v0: fixed quantities, or drawn at the start of an episode."""

    label: ClassVar[str] = "parent"

    side: Literal["buy", "sell", "random"] = "random"
    """Of drawn orders; random: by the seed, each asset for itself."""
    size: tuple[Share, Share] = (0.01, 0.05)
    """Range of drawn sizes: share of the volume to be expected over the horizon."""
    quantity: tuple[float, ...] | None = None
    """Units of each asset, + to buy; one number serves every asset. None draws them."""

    @field_validator("size")
    @classmethod
    def _ordered(cls, size: tuple[float, float]) -> tuple[float, float]:
        if not 0.0 < size[0] <= size[1]:
            raise ValueError("must be 0 < smallest <= largest")
        return size

    @field_validator("quantity", mode="before")
    @classmethod
    def _sequence(cls, quantity: Any) -> Any:
        return (quantity,) if isinstance(quantity, int | float) else quantity

    def record(self, assets: int) -> Table:
        """Return the kernel's view for a number of assets.

        Raises:
            ConfigError: the quantities do not fit the assets, or are all 0.
        """
        drawn = self.quantity is None
        given = (0.0,) if self.quantity is None else self.quantity
        if not drawn and (len(given) not in (1, assets) or not any(given)):
            raise ConfigError(
                f"parent: quantity = {shown(self.quantity)}: give one number other than 0, "
                f"or one for each of {assets} assets"
            )
        table = new_table(ParentParams, assets)
        table["drawn"] = int(drawn)
        table["quantity"] = given
        table["side"] = {"buy": 1.0, "sell": -1.0, "random": 0.0}[self.side]
        table["smallest"], table["largest"] = self.size
        return table
