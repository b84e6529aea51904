"""Equity and drawdown of all policies, charted: one pair of charts for each market and scenario.

`evaluation/equity.json` holds the curves of one scenario with the share of episodes that met an
event in each step. Where there is none, `evaluation/curves.parquet` (or .csv) is read: a row a cell
and step with `equity`, `equity_low`, `equity_high` in currency and `drawdown` as a fraction.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trading_env.report.charts import Series, line_chart
from trading_env.report.markup import Markup, element, joined

if TYPE_CHECKING:
    import pandas as pd

EQUITY = "equity.json"
GROUP = ["market", "scenario", "window"]
TEXT = (
    "Over the episodes of each policy, the first policy with its band. Shaded, where it is known: "
    "steps in which an event bent the market, the darker the more episodes."
)


def equity_section(evaluation: Path, looks: dict[str, int]) -> Markup:
    """Chart what curves the folder has; `looks` numbers the policies.

    Raises:
        ValueError: a file is not what its name says.
    """
    groups = read_curves(evaluation)
    parts = [_pair(group, looks, number == 0) for number, group in enumerate(groups)]
    return joined(element("p", TEXT), *parts) if parts else Markup()


def read_curves(evaluation: Path) -> list[dict[str, Any]]:
    """Return the groups of curves: `scenario`, `stressed` and `policies`, as in equity.json."""
    if (evaluation / EQUITY).exists():
        try:
            return [json.loads((evaluation / EQUITY).read_text(encoding="utf-8"))]
        except ValueError as error:
            raise ValueError(f"{evaluation / EQUITY}: not JSON: {error}") from None
    frame = _table(evaluation / "curves")
    return [] if frame is None else _grouped(frame)


def _table(path: Path) -> "pd.DataFrame | None":
    """Read a table that was written as Parquet or as CSV; None where there is neither."""
    import pandas as pd

    if path.with_suffix(".csv").exists():
        return pd.read_csv(path.with_suffix(".csv"))
    if not path.with_suffix(".parquet").exists():
        return None
    try:
        return pd.read_parquet(path.with_suffix(".parquet"))
    except ImportError:  # a table from elsewhere, and no pyarrow here: the part is left out
        return None


def _grouped(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    """Turn rows into groups, in percent; of several severities the scenario as written."""
    levels = set(frame["severity"])
    chosen = frame[frame["severity"] == (1.0 if 1.0 in levels else max(levels))]
    keys = [key for key in GROUP if key in chosen]
    told = [key for key in keys if key == "scenario" or chosen[key].nunique() > 1]
    groups = []
    for names, rows in chosen.groupby(keys, sort=False, dropna=False):
        known = dict(zip(keys, names, strict=True))
        policies = {str(name): _curve(cell) for name, cell in rows.groupby("policy", sort=False)}
        steps = max(len(policy["equity"]["median"]) for policy in policies.values())
        title = ", ".join(str(known[key]) for key in told)
        groups.append({"scenario": title, "stressed": [0.0] * steps, "policies": policies})
    return groups


def _curve(cell: "pd.DataFrame") -> dict[str, Any]:
    """One policy's curves, percent of the start, and how far below the peak."""
    start = cell["equity"].iloc[0]
    names = {"median": "equity", "low": "equity_low", "high": "equity_high"}
    equity = {k: (100.0 * (cell[name] / start - 1.0)).to_list() for k, name in names.items()}
    return {"equity": equity, "drawdown": {"median": (-100.0 * cell["drawdown"]).to_list()}}


def _pair(group: dict[str, Any], looks: dict[str, int], is_open: bool) -> Markup:
    """Equity and drawdown side by side."""
    shade = group["stressed"]
    charts = []
    for key, title in (("equity", "Equity, % of start"), ("drawdown", "Drawdown, %")):
        series = []
        for number, (name, policy) in enumerate(group["policies"].items()):
            part = policy[key]
            values = part["median"] + [None] * (len(shade) - len(part["median"]))
            has_band = number == 0 and len(part.get("low", [])) == len(shade)
            band = (part["low"], part["high"]) if has_band else ()
            series.append(Series(name, looks.get(name, number), values, *band))
        steps = range(len(shade))
        charts.append(line_chart(title, steps, series, x_label="step", shade=shade))
    content = element("div", *charts, class_="charts")
    return element("details", element("summary", group["scenario"]), content, open=is_open)
