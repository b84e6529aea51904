"""The page: one HTML file of a run folder that works offline.

The templates escape everything that comes from the folder. The Content-Security-Policy blocks every
request, and every script but the page's own, which it names by its hash. A part without its file
or its numbers is left out.
"""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trading_env.backtesting.cells import as_written
from trading_env.backtesting.metric import Metric
from trading_env.backtesting.rollouts import PARTS
from trading_env.core.files import write_bytes
from trading_env.report import tables, words
from trading_env.report.charts import BarChart, Drawn, LineChart, bar_chart, line_chart
from trading_env.report.curves import equity_charts
from trading_env.report.folder import read_run
from trading_env.report.reliability import checks, facts
from trading_env.report.tables import COMPARED_COLUMNS

if TYPE_CHECKING:
    from jinja2 import Environment

PAGE = "report.html"
COLOURS = 10  # looks that the style sheet has
SEVERITY = "severity (0: without the scenario, 1: as written)"
COST = "bps of the ordered value"
SummaryRows = list[dict[str, Any]]


def write_report(run_dir: str | Path) -> Path:
    """Write `report.html` into a run folder and return its path.

    Raises:
        UserError: the folder holds no evaluation, or one of its files is invalid.
    """
    folder = Path(run_dir)
    run = read_run(folder)
    summary, rows = run.summary, tables.ordered(run.summary)
    drawn = [] if run.curves is None else list(run.curves["policy"])
    policies = dict.fromkeys([*(row["policy"] for row in summary["means"]), *drawn])
    looks = {p: k for k, p in enumerate(sorted(policies, key=lambda p: p != summary["learner"]))}
    page = _render(
        name=folder.name,
        summary=summary,
        verdict=words.verdict(summary),
        meanings=words.MEANINGS,
        looks=looks,
        largest={column.name: _largest(summary, column) for column in COMPARED_COLUMNS},
        sections={
            "Scores": rows,
            "Against the baselines": summary["differences"],
            "Equity and drawdown": {} if run.curves is None else equity_charts(run.curves, looks),
            "Severity": _severity(rows, looks),
            "What orders cost": _costs(rows),
            "Episode replay": [episode.model_dump() for episode in run.episodes or ()],
            "Reliability of the run": run.manifest and (checks(run.manifest), facts(run.manifest)),
        },
    )
    write_bytes(folder / PAGE, page.encode("utf-8", "backslashreplace"))
    return folder / PAGE


def _render(**content: Any) -> str:
    """Fill the templates, which escape every value that is not `Markup`."""
    from markupsafe import Markup

    home = files("trading_env.report")
    style, script = (home.joinpath(f"report.{kind}").read_text("utf-8") for kind in ("css", "js"))
    return (
        _templates()
        .get_template("page.html")
        .render(
            content,
            tables=tables,
            colours=COLOURS,
            style=Markup(style),
            script=Markup(script),
            hash=b64encode(sha256(script.encode()).digest()).decode(),
        )
    )


@cache
def _templates() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined  # slow, and rarely needed

    templates = Environment(
        loader=PackageLoader("trading_env.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    return templates


def _largest(summary: dict[str, Any], column: Metric) -> float:
    """Return the metric's largest difference to any baseline."""
    rows = [row for rows in summary["differences"].values() for row in rows]
    return max((abs(row.get(f"diff_{column.name}") or 0.0) for row in rows), default=0.0)


def _severity(rows: SummaryRows, looks: dict[str, int]) -> dict[str, list[LineChart]]:
    """Chart each metric over severity, for each setting in which several were played."""
    if len(tables.severities(rows)) < 2:
        return {}
    keys = [key for key in tables.varied(rows) if key != "severity"]
    groups: dict[str, SummaryRows] = {}
    for row in rows:
        groups.setdefault(tables.place(row, keys), []).append(row)
    return {
        title: [_severity_chart(column, chosen, looks) for column in COMPARED_COLUMNS]
        for title, chosen in groups.items()
    }


def _severity_chart(column: Metric, rows: SummaryRows, looks: dict[str, int]) -> LineChart:
    """Draw a line a policy, and the interval of the policy of look 0."""
    levels = tables.severities(rows)
    series = []
    for policy in dict.fromkeys(row["policy"] for row in rows):
        by_level = {row["severity"]: row for row in rows if row["policy"] == policy}
        ends = ("",) if looks[policy] else ("", "_low", "_high")
        values = [
            [_scaled(by_level.get(level, {}), column, end) for level in levels] for end in ends
        ]
        series.append(Drawn(policy, looks[policy], *values))
    return line_chart((SEVERITY, column.title), levels, series)


def _scaled(row: dict[str, Any], column: Metric, end: str) -> float | None:
    value = row.get(column.name + end)
    return None if value is None else value * column.factor


def _costs(rows: SummaryRows) -> list[BarChart]:
    """Chart the parts of the shortfall: one chart a setting, one bar a policy."""
    known = [row for row in rows if f"{PARTS[0]}_bps" in row]
    groups: dict[str, dict[str, dict[str, float | None]]] = {}
    for row in known:
        if row["severity"] == as_written(row["severity"] for row in known):
            title = tables.place(row, tables.varied(known))
            parts = {part: row.get(f"{part}_bps") for part in PARTS}
            groups.setdefault(title, {})[row["policy"]] = parts
    return [bar_chart(title, COST, bars) for title, bars in groups.items()]
