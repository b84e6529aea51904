"""How a table of bars is to be read: what the user states because the file does not tell it."""

from typing import Any, ClassVar, Literal, TypedDict, cast

from pydantic import Field, field_validator

from trading_env.core.settings import Settings

UNLIMITED = 1e15  # traded value a day, currency, of which no order is a share that counts
LEAST_VALUE = 1e-9  # a day, currency


class ReadingArguments(TypedDict, total=False):
    """The same settings as arguments of a function."""

    liquidity: float | Literal["unlimited"] | None
    calendar: Literal["24/7", "exchange"] | None
    bars_per_day: float | None
    bars_per_year: float | None
    mend: bool


class ReadingSettings(Settings):
    """Settings of a file or a data frame of bars."""

    label: ClassVar[str] = "market"

    liquidity: float | Literal["unlimited"] | None = None
    """Traded value of each asset a day, currency, in place of the file's volume, which is not
    read: each bar gets its share of it over its close. `unlimited` is 1e15, so that neither impact
    nor the volume cap binds an account of less than a billion."""
    calendar: Literal["24/7", "exchange"] | None = None
    """Trading days in a year: `24/7` 365.25, `exchange` 252; None measures them."""
    bars_per_day: float | None = Field(None, ge=1e-3, le=86_400.0)
    """Bars in a trading day, below 1 for bars that are longer; None measures them."""
    bars_per_year: float | None = Field(None, ge=0.01, le=31_622_400.0)
    """Bars in a year, for yearly figures; None measures them, or takes those of the calendar."""
    mend: bool = False
    """Mend rows whose open or close lies outside [low, high] by rounding (1e-9 of the price)
    instead of refusing them; a warning says how many."""

    @field_validator("liquidity", mode="before")
    @classmethod
    def _is_a_value(cls, value: Any) -> Any:
        """Refuse what is no traded value."""
        if value is None or value == "unlimited":
            return value
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number and LEAST_VALUE <= value <= UNLIMITED):
            raise ValueError(f"'unlimited', or a value a day of {LEAST_VALUE:g} to {UNLIMITED:g}")
        return float(value)

    @property
    def daily_value(self) -> float | None:
        """Traded value that is stated, currency a day."""
        return UNLIMITED if isinstance(self.liquidity, str) else self.liquidity

    def as_arguments(self) -> ReadingArguments:
        """Return the settings as arguments of a function."""
        return cast(ReadingArguments, self.as_dict())
