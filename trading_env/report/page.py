"""The page: one HTML file of a run folder that opens offline and asks for nothing.

Read are `evaluation/summary.json` (needed), and what there is of `manifest.json` and of
the curves and `replay.json` beside it. A part without its file is left out.
"""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from trading_env.core.files import write_bytes
from trading_env.report.charts import Series, line_chart, span_of, stacked_bars
from trading_env.report.curves import equity_section
from trading_env.report.heat import heat_maps, scenario_choice, score_table
from trading_env.report.markup import Markup, element, joined
from trading_env.report.reliability import reliability
from trading_env.report.stage import stage
from trading_env.report.tables import COMPARED_COLUMNS, PARTS, Column, ordered, severities

SUMMARY, MANIFEST, REPORT = "evaluation/summary.json", "manifest.json", "report.html"
EMPTY: dict[str, Any] = {
    "learner": "policies",
    "market": "a market",
    "scenarios": [],
    "notes": [],
    "means": [],
    "differences": {},
}
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def write_report(run_dir: str | Path) -> Path:
    """Write `report.html` into a run folder and return its path.

    Raises:
        ValueError: the folder holds no finished evaluation, or a file of it is not JSON.
    """
    folder = Path(run_dir)
    summary = _read(folder / SUMMARY)
    if not isinstance(summary, dict):
        raise ValueError(f"{folder}: not the folder of an evaluated run: no {SUMMARY}")
    summary = EMPTY | summary
    policies = dict.fromkeys(row["policy"] for row in summary["means"])
    looks = {policy: number for number, policy in enumerate(policies)}
    sections = {
        "Scores": _scores(summary),
        "Against the baselines": _baselines(summary),
        "Equity and drawdown": equity_section(folder / "evaluation", looks),
        "Severity": _severity(summary, looks),
        "What orders cost": _costs(summary),
        "Episode replay": stage(_read(folder / "evaluation/replay.json")),
        "Reliability of the run": reliability(_read(folder / MANIFEST)),
    }
    path = folder / REPORT
    write_bytes(path, _page(folder.name, summary, sections).encode())
    return path


def _read(path: Path) -> Any:
    """Return a JSON file's content, or None where there is no file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ValueError(f"{path}: not JSON: {error}") from None


def _page(name: str, summary: dict[str, Any], sections: dict[str, Markup]) -> str:
    """Put head and body together."""
    home = files("trading_env.report")
    style, script = (home.joinpath(f"report.{kind}").read_text("utf-8") for kind in ("css", "js"))
    present = {title: content for title, content in sections.items() if content}
    links = [element("a", title, href=f"#{_id(title)}") for title in present]
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{name}: {summary['learner']} on {summary['market']}"),
        element("link", rel="icon", href="data:,"),
        element("style", Markup(style)),
    )
    body = element(
        "body",
        element("h1", f"{summary['learner']} on {summary['market']}"),
        element("nav", *links),
        *(element("p", note, class_="note") for note in summary["notes"]),
        *(
            element("section", element("h2", title), content, id=_id(title))
            for title, content in present.items()
        ),
        element("script", Markup(script)),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _id(title: str) -> str:
    return title.lower().replace(" ", "-")


def _scores(summary: dict[str, Any]) -> Markup:
    if not summary["means"]:
        return Markup()
    text = "Means over episodes, in brackets their 95% interval. A heading sorts its column."
    return joined(element("p", text), scenario_choice(summary), score_table(summary))


def _baselines(summary: dict[str, Any]) -> Markup:
    """The heat maps, the first one open."""
    maps = heat_maps(summary)
    text = (
        "Paired differences on the same seeds with bootstrap 95% intervals; a star where the "
        "interval excludes 0. Blue: better than the baseline, orange: worse; less drawdown and "
        "less shortfall are better. A colour is as deep as its difference is large, against the "
        "largest of its metric to any baseline."
    )
    return joined(element("p", text), *maps) if maps else Markup()


def _severity(summary: dict[str, Any], looks: dict[str, int]) -> Markup:
    """Every metric over severity, a row of charts for each scenario."""
    if len(severities(summary["means"])) < 2:
        return Markup()
    rows = []
    for number, scenario in enumerate(dict.fromkeys(r["scenario"] for r in summary["means"])):
        chosen = [r for r in summary["means"] if r["scenario"] == scenario]
        charts = [
            _severity_chart(column, chosen, summary["learner"], looks)
            for column in COMPARED_COLUMNS
        ]
        content = element("div", *charts, class_="charts")
        rows.append(element("details", element("summary", scenario), content, open=number == 0))
    text = (
        "0 is the market without the scenario, 1 the scenario as written. Band: the learner's 95% "
        "interval."
    )
    return joined(element("p", text), *rows)


def _severity_chart(
    column: Column, rows: list[dict[str, Any]], learner: str, looks: dict[str, int]
) -> Markup:
    levels = severities(rows)
    series = []
    for policy in dict.fromkeys(row["policy"] for row in rows):
        by_level = {row["severity"]: row for row in rows if row["policy"] == policy}
        at = [by_level.get(level, {}) for level in levels]
        values = [_scaled(row, column, "") for row in at]
        ends = ("_low", "_high") if policy == learner else ()
        bounds = [[_scaled(row, column, end) for row in at] for end in ends]
        series.append(Series(policy, looks[policy], values, *bounds))
    return line_chart(column.title, levels, series, x_label="severity")


def _scaled(row: dict[str, Any], column: Column, end: str) -> float | None:
    value = row.get(column.metric + end)
    return None if value is None else value * column.factor


def _costs(summary: dict[str, Any]) -> Markup:
    """Where the shortfall comes from: one chart a scenario, one bar a policy, as written."""
    groups: dict[str, dict[str, dict[str, float | None]]] = {}
    for row in ordered(summary):
        parts = {part: row.get(f"{part}_bps") for part in PARTS}
        if f"{PARTS[0]}_bps" in row and row.get("severity", 1.0) == 1.0:
            groups.setdefault(row["scenario"], {})[row["policy"]] = parts
    charts = [
        stacked_bars(f"{scenario}, bps", bars, PARTS, span_of(bars.values()))
        for scenario, bars in groups.items()
    ]
    if not charts:
        return Markup()
    key = [element("li", element("i", class_=f"part-{k}"), part) for k, part in enumerate(PARTS)]
    text = (
        "Implementation shortfall by its parts, bps of what was ordered, means over episodes; a "
        "part left of 0 paid. The triangle is their sum."
    )
    content = element("div", *charts, class_="charts")
    return joined(element("p", text), element("ul", *key, class_="key"), content)
