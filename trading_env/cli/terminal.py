"""What long work shows on a terminal: how far it is, and the table at its end."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

SHOWN = (  # metric, title, factor, digits
    ("return", "return %", 100.0, 2),
    ("sharpe", "Sharpe", 1.0, 2),
    ("max_drawdown", "max DD %", 100.0, 2),
    ("cvar", "CVaR %", 100.0, 2),
    ("shortfall_bps", "IS bps", 1.0, 2),
    ("parent_shortfall_bps", "parent IS bps", 1.0, 2),
    ("fill_ratio", "fill %", 100.0, 1),
    ("shock_drawdown", "shock DD %", 100.0, 2),
    ("shock_cost_multiple", "cost x", 1.0, 2),
)
DASH = "-"


@contextmanager
def progress(total: int) -> Iterator[Callable[[], object]]:
    """Show how far it is and how long it takes, on a terminal only."""
    try:
        from tqdm import tqdm
    except ImportError:
        yield _plain_progress(total)
        return
    with tqdm(total=total, unit=" cells", disable=None) as bar:
        yield bar.update


def _plain_progress(total: int) -> Callable[[], object]:
    """Return what writes one line over and over."""
    start, done = time.monotonic(), 0

    def advance() -> None:
        nonlocal done
        done += 1
        left = (time.monotonic() - start) / done * (total - done)
        end = "\n" if done == total else ""
        if sys.stderr.isatty():
            print(f"\r{done}/{total} cells, {left:.0f} s left ", end=end, file=sys.stderr)

    return advance


def table_lines(summary: dict[str, Any]) -> list[str]:
    """Write the means, one table a scenario and severity; what is not defined is a dash."""
    means = summary["means"]
    columns = [c for c in SHOWN if any(row[c[0]] is not None for row in means)]
    titles = ["policy", *(title for _, title, _, _ in columns)]
    width = max(len(str(row["policy"])) for row in [*means, {"policy": titles[0]}])
    groups: dict[str, list[list[str]]] = {}
    for row in means:
        where = [row["market"]] if "market" in row else []
        here = ", ".join([*where, row["scenario"], f"severity {row['severity']:g}"])
        cells = [_shown(row[name], factor, digits) for name, _, factor, digits in columns]
        groups.setdefault(here, [titles]).append([row["policy"], *cells])
    lines: list[str] = []
    for here, rows in groups.items():
        lines.append(here)
        for first, *rest in rows:
            lines.append(f"  {first:<{width}}" + "".join(f"{cell:>15}" for cell in rest))
        lines.append("")
    return [*lines, *summary["notes"]]


def _shown(value: float | None, factor: float, digits: int) -> str:
    return DASH if value is None else f"{factor * value:.{digits}f}"
