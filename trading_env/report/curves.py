"""Equity and drawdown of all policies: a pair of charts for each market, scenario and window.

The curves are rows of `evaluation/curves`, a row a cell and step: `equity`, `equity_low` and
`equity_high` as multiples of an episode's start, `drawdown` as a fraction. Where the table has a
column `stressed`, the share of a cell's episodes in which an event acted, it shades the charts.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from trading_env.backtesting.cells import as_written
from trading_env.report.charts import Drawn, LineChart, line_chart
from trading_env.report.tables import place, varied

if TYPE_CHECKING:
    import pandas as pd

STEP = "step (bars since the start)"
EQUITY, DRAWDOWN = "equity, % above the start", "drawdown, % from the highest equity so far"


def equity_charts(curves: "pd.DataFrame", looks: Mapping[str, int]) -> dict[str, list[LineChart]]:
    """Return title -> equity and drawdown; of several severities the scenario as written.

    Args:
        curves: the table of curves.
        looks: policy -> its look; the policy of look 0 is drawn with its band.
    """
    chosen = curves[curves["severity"] == as_written(curves["severity"])]
    keys = [key for key in ("market", "scenario", "window") if key in chosen]
    groups = chosen.groupby(keys, sort=False)
    known = [dict(zip(keys, names, strict=True)) for names, _ in groups]
    titles = [place(each, varied(known)) for each in known]
    return {title: _pair(rows, looks) for title, (_, rows) in zip(titles, groups, strict=True)}


def _pair(rows: "pd.DataFrame", looks: Mapping[str, int]) -> list[LineChart]:
    """Chart one group, in percent."""
    steps = range(int(rows.groupby("policy").size().max()))
    equity, drawdown = [], []
    for name, cell in rows.groupby("policy", sort=False):
        missing = [None] * (len(steps) - len(cell))  # of an episode that ended early
        start, look = cell["equity"].iloc[0], looks[str(name)]
        middle, low, high = (
            (100.0 * (cell[column] / start - 1.0)).to_list() + missing
            for column in ("equity", "equity_low", "equity_high")
        )
        band = () if look else (low, high)
        equity.append(Drawn(str(name), look, middle, *band))
        below = (-100.0 * cell["drawdown"]).to_list() + missing
        drawdown.append(Drawn(str(name), look, below))
    shade = list(rows.groupby("step")["stressed"].max()) if "stressed" in rows else []
    return [
        line_chart((STEP, EQUITY), steps, equity, shade),
        line_chart((STEP, DRAWDOWN), steps, drawdown, shade),
    ]
