"""Build the table of bars of a grid whose columns are known.

Rows in which an asset has no price at all are left out, and counted. A table from the newest row to
the oldest is turned round. A close alone makes a bar of four equal prices. Where a table has no
volume, every bar has volume 0, so that nothing fills until `liquidity` is stated.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_env.core.errors import MarketDataError, clip
from trading_env.core.records import Floats
from trading_env.markets.reading.columns import Columns
from trading_env.markets.reading.grid import Cells, Grid
from trading_env.markets.reading.marks import decimal_mark
from trading_env.markets.reading.numbers import WrongCellError, numbers_of
from trading_env.markets.reading.published import YAHOO
from trading_env.markets.reading.settings import ReadingSettings
from trading_env.markets.reading.stamp_columns import Seconds, Stamps, localised
from trading_env.markets.reading.stamps import HOUR, MIDNIGHT, MONTH, clock_text
from trading_env.markets.reading.tables import CANONICAL, BarTable, rows_by_name
from trading_env.markets.reading.time_columns import Rows, chosen_times, is_backwards, zone_of
from trading_env.markets.reading.times import DAY
from trading_env.markets.reading.validation import BAR_FIELDS, PRICE_FIELDS
from trading_env.markets.reading.volumes import coins_of, units_of
from trading_env.markets.reading.words import EXTRAS


class _Read(NamedTuple):
    """All columns of a grid."""

    rows: NDArray[np.int64]
    stamps: list[Stamps]
    symbols: NDArray[np.object_] | None
    numbers: list[Floats]  # of each field
    empty: list[NDArray[np.bool_]]


def build(grid: Grid, columns: Columns, settings: ReadingSettings) -> tuple[BarTable, str]:
    """Read every row.

    Returns:
        The rows of every asset in order of time, and what was found, on one line.

    Raises:
        MarketDataError: a cell is wrong, or has two meanings.
    """
    mark = decimal_mark(grid, columns, settings)
    read = _read(grid, columns, settings, mark)
    groups = _groups(read)
    seconds, position, order = chosen_times(grid, columns, read.rows, read.stamps, groups)
    time_name = grid.titles[position]
    own = read.stamps[columns.times.index(position)]
    zone, kind = own.zone or settings.tz or zone_of(time_name), own.kind
    backwards = is_backwards(seconds, groups)
    if backwards:
        groups = [rows[::-1] for rows in groups]
    if kind == "no offset" and not zone and grid.zone and settings.tz is None:
        zone = _beside(grid, seconds, time_name)
    if kind == "no offset" and zone is None:
        raise grid.error("names a zone that is not known: state it (--tz)", title=time_name)
    if kind == "no offset" and zone:
        try:
            seconds = localised(seconds, zone, groups)
        except WrongCellError as error:
            row = int(read.rows[error.index])
            raise grid.error(str(error), title=time_name, row=row) from None
    flow = np.arange(len(seconds))[::-1] if backwards else np.arange(len(seconds))
    of_yahoo = columns.shape.startswith(YAHOO) and settings.volume_in is None
    table, notes = _table(grid, columns, read, seconds, time_name, flow, of_yahoo)
    told = [f"{order} first"] * bool(order) + ["decimal comma"] * (mark == ",")
    is_month = any(MONTH.fullmatch(row[position].strip()) for row in grid.sample[:1])
    told += ["a month is its first day"] * is_month
    told += ["newest first, turned round"] * backwards + notes + [columns.said] * bool(columns.said)
    plain = time_name.lower() == "time" and columns.layout != "wide" and not told
    if plain and not columns.shape and not grid.said:
        layout = CANONICAL
    else:
        shape = f" ({columns.shape})" if columns.shape else ""
        layout = f"layout {columns.layout}{shape}{grid.said}"
    kinds = {"epoch": "epoch", "offset": "times with offsets"}
    clock = kinds.get(kind, f"times of {zone or 'UTC'}")
    return table, "; ".join([layout, f"{clock} in '{clip(time_name, 20)}'", *told])


def _beside(grid: Grid, seconds: Seconds, time_name: str) -> str:
    """Return the zone that stands beside the rows, empty where no time of theirs has a clock."""
    if not (seconds % DAY).any():
        return ""
    zone = zone_of(f"({grid.zone})")
    if zone is None:
        reason = f"'{clip(grid.zone)}' beside the rows is no zone that is known: state it (--tz)"
        raise grid.error(reason, title=time_name)
    return zone


def _read(grid: Grid, columns: Columns, settings: ReadingSettings, mark: str) -> _Read:
    """Convert every chunk."""
    order = settings.date_order or ("month" if columns.month_first else None)
    stamps = [Stamps(order) for _ in columns.times]
    fields = columns.fields
    parts: list[list[Floats]] = [[] for _ in fields]
    empty: list[list[NDArray[np.bool_]]] = [[] for _ in fields]
    names: list[NDArray[np.object_]] = []
    numbers: list[NDArray[np.int64]] = []
    clocks = [row[columns.clock].strip() for row in grid.sample if columns.clock is not None]
    hours = bool(clocks) and all(HOUR.fullmatch(cell) for cell in clocks)
    extra = [i for i in (columns.clock, columns.symbol) if i is not None]
    for rows, cells in grid.chunks([*columns.times, *extra, *(f.position for f in fields)]):
        position = 0
        try:
            for own, position in zip(stamps, columns.times, strict=True):
                found = cells[position]
                if columns.clock is not None:
                    found = _joined(found, cells[columns.clock], hours)
                own.add(found)
            for i, field in enumerate(fields):
                position = field.position
                values, nothing = numbers_of(cells[position], mark)
                parts[i].append(_times(values, field.scale))
                empty[i].append(nothing)
        except WrongCellError as error:
            row = int(rows[error.index])
            raise grid.error(str(error), title=grid.titles[position], row=row) from None
        if columns.symbol is not None:
            names.append(_names(cells[columns.symbol]))
        numbers.append(rows)
    if not numbers:
        raise grid.error("a header and no data rows", row=grid.header_row)
    symbols = np.concatenate(names) if names else None
    if symbols is not None:
        blank = symbols == ""
        if blank.any():
            row = int(np.concatenate(numbers)[int(blank.argmax())])
            raise grid.error("empty", title=grid.titles[columns.symbol or 0], row=row)
    return _Read(
        np.concatenate(numbers),
        stamps,
        symbols,
        [np.concatenate(own) for own in parts],
        [np.concatenate(own) for own in empty],
    )


def _times(values: Floats, scale: float) -> Floats:
    """Multiply, or divide by what a scale below 1 is one over of, as decimals are rounded."""
    return values * scale if scale >= 1.0 else values / round(1.0 / scale)


def _names(cells: Cells) -> NDArray[np.object_]:
    """Return symbols as text."""
    names = np.empty(len(cells), dtype=object)
    names[:] = ["" if cell is None or cell != cell else str(cell).strip() for cell in cells]
    return names


def _joined(dates: Cells, clocks: Cells, hours: bool) -> Cells:
    """Put a date and a clock into one stamp."""
    if dates.dtype.kind == "M":
        dates = np.datetime_as_string(dates, unit="D")
    cells = np.empty(len(dates), dtype=object)
    both = zip(dates, clocks, strict=True)
    cells[:] = [
        f"{MIDNIGHT.sub('', str(date).strip())} {clock_text(str(clock), hours)}"
        for date, clock in both
    ]
    return cells


def _groups(read: _Read) -> list[Rows]:
    """Return the rows of each symbol."""
    if read.symbols is None:
        return [np.arange(len(read.rows))]
    return [*rows_by_name(read.symbols.astype(str)).values()]


def _table(
    grid: Grid,
    columns: Columns,
    read: _Read,
    seconds: Seconds,
    time_name: str,
    flow: Rows,
    of_yahoo: bool,
) -> tuple[BarTable, list[str]]:
    """Put the numbers of every asset below each other."""
    notes: list[str] = []
    assets = len(columns.symbols) or 1
    names = [
        f.name
        for f in columns.fields
        if f.name not in (*PRICE_FIELDS, "volume", "ticks", "quote", *EXTRAS)
    ]
    present = [name for name in EXTRAS if any(f.name == name for f in columns.fields)]
    extras: list[dict[str, Floats]] = []
    kept: list[Rows] = []
    values: list[dict[str, Floats]] = []
    titles: dict[str, str] = {}
    flat, dropped, silent = False, 0, 0
    shared = {f.name: i for i, f in enumerate(columns.fields) if f.asset < 0}
    by_asset: list[dict[str, int]] = [dict(shared) for _ in range(assets)]
    for i, f in enumerate(columns.fields):
        if f.asset >= 0:
            by_asset[f.asset][f.name] = i
    for own in by_asset:
        prices = [read.numbers[own[name]] for name in PRICE_FIELDS if name in own]
        nothing = np.logical_and.reduce([np.isnan(price) for price in prices])
        rows = flow[~nothing[flow]]
        dropped += len(flow) - len(rows)
        if not len(rows):
            symbol = f"symbol '{clip(columns.symbols[len(kept)])}'" if columns.symbols else ""
            raise MarketDataError.at(grid.source, symbol, "has no price in any row")
        for name, i in own.items():
            titles.setdefault(name, grid.titles[columns.fields[i].position])
            wrong = read.empty[i][rows] & np.isnan(read.numbers[i][rows])
            if (
                name not in EXTRAS
                and wrong.any()
                and not (wrong.all() and name in ("volume", "ticks", "quote"))
            ):
                row = int(read.rows[rows[int(wrong.argmax())]])
                title = grid.titles[columns.fields[i].position]
                raise grid.error("empty cell (fill it, or leave the row out)", title=title, row=row)
        table = {
            name: read.numbers[own[name]][rows] for name in (*PRICE_FIELDS, *names) if name in own
        }
        flat |= "open" not in table
        table = {name: table.get(name, table["close"]) for name in (*PRICE_FIELDS, *names)}
        volume, said = units_of(
            {name: read.numbers[i][rows] for name, i in own.items()}, table["close"]
        )
        if volume is not None and of_yahoo:
            name = columns.symbols[len(kept)] if columns.symbols else grid.stem
            assets_of = [name] * len(rows) if read.symbols is None else list(read.symbols[rows])
            volume, said = coins_of(volume, table["close"], assets_of)
            notes += [said] if said and said not in notes else []
        silent += volume is None
        notes += [said] if said and said not in notes else []
        table["volume"] = np.zeros(len(rows)) if volume is None else volume
        kept.append(rows)
        values.append(table)
        nan = np.full(len(rows), np.nan)
        extras.append({n: read.numbers[own[n]][rows] if n in own else nan for n in present})
    every = np.concatenate(kept)
    symbols: Sequence[str] | None = None
    if columns.symbols:
        symbols = [
            s for s, rows in zip(columns.symbols, kept, strict=True) for _ in range(len(rows))
        ]
    elif read.symbols is not None:
        symbols = list(read.symbols[every])
    numbers = {
        name: np.concatenate([own[name] for own in values]) for name in (*BAR_FIELDS, *names)
    }
    scales = dict.fromkeys(f.scale for f in columns.fields if f.scale != 1.0)
    notes += [f"volume times {scale:,.0f}" for scale in scales if scale > 1.0]
    notes += [f"prices times {scale:g}" for scale in scales if scale < 1.0]
    notes += ["each bar is its close four times"] * flat
    notes += [f"{dropped} rows without a price left out"] * (dropped > 0)
    notes += ["no volume: nothing fills until liquidity is stated"] * (silent == assets)
    table_of_all = BarTable(
        source=grid.source,
        row_word=grid.row_word,
        rows=read.rows[every],
        time_name=time_name,
        time=seconds[every],
        symbols=symbols,
        numbers=numbers,
        titles=titles if len(columns.symbols) < 2 else {},
        extras={name: np.concatenate([own[name] for own in extras]) for name in present},
        adjusts=columns.adjusts,
    )
    return table_of_all, notes
