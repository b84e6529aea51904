"""A summary in words: whom the policy does better than, worse than, and whom it equals.

Every policy met the same seeds, so what is told apart is a paired difference whose bootstrap 95%
interval excludes 0. What has no interval (fewer than six pairs of episodes) is not spoken of.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any

from trading_env.backtesting.cells import as_written
from trading_env.backtesting.metric import Metric
from trading_env.report.tables import COMPARED_COLUMNS, is_clear, place, severities, varied

MEANINGS = (
    ("Return", "what an episode earned after all costs; it grows with the risk that was taken."),
    (
        "Reward",
        "what a learner is trained on, by default the log growth of equity less what fills cost "
        "beyond the price at the decision.",
    ),
    (
        "Cost",
        "the implementation shortfall, in bps (hundredths of a percent) of the value that was "
        "ordered: what was paid against the price at the decision. Less is better.",
    ),
    (
        "Risk",
        "the Sharpe ratio is a year's mean return over its spread, more is better; the drawdown is "
        "the deepest fall of equity from a peak, less is better.",
    ),
)


def verdict(summary: dict[str, Any]) -> list[str]:
    """Say in a line a market and metric what the paired differences show, of all scenarios."""
    lines = []
    every = [row for rows in summary["differences"].values() for row in rows]
    markets = list(dict.fromkeys(row.get("market") for row in every))
    for market, column in product(markets, COMPARED_COLUMNS):
        found: dict[str, list[str]] = {"better than": [], "worse than": [], "level with": []}
        where = ""
        for baseline, rows in summary["differences"].items():
            row = _pooled([row for row in rows if row.get("market") == market])
            if row is not None and row.get(f"diff_{column.name}_low") is not None:
                where = place(row, varied(every))
                found[_told(row, column)].append(baseline)
        parts = [f"{word} {_and(names)}" for word, names in found.items() if names]
        if parts:
            lines.append(f"{column.title}, {where}: {summary['learner']} is {'; '.join(parts)}.")
    return lines


def _pooled(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the row of all scenarios, which comes last, at the severity that is shown."""
    if not rows:
        return None
    level = as_written(severities(rows))
    return next((row for row in reversed(rows) if row.get("severity", 1.0) == level), None)


def _told(row: dict[str, Any], column: Metric) -> str:
    if not is_clear(row, column):
        return "level with"
    return "better than" if row[f"diff_{column.name}"] * column.better > 0.0 else "worse than"


def _and(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def told(summary: dict[str, Any]) -> Iterator[str]:
    """Write the verdict for a terminal."""
    lines = verdict(summary)
    if lines:
        yield "Verdict, of paired differences with 95% intervals:"
        yield from (f"  {line}" for line in lines)
