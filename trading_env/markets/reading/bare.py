"""Tables without a header: the number, kinds and order of their columns tell what they are."""

from collections.abc import Mapping, Sequence

from trading_env.markets.reading.published import BARE, Bare, kinds_of

COMPARED = ("open", "high", "low", "close", "volume", "mean")


def bare_columns(sample: Sequence[Sequence[str]]) -> Bare | None:
    """Return the first shape that the rows of a sample fit, or None."""
    if not sample:
        return None
    kinds = [kinds_of(cell) for cell in sample[0]]
    return next((shape for shape in BARE if _fits(shape, kinds, sample)), None)


def _fits(shape: Bare, kinds: Sequence[frozenset[str]], sample: Sequence[Sequence[str]]) -> bool:
    """Tell whether kinds and prices are those of a shape."""
    if len(shape.columns) != len(kinds):
        return False
    rest = ("number",) * (len(kinds) - len(shape.first))
    if any(kind not in found for kind, found in zip((*shape.first, *rest), kinds, strict=True)):
        return False
    places = {name: i for i, name in enumerate(shape.columns) if name in COMPARED}
    if "high" not in places:
        return True
    bars = [{name: _number(row[i]) for name, i in places.items()} for row in sample]
    bars = [bar for bar in bars if bar["low"] + bar["high"] == bar["low"] + bar["high"]]
    if len(bars) > 2 and all(bar.get("volume") and _within(bar, "volume") for bar in bars):
        return False  # it is a price
    return all(
        _within(bar, "open")
        and _within(bar, "close")
        and (not bar.get("mean") or _within(bar, "mean"))
        for bar in bars
    )


def _number(cell: str) -> float:
    """Read a cell, NaN for text."""
    try:
        return float(cell.replace(",", "."))
    except ValueError:
        return float("nan")


def _within(bar: Mapping[str, float], name: str) -> bool:
    """Tell whether a number of a bar lies between its low and high; text decides nothing."""
    number = bar[name]
    return number != number or bar["low"] * (1 - 1e-9) <= number <= bar["high"] * (1 + 1e-9)
