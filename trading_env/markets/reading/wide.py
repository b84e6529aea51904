"""Tables with columns for each symbol, under one row of names or several."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from trading_env.core.errors import clip
from trading_env.markets.reading import words as w
from trading_env.markets.reading.columns import Columns, Field, field_of, lost, signals_of
from trading_env.markets.reading.grid import Grid
from trading_env.markets.reading.published import kinds_of
from trading_env.markets.reading.settings import ReadingSettings
from trading_env.markets.reading.validation import PRICE_FIELDS
from trading_env.markets.reading.volumes import scaled

MAX_SYMBOLS = 10_000
LEAST_TIME = 1e7  # 20240102, or seconds since 1970: no price of a unit
Pair = tuple[str, str]  # field and symbol
NO_PAIR = ("", "")
QUOTES = {"bid", "ask", "mid"}
_PARTS = re.compile(r"[ _.|/:-]+")


def _split(name: str) -> tuple[Pair, Pair]:
    """Split a name into field and symbol: `AAA_close`, and `close AAA` or `Adj Close AAA`."""
    text = name.strip().strip("()").replace("'", "").replace('"', "").replace(", ", " ")
    marks = [found.span() for found in _PARTS.finditer(text)]
    behind, ahead = NO_PAIR, NO_PAIR
    for begin, end in marks:  # the last one that fits counts
        field = field_of(w.plain(text[end:]))
        if field and text[:begin]:
            behind = field, text[:begin]
            before = [m for m in marks if m[1] <= begin]
            if before and field == "close" and w.plain(text[before[-1][1] :]) in w.ADJUSTED:
                behind = "adjusted", text[: before[-1][0]]
        field = field_of(w.plain(text[:begin]))
        if field and text[end:]:
            ahead = field, text[end:]
    return behind, ahead


def pairs_of(header: Sequence[str], positions: Sequence[int]) -> dict[int, Pair]:
    """Return field and symbol of each column that names both, all in one order where they can be.

    A symbol may be called as a field is (`close_LAST`): the order is the one with fewer symbols, or
    else that of more of the columns that have no other.
    """
    split = {i: _split(header[i]) for i in positions}
    split = {i: both for i, both in split.items() if both != (NO_PAIR, NO_PAIR)}

    def cost(first: int) -> tuple[int, int]:
        alone = sum(both[1 - first] == NO_PAIR for both in split.values())
        return len({symbol for _, symbol in read(first).values()}), -alone

    def read(first: int) -> dict[int, Pair]:
        return {i: both[first] if both[first][0] else both[1 - first] for i, both in split.items()}

    return read(min((0, 1), key=cost))


def wide_columns(
    grid: Grid,
    times: tuple[int, ...],
    clock: int | None,
    settings: ReadingSettings,
) -> Columns:
    """Read columns of several symbols: fields of each, or the closes alone."""
    header = grid.header[0]
    signals = signals_of(grid, header)
    taken = {*times, clock, *(field.position for field in signals)}
    rest = [i for i, name in enumerate(header) if i not in taken]
    rest = [i for i in rest if not _counts_or_tells_time(grid, i)]
    if not rest:
        raise grid.error(lost(w.words_of(header), "close"), title="close")
    cells = pairs_of(header, rest)
    shared = _without_symbol(header, rest, cells)
    cells = {i: pair for i, pair in cells.items() if i not in shared}
    most = 2 * len(cells) > len(rest) - len(shared)
    if most and any(field == "close" for field, _ in cells.values()):
        return _of_symbols(grid, cells, times, clock, signals, settings, shared=shared)
    _refuse_bars(grid, rest, settings)
    for position in rest:
        for row in grid.sample[:20]:
            if kinds_of(row[position]) == {"word"} and row[position].strip() not in w.MISSING:
                text = f"'{clip(row[position])}' is not a number"
                reason = f"{text}: where no column is called close, each holds those of a symbol"
                raise grid.error(reason, title=header[position])
    closes = {i: ("close", header[i].strip() or grid.titles[i]) for i in rest}
    return _of_symbols(grid, closes, times, clock, signals, settings)


def _without_symbol(
    header: Sequence[str], rest: Sequence[int], cells: Mapping[int, Pair]
) -> dict[int, str]:
    """Return the columns of volume that name no symbol, as `VOLUME` beside `PX_LAST`."""
    priced = {symbol for field, symbol in cells.values() if field in PRICE_FIELDS}
    alone = [i for i in rest if i not in cells or cells[i][1] not in priced]
    fields = {i: field_of(w.plain(header[i])) for i in alone}
    return {i: field for i, field in fields.items() if field in ("volume", "quote")}


def _counts_or_tells_time(grid: Grid, position: int) -> bool:
    """Tell whether a column is another time, or numbers the rows: no prices, whatever its name.

    Only columns without a name, or with one that a time may have, are: a symbol may be called T.
    """
    name = grid.header[0][position]
    if w.plain(name) not in w.LATE_TIME:
        return False
    cells = [row[position].strip() for row in grid.sample]
    values = np.array([_number(cell) for cell in cells if cell not in w.MISSING])
    counts = len(values) > 1 and bool((np.diff(values) == 1.0).all())
    return not name.strip() or counts or not (values < LEAST_TIME).all()


def _refuse_bars(grid: Grid, rest: Sequence[int], settings: ReadingSettings) -> None:
    """Refuse columns that are rather the fields of one asset, unless `layout` is stated.

    They are where one is called volume, or where of four columns within 15% of each other one is
    the highest and another the lowest in every row.
    """
    if settings.layout == "wide":
        return
    if any(field_of(w.plain(grid.titles[i])) for i in rest):
        raise grid.error(lost(w.words_of(grid.header[0]), "close"), title="close")
    rows = [[_number(row[i]) for i in rest] for row in grid.sample]
    table = np.array(rows, dtype=np.float64)
    if len(table) < 3 or not 4 <= len(rest) <= 12:
        return
    with np.errstate(all="ignore"):
        close = np.nanmax(np.abs(np.log(table / table[:, :1])), axis=0) < 0.15
    near = table[:, close]
    if near.shape[1] < 4 or not np.isfinite(near).all():
        return
    highest = (near >= near.max(axis=1, keepdims=True)).all(axis=0)
    lowest = (near <= near.min(axis=1, keepdims=True)).all(axis=0)
    if highest.any() and lowest.any() and (near.max(axis=1) > near.min(axis=1)).any():
        reason = "missing; these look like open, high, low and close under names that are not known"
        raise grid.error(f"{reason}: rename them, or state --layout wide", title="close")


def _number(cell: str) -> float:
    """Read a cell as a number where it plainly is one."""
    try:
        return float(cell.replace(",", "."))
    except ValueError:
        return float("nan")


def _are_quotes(symbols: set[str]) -> bool:
    """Tell whether two symbols are the bid and the ask of one: `bid`, `ask_price`, `aapl_bid`."""
    asks = {symbol.replace("bid", "ask") for symbol in symbols if "bid" in symbol}
    return symbols <= QUOTES or bool(asks & {s.replace("offer", "ask") for s in symbols})


def _of_symbols(
    grid: Grid,
    cells: dict[int, tuple[str, str]],
    times: tuple[int, ...],
    clock: int | None,
    signals: Sequence[Field],
    settings: ReadingSettings,
    adjusts: bool = False,
    shared: Mapping[int, str] = MappingProxyType({}),
) -> Columns:
    """Put the columns of a wide table in order of symbols."""
    symbols: dict[str, int] = {}
    found: dict[tuple[int, str], Field] = {}
    for position, (name, symbol) in cells.items():
        asset = symbols.setdefault(symbol, len(symbols))
        if (asset, name) in found:
            raise grid.error(
                f"two columns of {clip(symbol)} are its {name}", title=grid.titles[position]
            )
        found[asset, name] = Field(asset, name, position)
    if settings.layout != "wide" and _are_quotes({symbol.lower() for symbol in symbols}):
        reason = "bid and ask are of one asset: keep one, or rename its columns; or --layout wide"
        raise grid.error(reason, title=grid.titles[next(iter(cells))])
    if len(symbols) > MAX_SYMBOLS:
        raise grid.error(f"{len(symbols)} symbols; at most {MAX_SYMBOLS}")
    volumes = [{(asset, name) for name in ("volume", "quote")} for asset in symbols.values()]
    if shared and settings.liquidity is None and not all(own & found.keys() for own in volumes):
        first = min(shared, key=lambda i: (shared[i] != "volume", i))
        if len(symbols) > 1:
            reason = f"of which symbol? call it '{clip(next(iter(symbols)), 20)}_volume', or leave "
            raise grid.error(reason + "it out (--liquidity)", title=grid.titles[first])
        found[0, shared[first]] = Field(0, shared[first], first)
    fields: list[Field] = []
    for symbol, asset in symbols.items():
        own = [f for f in (found.get((asset, n)) for n in ("adjusted", *PRICE_FIELDS)) if f]
        adjusted = own[:1] if len(own) > 1 and own[0].name == "adjusted" else []
        own = own[len(adjusted) :]
        names = [field.name for field in own]
        if names == ["adjusted"]:
            own, names = [own[0]._replace(name="close")], ["close"]
        missing = [name for name in PRICE_FIELDS if name not in names]
        if missing and names != ["close"]:
            raise grid.error(f"missing for symbol '{clip(symbol)}'", title=missing[0])
        volume = found.get((asset, "volume")) or found.get((asset, "quote"))
        if volume is not None and settings.liquidity is None:
            quote = settings.volume_in == "quote" or volume.name == "quote"
            own.append(scaled(grid, volume._replace(name="quote" if quote else "volume")))
        fields += [*own, *adjusted]
    return Columns(
        layout="wide",
        shape="yfinance" if adjusts else "",
        times=times,
        clock=clock,
        symbol=None,
        symbols=tuple(symbols),
        fields=(*fields, *signals),
        adjusts=adjusts,
    )


def stacked_columns(grid: Grid, settings: ReadingSettings) -> Columns:
    """Read several rows of names: one holds the fields, one the symbols."""
    levels = [[w.plain(name) for name in names] for names in grid.header]
    fields = [[field_of(word) for word in names if field_of(word)] for names in levels]
    counts = [(len(set(own)), len(own)) for own in fields]  # a symbol may be called as one is
    level = counts.index(max(counts))
    other = next((i for i in range(len(levels)) if i != level), 0)
    if not fields[level]:
        raise grid.error("rows of names without open, high, low, close", row=grid.header_row)
    wanted = (settings.time_column or "").strip().lower()
    named = [i for i, title in enumerate(grid.titles) if title.lower() == wanted]
    known = [
        i
        for i in range(len(levels[0]))
        if any(names[i] in w.TIME for names in levels) and not field_of(levels[level][i])
    ]
    if settings.time_column is not None and not named:
        raise grid.error("no such column, as time_column states", title=settings.time_column)
    times = named or known or [0]
    symbols = grid.header[other]
    cells = {
        i: (field_of(levels[level][i]), symbols[i].strip() or grid.stem)
        for i in range(len(symbols))
        if i not in times and field_of(levels[level][i])
    }
    return _of_symbols(grid, cells, tuple(times[:1]), None, [], settings, adjusts=True)
