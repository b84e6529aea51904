"""HTML and SVG elements as text: whatever is put into one is escaped, unless it is an element."""

import html
from typing import Any

VOID = ("meta", "link", "input", "br")


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def element(name: str, /, *children: object, **attributes: Any) -> Markup:
    """Write an element; children that are not `Markup`, and all attribute values, are escaped.

    Attributes: `class_` and `for_` lose their underscore, other underscores become hyphens; None
    and False leave an attribute out, True writes its name alone, numbers keep two decimals.
    """
    written = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        named = key.rstrip("_").replace("_", "-")
        written.append(named if value is True else f'{named}="{html.escape(_text(value))}"')
    opening = Markup(f"<{' '.join(written)}>")
    return opening if name in VOID else Markup(f"{opening}{joined(*children)}</{name}>")


def joined(*children: object) -> Markup:
    """Put parts one after the other."""
    return Markup("".join(c if isinstance(c, Markup) else html.escape(_text(c)) for c in children))


def _text(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
