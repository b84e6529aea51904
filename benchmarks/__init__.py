"""Scripts that measure: speed, costs, realism, what was learned, and whether checks can fail."""
