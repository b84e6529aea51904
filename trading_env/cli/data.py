"""`trading-env data`: describe and validate market data."""

from pathlib import Path
from typing import Annotated

import typer

from trading_env.cli.answers import answer, indented, new_app
from trading_env.cli.options import MARKET_HELP, AsJson, read_market
from trading_env.markets import load_market

data = new_app(help="Describe or validate market data.")
Spec = Annotated[str, typer.Argument(metavar="SPEC", help=MARKET_HELP)]
BarsFile = Annotated[
    str,
    typer.Argument(
        metavar="FILE", help=".csv, .csv.gz or .parquet file, or JSON of one and how to read it"
    ),
]


@data.command()
def describe(spec: Spec, as_json: AsJson = False) -> None:
    """Summarise a data set, a generator's pool or a file of bars."""
    answer(load_market(read_market(spec), seed_band=None).describe(), as_json, indented)


@data.command("validate")
def validate_bars(file: BarsFile, as_json: AsJson = False) -> None:
    """Check a file of bars; say how large it is."""
    spec = read_market(file)
    market = load_market(Path(spec) if isinstance(spec, str) else spec, seed_band=None)
    found = {"valid": True, "bars": market.bars, "symbols": list(market.symbols)}
    answer(found, as_json, indented)
