"""Hashes of a policy and of the code: they tell whether a stored result still holds.

A policy is its class (name and source file) and its values after `reset(1)`, the ones that pickling
would keep; or its attribute `fingerprint`, where it has one. Not seen: other modules that a user's
policy calls into, and files that it reads while it acts.
"""

import hashlib
import inspect
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

from trading_env.core.errors import ConfigError
from trading_env.core.sources import source_digest
from trading_env.policies.policy import Policy

PLAIN = (type(None), bool, int, float, str, bytes, np.generic)


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
    digest = hashlib.sha256()
    try:
        _feed(digest, policy.fingerprint or policy)
    except (TypeError, RecursionError) as error:
        name = type(policy).__qualname__
        reason = f"{error}; give it an attribute `fingerprint`, a string"
        raise ConfigError(f"policy {name:.40}: {reason}") from None
    return digest.hexdigest()


def _feed(digest: Any, value: Any) -> None:
    """Add a value, its type and what it holds."""
    digest.update(f"{type(value).__module__}.{type(value).__qualname__}:".encode())
    if isinstance(value, PLAIN):
        digest.update(repr(value).encode())
    elif isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise TypeError("an array of objects has no definite content")
        digest.update(f"{value.dtype.str}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, np.random.Generator):
        _feed(digest, value.bit_generator.state)
    elif isinstance(value, Mapping):
        digest.update(f"{len(value)};".encode())
        for key in sorted(value, key=repr):
            _feed(digest, key)
            _feed(digest, value[key])
    elif isinstance(value, list | tuple):
        digest.update(f"{len(value)};".encode())
        for item in value:
            _feed(digest, item)
    elif isinstance(value, type | FunctionType):
        _feed_code(digest, value)
    else:  # what pickling would keep: how it is made, of what, and its state
        reduced = value.__reduce_ex__(4)
        _feed_code(digest, type(value))
        parts = reduced if isinstance(reduced, tuple) else (reduced,)
        for part in parts:
            _feed(digest, list(part) if isinstance(part, Iterator) else part)


def _feed_code(digest: Any, code: Any) -> None:
    """Add a class or function: its name and the file it is written in."""
    digest.update(f"{code.__module__}.{code.__qualname__};".encode())
    try:
        path = inspect.getsourcefile(code)
    except TypeError:
        path = None
    if path is not None and Path(path).exists():
        digest.update(hashlib.sha256(Path(path).read_bytes()).digest())
    closure = getattr(code, "__closure__", None)
    for cell in closure or ():
        _feed(digest, cell.cell_contents)
