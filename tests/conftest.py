"""Settings of the whole suite: Hypothesis without deadlines, because compilation is paid once."""

from hypothesis import settings

settings.register_profile("suite", deadline=None, derandomize=True, max_examples=200)
settings.load_profile("suite")
