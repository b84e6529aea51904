"""The report of a run: tables for the terminal, and one HTML file that needs nothing else."""

from trading_env.report.page import write_report
from trading_env.report.tables import (
    difference_sections,
    score_sections,
    terminal_sections,
    text_table,
)

__all__ = [
    "difference_sections",
    "score_sections",
    "terminal_sections",
    "text_table",
    "write_report",
]
