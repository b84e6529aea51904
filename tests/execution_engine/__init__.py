"""Tests of execution_engine."""
