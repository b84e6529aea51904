"""What an agent says in a step: the action space, and how a given action becomes numbers.

`action` says what: "target", "target+type" or "orders" (`risk_manager/instructions.py`).
`action_form` says how: "box" is one array, which any library takes; "dict" has a name for each
column, with whole numbers for type and time in force. Both mean the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
from gymnasium import spaces

from trading_env.core.arguments import choice
from trading_env.core.codes import ActionKind, TimeInForce
from trading_env.core.errors import ConfigError, shown
from trading_env.core.records import Floats
from trading_env.risk_manager.instructions import COLUMNS, ORDER_TYPES, TARGET_TYPES

if TYPE_CHECKING:
    BoxSpace: TypeAlias = spaces.Box[np.float32]  # no class to subscript before Gymnasium 1.4

KINDS = {
    "target": ActionKind.TARGET,
    "target+type": ActionKind.TARGET_AND_TYPE,
    "orders": ActionKind.ORDERS,
}
FORMS = ("box", "dict")
NAMES = ("signal", "type", "offset", "time_in_force")  # of the columns


def action_box(*shape: int) -> "BoxSpace":
    """Return the box of signals, or of whatever else lies in [-1, 1]."""
    return spaces.Box(-1.0, 1.0, shape=shape, dtype=np.float32)


@dataclass(frozen=True)
class Actions:
    """The actions of one configuration."""

    kind: ActionKind
    form: str
    symbols: tuple[str, ...]
    shape: tuple[int, ...]  # of the array for one environment

    @classmethod
    def of(cls, action: Any, form: Any, symbols: tuple[str, ...]) -> Self:
        """Read the arguments.

        Raises:
            ConfigError: there is no such kind or form.
        """
        kind = KINDS[choice("action", action, KINDS)]
        choice("action_form", form, FORMS)
        if form == "dict" and kind is ActionKind.TARGET:
            reason = "a target is one number for each asset; it is for target+type and orders"
            raise ConfigError(f'action_form = "dict": {reason}')
        columns = () if kind is ActionKind.TARGET else (COLUMNS,)
        return cls(kind, form, symbols, (len(symbols), *columns))

    @property
    def levels(self) -> dict[str, int]:
        """How many values the columns with whole numbers have."""
        types = ORDER_TYPES if self.kind is ActionKind.ORDERS else TARGET_TYPES
        return {"type": types, "time_in_force": len(TimeInForce)}

    def space(self) -> spaces.Space[Any]:
        """Return the space of one environment's actions."""
        if self.form == "box":
            return action_box(*self.shape)
        count, levels = len(self.symbols), self.levels
        return spaces.Dict(
            {
                name: spaces.MultiDiscrete([levels[name]] * count)
                if name in levels
                else action_box(count)
                for name in NAMES
            }
        )

    def array(self, given: Any, *lanes: int) -> Floats:
        """Return an action, or those of a batch of `lanes`, as float64 (..., numbers), unrounded.

        Raises:
            ConfigError: wrong shape, type or names.
        """
        if self.form == "dict":
            return self._laid_out(given, lanes)
        checked = self._checked("action", given, lanes + self.shape)
        return checked if self.kind is ActionKind.TARGET else checked.reshape(*lanes, -1)

    def _laid_out(self, given: Any, lanes: tuple[int, ...]) -> Floats:
        """Put the columns of a mapping side by side; a level is the middle of its part."""
        if not isinstance(given, Mapping) or set(given) != set(NAMES):
            found = shown(sorted(given) if isinstance(given, Mapping) else given, 60)
            raise ConfigError(f"action = {found}: must be a dict with {', '.join(NAMES)}")
        columns = []
        for name in NAMES:
            shape = (*lanes, len(self.symbols))
            column = self._checked(f"action[{name!r}]", given[name], shape)
            if name in self.levels:
                levels = self.levels[name]
                wrong = (column != np.floor(column)) | (column < 0) | (column >= levels)
                if wrong.any():
                    value = shown(column[wrong][0].item())
                    raise ConfigError(f"action[{name!r}]: {value}: must be whole, below {levels}")
                column = (2.0 * column + 1.0) / levels - 1.0
            columns.append(column)
        return np.stack(columns, axis=-1).reshape(*lanes, -1)

    def _checked(self, name: str, given: Any, shape: tuple[int, ...]) -> Floats:
        """Return numbers of a shape as float64, a copy: the step is compiled for such arrays."""
        try:
            found = np.asarray(given)
        except (TypeError, ValueError):
            raise ConfigError(f"{name} = {shown(given)}: must be an array of numbers") from None
        if found.dtype.kind not in "fiu":
            reason = f"has type {found.dtype}: must be real numbers"
            raise ConfigError(f"{name} {shown(given, 40)} {reason}")
        if found.shape != shape:
            each = "one" if shape[-1] == len(self.symbols) else f"{COLUMNS} numbers"
            symbols = ", ".join(self.symbols)
            raise ConfigError(
                f"{name} has shape {found.shape}: must be {shape}, {each} for each of {symbols:.80}"
            )
        return found.astype(np.float64, order="C")

    def place_of(self, column: int) -> str:
        """Say which number of an environment's array stands in a column."""
        if self.kind is ActionKind.TARGET:
            return f"action for {self.symbols[column]!r}"
        asset, place = divmod(column, COLUMNS)
        return f"action for {self.symbols[asset]!r}, {NAMES[place]}"

    def as_dict(self) -> dict[str, Any]:
        """Return what was chosen, JSON-able; nothing for targets."""
        names = {kind: name for name, kind in KINDS.items()}
        return {} if self.kind is ActionKind.TARGET else {"action": names[self.kind]}
