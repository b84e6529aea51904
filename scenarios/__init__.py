"""Scenario presets: one TOML file each, installed as `trading_env.scenarios`."""
