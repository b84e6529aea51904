"""The report of a run: tables for the terminal, and one HTML file that needs nothing else.

Numbers come from `evaluation/summary.json`, their making from `manifest.json`, pictures from the
run folder. Whatever is missing there is missing here; a metric that is not defined is a dash.
"""

import base64
import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from trading_env.run_folder import write_bytes

SUMMARY, MANIFEST, REPORT = "evaluation/summary.json", "manifest.json", "report.html"
DASH = "–"  # noqa: RUF001 -- the typographer's sign for "no value"
PICTURES = {
    "equity.png": "Equity of all policies: median over episodes; the first two with the middle "
    "half of the episodes shaded.",
    "episode.png": "One episode of the learner: true price, fills (area grows with quantity), "
    "stops and targets (short lines), what the feed showed instead, the scenario's events, equity.",
}


class Column(NamedTuple):
    """How a metric is shown."""

    metric: str
    title: str
    factor: float
    digits: int


COLUMNS = (
    Column("return", "return %", 100.0, 2),
    Column("sharpe", "Sharpe", 1.0, 2),
    Column("max_drawdown", "max DD %", 100.0, 2),
    Column("win_rate", "win %", 100.0, 1),
    Column("shortfall_bps", "IS bps", 1.0, 2),
    Column("fill_ratio", "fill %", 100.0, 1),
    Column("latency_ms", "latency ms", 1.0, 0),
)
COMPARED = ("return", "sharpe", "max_drawdown", "shortfall_bps")


def cell(row: dict[str, Any], column: Column, prefix: str = "") -> str:
    """Show one metric of a row of the summary."""
    value = row.get(prefix + column.metric)
    sign = "+" if prefix else ""
    if value is None:
        return DASH
    return f"{value * column.factor:{sign}.{column.digits}f}"


def difference(row: dict[str, Any], column: Column) -> str:
    """Show a paired difference with its interval; a star where the interval excludes 0."""
    name = f"diff_{column.metric}"
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    if row.get(name) is None or low is None or high is None:
        return DASH
    low, high = low * column.factor, high * column.factor
    star = "*" if low > 0.0 or high < 0.0 else ""
    digits = column.digits
    return f"{cell(row, column, 'diff_')} [{low:+.{digits}f}, {high:+.{digits}f}]{star}"


class Section(NamedTuple):
    """A table with its heading."""

    title: str
    header: list[str]
    rows: list[list[str]]


def score_sections(summary: dict[str, Any]) -> list[Section]:
    """One table a scenario: every policy's mean over the episodes."""
    sections = []
    for scenario in summary["scenarios"]:
        chosen = [row for row in summary["means"] if row["scenario"] == scenario["name"]]
        rows = [[row["policy"], *(cell(row, column) for column in COLUMNS)] for row in chosen]
        title = f"{scenario['name']} ({scenario['role']})"
        sections.append(Section(title, ["policy", *(c.title for c in COLUMNS)], rows))
    return sections


def difference_sections(summary: dict[str, Any]) -> list[Section]:
    """One table a baseline: the learner less the baseline on the same seeds, with intervals."""
    compared = [column for column in COLUMNS if column.metric in COMPARED]
    sections = []
    for baseline, chosen in summary["differences"].items():
        rows = [
            [row["scenario"], *(difference(row, column) for column in compared)] for row in chosen
        ]
        title = f"{summary['learner']} minus {baseline}"
        sections.append(Section(title, ["scenario", *(c.title for c in compared)], rows))
    return sections


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


def write_report(run_dir: str | Path) -> Path:
    """Write `report.html` into a run folder and return its path.

    Raises:
        ValueError: the folder holds no finished evaluation.
    """
    folder = Path(run_dir)
    try:
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{folder}: not the folder of an evaluated run: {error}"[:190]) from None
    body = [
        f"<h1>{html.escape(summary['learner'])} on {html.escape(str(summary['market']))}</h1>",
        *(f"<p>{html.escape(line)}</p>" for line in summary["notes"]),
        *(_picture(folder / name, caption) for name, caption in PICTURES.items()),
        "<h2>Scores</h2>",
        *(_html_table(section) for section in score_sections(summary)),
        "<h2>Paired differences, with bootstrap 95% intervals</h2>",
        "<p>* the interval excludes 0. Less drawdown and less shortfall are better.</p>",
        *(_html_table(section) for section in difference_sections(summary)),
        "<h2>How it was made</h2>",
        _facts(manifest),
    ]
    page = PAGE.format(title=html.escape(folder.name), body="\n".join(body))
    path = folder / REPORT
    write_bytes(path, page.encode())
    return path


def _picture(path: Path, caption: str) -> str:
    """Put a picture inside the page."""
    if not path.exists():
        return ""
    content = base64.b64encode(path.read_bytes()).decode()
    text = html.escape(caption)
    image = f'<img alt="{text}" src="data:image/png;base64,{content}">'
    return f"<figure>{image}<figcaption>{text}</figcaption></figure>"


def _html_table(section: Section) -> str:
    """Write one table."""
    lines = [_html_row(section.header, "th"), *(_html_row(row, "td") for row in section.rows)]
    return f"<h3>{html.escape(section.title)}</h3>\n<table>{''.join(lines)}</table>"


def _html_row(values: Sequence[str], tag: str) -> str:
    cells = "".join(f"<{tag}>{html.escape(value)}</{tag}>" for value in values)
    return f"<tr>{cells}</tr>\n"


def _facts(content: dict[str, Any], prefix: str = "") -> str:
    """Write a manifest as one flat table of names and values."""
    rows: list[str] = []

    def walk(value: Any, name: str) -> None:
        if isinstance(value, dict) and value:
            for key, item in value.items():
                walk(item, f"{name}.{key}" if name else str(key))
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            rows.append(_html_row([name, shown], "td"))

    walk(content, prefix)
    return f'<table class="facts">{"".join(rows)}</table>'


PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 15px/1.45 system-ui, sans-serif; color: #222; max-width: 62rem;
        margin: 2rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.5rem; }} h2 {{ font-size: 1.2rem; margin-top: 2.2rem; }}
h3 {{ font-size: 1rem; margin-bottom: .3rem; }}
table {{ border-collapse: collapse; font-size: .87rem; font-variant-numeric: tabular-nums; }}
th, td {{ padding: .15rem .7rem; text-align: right; border-bottom: 1px solid #ddd; }}
th:first-child, td:first-child {{ text-align: left; }}
.facts td {{ text-align: left; overflow-wrap: anywhere; }}
img {{ max-width: 100%; }} figure {{ margin: 1rem 0; }}
figcaption {{ color: #555; font-size: .87rem; }}
@media print {{ body {{ max-width: none; margin: 0; font-size: 11px; }}
                table, figure {{ break-inside: avoid; }} }}
</style>
</head>
<body>
{body}
</body>
</html>
"""
