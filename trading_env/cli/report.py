"""`trading-env report`: write a run folder's HTML report."""

from typing import Annotated

import typer

from trading_env.cli.answers import answer, indented
from trading_env.cli.options import AsJson
from trading_env.report import write_report

Folder = Annotated[str, typer.Argument(metavar="DIR", help="run folder")]


def report_verb(folder: Folder, as_json: AsJson = False) -> None:
    """Write a run folder's HTML report anew."""
    answer({"report": str(write_report(folder))}, as_json, indented)
