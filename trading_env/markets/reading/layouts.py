"""What the columns of a table mean: which are the time, the symbol and the fields of a bar.

Three layouts: `bars`, one asset with a row a bar; `long`, a row for each bar and symbol; `wide`,
columns for each symbol. A table whose columns have two meanings is refused with the setting that
settles it. Columns that mean nothing here are ignored.
"""

import difflib
import re
from collections import Counter
from collections.abc import Collection, Sequence

from trading_env.core.errors import clip
from trading_env.markets.reading import words as w
from trading_env.markets.reading.amounts import Amounts, as_currency, proved
from trading_env.markets.reading.bare import bare_columns
from trading_env.markets.reading.columns import (
    Columns,
    Field,
    first_of,
    lost,
    signals_of,
    zone_named,
)
from trading_env.markets.reading.grid import Grid
from trading_env.markets.reading.published import BILLIONTH, LOT, kinds_of, published
from trading_env.markets.reading.settings import ReadingSettings, Shape
from trading_env.markets.reading.stamps import HOUR, MIDNIGHT
from trading_env.markets.reading.validation import BAR_FIELDS, PRICE_FIELDS
from trading_env.markets.reading.volumes import volumes_of, with_volume
from trading_env.markets.reading.wide import pairs_of, stacked_columns, wide_columns

APART = "columns are apart by a comma, ;, | or a tab"
LONGEST_WHOLE = 6  # digits of a whole price that is as it stands
_FRACTION = re.compile(r"[0-9]*[.,](?![0]+$)[0-9]+")
SHOWN_TIMES = ("time", "date", "datetime", "timestamp")


def find_columns(grid: Grid, settings: ReadingSettings) -> Columns:
    """Find what the columns of a grid mean.

    Raises:
        MarketDataError: a column is missing, appears twice, or has two meanings.
    """
    if not grid.header:
        found = bare_columns(grid.sample)
        if found is None:
            width = len(grid.sample[0]) if grid.sample else 0
            reason = f"no header, and its {width} columns are in no order that is known"
            hint = "write names above them" if width > 1 else APART
            raise grid.error(f"{reason}: {hint}", row=grid.header_row)
        named = {name: i for i, name in enumerate(found.columns) if name}
        kept = {k: v for k, v in named.items() if k not in ("time", "clock", "symbol")}
        fields = [Field(-1, name, position) for name, position in kept.items()]
        amounts = {i: w.AMOUNT_KINDS[name] for name, i in kept.items() if name in w.AMOUNT_KINDS}
        bars, said = _settled(grid, with_volume(grid, fields, {}, settings), amounts, settings)
        return Columns(
            layout="long" if "symbol" in named else "bars",
            shape=found.name,
            times=(named["time"],),
            clock=named.get("clock"),
            symbol=named.get("symbol"),
            symbols=(),
            fields=tuple(bars),
            said=said,
        )
    if len(grid.header) > 1:
        return stacked_columns(grid, settings)
    return _single(grid, settings)


def _single(grid: Grid, settings: ReadingSettings) -> Columns:
    """Read one row of names."""
    header = grid.header[0]
    words = w.words_of(header)
    places: dict[str, int] = {}
    for position, word in enumerate(words):
        places.setdefault(word, position)
    shape = published(header)
    times, clock = _times(grid, words, places, settings)
    symbol = first_of(places, w.SYMBOL, without=times)
    if symbol is not None and any(_FRACTION.fullmatch(row[symbol].strip()) for row in grid.sample):
        symbol = None  # the closes of a symbol that is called so, as COIN is
    fields = {name: first_of(places, w.FIELDS[name]) for name in PRICE_FIELDS}
    prices = {name: position for name, position in fields.items() if position is not None}
    adjusted = first_of(places, w.ADJUSTED)
    if not prices and adjusted is not None:
        prices["close"] = adjusted
    wide = symbol is None and (not prices or _is_of_symbols(header, prices))
    if settings.layout == "wide" or (settings.layout is None and wide):
        return wide_columns(grid, times, clock, settings)
    if settings.layout is None and symbol is None and list(prices) == ["close"]:
        _refuse_symbols(grid, words, prices["close"])
    stated = settings.liquidity is not None  # then no column of volume is read
    volumes = {} if stated else volumes_of(grid, words, symbol)
    used = Counter(words)
    for position in (*times, *prices.values(), *([] if symbol is None else [symbol])):
        if words[position] and used[words[position]] > 1:
            raise grid.error("appears twice in the header", title=header[position].strip().lower())
    missing = [name for name in PRICE_FIELDS if name not in prices]
    if missing and list(prices) != ["close"]:
        raise grid.error(lost(words, missing[0]), title=missing[0])
    found = [Field(-1, name, position) for name, position in prices.items()]
    if shape and shape.fixed_point and _are_billionths(grid, prices.values()):
        found = [field._replace(scale=BILLIONTH) for field in found]
    if shape and shape.quote and "volume" in volumes:
        volumes["quote"] = volumes.pop("volume")
    found = with_volume(grid, found, volumes, settings)
    if shape and symbol is not None and settings.volume_in is None:
        names = [row[symbol].strip().upper() for row in grid.sample]
        if names and all(name.endswith(shape.lots_of) for name in names):
            found = _of_lots(grid, found, places.get("amount"))
    found, said = _settled(grid, found, _amounts(header, words), settings)
    layout: Shape = settings.layout or ("bars" if symbol is None else "long")
    if layout == "long" and symbol is None:
        raise grid.error("missing; layout long needs symbol, ticker or tic", title="symbol")
    return Columns(
        layout=layout,
        shape=shape.name if shape else "",
        times=times,
        clock=clock,
        symbol=symbol if layout == "long" else None,
        symbols=(),
        fields=(*found, *signals_of(grid, header), *_extras(places, prices)),
        month_first=shape is not None and shape.month_first,
        adjusts=shape is not None and shape.adjusts,
        said=said,
    )


def _settled(
    grid: Grid, fields: list[Field], amounts: dict[int, str], settings: ReadingSettings
) -> tuple[list[Field], str]:
    """Hold the volume against the amounts beside it, unless it is stated."""
    if settings.volume_in == "quote":
        return as_currency(grid, fields, amounts), ""
    if settings.volume_in is not None or settings.liquidity is not None:
        return fields, ""
    return proved(grid, fields, amounts)


def _amounts(header: Sequence[str], words: Sequence[str]) -> dict[int, str]:
    """Return the columns that may be amounts of a bar."""
    loose, pair = {*w.QUOTE, *w.UNSURE, *w.NOTIONAL}, w.MONEY | w.COINS
    found: dict[int, str] = {}
    for i, word in enumerate(words):
        if word in w.EXACT:
            found[i] = "exact"
        elif word in loose or w.currency_of(header[i]) in pair:
            found[i] = "loose"
    return found


def _are_billionths(grid: Grid, positions: Collection[int]) -> bool:
    """Tell whether prices are in fixed point: whole, and a thousandth of currency or more."""
    cells = [row[i].strip() for row in grid.sample for i in positions]
    whole = [cell for cell in cells if cell not in w.MISSING]
    return bool(whole) and all(cell.isdigit() and len(cell) > LONGEST_WHOLE for cell in whole)


def _of_lots(grid: Grid, fields: Sequence[Field], amount: int | None) -> list[Field]:
    """Take a volume as lots, unless an amount, in currency or thousands of it, says it is units."""
    place = {field.name: field.position for field in fields}
    if amount is not None and {"low", "high", "volume"} <= place.keys():
        says = Amounts(grid, place["low"], place["high"])
        if says.fits(amount, place["volume"], (1.0, 1e3)):
            return list(fields)
    return [f._replace(scale=LOT) if f.name == "volume" else f for f in fields]


def _is_of_symbols(header: Sequence[str], prices: dict[str, int]) -> bool:
    """Tell whether a close is that of a symbol called as a field is, as `close_LAST`."""
    if list(prices) != ["close"]:
        return False
    pairs = pairs_of(header, range(len(header)))
    fields = [field for field, _ in pairs.values() if field in PRICE_FIELDS]
    return prices["close"] in pairs and len(fields) > 1 and 2 * len(pairs) >= len(header)


def _refuse_symbols(grid: Grid, words: Sequence[str], close: int) -> None:
    """Refuse a close beside what may be closes of symbols: it may be one itself, as LAST is.

    Raises:
        MarketDataError: nothing else in the header is of a bar.
    """
    extras = [name for names in w.EXTRAS.values() for name in names]
    rest = [(i, word) for i, word in enumerate(words) if i != close]
    known = {*w.UNITS, *w.TICKS, *w.QUOTE, *w.UNSURE, *extras}
    if any(word in known or word.startswith(("vol", "signal")) for _, word in rest):
        return
    header, no_symbols = grid.header[0], {*w.TIME, *w.LATE_TIME, *w.CLOCK, *w.BESIDE}
    alike = [
        header[i]
        for i, word in rest
        if word not in no_symbols and w.is_ticker(header[i]) and _holds_prices(grid, i)
    ]
    name = header[close]
    if w.is_ticker(name) and alike and alike[0].isupper() == name.isupper():
        reason = f"'{clip(name)}' and '{clip(alike[0])}': closes of two symbols, or a close and "
        reason += "what is left out? state layout (--layout wide or bars)"
        raise grid.error(reason, row=grid.header_row)


def _holds_prices(grid: Grid, position: int) -> bool:
    """Tell whether the cells of a column are numbers above 0."""
    cells = {row[position].strip() for row in grid.sample} - w.MISSING
    return bool(cells) and all(
        "number" in kinds_of(cell) and cell[0] != "-" and cell.strip("0.,") for cell in cells
    )


def _extras(places: dict[str, int], prices: dict[str, int]) -> list[Field]:
    """Find what stands beside the bars and says what their prices are."""
    found = {name: first_of(places, names) for name, names in w.EXTRAS.items()}
    taken = prices.values()
    return [Field(-1, n, i) for n, i in found.items() if i is not None and i not in taken]


def _times(
    grid: Grid, words: Sequence[str], places: dict[str, int], settings: ReadingSettings
) -> tuple[tuple[int, ...], int | None]:
    """Find the columns of time stamps, and that of the clock beside a date."""
    header = grid.header[-1]
    if settings.time_column is not None:
        wanted = settings.time_column.strip().lower()
        named = [i for i, name in enumerate(grid.titles) if name.strip().lower() == wanted]
        named = named or [i for i, name in enumerate(header) if name.strip().lower() == wanted]
        if not named:
            near = difflib.get_close_matches(wanted, [n.lower() for n in grid.titles[:200]], n=1)
            hint = f"; did you mean '{clip(near[0])}'?" if near else ""
            raise grid.error(f"no such column, as time_column states{hint}", title=wanted)
        return (named[0],), None
    found = [i for i, word in enumerate(words) if word in w.TIME]
    cells = {i: kinds_of(grid.sample[0][i]) if grid.sample else frozenset() for i in found}
    dated = [i for i in found if cells[i] & {"date", "epoch"}]
    clocks = [
        places[word]
        for word in w.CLOCK
        if word in places and grid.sample and _is_clock(grid.sample[0][places[word]])
    ]
    if dated and clocks and clocks[0] not in dated[:1]:
        day = next((i for i in dated if i != clocks[0]), None)
        if day is not None and "date" in cells[day] and _are_days(grid, day):
            return (day,), clocks[0]
    found = [i for i in dated if words[i] in w.OPEN_TIME][:1] or dated or found
    if not found:
        found = [i for i, name in enumerate(header[:200]) if "/" in name and zone_named(name)]
    if not found:
        late = [places[word] for word in w.LATE_TIME if word in places]
        sample = grid.sample[0] if grid.sample else []
        found = [i for i in late if sample and kinds_of(sample[i]) & {"date", "epoch"}][:1]
    if not found:
        raise grid.error(_lost_time(grid, words), title="time")
    for word in {words[i] for i in found}:
        if word and sum(words[i] == word for i in found) > 1:
            raise grid.error("appears twice in the header", title=header[found[0]].strip().lower())
    return tuple(found), None


def _is_clock(cell: str) -> bool:
    return "clock" in kinds_of(cell) or HOUR.fullmatch(cell.strip()) is not None


def _are_days(grid: Grid, position: int) -> bool:
    """Tell whether the stamps of a column have no clock of their own, or midnight alone."""
    return not any(":" in MIDNIGHT.sub("", row[position].strip()) for row in grid.sample)


def _lost_time(grid: Grid, words: Sequence[str]) -> str:
    """Describe what could be the time where no column is called so."""
    titles, sample = grid.titles, grid.sample[0] if grid.sample else []
    near = [i for i, cell in enumerate(sample[:200]) if kinds_of(cell) & {"date", "epoch"}]
    near = [i for i in near if "." not in sample[i][:5] or "date" in kinds_of(sample[i])]
    if len(words) == 1 and grid.row_word == "line":
        return f"missing; the header has one column ({APART})"
    hint = f" (is it '{clip(titles[near[0]])}'? state time_column, --time-column)" if near else ""
    return f"missing{hint}; needed: {' or '.join(SHOWN_TIMES)}, {', '.join(BAR_FIELDS)}"
