"""How a test says a figure, so that `benchmarks/reliability.py` finds it among what is printed."""

MARK = "figure: "


def figure(text: str) -> None:
    """Print a figure on a line of its own."""
    print(f"\n{MARK}{text}")
