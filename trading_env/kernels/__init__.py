"""Compiled, pure, one environment at a time; only the drivers know that there are more."""
