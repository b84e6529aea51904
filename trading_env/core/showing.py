"""How objects show themselves: one line at a prompt, a small table in a notebook."""

import html
from collections.abc import Mapping
from typing import Any

from trading_env.core.settings import Settings

CELL = 'style="text-align:left"'
LONGEST = 120  # characters of a value in a table


def number(value: float) -> str:
    """Write an amount for a reader: thousands apart, no digits that say nothing."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.6g}"


def one_line(name: str, values: Mapping[str, Any]) -> str:
    """Write `<Name key=value, ...>`, as Gymnasium shows environments."""
    return f"<{name} {', '.join(f'{key}={value}' for key, value in values.items())}>"


def as_table(name: str, values: Mapping[str, Any]) -> str:
    """Write a table of two columns as HTML."""
    rows = "".join(
        f"<tr><th {CELL}>{_text(key)}</th><td {CELL}>{_text(value)}</td></tr>"
        for key, value in values.items()
    )
    return f"<table><caption {CELL}><b>{_text(name)}</b></caption>{rows}</table>"


def _text(value: Any) -> str:
    text = str(value)
    return html.escape(text if len(text) <= LONGEST else text[: LONGEST - 3] + "...")


def changed(settings: Settings) -> dict[str, Any]:
    """Return the settings that are not the defaults."""
    usual = type(settings)().as_dict()
    return {name: value for name, value in settings.as_dict().items() if value != usual[name]}
