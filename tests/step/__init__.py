"""Tests of step."""
