"""Tests of markets."""
