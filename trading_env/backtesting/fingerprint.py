"""Hashes of a policy and of the code: they tell whether a stored result still holds.

A policy is its class (by what its code does, `core/content.py`) and its values after `reset(1)`,
the ones that pickling would keep; or its attribute `fingerprint`, where it has one.
"""

import hashlib
from importlib.metadata import version
from pathlib import Path

from trading_env.core.content import content_digest
from trading_env.core.sources import source_digest
from trading_env.policies.policy import Policy


def code_digest() -> str:
    """SHA-256 over the sources and versions that a result depends on, data left out."""
    digest = hashlib.sha256(source_digest(Path(__file__).with_name("playing.py")).encode())
    digest.update(f"{version('numpy')} {version('numba')}".encode())
    return digest.hexdigest()


def fingerprint(policy: Policy) -> str:
    """SHA-256 of a policy; it is reset.

    Raises:
        ConfigError: it holds something that has no definite content.
    """
    policy.reset(1)
    kind = type(policy)
    is_ours = kind.__module__.startswith("trading_env.")  # around what is the user's
    return content_digest("policy" if is_ours else f"policy {kind.__qualname__:.40}", policy)
