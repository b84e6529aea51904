"""Settings of the account: what it may do, what it pays, and when it is closed out."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from trading_env.core.codes import Rate
from trading_env.core.errors import ConfigError, unknown
from trading_env.core.records import Floats
from trading_env.core.settings import RecordSettings

EIGHT_HOURS_A_YEAR = 365.25 * 3
LEAST_CASH = 1e-100


class AccountConfig(RecordSettings):
    """Cash, interest and margin.

    Presets, each a kind of account:

    - margin: the defaults. Equity of 25% of long and short positions must be left (FINRA Rule
      4210 for long stock).
    - cash: purchases are paid from the cash there is, fees included; no short positions.
    - long_only: as margin, without short positions.
    - reg_t: 25% of long positions and 30% of short ones (FINRA Rule 4210, stock above $16.67). The
      half of Regulation T that opening takes (12 CFR 220.12) is `initial_margin` of the risk
      settings, 0.5 by default.
    - perpetual: a linear perpetual future on its own collateral: no interest and no borrow fee;
      longs pay 0.01% to shorts in 8 hours, the interest part of funding at Binance and BitMEX;
      assumed: 1% maintenance margin and 0.5% liquidation fee. Leverage beyond 1 is allowed by the
      risk settings `max_leverage` and `initial_margin`.
    """

    label: ClassVar[str] = "account"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "margin": {},
        "cash": {"short_selling": False, "borrowing": False},
        "long_only": {"short_selling": False},
        "reg_t": {"maintenance_margin": 0.25, "short_maintenance_margin": 0.3},
        "perpetual": {
            "margin_rate": 0.0,
            "borrow_rate": 0.0,
            "funding_rate": 1e-4 * EIGHT_HOURS_A_YEAR,
            "maintenance_margin": 0.01,
            "liquidation_fee": 0.005,
        },
    }

    initial_cash: float = Field(0.0, ge=0.0)
    """Currency; 0 takes `account_share` of the market's mean daily traded value."""
    account_share: float = Field(0.05, gt=0.0)
    """Initial cash over the mean daily traded value of an asset, so that costs are scale-free."""
    short_selling: bool = True
    """Positions may be short; else targets below 0 are 0 (`bound_by = margin`)."""
    borrowing: bool = True
    """Purchases may take cash below 0; else each is cut to what the cash pays for, fee included.

    Then there are no short positions either, and no funding."""
    cash_rate: float = Field(0.0, ge=-0.5, le=10.0)
    """Interest on credit cash, continuous, a year."""
    margin_rate: float = Field(0.015, ge=0.0, le=10.0)
    """Interest on debit cash, a year."""
    borrow_rate: float = Field(0.003, ge=0.0, le=10.0)
    """Fee on short positions, a year; simple, on their value at the mark."""
    borrow_rates: dict[str, float] = Field(default_factory=dict)
    """Symbol to the fee on short positions of an asset that has its own, a year."""
    funding_rate: float = Field(0.0, ge=-10.0, le=10.0)
    """What longs pay to shorts, a year, likewise (perpetual futures: 0.11 is 0.01% in 8 hours);
    below 0 shorts pay longs."""
    maintenance_margin: float = Field(0.25, ge=0.0, lt=1.0)
    """Equity below this share of all positions closes every one of them."""
    short_maintenance_margin: float = Field(0.0, ge=0.0, lt=1.0)
    """The share of short positions that counts there; 0 takes `maintenance_margin`."""
    liquidation_fee: float = Field(0.0, ge=0.0, le=0.1)
    """What closing a position in a margin call costs besides, share of its notional."""

    @field_validator("initial_cash")
    @classmethod
    def _is_money(cls, cash: float) -> float:
        """Refuse sums of which returns are no numbers."""
        if 0.0 < cash < LEAST_CASH:
            raise ValueError(f"must be 0 or at least {LEAST_CASH:g}")
        return cash

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        """Refuse an account that may not borrow and yet owes."""
        if not self.borrowing:
            if self.short_selling:
                raise ValueError("borrowing = False needs short_selling = False: a short is a loan")
            if self.funding_rate != 0.0:
                raise ValueError("borrowing = False and a funding_rate, which is owed without cash")
            if self.cash_rate < 0.0:
                raise ValueError("borrowing = False and a cash_rate below 0")
        for symbol, rate in self.borrow_rates.items():
            if not 0.0 <= rate <= 10.0:
                raise ValueError(f"borrow_rates of {symbol:.20}: {rate:g} must be in [0, 10]")
        return self

    def rates(self, symbols: Sequence[str]) -> Floats:
        """Return the yearly rates of each asset, by `Rate`, as a table of one bar.

        Raises:
            ConfigError: a rate of an asset that there is not.
        """
        table = np.empty((1, len(symbols), len(Rate)))
        table[..., Rate.FUNDING] = self.funding_rate
        table[..., Rate.BORROW] = self.borrow_rate
        for symbol, rate in self.borrow_rates.items():
            if symbol not in symbols:
                raise ConfigError(
                    f"{self.label}: borrow_rates: {unknown('symbol', symbol, symbols)}"
                )
            table[0, symbols.index(symbol), Rate.BORROW] = rate
        return table
