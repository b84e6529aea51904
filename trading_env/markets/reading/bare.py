"""Tables without a header: the number, kinds and order of their columns tell what they are."""

from collections.abc import Sequence

from trading_env.markets.reading.published import BARE, Bare, kinds_of


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
    if "high" not in shape.columns:
        return True
    prices = [shape.columns.index(name) for name in ("open", "high", "low", "close")]
    return all(_is_bar([row[i] for i in prices]) for row in sample)


def _is_bar(cells: Sequence[str]) -> bool:
    """Tell whether four cells keep low <= open, close <= high; text decides nothing."""
    try:
        first, high, low, last = (float(cell.replace(",", ".")) for cell in cells)
    except ValueError:
        return True
    return not (max(first, low, last) > high * (1 + 1e-9) or min(first, last) < low * (1 - 1e-9))
