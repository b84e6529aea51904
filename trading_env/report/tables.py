"""The numbers of a summary as tables, and the one layout of a table on a terminal.

`evaluation/summary.json` holds means (a row for each policy, scenario and severity) and, for each
baseline, the learner's paired differences. How a metric is shown is declared with its formula
(`backtesting/metric.py`). A value that the summary lacks is a dash.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from trading_env.backtesting import metric as places
from trading_env.backtesting.metric import Metric
from trading_env.backtesting.metrics import METRICS
from trading_env.backtesting.rollouts import PARTS as PARTS

DASH = "–"  # noqa: RUF001 -- the typographer's sign for "no value"
SETTING = ("market", "scenario", "window", "severity")


def columns_shown(place: str) -> tuple[Metric, ...]:
    """Return the metrics that are shown in a place."""
    return tuple(metric for metric in METRICS.values() if place in metric.shown)


COLUMNS = columns_shown(places.REPORT)
CHOSEN = ("return", "max_drawdown", "shortfall_bps")  # reward, risk and cost, on a phone
COMPARED_COLUMNS = columns_shown(places.COMPARED)


def cell(row: dict[str, Any], column: Metric, prefix: str = "") -> str:
    """Show one metric of a row of the summary."""
    value = row.get(prefix + column.name)
    sign = "+" if prefix else ""
    if value is None:
        return DASH
    return f"{value * column.factor:{sign}.{column.digits}f}"


def interval(row: dict[str, Any], column: Metric, prefix: str = "") -> str:
    """Show the interval of a metric, or nothing where the summary has none."""
    name = prefix + column.name
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    if low is None or high is None:
        return ""
    sign = "+" if prefix else ""
    low, high = low * column.factor, high * column.factor
    return f"[{low:{sign}.{column.digits}f}, {high:{sign}.{column.digits}f}]"


def is_clear(row: dict[str, Any], column: Metric) -> bool:
    """Tell whether the interval of a paired difference excludes 0."""
    low, high = row.get(f"diff_{column.name}_low"), row.get(f"diff_{column.name}_high")
    return low is not None and high is not None and (low > 0.0 or high < 0.0)


def reasons_by_cell(summary: dict[str, Any]) -> dict[tuple[Any, ...], dict[str, str]]:
    """Return why metrics are withheld, by cell: policy and setting."""
    listed = summary.get("reasons") or []
    return {cell_of(found): found["reasons"] for found in listed}


def cell_of(row: dict[str, Any]) -> tuple[Any, ...]:
    """Return what tells a row of the summary from the others."""
    return (row.get("policy"), *(row.get(key) for key in SETTING))


def severities(rows: Sequence[dict[str, Any]]) -> list[float]:
    """List the severities of a summary's rows."""
    return sorted({float(row.get("severity", 1.0)) for row in rows})


def varied(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Name the parts of a setting that differ between rows; the scenario always."""
    return [k for k in SETTING if k == "scenario" or len({row.get(k) for row in rows}) > 1]


def place(row: dict[str, Any], keys: Sequence[str]) -> str:
    """Name a row's setting by the parts that differ."""
    parts = [(key, row[key]) for key in keys if key in row]
    shown = [(key, f"{value:g}" if isinstance(value, float) else value) for key, value in parts]
    bare = ("market", "scenario")
    return ", ".join(f"{value}" if key in bare else f"{key} {value}" for key, value in shown)


def ordered(summary: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the means, scenario by scenario in the summary's order of scenarios."""
    order = {s["name"]: position for position, s in enumerate(summary["scenarios"])}
    rows: list[dict[str, Any]] = summary["means"]
    return sorted(rows, key=lambda row: order.get(row["scenario"], len(order)))


def defined(columns: Sequence[Metric], rows: Sequence[dict[str, Any]]) -> list[Metric]:
    """Return the columns that some row has a value for."""
    return [c for c in columns if any(row.get(c.name) is not None for row in rows)]


def columns_of(rows: Sequence[dict[str, Any]]) -> list[Metric]:
    """Return the usual columns, and further ones that some row has a value for."""
    return [*COLUMNS, *defined(columns_shown(places.MORE), rows)]


class Section(NamedTuple):
    """A table with its heading."""

    title: str
    header: list[str]
    rows: list[list[str]]


def terminal_sections(summary: dict[str, Any]) -> list[Section]:
    """One table a setting: every policy's mean over the episodes, as the command line shows it."""
    columns = defined(columns_shown(places.TERMINAL), summary["means"])
    roles = {scenario["name"]: scenario["role"] for scenario in summary["scenarios"]}
    tables: dict[str, list[list[str]]] = {}
    for row in ordered(summary):
        title = f"{place(row, SETTING)} ({roles.get(row['scenario'], 'not described')})"
        shown = [row["policy"], *(cell(row, column) for column in columns)]
        tables.setdefault(title, []).append(shown)
    header = ["policy", *(c.title for c in columns)]
    return [Section(title, header, rows) for title, rows in tables.items()]


def text_table(section: Section) -> str:
    """Lay a table out for a terminal: names to the left, numbers to the right."""
    lines = [section.header, *section.rows]
    widths = [max(len(line[k]) for line in lines) for k in range(len(section.header))]
    text = [section.title]
    for line in lines:
        cells = [line[0].ljust(widths[0])]
        cells += [value.rjust(width) for value, width in zip(line[1:], widths[1:], strict=True)]
        text.append("  " + "  ".join(cells).rstrip())
    return "\n".join(text)
