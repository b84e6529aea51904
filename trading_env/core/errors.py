"""Errors that a user can cause; the message is one line."""


class ConfigError(ValueError):
    """A setting that cannot be; the message is one line."""
