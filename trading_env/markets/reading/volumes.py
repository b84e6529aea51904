"""Which column is the volume: units of the asset, currency, or a count of ticks.

The coin of a pair is units and its currency is not: of `Volume BTC` and `Volume USD`, the first.
What stands behind `Volume` is a coin where a pair begins with it, its money has a column too, or it
is one of the best known; what else it is (`Volume (lots)`, `volume_change`) has to be stated.
`Volume (M)` is in millions, unless its cells have letters of their own.
"""

import difflib
import re
from collections.abc import Mapping, Sequence

import numpy as np

from trading_env.core.errors import clip
from trading_env.core.records import Floats
from trading_env.markets.reading import words as w
from trading_env.markets.reading.columns import Field, first_of
from trading_env.markets.reading.grid import Grid
from trading_env.markets.reading.settings import ReadingSettings
from trading_env.markets.reading.validation import PRICE_FIELDS

LONGEST = 80  # characters of a name that may be a pair
_PAIR = re.compile(rf"(?:.*[_ ])?(?!(?:{w.FIAT})-)[A-Z0-9]{{2,10}}-(?:{w.FIAT})(?:[ _(].*)?")
_LETTERED = re.compile(r"[0-9.,] ?[kKmMbBT]$")


def volumes_of(grid: Grid, words: Sequence[str], symbol: int | None) -> dict[str, int]:
    """Find the columns of volume: in units, in currency, in ticks, or unsure.

    Raises:
        MarketDataError: two could be that of units, or one has a name that is nearly volume.
    """
    header, places = grid.header[0], {word: i for i, word in reversed(list(enumerate(words)))}
    names = {"volume": w.UNITS, "quote": w.QUOTE, "ticks": w.TICKS, "unsure": w.UNSURE}
    positions = {name: first_of(places, own) for name, own in names.items()}
    found = {name: position for name, position in positions.items() if position is not None}
    coins, money = _coins(grid, words, symbol)
    if "volume" not in found:
        several = coins if len(coins) > 1 else money if not coins and len(money) > 1 else []
        if several:
            shown = " and ".join(f"'{clip(header[i], 20)}'" for i in several[:2])
            raise grid.error(f"columns {shown}: two volumes; rename that of units to 'volume'")
        if coins:
            found["volume"] = coins[0]
    elif words.count(words[found["volume"]]) > 1:
        title = header[found["volume"]].strip().lower()
        raise grid.error("appears twice in the header", title=title)
    if money:
        found.setdefault("quote", money[0])
    return found or _nearly(grid, words, places)


def _coins(grid: Grid, words: Sequence[str], symbol: int | None) -> tuple[list[int], list[int]]:
    """Return the columns of volume that name the coin of a pair, and those that name its money."""
    known = {*w.UNITS, *w.QUOTE, *w.TICKS}
    codes = {i: w.currency_of(n) for i, n in enumerate(grid.header[0]) if words[i] not in known}
    codes = {i: code for i, code in codes.items() if code}
    pair = grid.sample[0][symbol].lower() if symbol is not None and grid.sample else ""
    pair = pair or re.sub(r"^.*_(?=[A-Za-z]{6,})", "", grid.stem).lower()
    coins = [i for i, code in codes.items() if pair.startswith(code)]
    money = [i for i, code in codes.items() if i not in coins and code in w.MONEY]
    if not coins:
        is_pair = bool(money or set(words) & set(w.QUOTE))
        coins = [i for i, c in codes.items() if c in w.COINS or (is_pair and c not in w.MONEY)]
    return coins, money


def _nearly(grid: Grid, words: Sequence[str], places: dict[str, int]) -> dict[str, int]:
    """Return a column whose name begins with volume; refuse one that is a letter or two off."""
    begins = [i for i, word in enumerate(words) if word.startswith("volume")]
    begins = [i for i in begins if words[i][len("volume") :] not in w.AVERAGES]
    if begins:
        return {"unsure": begins[0]}
    near = difflib.get_close_matches("volume", list(places)[:200], n=1, cutoff=0.75)
    if near and not near[0].startswith("volume"):
        name = clip(grid.header[0][places[near[0]]])
        raise grid.error(f"missing (is it '{name}'? has it none? state liquidity)", title="volume")
    return {}


def with_volume(
    grid: Grid, fields: Sequence[Field], volumes: dict[str, int], settings: ReadingSettings
) -> list[Field]:
    """Choose the column of volume by what it is in."""
    kept = [field for field in fields if field.name in PRICE_FIELDS]
    if settings.liquidity is not None:
        return kept
    volumes = {f.name: f.position for f in fields if f.name not in PRICE_FIELDS} | volumes
    units, quote = volumes.get("volume"), volumes.get("quote")
    unsure, ticks = volumes.get("unsure"), volumes.get("ticks")
    if settings.volume_in == "quote":
        chosen = next((i for i in (quote, units, unsure) if i is not None), None)
        return kept if chosen is None else [*kept, scaled(grid, Field(-1, "quote", chosen))]
    if units is None and settings.volume_in == "units":
        units = unsure if unsure is not None else quote
    if units is None and ticks is None and quote is None and unsure is not None:
        reason = "units or currency? state volume_in (--volume-in units or quote)"
        raise grid.error(reason, title=grid.titles[unsure])
    if units is not None:
        kept.append(scaled(grid, Field(-1, "volume", units)))
    if ticks is not None:
        kept.append(Field(-1, "ticks", ticks))
    if units is None and ticks is None and quote is not None:
        kept.append(scaled(grid, Field(-1, "quote", quote)))
    return kept


def units_of(own: Mapping[str, Floats], close: Floats) -> tuple[Floats | None, str]:
    """Return the volume in units, None for none, and what there is to say of it."""
    found = {name: own[name] for name in ("volume", "ticks", "quote") if name in own}
    found = {name: values for name, values in found.items() if not np.isnan(values).all()}
    if "volume" in found and ("ticks" not in found or (found["volume"] != 0.0).any()):
        return found["volume"], ""
    if "ticks" in found:
        return found["ticks"], "volume is the count of ticks"
    if "quote" in found:
        return found["quote"] / close, "volume is currency over the close"
    return None, ""


def coins_of(volume: Floats, close: Floats, names: Sequence[str]) -> tuple[Floats, str]:
    """Turn the volume of Yahoo's coins, currency, into units; it is whole, or else not Yahoo's.

    Returns:
        The volume, and what there is to say of it.
    """
    pairs = {name: _PAIR.fullmatch(name[:LONGEST].upper()) is not None for name in set(names)}
    coins = np.array([pairs[name] for name in names], dtype=np.bool_)
    own = volume[coins]
    if not coins.any() or not (np.isnan(own) | (own == np.floor(own))).all():
        return volume, ""
    units = np.where(coins, volume / close, volume)
    return units, "volume of a coin is currency over the close"


def scaled(grid: Grid, field: Field) -> Field:
    """Return a column of volume, in thousands or millions where its name and no cell says so."""
    cells = (row[field.position].strip() for row in grid.sample)
    is_written = any(_LETTERED.search(cell) for cell in cells)
    return field if is_written else field._replace(scale=w.scale_of(grid.titles[field.position]))
