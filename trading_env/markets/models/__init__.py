"""Generators of synthetic bars."""
