"""Settings in a user's units, validated at the door and turned into kernel records.

A setting is given as a preset's name, a mapping, an object, or None for the defaults. Whatever is
wrong with it is one line that names the setting, the key, the value and the usual cause.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trading_env.core.errors import ConfigError, nearest, shown, unknown
from trading_env.core.records import Table, new_table

Share = Annotated[float, Field(ge=0.0, le=1.0)]


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
                f"{cls.label}: {shown(value)} is a {type(value).__name__}; "
                "give a preset's name, a mapping or None"
            )
        given = dict(value)
        base = cls._preset(given.pop("preset")) if "preset" in given else {}
        return cls._build({**base, **given})

    @classmethod
    def _preset(cls, name: object) -> dict[str, Any]:
        if isinstance(name, str) and name in cls.presets:
            return dict(cls.presets[name])
        raise ConfigError(f"{cls.label}: no preset {shown(name)}{nearest(str(name), cls.presets)}")

    @classmethod
    def _build(cls, values: Mapping[str, Any]) -> Self:
        for key in values:
            if key not in cls.model_fields:
                raise ConfigError(f"{cls.label}: {unknown('key', key, cls.model_fields)}")
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            message = first["msg"].removeprefix("Value error, ")
            raise ConfigError(
                f"{cls.label}: {where} = {shown(first['input'])}: {message}"
            ) from None


def as_record(layout: type, values: Mapping[str, float | int]) -> Table:
    """Write values into one record of a layout; every field must be given, none beside."""
    names = set(layout.__annotations__)
    if names != set(values):
        raise KeyError(f"{layout.__name__}: {sorted(names ^ set(values))}")
    record = new_table(layout, 1)
    for name, value in values.items():
        record[name] = value
    return record
