"""Settings in a user's units, validated at the door and turned into kernel records.

A setting is given as a preset's name, a mapping, an object, or None for the defaults. Whatever is
wrong with it is one line that names the setting, the key, the value and the usual cause.
"""

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from trading_env.types import AccountParams, ParentParams, Table, new_table

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class ConfigError(ValueError):
    """A setting that cannot be; the message is one line."""


class Settings(BaseModel):
    """Base of all settings: immutable, no unknown keys, finite numbers, named presets."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    label: ClassVar[str] = "settings"

    @classmethod
    def of(cls, value: "Settings | Mapping[str, Any] | str | None") -> Self:
        """Build the settings from an object, a mapping, a preset's name or None.

        A mapping may name a preset to start from: `{"preset": "zero", "fee_bps": 1.0}`.

        Raises:
            ConfigError: unknown preset or key, wrong type, value out of range.
        """
        if isinstance(value, cls):
            return value
        if value is None:
            return cls()
        if isinstance(value, str):
            return cls._build(cls._preset(value))
        if not isinstance(value, Mapping):
            raise ConfigError(
                f"{cls.label}: {value!r:.60} is a {type(value).__name__}; "
                "give a preset's name, a mapping or None"
            )
        given = dict(value)
        base = cls._preset(given.pop("preset")) if "preset" in given else {}
        return cls._build({**base, **given})

    @classmethod
    def _preset(cls, name: object) -> dict[str, Any]:
        if isinstance(name, str) and name in cls.presets:
            return dict(cls.presets[name])
        raise ConfigError(f"{cls.label}: no preset {name!r:.60}{nearest(str(name), cls.presets)}")

    @classmethod
    def _build(cls, values: Mapping[str, Any]) -> Self:
        for key in values:
            if key not in cls.model_fields:
                hint = nearest(str(key), cls.model_fields)
                raise ConfigError(f"{cls.label}: unknown key {key!r:.60}{hint}")
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            message = first["msg"].removeprefix("Value error, ")
            raise ConfigError(f"{cls.label}: {where} = {first['input']!r:.60}: {message}") from None


def nearest(name: str, known: Any) -> str:
    """Return '; did you mean ...?' or the list of what is known."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(sorted(known))}"[:120]


def as_record(layout: type, values: Mapping[str, float | int]) -> Table:
    """Write values into one record of a layout; every field must be given, none beside."""
    names = set(layout.__annotations__)
    if names != set(values):
        raise KeyError(f"{layout.__name__}: {sorted(names ^ set(values))}")
    record = new_table(layout, 1)
    for name, value in values.items():
        record[name] = value
    return record


class AccountConfig(Settings):
    """Cash, interest and margin."""

    label: ClassVar[str] = "account"

    initial_cash: float = Field(0.0, ge=0.0)
    """Currency; 0 takes `account_share` of the market's mean daily traded value."""
    account_share: float = Field(0.05, gt=0.0)
    """Initial cash over the mean daily traded value of an asset, so that costs are scale-free."""
    cash_rate: float = Field(0.0, ge=-0.5, le=10.0)
    """Interest on credit cash, continuous, a year."""
    margin_rate: float = Field(0.015, ge=0.0, le=10.0)
    """Interest on debit cash, a year."""
    borrow_rate: float = Field(0.003, ge=0.0, le=10.0)
    """Fee on short positions, a year; simple, on their value at the mark."""
    funding_rate: float = Field(0.0, ge=-10.0, le=10.0)
    """What longs pay to shorts, a year (perpetual futures), likewise; below 0 shorts pay longs."""
    maintenance_margin: float = Field(0.25, ge=0.0, lt=1.0)
    """Equity over gross exposure below which every position is closed."""

    def record(self) -> Table:
        """Return the kernel's view."""
        return as_record(AccountParams, self.model_dump())


class RewardConfig(Settings):
    """Weights of the reward's named terms (see `kernels/reward.py`) and a common scale."""

    label: ClassVar[str] = "reward"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "execution_quality": {"growth": 1.0, "shortfall": 1.0},
        "growth": {"growth": 1.0, "shortfall": 0.0},
        "mean_variance": {"growth": 1.0, "shortfall": 0.0, "risk": 5.0},
        "arrival_price": {"growth": 0.0, "shortfall": 1.0, "risk": 10.0},
    }

    growth: float = 1.0
    shortfall: float = 1.0
    risk: float = 0.0
    turnover: float = 0.0
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
                f"parent: quantity = {self.quantity!r:.60}: give one number other than 0, "
                f"or one for each of {assets} assets"
            )
        table = new_table(ParentParams, assets)
        table["drawn"] = int(drawn)
        table["quantity"] = given
        table["side"] = {"buy": 1.0, "sell": -1.0, "random": 0.0}[self.side]
        table["smallest"], table["largest"] = self.size
        return table
