"""Tests of tracks."""
