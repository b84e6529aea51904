"""One file of laws for each kernel."""
