"""How a table of bars is to be read: what the user states because the file does not tell it."""

from typing import Any, ClassVar, Literal, TypedDict, cast
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from trading_env.core.settings import Settings

UNLIMITED = 1e15  # traded value a day, currency, of which no order is a share that counts
LEAST_VALUE = 1e-9  # a day, currency

Shape = Literal["bars", "long", "wide"]


class ReadingArguments(TypedDict, total=False):
    """The same settings as arguments of a function."""

    layout: Shape | None
    time_column: str | None
    date_order: Literal["day", "month", "year"] | None
    tz: str | None
    decimal: Literal["point", "comma"] | None
    volume_in: Literal["units", "quote"] | None
    liquidity: float | Literal["unlimited"] | None
    calendar: Literal["24/7", "exchange"] | None
    bars_per_day: float | None
    bars_per_year: float | None
    mend: bool | None
    apply_actions: bool


class ReadingSettings(Settings):
    """Settings of a file or a data frame of bars."""

    label: ClassVar[str] = "market"

    layout: Shape | None = None
    """`bars`: one asset, a row a bar; `long`: a row for each bar and symbol; `wide`: columns for
    each symbol. None finds it."""
    time_column: str | None = None
    """Name of the column of time stamps; None finds it."""
    date_order: Literal["day", "month", "year"] | None = None
    """What comes first in dates such as 01/02/2024 or 24/01/02; None finds it where the dates
    decide it."""
    tz: str | None = None
    """Zone of the clock that wrote stamps without an offset, as `America/New_York`; None: UTC."""
    decimal: Literal["point", "comma"] | None = None
    """Decimal mark of the numbers of a text file; None finds it."""
    volume_in: Literal["units", "quote"] | None = None
    """`units` of the asset, or `quote`: currency, divided by the close; None takes what the
    column's name says."""
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
    mend: bool | None = None
    """Mend rows whose open or close lies outside [low, high] by rounding (1e-9 of the price)
    instead of refusing them; a warning says how many. None mends tables whose columns have the
    names of yfinance and Stooq (`Open`, `Close`, `Volume` and so on, or `Adj Close`), since their
    adjusted prices are products."""

    apply_actions: bool = False
    """Apply the columns of splits and dividends, where prices are as they were traded. Else they
    are read as evidence only, since most sources have adjusted their prices already."""

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

    @field_validator("tz")
    @classmethod
    def _is_a_zone(cls, value: str | None) -> str | None:
        """Refuse a zone that the time zone database does not have."""
        if value is not None:
            try:
                ZoneInfo(value)
            except (KeyError, ValueError, OSError):
                raise ValueError("no such time zone; write it as America/New_York or UTC") from None
        return value

    @property
    def daily_value(self) -> float | None:
        """Traded value that is stated, currency a day."""
        return UNLIMITED if isinstance(self.liquidity, str) else self.liquidity

    def as_arguments(self) -> ReadingArguments:
        """Return the settings as arguments of a function."""
        return cast(ReadingArguments, self.as_dict())
