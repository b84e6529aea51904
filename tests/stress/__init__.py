"""Tests of stress."""
