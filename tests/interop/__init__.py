"""What other libraries do with the environments; run with `pytest -m interop`."""
