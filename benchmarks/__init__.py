"""Scripts that measure: throughput here, learning and results later."""
