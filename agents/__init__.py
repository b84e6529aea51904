"""Policies and learners: the baselines, and the adaptive agent with its training."""
