"""`trading-env data`: describe and validate market data."""

from pathlib import Path
from typing import Annotated, Any

import typer

from trading_env.cli.answers import answer, indented, new_app
from trading_env.cli.options import MARKET_HELP, AsJson, as_file, read_market, reads_bars
from trading_env.markets import MarketDataError, load_market
from trading_env.markets.inspection.repair import repaired
from trading_env.markets.inspection.verdict import CLEAN, REFUSED, as_lines, inspect_path

data = new_app(help="Describe or validate market data.")
SHOWN = ("verdict", "read_as", "faults", "bars", "symbols", "findings")
Spec = Annotated[str, typer.Argument(metavar="SPEC", help=MARKET_HELP)]
BarsFile = Annotated[
    str, typer.Argument(metavar="FILE", help="file or folder of bars, or JSON of one")
]
Exchange = Annotated[
    str | None,
    typer.Option(help="code of its exchange, as XNYS, for holes (needs exchange_calendars)"),
]
Repair = Annotated[
    str | None, typer.Option(metavar="OUT", help="write a repaired copy, and what it changed")
]
NOTED = 1


@data.command()
@reads_bars
def describe(spec: Spec, as_json: AsJson = False, *, reading: dict[str, Any]) -> None:
    """Summarise a data set, a generator's pool or a file of bars."""
    answer(load_market(read_market(spec, reading)).describe(), as_json, indented)


@data.command("validate")
@reads_bars
def validate_bars(
    file: BarsFile,
    exchange: Exchange = None,
    repair: Repair = None,
    as_json: AsJson = False,
    *,
    reading: dict[str, Any],
) -> None:
    """Judge a file of bars: exit 0 when clean, 1 when usable with notes, 2 when refused."""
    path, settings = as_file(file, reading)
    found = inspect_path(path, settings, exchange)
    changed = [] if repair is None else repaired(found, path, Path(repair), settings)
    about = {name: getattr(found, name) for name in SHOWN}
    about |= {} if repair is None else {"repaired": changed}
    answer(about, as_json, as_lines)
    if found.verdict == REFUSED:
        hint = " (--repair OUT mends it)" if found.changes and repair is None else ""
        raise MarketDataError(found.faults[0] + hint)
    if found.verdict != CLEAN:
        raise typer.Exit(NOTED)
