"""Bars are read from what people have, and judged."""
