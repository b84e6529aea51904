"""The tasks as Gymnasium environments: single, and native vector."""
