"""Settings in a user's units, validated once and turned into kernel records.

A setting is given as a preset's name, a mapping, an object, or None for the defaults. An invalid
one raises ConfigError: one line with the setting, the key, the value and the usual cause.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Annotated, Any, ClassVar, Self, get_origin

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from trading_env.core.arguments import mapping
from trading_env.core.errors import ConfigError, nearest, reason_of, shown, unknown
from trading_env.core.records import Table, new_table

Share = Annotated[float, Field(ge=0.0, le=1.0)]

LARGEST = 1e30  # of a number in settings: as large as a bar's volume can be, and safe to square
LARGEST_WHOLE = 2**63 - 1  # that a record holds


class Settings(BaseModel):
    """Base of all settings: immutable, no unknown keys, numbers up to LARGEST, named presets."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    label: ClassVar[str] = "settings"

    def __init__(self, /, **values: Any) -> None:
        """Check every value.

        Raises:
            ConfigError: an unknown key, a wrong type, or a value out of range.
        """
        for key in values:
            if key not in type(self).model_fields:
                raise ConfigError(f"{self.label}: {unknown('key', key, type(self).model_fields)}")
        try:
            super().__init__(**values)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            given = "" if first["type"] == "missing" else f" = {shown(first['input'])}"
            what = f"{where}{given}: " if where else ""  # what two settings break has no place
            raise ConfigError(f"{self.label}: {what}{reason_of(first)}") from None

    @field_validator("*", mode="before")
    @classmethod
    def _code_of_a_name(cls, value: Any, info: ValidationInfo) -> Any:
        """Let a code be given by its name in lower case."""
        kind: Any = cls.model_fields[str(info.field_name)].annotation
        if not _is_code(kind) or isinstance(value, kind):
            return value
        known = {code.name.lower(): code for code in kind}
        if not isinstance(value, str) or value not in known:
            raise ValueError(f"must be one of {', '.join(known)}")
        return known[value]

    @field_validator("*", mode="after")
    @classmethod
    def _not_absurd(cls, value: Any) -> Any:
        """Refuse numbers so large that products of them are no numbers."""
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, float) and abs(number) > LARGEST:
                raise ValueError(f"is beyond {LARGEST:g}, the largest number a setting can be")
        return value

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
            return cls(**cls._preset(value))
        if not isinstance(value, Mapping):
            reason = "give a preset's name, a mapping or None"
            raise ConfigError(f"{cls.label} = {shown(value)}: {reason}")
        given = dict(mapping(cls.label, value))
        base = cls._preset(given.pop("preset")) if "preset" in given else {}
        return cls(**{**base, **given})

    @classmethod
    def _preset(cls, name: object) -> dict[str, Any]:
        if isinstance(name, str) and name in cls.presets:
            return dict(cls.presets[name])
        raise ConfigError(f"{cls.label}: no preset {shown(name)}{nearest(str(name), cls.presets)}")

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as `of` takes them, JSON-able; codes by their names."""
        values = self.model_dump()
        return {k: v.name.lower() if isinstance(v, IntEnum) else v for k, v in values.items()}


class RecordSettings(Settings):
    """Settings that kernels read as they are: a number, a switch or a code; tables are left out."""

    @field_validator("*", mode="after")
    @classmethod
    def _fits_a_record(cls, value: Any) -> Any:
        """Refuse whole numbers that a record cannot hold."""
        if isinstance(value, int) and abs(value) > LARGEST_WHOLE:
            raise ValueError(f"is beyond {LARGEST_WHOLE}, the largest whole number it can be")
        return value

    @classmethod
    def layout(cls) -> np.dtype[Any]:
        """Return the structured type of the kernels' record."""
        kinds = {name: field.annotation for name, field in cls.model_fields.items()}
        fields = [
            (name, np.float64 if kind is float else np.int64)
            for name, kind in kinds.items()
            if get_origin(kind) is not dict
        ]
        return np.dtype((np.record, np.dtype(fields)))

    def record(self) -> Table:
        """Return the kernels' record, as a table of one row."""
        layout, values = self.layout(), self.model_dump()
        return np.array([tuple(values[name] for name in layout.names or ())], dtype=layout)


def _is_code(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, IntEnum)


def as_record(layout: type, values: Mapping[str, Any]) -> Table:
    """Write values into one record; `values` must contain exactly the layout's fields."""
    names = set(layout.__annotations__)
    if names != set(values):
        raise KeyError(f"{layout.__name__}: {sorted(names ^ set(values))}")
    record = new_table(layout, 1)
    for name, value in values.items():
        record[name] = value
    return record
