"""The two tables that a reader sorts and scans: scores with intervals, and the heat map.

In the heat map a cell is the learner less a baseline on the same seeds. Colour says which of them
did better and how much, against the metric's largest difference to any baseline: blue is better,
orange worse, and the number is printed in every cell, so that nothing hangs on the colour.
"""

import math
from collections.abc import Sequence
from typing import Any

from trading_env.report.markup import Markup, element, joined
from trading_env.report.tables import (
    COMPARED_COLUMNS,
    DASH,
    Column,
    cell,
    cell_of,
    columns_of,
    interval,
    is_clear,
    ordered,
    place,
    reasons,
    varied,
)

STRONGEST = 60.0  # percent of full colour at the largest difference: ink stays legible
NO_PAIR = "no interval: fewer than six pairs of episodes, or of windows, define it"


def score_table(summary: dict[str, Any]) -> Markup:
    """Write every policy's means in every setting, sortable by each column."""
    rows = ordered(summary)
    names, columns, why = ["policy", *varied(rows)], columns_of(rows), reasons(summary)
    header = [_sortable(name, name, "name") for name in names]
    header += [_sortable(column.title, column.metric, None) for column in columns]
    body = []
    for row in rows:
        keys = [_key_cell(row, name) for name in names]
        withheld = why.get(cell_of(row), {})
        scores = [_score_cell(row, column, withheld.get(column.metric)) for column in columns]
        look = "learner" if row["policy"] == summary["learner"] else None
        body.append(element("tr", *keys, *scores, class_=look, data_scenario=row["scenario"]))
    table = element(
        "table",
        element("thead", element("tr", *header)),
        element("tbody", *body),
        id="score-table",
        class_="sortable",
    )
    return element("div", table, class_="scroll")


def scenario_choice(summary: dict[str, Any]) -> Markup:
    """Write the list that narrows the table of scores to one scenario: at first the last one."""
    described = summary["scenarios"]
    options = [element("option", "every scenario", value="")]
    options += [
        element(
            "option", f"{s['name']} ({s['role']})", value=s["name"], selected=s is described[-1]
        )
        for s in described
    ]
    choice = element("select", *options, id="scenario")
    return element("p", element("label", "Show ", choice), class_="controls")


def heat_maps(summary: dict[str, Any]) -> list[Markup]:
    """Write setting by metric for each baseline: the learner's paired differences to it."""
    everywhere = [row for rows in summary["differences"].values() for row in rows]
    largest = {c.metric: _largest(everywhere, c) for c in COMPARED_COLUMNS}
    header = [element("th", title, scope="col") for title in ("scenario", *_titles())]
    maps: list[Markup] = []
    for baseline, rows in summary["differences"].items():
        body = [_heat_row(row, place(row, varied(rows)), largest) for row in rows]
        head, content = element("thead", element("tr", *header)), element("tbody", *body)
        table = element("table", head, content, class_="heat")
        title = element("summary", f"{summary['learner']} minus {baseline}")
        content = element("div", table, class_="scroll")
        maps.append(element("details", title, content, open=not maps))
    return maps


def _heat_row(row: dict[str, Any], name: str, largest: dict[str, float]) -> Markup:
    cells = [_heat_cell(row, column, largest[column.metric]) for column in COMPARED_COLUMNS]
    return element("tr", element("th", name, scope="row"), *cells)


def _titles() -> list[str]:
    return [column.title for column in COMPARED_COLUMNS]


def _sortable(title: str, key: str, look: str | None) -> Markup:
    button = element("button", title, type="button")
    return element("th", button, scope="col", class_=look, data_key=key)


def _key_cell(row: dict[str, Any], name: str) -> Markup:
    """Part of a setting; `data_value` is what a column is sorted by."""
    value = row.get(name, DASH)
    tag = "th" if name == "policy" else "td"
    return element(tag, value, class_="name", data_value=_exact(value))


def _score_cell(row: dict[str, Any], column: Column, why: str | None) -> Markup:
    value = row.get(column.metric)
    if value is None:
        return element("td", DASH, title=why or column.missing, class_="none")
    bounds = interval(row, column)
    below = element("small", bounds) if bounds else ""
    return element("td", cell(row, column), below, data_value=_exact(value), title=why)


def _heat_cell(row: dict[str, Any], column: Column, largest: float) -> Markup:
    value = row.get(f"diff_{column.metric}")
    bounds = interval(row, column, "diff_")
    if value is None or not bounds:
        return element("td", DASH, title=NO_PAIR, class_="none")
    good = column.better * value
    look = "better" if good > 0.0 else "worse" if good < 0.0 else None
    weight = STRONGEST * abs(value) / largest if largest > 0.0 else 0.0
    star = "*" if is_clear(row, column) else ""
    shown = joined(cell(row, column, "diff_"), star, element("small", bounds))
    return element("td", shown, class_=look, style=f"--weight: {weight:.0f}%")


def _largest(rows: Sequence[dict[str, Any]], column: Column) -> float:
    values = [abs(row.get(f"diff_{column.metric}") or 0.0) for row in rows]
    return max((value for value in values if math.isfinite(value)), default=0.0)


def _exact(value: object) -> str:
    return repr(value) if isinstance(value, float) else str(value)
