"""A crisis from its TOML file to what it does to a bar, to orders and to the data feed."""
