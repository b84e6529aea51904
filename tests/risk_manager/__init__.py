"""Tests of risk_manager."""
