"""One environment, one step: its story, its first state, what it shows, the loops over lanes."""
