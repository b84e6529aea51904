"""One file of laws for each closed form."""
