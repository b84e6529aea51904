"""From a signal to a sized target with stop and take-profit."""
