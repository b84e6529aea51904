"""The report of a run: tables for the terminal, and one HTML file that needs nothing else."""

from trading_env.report.page import write_report
from trading_env.report.tables import terminal_sections, text_table

__all__ = ["terminal_sections", "text_table", "write_report"]
