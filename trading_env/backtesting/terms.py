"""What an account trades on, as a command line says it: cash, fees, kind of account, risk.

Each is a preset's name or JSON; fees may be basis points. They hold for every policy; where a
policy brings settings of its own, those go before the same settings here.
"""

from typing import Any, NamedTuple

from trading_env.core.doors import json_mapping
from trading_env.core.errors import ConfigError
from trading_env.core.settings import Settings
from trading_env.execution_engine.config import ExecutionConfig
from trading_env.execution_engine.funds import AccountConfig
from trading_env.risk_manager.config import RiskConfig


class Terms(NamedTuple):
    """As they were typed; None is the environment's default."""

    cash: float | None = None
    fees: str | None = None
    account: str | None = None
    risk: str | None = None

    def arguments(self, env: str) -> dict[str, Any]:
        """Return arguments of the environment.

        Raises:
            ConfigError: one is invalid, or of another task.
        """
        if env == "execution" and self.cash is not None:
            raise ConfigError(
                f"cash = {self.cash:g}: the account of --env execution is worth its parent orders"
            )
        found: dict[str, Any] = {}
        if self.account is not None or self.cash is not None:
            account = given("account", self.account)
            if self.cash is not None:
                account["initial_cash"] = self.cash
            found["account"] = checked(AccountConfig, account)
        if self.fees is not None:
            try:
                fees: dict[str, Any] = {"fee_bps": float(self.fees), "maker_fee_bps": None}
            except ValueError:
                fees = given("fees", self.fees)
            found["execution"] = checked(ExecutionConfig, fees)
        if self.risk is not None:
            found["risk"] = checked(RiskConfig, given("risk", self.risk))
        return found

    def merged(self, later: "Terms") -> "Terms":
        """Return these, with those that are given later in their place."""
        return self._replace(**later.options())

    def options(self) -> dict[str, Any]:
        """Return those that were given, as options."""
        return {name: value for name, value in self._asdict().items() if value is not None}


UNSTATED = Terms()


def given(name: str, text: str | None) -> dict[str, Any]:
    """Read a preset's name or a JSON object.

    Raises:
        ConfigError: it begins like JSON and is none.
    """
    if text is None:
        return {}
    if not text.lstrip().startswith("{"):
        return {"preset": text}
    return json_mapping(text, name)


def checked(kind: type[Settings], settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings that are valid."""
    kind.of(settings)
    return settings
