"""What acts in an environment: one interface, the baselines, and the adaptive agent."""
