"""Bars from CSV and Parquet files and data frames, checked row by row."""
