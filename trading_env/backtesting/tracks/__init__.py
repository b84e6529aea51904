"""The benchmark: frozen tracks, what policies score on them, entries to be played again."""
